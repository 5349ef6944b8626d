"""A real Handoff at HANDOFF_URL. These tests pause and purge the queue HANDOFF_QUEUE."""

from __future__ import annotations

import os
import unittest
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

from handoff_client import (
    AsyncClient,
    Client,
    Conflict,
    HandoffError,
    InvalidRequest,
    NotFound,
    Step,
    Task,
    TaskCancelled,
    TaskExpired,
    TaskFailed,
    TimeoutError,
)
from handoff_client._http import Lost

try:
    import httpx
except ImportError:
    httpx = None  # type: ignore[assignment]

URL = os.environ.get("HANDOFF_URL", "")
OWN = os.environ.get("HANDOFF_QUEUE", "default")
if not URL:
    print("SKIPPED: no HANDOFF_URL")

# Far beyond what anything here takes.
LIMIT = "1m"
# Fails in its first attempts and then for good, on every deployment.
FAILS: Any = {"timeout": 100, "retry": {"attempts": 2, "initial": 100}}


@unittest.skipUnless(URL, "no HANDOFF_URL")
class Real(unittest.TestCase):
    def setUp(self) -> None:
        self.client = Client(URL)

    def test_a_result(self) -> None:
        args = {
            "name": "Zoë 💌 日本",
            "line": "a\u2028b",
            "big": 9007199254740993,
            "list": [1, None],
        }
        task = self.client.enqueue("echo", args, delay=timedelta(milliseconds=50), priority="high")
        self.assertEqual(task.result(LIMIT), args)
        self.assertEqual(self.client.task(task.id).result(LIMIT), args)
        self.assertEqual(task.refresh()["priority"], "high")
        self.assertEqual(self.client.enqueue("echo").result(LIMIT), {})

    def test_a_result_in_the_answer_to_enqueue(self) -> None:
        task = self.client.enqueue("echo", [1], wait="20s")
        assert task.object
        self.assertEqual(task.object["result"], [1])
        self.assertEqual(task.result(0), [1])

    def test_a_wait_that_is_over_and_a_cancelled_task(self) -> None:
        task = self.client.enqueue("sleep", {"for": "10m"}, timeout="1h")
        with self.assertRaises(TimeoutError):
            task.result(200)
        task.cancel()
        with self.assertRaises(TaskCancelled):
            task.result(LIMIT)
        later = self.client.enqueue("echo", eta=datetime.now(timezone.utc) + timedelta(hours=1))
        assert later.object
        self.assertEqual(later.object["state"], "scheduled")
        self.assertEqual(later.cancel()["state"], "cancelled")

    def test_a_wait_that_is_longer_than_the_server_may_be_silent(self) -> None:
        task = self.client.enqueue("sleep", {"for": "3s"})
        Client(URL, timeout="1s", attempts=1).task(task.id).result(LIMIT)

    def test_a_task_that_fails(self) -> None:
        with self.assertRaises(TaskFailed) as raised:
            self.client.enqueue("sleep", {"for": "1m"}, **FAILS).result(LIMIT)
        errors = raised.exception.errors
        self.assertEqual(len(errors), 2)
        self.assertEqual(errors[1]["error"], raised.exception.error)

    def test_events_until_the_end(self) -> None:
        task = self.client.enqueue("primes.count", {"below": 5_000_000})
        events = list(task.events())
        types = [event.type for event in events]
        self.assertEqual(types[-1], "end")
        self.assertLessEqual({"log", "progress"}, set(types))
        self.assertEqual(len({event.id for event in events}), len(events))
        assert task.object
        self.assertEqual(task.object["message"], "348513 primes below 5000000")
        self.assertEqual(list(task.events(last_event_id=events[-2].id)), events[-1:])
        self.assertEqual(list(task.events(last_event_id=events[-1].id)), [])

    def test_events_come_while_the_task_runs(self) -> None:
        """Over several connections, if the deployment's ``events_max`` is short."""
        task = self.client.enqueue("sleep", {"for": "3s"})
        ids = []
        for event in task.events():
            ids.append(event.id)
            if event.type == "state" and event.data["state"] == "running":
                self.assertEqual(task.refresh()["state"], "running")
            if event.type == "end":
                self.assertEqual(event.data["state"], "succeeded")
        self.assertEqual(len(set(ids)), len(ids))

    def test_a_batch(self) -> None:
        for once in (True, False):
            one, wrong, three = self.client.batch(
                [{"task": "echo", "args": 1}, {"task": "nope"}, {"task": "echo", "args": 3}],
                once=once,
            )
            assert isinstance(one, Task) and isinstance(three, Task)
            self.assertEqual([one.result(LIMIT), three.result(LIMIT)], [1, 3])
            assert isinstance(wrong, InvalidRequest)
            self.assertEqual(wrong.field, "tasks[1].task")
        with self.assertRaises(InvalidRequest):
            self.client.batch([{"task": "nope"}])

    def test_workflows(self) -> None:
        step: Step = {"task": "echo", "args": 1}
        failing: Step = {"task": "sleep", "args": {"for": "1m"}, "timeout": 100}
        failing["retry"] = {"attempts": 1}
        chain = self.client.chain(
            [{"task": "echo", "args": "20ms"}, {"task": "sleep", "args": {}, "into": "for"}]
        )
        chain.result(LIMIT)
        assert chain.object
        self.assertEqual(chain.object["progress"]["succeeded"], 2)
        group = self.client.group({"task": "echo", "each": [1, 2, 3]})
        self.assertEqual(group.result(LIMIT), {"succeeded": 3})
        self.assertEqual([task["result"] for task in group.tasks(limit=2)], [1, 2, 3])
        chord = self.client.chord([step, step], {"task": "echo"}, wait="20s")
        self.assertEqual(chord.result(LIMIT), {"results": [1, 1]})
        with self.assertRaises(TaskFailed):
            self.client.group([failing]).result(LIMIT)
        waiting = self.client.chain([{"task": "sleep", "args": {"for": "10m"}, "timeout": "1h"}])
        waiting.cancel()
        with self.assertRaises(TaskCancelled):
            self.client.workflow(waiting.id).result(LIMIT)

    def test_a_schedule(self) -> None:
        schedule = self.client.schedule("client_python")
        put = schedule.put({"task": "echo", "every": timedelta(hours=1), "retry": {"initial": 10}})
        self.assertEqual(put["every"], "1h")
        self.assertEqual(schedule.put(schedule.get())["next_run"], put["next_run"])
        self.assertIn(schedule.name, [known["name"] for known in self.client.schedules()])
        schedule.delete()
        with self.assertRaises(NotFound):
            schedule.delete()
        with self.assertRaises(NotFound) as raised:
            schedule.get()
        self.assertEqual(raised.exception.type, "unknown-schedule")

    def test_a_lost_answer_enqueues_one_task(self) -> None:
        client, ids = Client(URL), []
        transport = client._client._http.transport
        open = transport.open

        async def lose_the_first(*request: Any) -> Any:
            reply = await open(*request)
            piece = reply.piece

            async def seen() -> bytes:
                bytes = await piece()
                if bytes:
                    ids.append(bytes.split(b'"')[3].decode())
                    if len(ids) == 1:
                        raise Lost("the connection is lost")
                return bytes

            reply.piece = seen  # type: ignore[method-assign]
            return reply

        with mock.patch.object(transport, "open", lose_the_first):
            task = client.enqueue("echo", 1)
        self.assertEqual(ids, [task.id, task.id])

    def test_a_key_of_the_callers(self) -> None:
        key = f"Bestellung 💌 {uuid.uuid4()}"
        one = self.client.enqueue("echo", 1, idempotency_key=key)
        self.assertEqual(self.client.enqueue("echo", 1, idempotency_key=key).id, one.id)
        with self.assertRaises(Conflict) as raised:
            self.client.enqueue("echo", 2, idempotency_key=key)
        self.assertEqual(raised.exception.type, "idempotency-key-reused")

    def test_invalid_requests(self) -> None:
        with self.assertRaises(InvalidRequest) as raised:
            self.client.enqueue("echo", 1, delay="-1s")
        self.assertEqual((raised.exception.status, raised.exception.field), (400, "delay"))
        with self.assertRaises(InvalidRequest) as raised:
            self.client.enqueue("echo", "x" * 300_000)
        self.assertEqual((raised.exception.type, raised.exception.field), ("too-large", "args"))
        for id in ("nope", "a/b", "ü?#"):
            with self.assertRaises(NotFound):
                self.client.task(id).refresh()
        with self.assertRaises(NotFound):
            list(self.client.task("nope").events())
        with self.assertRaises(NotFound):
            self.client.queue("nope").get()
        with self.assertRaises(NotFound):
            self.client.workflow("nope").cancel()

    def test_a_queue(self) -> None:
        queue = self.client.queue(OWN)
        failed = self.client.enqueue("sleep", {"for": "1m"}, queue=OWN, **FAILS)
        self.fails(failed)
        self.assertIn(failed.id, [task.id for task in queue.failed(limit=1)])
        retry = failed.retry()
        assert retry.object
        self.assertEqual(retry.object["retry_of"], failed.id)
        self.assertEqual(failed.retry().id, retry.id)
        self.fails(retry)
        self.assertGreaterEqual(queue.retry_failed(), 1)
        again = retry.retry()
        self.fails(again)
        again.discard()
        queue.discard_failed()

        self.assertTrue(queue.pause()["paused"])
        purged = self.client.enqueue("echo", queue=OWN)
        self.assertGreaterEqual(queue.purge()["purged"], 1)
        expired = self.client.enqueue("echo", queue=OWN, expires=100)
        with self.assertRaises(TimeoutError):
            expired.result(150)
        self.assertFalse(queue.resume()["paused"])
        with self.assertRaises(TaskCancelled):
            purged.result(LIMIT)
        with self.assertRaises(TaskExpired):
            expired.result(LIMIT)
        self.assertIn(OWN, [known["name"] for known in self.client.queues()])
        self.assertEqual(queue.get()["name"], OWN)

    def test_tasks_that_fit(self) -> None:
        queue = self.client.queue(OWN)
        key = f"Zoë & Söhne + 50%=?#/ {uuid.uuid4()}"
        options: Any = {"queue": OWN, "key": key, "delay": "1h"}
        ids = [self.client.enqueue("echo", {"n": n}, **options).id for n in range(3)]
        listed = queue.tasks(key=key, limit=1)
        self.assertEqual([task.id for task in listed], ids[::-1])
        self.assertEqual([task.id for task in queue.tasks(key=key, text='"n":1')], ids[1:2])
        self.assertEqual(queue.cancel(key=key, task="sleep"), 0)
        self.assertEqual(queue.cancel(key=key, state="scheduled", dry_run=True), 3)
        states = [task.object["state"] for task in queue.tasks(key=key) if task.object]
        self.assertEqual(states, ["scheduled"] * 3)
        self.assertEqual(queue.cancel(key=key, state="scheduled"), 3)
        self.assertEqual(len(list(queue.tasks(key=key, state="cancelled"))), 3)
        with self.assertRaises(InvalidRequest):
            queue.cancel(keys=key)  # type: ignore[call-arg]

    def test_failed_tasks_that_fit(self) -> None:
        queue, key = self.client.queue(OWN), f"Käse & Brot {uuid.uuid4()}"
        failed = self.client.enqueue("sleep", {"for": "1m"}, queue=OWN, key=key, **FAILS)
        self.fails(failed)
        self.assertEqual([task.id for task in queue.failed(key=key)], [failed.id])
        self.assertEqual(queue.retry_failed(key=key, dry_run=True), 1)
        self.assertEqual(queue.discard_failed(key=key, task="echo"), 0)
        self.assertEqual(queue.discard_failed(key=key, dry_run=True), 1)
        self.assertEqual(queue.retry_failed(key=key), 1)
        self.assertEqual(queue.retry_failed(key=key), 0)
        retry = failed.retry()
        self.fails(retry)
        self.assertEqual(queue.discard_failed(key=key), 1)
        self.assertEqual(list(queue.failed(key=key)), [])

    def fails(self, task: Task) -> None:
        with self.assertRaises(TaskFailed):
            task.result(LIMIT)


@unittest.skipUnless(URL and httpx, "no HANDOFF_URL, or no httpx")
class RealAsync(unittest.IsolatedAsyncioTestCase):
    async def test_results_events_and_errors(self) -> None:
        async with AsyncClient(URL) as client:
            task = await client.enqueue("echo", {"a": "é"})
            self.assertEqual(await task.result(LIMIT), {"a": "é"})
            counts = await client.enqueue("primes.count", {"below": 1_000_000})
            types = [event.type async for event in counts.events()]
            self.assertEqual(types[-1], "end")
            group = await client.group({"task": "echo", "each": [1, 2]})
            await group.result(LIMIT)
            self.assertEqual([member["result"] async for member in group.tasks()], [1, 2])
            with self.assertRaises(HandoffError):
                await client.enqueue("nope")
            queue, key = client.queue(OWN), str(uuid.uuid4())
            task = await client.enqueue("echo", queue=OWN, key=key, delay="1h")
            self.assertEqual([task.id async for task in queue.tasks(key=key)], [task.id])
            self.assertEqual(await queue.cancel(key=key, dry_run=True), 1)
            self.assertEqual(await queue.cancel(key=key), 1)
            self.assertEqual([task async for task in queue.failed(key=key)], [])
