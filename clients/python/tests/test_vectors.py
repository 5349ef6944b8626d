"""The calls, exchanges and outcomes that all clients share: see clients/README.md."""

from __future__ import annotations

import asyncio
import inspect
import json
import unittest
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

import handoff_client
from handoff_client import AsyncClient, Client, HandoffError, TaskError

from .server import Scripted

try:
    import httpx
except ImportError:
    httpx = None  # type: ignore[assignment]
    print("SKIPPED: AsyncClient, since httpx is not there")

FILE = Path(__file__).parent / "../../vectors.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))

Ran = tuple[Any, Any, list[float]]


def in_language(value: Any) -> Any:
    if isinstance(value, dict) and "$time" in value:
        return datetime.fromisoformat(value["$time"].replace("Z", "+00:00"))
    return value


def arguments(step: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    args = [in_language(value) for value in step.get("args", [])]
    return args, {name: in_language(value) for name, value in step.get("with", {}).items()}


def run_blocking(vector: dict[str, Any], url: str) -> Ran:
    """Makes one call on the value of the one before, and reads the last one to its end."""
    pauses: list[float] = []
    options = vector.get("options", {})
    value: Any = Client(url, sleep=lambda s: pauses.append(s * 1000), **options)
    read: list[Any] = []
    try:
        for step in vector["calls"]:
            args, named = arguments(step)
            value = getattr(value, step["call"])(*args, **named)
        if inspect.isgenerator(value):
            for item in value:
                read.append(item)
            value = read
        return value, None, pauses
    except HandoffError as error:
        return read, error, pauses


def run_async(vector: dict[str, Any], url: str) -> Ran:
    """The same with the other client."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds * 1000)

    async def run() -> Ran:
        read: list[Any] = []
        async with AsyncClient(url, sleep=sleep, **vector.get("options", {})) as client:
            value: Any = client
            try:
                for step in vector["calls"]:
                    args, named = arguments(step)
                    value = getattr(value, step["call"])(*args, **named)
                    if inspect.iscoroutine(value):
                        value = await value
                if inspect.isasyncgen(value):
                    async for item in value:
                        read.append(item)
                    value = read
                return value, None, pauses
            except HandoffError as error:
                return read, error, pauses

    return asyncio.run(run())


def shown(value: Any) -> Any:
    """A value as the file writes it."""
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, HandoffError):
        fields = {name: getattr(value, name) for name in ("type", "status", "detail", "field")}
        return {"class": type(value).__name__, **fields}
    kind = type(value).__name__.replace("Async", "")
    if kind in ("Task", "Workflow"):
        return {kind.lower(): value.id, "object": value.object}
    if kind.endswith("Event"):
        return {"type": value.type, "id": value.id, "data": value.data}
    return value


class Vectors(unittest.TestCase):
    maxDiff = None

    def check(self, vector: dict[str, Any], run: Callable[[dict[str, Any], str], Ran]) -> None:
        outcome = vector["outcome"]
        with Scripted(vector["exchanges"]) as server:
            value, error, pauses = run(vector, server.url + vector.get("url", ""))
        server.check()
        if error is None or "error" not in outcome:
            self.assertIsNone(error)
            self.assertNotIn("error", outcome)
        else:
            self.check_error(error, dict(outcome["error"]))
        if "value" in outcome:
            self.assertEqual(shown(value), outcome["value"])
        if "pauses" in outcome:
            self.assertEqual(len(pauses), len(outcome["pauses"]), pauses)
            for pause, (least, most) in zip(pauses, outcome["pauses"]):
                self.assertTrue(least <= pause <= most, f"{pause} ms, not {least} to {most}")

    def check_error(self, error: HandoffError, expected: dict[str, Any]) -> None:
        kind = getattr(handoff_client, expected.pop("class"))
        self.assertIs(type(error), kind, error)
        says, hides = expected.pop("says", []), expected.pop("hides", [])
        self.assertLessEqual(len(str(error)), expected.pop("length_max", 10_000))
        for field, value in expected.items():
            self.assertEqual(getattr(error, field), value, field)
        self.assertEqual(isinstance(error, TaskError), kind.__name__.startswith("Task"))
        for part in says:
            self.assertIn(part, str(error))
        for part in hides:
            self.assertNotIn(part, f"{error!r} {vars(error)}")


def add(vector: dict[str, Any]) -> None:
    name = vector["name"]
    setattr(Vectors, f"test {name}", lambda self: self.check(vector, run_blocking))
    if httpx is not None:
        setattr(Vectors, f"test async: {name}", lambda self: self.check(vector, run_async))


for vector in VECTORS:
    add(vector)
