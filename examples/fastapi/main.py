"""A FastAPI application that leaves slow work to Handoff. Its tasks are in tasks.py."""

import handoff
import tasks
import worker
from fastapi import FastAPI

app = FastAPI()
app.include_router(worker.router)


@app.get("/ping")
async def ping():
    # long_running_task.delay()
    task = await handoff.enqueue("long_running_task")
    return {"task_id": task.id}


@app.get("/status/{task_id}")
async def status(task_id: str):
    # AsyncResult(task_id).state
    task = await handoff.Handle(task_id).state()
    match task["state"]:
        case "succeeded":
            return {"status": "done", "result": task["result"]}
        case "failed" | "cancelled" | "expired" as state:
            return {"status": state, "error": task.get("error")}
        case _:
            return {"status": "processing"}


@app.post("/delay")
async def delay(x: int, y: int, seconds: float):
    # add.apply_async((x, y), countdown=seconds)
    task = await handoff.enqueue("add", {"x": x, "y": y}, delay=f"{seconds}s")
    return {"task_id": task.id}


@app.post("/retry")
async def retry(url: str):
    # fetch.delay(url), a task with retry_backoff=1, retry_backoff_max=60, max_retries=4
    policy = {"attempts": 5, "initial": "1s", "max": "1m"}
    task = await handoff.enqueue("fetch", {"url": url}, retry=policy)
    return {"task_id": task.id}


@app.post("/chain")
async def chain(x: int, y: int):
    # chain(add.s(x, y), add.s(10))()
    first = {"task": "add", "args": {"x": x, "y": y}}
    then = {"task": "add", "args": {"y": 10}, "into": "x"}
    return {"task_id": (await handoff.chain(first, then)).id}


@app.post("/chord")
async def chord(numbers: int):
    # chord(add.s(i, i) for i in range(numbers))(total.s())
    group = [{"task": "add", "args": {"x": i, "y": i}} for i in range(numbers)]
    return {"task_id": (await handoff.group(*group, then={"task": "total"})).id}


@app.put("/schedule")
async def schedule(every: str):
    # app.conf.beat_schedule = {"tick": {"task": "add", "schedule": every, "args": (1, 1)}}
    return await handoff.schedule("tick", every=every, task="add", args={"x": 1, "y": 1})


@app.delete("/tasks/{task_id}")
async def revoke(task_id: str):
    # AsyncResult(task_id).revoke()
    return {"state": (await handoff.Handle(task_id).cancel())["state"]}


@app.get("/sum")
async def result(x: int, y: int):
    # add.delay(x, y).get(timeout=20)
    task = await handoff.enqueue("add", {"x": x, "y": y})
    return {"result": await task.result(wait="20s")}


@app.post("/orders/{number}")
async def order(number: int):
    # charge.delay(number), a task with acks_late=True and reject_on_worker_lost=True
    key = f"order-{number}"
    task = await handoff.enqueue("charge", {"order": number}, idempotency_key=key)
    return {"task_id": task.id}


@app.get("/orders/{number}")
def paid(number: int):
    return {"payments": tasks.payments(number)}
