"""Runs tasks: the handler that Handoff posts them to. docs/guide/handlers.md says what comes."""

import base64
import hashlib
import hmac
import inspect
import os
import re
import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

SECRET = os.environ.get("HANDOFF_WEBHOOK_SECRET", "")
router = APIRouter()
tasks: dict[str, Callable] = {}


def task(function: Callable) -> Callable:
    """Makes a function a task of its name, as Celery's @app.task does."""
    tasks[function.__name__] = function
    return function


class Retry(Exception):
    """This attempt failed, and the next is to begin after some seconds: Celery's self.retry()."""

    def __init__(self, reason: str, countdown: int = 0):
        super().__init__(reason)
        self.countdown = countdown


class Failed(Exception):
    """The task fails for good: in Celery, an exception that autoretry_for does not name."""


@router.post("/tasks")
async def run(request: Request) -> JSONResponse:
    body = await request.body()
    # Webhooks have signatures of the same secret, and lack this header.
    if "handoff-protocol" not in request.headers:
        return problem(403, "only Handoff calls this")
    if SECRET and not is_signed(request, body):
        return problem(401, "the signature is wrong")
    try:
        call = await request.json()
    except ValueError:
        return problem(400, "this is no JSON")
    function = tasks.get(call["task"])
    if function is None:
        return problem(404, f"there is no task {call['task']}")
    # Celery's bind=True: a function that has a parameter `self` gets the call.
    call["idempotency_key"] = request.headers["idempotency-key"]
    bound = {"self": call} if "self" in inspect.signature(function).parameters else {}
    args = call["args"] if isinstance(call["args"], dict) else {"args": call["args"]}
    try:
        if inspect.iscoroutinefunction(function):
            return JSONResponse(await function(**bound, **args))
        return JSONResponse(await run_in_threadpool(function, **bound, **args))
    except Retry as error:
        return problem(500, str(error), {"retry-after": str(error.countdown)})
    except Failed as error:
        return problem(422, str(error))
    except Exception as error:
        return problem(500, repr(error))


def problem(status: int, detail: str, headers: dict | None = None) -> JSONResponse:
    """Its detail becomes the task's error. 5xx fails this attempt, 4xx the task."""
    return JSONResponse(
        {"detail": detail}, status, headers, media_type="application/problem+json"
    )


def is_signed(request: Request, body: bytes) -> bool:
    """Whether Handoff signed it just now, after https://www.standardwebhooks.com."""
    sent = request.headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", sent) or abs(time.time() - int(sent)) > 300:
        return False
    content = f"{request.headers.get('webhook-id')}.{sent}.".encode() + body
    secret = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(secret, content, hashlib.sha256)
    expected = b"v1," + base64.b64encode(digest)
    # As bytes: compare_digest takes only ASCII in texts.
    signatures = request.headers.get("webhook-signature", "").encode().split()
    # All of them: each of webhook_secrets gave one.
    return any([hmac.compare_digest(signature, expected) for signature in signatures])
