"""What only this language has: its types, threads and loops."""

from __future__ import annotations

import asyncio
import builtins
import copy
import os
import pickle
import sys
import threading
import unittest
from datetime import datetime, timedelta, timezone
from typing import Any, Optional
from unittest import mock

import handoff_client
from handoff_client import (
    AsyncClient,
    Client,
    HandoffError,
    TaskError,
    TimeoutError,
    Unavailable,
)
from handoff_client._http import Reply
from handoff_client._times import milliseconds, written

from .server import Scripted
from .test_vectors import VECTORS, shown

try:
    import httpx
except ImportError:
    httpx = None  # type: ignore[assignment]

GET = {"method": "GET", "path": "/v1/tasks/a"}
RUNNING = {"status": 200, "json": {"id": "a", "state": "running"}}
NOWHERE = "http://127.0.0.1:1"
SECRET = "s3cret"


class Pieces:
    """An answer whose body comes in these pieces."""

    status = 200

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.closed = False

    def header(self, name: str) -> Optional[str]:
        return "text/event-stream" if name == "content-type" else None

    async def piece(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def close(self) -> None:
        self.closed = True


def answered(client: Client, reply: Reply) -> Any:
    """Lets every request have this answer."""

    async def open(*_: Any) -> Reply:
        return reply

    return mock.patch.object(client._client._http.transport, "open", open)


class Streams(unittest.TestCase):
    def test_streams_are_read_the_same_wherever_they_are_cut(self) -> None:
        seen = 0
        for vector in VECTORS:
            outcome = vector["outcome"]
            if len(vector["exchanges"]) != 1 or "error" in outcome:
                continue
            answer = vector["exchanges"][0]["answer"]
            if "pieces" not in answer:
                continue
            seen += 1
            body = "".join(answer["pieces"]).encode("latin-1")
            cuts = [[body[:at], body[at:]] for at in range(len(body) + 1)]
            for pieces in [*cuts, [bytes([byte]) for byte in body]]:
                client = Client(NOWHERE)
                with answered(client, Pieces(pieces)):
                    events = list(client.task("a").events())
                self.assertEqual(shown(events), outcome["value"], vector["name"])
        self.assertGreaterEqual(seen, 5)

    def test_leaving_the_loop_closes_the_stream(self) -> None:
        reply = Pieces([b'event: state\ndata: {"state":"running","attempt":1}\n\n'])
        client = Client(NOWHERE)
        with answered(client, reply):
            events = client.task("a").events()
            next(events)
            self.assertFalse(reply.closed)
            events.close()
        self.assertTrue(reply.closed)


class Times(unittest.TestCase):
    def test_durations(self) -> None:
        table: list[tuple[Any, int]] = [
            (1500, 1500),
            ("1.5s", 1500),
            ("250ms", 250),
            ("2m 30s", 150_000),
            ("0.5h", 1_800_000),
            ("1d", 86_400_000),
            (timedelta(seconds=1.5), 1500),
        ]
        for duration, ms in table:
            self.assertEqual(milliseconds(duration), ms)
        wrong: list[Any] = ["10", "-1s", "", "1 s", "s", "1s\n", -1, float("nan"), None]
        for duration in wrong:
            with self.assertRaises(ValueError, msg=duration):
                milliseconds(duration)

    def test_fields(self) -> None:
        zone = timezone(timedelta(hours=2))
        eta = datetime(2026, 11, 23, 10, 0, 0, 250_000, zone)
        fields = {"delay": timedelta(minutes=1), "eta": eta, "retry": {"initial": 5, "attempts": 5}}
        expected = {
            "delay": "60000ms",
            "eta": "2026-11-23T08:00:00.250Z",
            "retry": {"initial": "5ms", "attempts": 5},
        }
        self.assertEqual(written(fields), expected)

    def test_nothing_is_sent_that_means_something_else(self) -> None:
        client = Client(NOWHERE)
        with self.assertRaisesRegex(ValueError, "eta has no time zone"):
            client.enqueue("echo", eta=datetime(2026, 11, 23))
        with self.assertRaisesRegex(ValueError, "JSON"):
            client.enqueue("echo", float("nan"))


class Clients(unittest.TestCase):
    def test_the_error_is_also_the_languages_own(self) -> None:
        with Scripted(
            [{"request": {**GET, "query": {"wait": "0ms"}}, "answer": RUNNING}]
        ) as server:
            with self.assertRaises(builtins.TimeoutError) as raised:
                Client(server.url).task("a").result(0)
        self.assertIsInstance(raised.exception, TimeoutError)

    def test_errors_are_pickled_and_copied(self) -> None:
        kinds = [getattr(handoff_client, name) for name in handoff_client.__all__]
        kinds = [k for k in kinds if isinstance(k, type) and issubclass(k, HandoffError)]
        self.assertGreaterEqual(len(kinds), 12)
        for kind in kinds:
            if issubclass(kind, TaskError):
                object = {"id": "a", "state": "failed", "error": "x", "errors": [{"attempt": 1}]}
                error = kind(object)
            else:
                error = kind("words", "unknown-task", 404, "detail", "field")
            error.seen = ["something else"]
            protocols = range(pickle.HIGHEST_PROTOCOL + 1)
            copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in protocols]
            for same in [*copies, copy.copy(error), copy.deepcopy(error)]:
                self.assertIs(type(same), kind)
                self.assertEqual(
                    (str(same), same.args, vars(same)), (str(error), error.args, vars(error))
                )

    def test_a_url_without_a_good_host_and_port_is_refused(self) -> None:
        for address in ["localhost:abc", "localhost:65536", "localhost:-1", "local host", ":80"]:
            with self.assertRaises(ValueError, msg=address):
                Client(f"http://{address}")

    def test_tokens_and_passwords_are_shown_nowhere(self) -> None:
        for url, token in [
            ("http://host", f"{SECRET}\n"),
            ("http://host", f'{SECRET}"'),
            ("http://host", f"{SECRET}\\"),
            ("http://host", f"={SECRET}"),
            (f"http://user:{SECRET}@host", None),
            (f"http://host?token={SECRET}", None),
        ]:
            with self.assertRaises(ValueError) as raised:
                Client(url, token)
            self.assertNotIn(SECRET, repr(raised.exception))
        client = Client(NOWHERE, SECRET, attempts=1)
        with self.assertRaises(Unavailable) as unavailable:
            client.task("a").refresh()
        cause = unavailable.exception.__cause__
        self.assertNotIn(
            SECRET, f"{client!r} {client.task('a')!r} {cause!r} {unavailable.exception!r}"
        )

    def test_an_error_says_that_nobody_listens(self) -> None:
        says = r"^GET http://127.0.0.1:1/v1/tasks/a: no answer: connection refused \(1 attempt in"
        with self.assertRaisesRegex(Unavailable, says):
            Client(NOWHERE, attempts=1).task("a").refresh()

        async def run() -> None:
            async with AsyncClient(NOWHERE, attempts=1) as client:
                await client.task("a").refresh()

        if httpx is not None:
            with self.assertRaisesRegex(Unavailable, says):
                asyncio.run(run())

    def test_leaving_the_loop_asks_for_no_further_page(self) -> None:
        request = {"method": "GET", "path": "/v1/queues/default/tasks"}
        page = {"tasks": [{"id": "a"}, {"id": "b"}], "next": "/v1/queues/default/tasks?from=1"}
        with Scripted([{"request": request, "answer": {"status": 200, "json": page}}]) as server:
            for task in Client(server.url).queue().tasks():
                self.assertEqual(task.id, "a")
                break
        server.check()

    def test_threads_share_a_client(self) -> None:
        exchange = {"request": GET, "answer": RUNNING}
        with Scripted([exchange] * 20) as server:
            client = Client(server.url, attempts=1)
            states: list[str] = []
            threads = [
                threading.Thread(target=lambda: states.append(client.task("a").refresh()["state"]))
                for _ in range(20)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        server.check()
        self.assertEqual(states, ["running"] * 20)

    def test_the_blocking_client_works_where_a_loop_runs(self) -> None:
        async def run() -> str:
            return str(Client(server.url).task("a").refresh()["state"])

        with Scripted([{"request": GET, "answer": RUNNING}]) as server:
            self.assertEqual(asyncio.run(run()), "running")

    def test_without_httpx_the_extra_is_named(self) -> None:
        with mock.patch.dict(sys.modules, {"httpx": None, "handoff_client._httpx": None}):
            with self.assertRaisesRegex(ImportError, r"handoff-client\[async\]"):
                AsyncClient(NOWHERE)


class Proxies(unittest.TestCase):
    """A proxy would see the token."""

    def setUp(self) -> None:
        names = ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY")
        environment = {**dict.fromkeys(names, NOWHERE), "no_proxy": "", "NO_PROXY": ""}
        patch = mock.patch.dict(os.environ, environment)
        patch.start()
        self.addCleanup(patch.stop)

    def test_the_blocking_client_uses_none_of_the_environment(self) -> None:
        with Scripted([{"request": GET, "answer": RUNNING}]) as server:
            Client(server.url, attempts=1).task("a").refresh()

    @unittest.skipIf(httpx is None, "httpx is not there")
    def test_the_client_for_loops_uses_none_of_the_environment(self) -> None:
        async def run(url: str) -> None:
            async with AsyncClient(url, attempts=1) as client:
                await client.task("a").refresh()

        with Scripted([{"request": GET, "answer": RUNNING}]) as server:
            asyncio.run(run(server.url))


@unittest.skipIf(httpx is None, "httpx is not there")
class Loops(unittest.IsolatedAsyncioTestCase):
    async def test_a_cancelled_call_leaves_no_request(self) -> None:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()

        def handle(request: httpx.Request) -> httpx.Response:
            loop.call_soon(asked.set)
            return httpx.Response(503, headers={"retry-after": "30"})

        http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
        async with http:
            client = AsyncClient("http://host", http=http)
            call = asyncio.ensure_future(client.task("a").refresh())
            await asked.wait()
            call.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await call
            await client.aclose()
            self.assertFalse(http.is_closed)
