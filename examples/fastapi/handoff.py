"""Handoff over HTTP, as far as this application needs it: docs/api.md has the rest."""

import os
from dataclasses import dataclass

import httpx

TOKEN = os.environ.get("HANDOFF_TOKEN")
http = httpx.AsyncClient(
    base_url=os.environ.get("HANDOFF_URL", "http://127.0.0.1:3000"),
    headers={"authorization": f"Bearer {TOKEN}"} if TOKEN else {},
    timeout=70,  # longer than any ?wait=
    trust_env=False,  # this machine's proxies don't lead to it
)


async def call(method: str, path: str, body: dict | None = None) -> dict:
    answer = await http.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json() if answer.content else {}


@dataclass
class Handle:
    """A task or a workflow, as Celery's AsyncResult."""

    id: str

    async def state(self) -> dict:
        return await call("GET", f"/v1/tasks/{self.id}")

    async def result(self, wait: str = "60s"):
        task = await call("GET", f"/v1/tasks/{self.id}?wait={wait}")
        if task["state"] != "succeeded":
            raise RuntimeError(f"{task['state']}: {task.get('error', 'it takes longer')}")
        return task["result"]

    async def cancel(self) -> dict:
        return await call("DELETE", f"/v1/tasks/{self.id}")


async def enqueue(task: str, args: dict | None = None, **options) -> Handle:
    body = {"task": task, "args": args or {}, **options}
    return Handle((await call("POST", "/v1/tasks", body))["id"])


async def chain(*tasks: dict, **options) -> Handle:
    return Handle((await call("POST", "/v1/workflows", {"chain": tasks, **options}))["id"])


async def group(*tasks: dict, **options) -> Handle:
    """With `then` it is a chord."""
    return Handle((await call("POST", "/v1/workflows", {"group": tasks, **options}))["id"])


async def schedule(name: str, **fields) -> dict:
    return await call("PUT", f"/v1/schedules/{name}", fields)
