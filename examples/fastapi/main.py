"""A FastAPI application that leaves slow work to Handoff. Its tasks are in tasks.py."""

import os
from contextlib import asynccontextmanager

import tasks
import worker
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from handoff_client import AsyncClient, InvalidRequest, NotFound, TaskError, Unavailable

# One client serves all requests. Its calls are coroutines, and share its connections.
handoff = AsyncClient(
    os.environ.get("HANDOFF_URL", "http://127.0.0.1:3000"),
    os.environ.get("HANDOFF_TOKEN") or None,
)


@asynccontextmanager
async def lifespan(_app: FastAPI):
    async with handoff:
        yield


app = FastAPI(lifespan=lifespan)
app.include_router(worker.router)


@app.exception_handler(NotFound)
async def not_found(_request: Request, error: NotFound):
    return JSONResponse({"detail": error.detail}, 404)


@app.exception_handler(InvalidRequest)
async def invalid(_request: Request, error: InvalidRequest):
    return JSONResponse({"detail": error.detail or str(error), "field": error.field}, 422)


@app.exception_handler(Unavailable)
async def unavailable(_request: Request, _error: Unavailable):
    # The client has repeated the request by now.
    return JSONResponse({"detail": "Handoff does not answer"}, 503)


@app.get("/ping")
async def ping():
    # long_running_task.delay()
    task = await handoff.enqueue("long_running_task")
    return {"task_id": task.id}


@app.get("/status/{task_id}")
async def status(task_id: str):
    # AsyncResult(task_id).state
    task = await handoff.task(task_id).refresh()
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
    return {"task_id": (await handoff.chain([first, then])).id}


@app.post("/chord")
async def chord(numbers: int):
    # chord(add.s(i, i) for i in range(numbers))(total.s())
    header = {"task": "add", "each": [{"x": i, "y": i} for i in range(numbers)]}
    return {"task_id": (await handoff.chord(header, {"task": "total"})).id}


@app.put("/schedule")
async def schedule(every: str):
    # app.conf.beat_schedule = {"tick": {"task": "add", "schedule": every, "args": (1, 1)}}
    fields = {"every": every, "task": "add", "args": {"x": 1, "y": 1}}
    return await handoff.schedule("tick").put(fields)


@app.delete("/tasks/{task_id}")
async def revoke(task_id: str):
    # AsyncResult(task_id).revoke()
    return {"state": (await handoff.task(task_id).cancel())["state"]}


@app.get("/fetch")
async def fetch(url: str, seconds: float = 20):
    # fetch.delay(url).get(timeout=seconds)
    task = await handoff.enqueue("fetch", {"url": url})
    try:
        return {"result": await task.result(f"{seconds}s")}
    except TimeoutError:
        # It goes on: /status has its result later.
        return JSONResponse({"task_id": task.id}, 202)
    except TaskError as error:
        raise HTTPException(500, str(error)) from error


@app.post("/orders/{number}")
async def order(number: int):
    # charge.delay(number), a task with acks_late=True and reject_on_worker_lost=True
    key = f"order-{number}"
    task = await handoff.enqueue("charge", {"order": number}, idempotency_key=key)
    return {"task_id": task.id}


@app.get("/orders/{number}")
def paid(number: int):
    return {"payments": tasks.payments(number)}
