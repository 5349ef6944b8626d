"""The article's two endpoints, and what else is measured."""

import asyncio

import tasks
from celery import group
from celery.result import AsyncResult
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Task(BaseModel):
    task: str
    args: int


class Batch(BaseModel):
    tasks: list[Task]


@app.get("/ping")
def ping():
    return {"task_id": tasks.long_running_task.delay().id}


@app.get("/status/{task_id}")
def status(task_id: str):
    result = AsyncResult(task_id, app=tasks.app)
    if result.ready():
        return {"status": "done", "result": result.get()}
    return {"status": "processing"}


@app.post("/tasks")
def enqueue(task: Task):
    return {"task_id": getattr(tasks, task.task).delay(task.args).id}


@app.post("/batch")
def enqueue_batch(batch: Batch):
    # One connection for all of them.
    sent = group(getattr(tasks, task.task).s(task.args) for task in batch.tasks).apply_async()
    return {"task_ids": [result.id for result in sent.results]}


@app.get("/wait")
async def wait():
    await asyncio.sleep(1)
    return {}
