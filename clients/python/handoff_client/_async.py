"""The client for event loops. The blocking one runs the same coroutines."""

from __future__ import annotations

import asyncio
import json
import math
import re
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Generic,
    Optional,
    TypeVar,
    Union,
    cast,
)
from urllib.parse import parse_qsl, urlsplit

from ._errors import (
    HandoffError,
    TaskCancelled,
    TaskError,
    TaskExpired,
    TaskFailed,
    TimeoutError,
)
from ._http import Call, Http, Lost, Reply, path, read_text
from ._sse import EventParser
from ._times import milliseconds, written
from ._types import (
    BatchItem,
    CancelFilter,
    Duration,
    Each,
    EndEvent,
    EnqueueOptions,
    Filter,
    LogEvent,
    Member,
    ProgressEvent,
    QueueObject,
    ScheduleFields,
    ScheduleObject,
    StateEvent,
    Step,
    TaskEvent,
    TaskObject,
    TasksFilter,
    WorkflowObject,
    WorkflowOptions,
)

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Unpack

Shown = TypeVar("Shown", TaskObject, WorkflowObject)

# One wait is at most so long: shorter than the time after which proxies end quiet requests.
_WAIT_MS = 25_000
# A stream that ended is asked for again after this time, unless it named another.
_RECONNECT_MS = 1_000
_RECONNECT_MAX_MS = 30_000
# While nothing happens a stream has a comment every so often.
_COMMENT_MS = 15_000
# The least retention: the client's own keys keep no task for longer than it is kept anyway.
_OWN_KEY_TTL = "1h"

_ENDS: dict[str, Optional[type[TaskError]]] = {
    "succeeded": None,
    "failed": TaskFailed,
    "cancelled": TaskCancelled,
    "expired": TaskExpired,
}
_EVENTS: dict[str, Callable[[str, Any], TaskEvent]] = {
    "state": StateEvent,
    "progress": ProgressEvent,
    "log": LogEvent,
    "end": EndEvent,
}


class _Handle(Generic[Shown]):
    """What can be waited for and cancelled."""

    _PATH: str

    def __init__(self, http: Http, id: str, object: Optional[Shown] = None) -> None:
        self.id = id
        self.object: Optional[Shown] = object
        """As it was last seen; None before it was."""
        self._http = http

    @property
    def _path(self) -> str:
        return path(self._PATH, self.id)

    def __repr__(self) -> str:
        state = self.object["state"] if self.object and "state" in self.object else "not seen"
        return f"<{type(self).__name__} {self.id}: {state}>"

    async def refresh(self) -> Shown:
        """Looks at it."""
        return await self._see(Call("GET", self._path))

    async def cancel(self) -> Shown:
        """Asks it to stop.

        Its ``state`` tells whether it has: something that runs sees the request at its next
        checkpoint.
        """
        return await self._see(Call("DELETE", self._path))

    async def result(self, wait: Optional[Duration] = None) -> Any:
        """Waits until it is final, at most for ``wait``, and returns its result.

        Without ``wait`` there is no limit. Raises TaskFailed, TaskCancelled or TaskExpired if it
        did not succeed, and TimeoutError if it is not final in time.
        """
        limit_ms = math.inf if wait is None else milliseconds(wait)
        until = time.monotonic() + limit_ms / 1000
        # An answer without `ended_at` shows no more than the state.
        shown = self.object if self.object and "ended_at" in self.object else None
        last = False
        while shown is None or shown["state"] not in _ENDS:
            if shown is not None and last:
                raise TimeoutError(f"{self.id} is {shown['state']} after {limit_ms:.0f} ms")
            left_ms = max(0, (until - time.monotonic()) * 1000)
            last = left_ms <= _WAIT_MS
            held_ms = math.ceil(min(left_ms, _WAIT_MS))
            query = {"wait": f"{held_ms}ms"}
            shown = await self._see(Call("GET", self._path, query, held_ms=held_ms, until=until))
        error = _ENDS[shown["state"]]
        if error is not None:
            raise error(shown)
        return shown.get("result")

    async def _see(self, call: Call) -> Shown:
        call.answer = "id"
        shown = cast(Shown, await self._http.json(call))
        self.object = shown
        return shown


class AsyncTask(_Handle[TaskObject]):
    """A task."""

    _PATH = "/v1/tasks/{}"

    async def retry(self) -> AsyncTask:
        """Enqueues a failed task anew. The new task exists once, however often this is called."""
        shown = await self._http.json(Call("POST", f"{self._path}/retry", answer="id"))
        return AsyncTask(self._http, shown["id"], shown)

    async def discard(self) -> TaskObject:
        """Takes a failed task off the list of its queue."""
        return await self._see(Call("POST", f"{self._path}/discard"))

    async def events(self, *, last_event_id: str = "") -> AsyncGenerator[TaskEvent, None]:
        """Follows the task until its end, each event once.

        Connections that end or break are made again. ``last_event_id`` is the ``id`` of an event:
        the events behind it come. Leave the loop to stop.
        """
        last = last_event_id
        while True:
            call = self._events(last)
            reply = await self._http.send(call, partial(self._stream, call))
            if reply is None:
                return
            parser = EventParser(last)
            try:
                while True:
                    try:
                        piece = await reply.piece()
                    except Lost:
                        break
                    if not piece:
                        break
                    for name, data in parser.feed(piece):
                        event = self._event(name, parser.last_event_id, data)
                        if event is not None:
                            yield event
                        if isinstance(event, EndEvent):
                            return
            finally:
                await reply.close()
            last = parser.last_event_id
            pause_ms = _RECONNECT_MS if parser.retry_ms is None else parser.retry_ms
            await self._http.transport.sleep(min(pause_ms, _RECONNECT_MAX_MS) / 1000)

    def _events(self, last: str) -> Call:
        headers: dict[str, Optional[str]] = {"accept": "text/event-stream"}
        # An id that no header can have is not one of Handoff's.
        if re.fullmatch("[\x21-\x7e]+", last):
            headers["last-event-id"] = last
        return Call("GET", self._path, headers=headers, held_ms=_COMMENT_MS)

    async def _stream(self, call: Call, reply: Reply) -> Optional[Reply]:
        """A stream of events that stays open, or None if there are no more."""
        if reply.status == 204:
            await reply.close()
            return None
        content_type = reply.header("content-type") or ""
        if not re.match(r"text/event-stream\b", content_type, re.IGNORECASE):
            raise self._http.foreign(call, reply, await read_text(reply))
        return reply

    def _event(self, name: str, id: str, text: str) -> Optional[TaskEvent]:
        """The event, or None for one that this client does not know."""
        if name not in _EVENTS:
            return None
        try:
            event = _EVENTS[name](id, json.loads(text))
        except ValueError as error:
            raise HandoffError(f"the data of the event {name} is no JSON") from error
        if isinstance(event, EndEvent):
            self.object = event.data
        return event


class AsyncWorkflow(_Handle[WorkflowObject]):
    """A workflow. Its id is also a task's: ``client.task(id)`` has its events, and retries it."""

    _PATH = "/v1/workflows/{}"

    def tasks(self, *, limit: Optional[int] = None) -> AsyncGenerator[Member, None]:
        """Its tasks, also those that are not enqueued yet.

        One request asks for ``limit``: 20 by default, 100 at most.
        """
        return cast(
            "AsyncGenerator[Member, None]",
            _pages(self._http, f"{self._path}/tasks", {}, limit, "tasks"),
        )


class AsyncSchedule:
    """The schedule of a name."""

    def __init__(self, http: Http, name: str) -> None:
        self.name = name
        self._http = http
        self._path = path("/v1/schedules/{}", name)

    async def put(self, fields: ScheduleFields) -> ScheduleObject:
        """Creates or replaces the schedule. Putting it unchanged changes nothing."""
        call = Call("PUT", self._path, body=written(fields), answer="name")
        shown = await self._http.json(call)
        return cast(ScheduleObject, shown)

    async def get(self) -> ScheduleObject:
        """The schedule."""
        return cast(ScheduleObject, await self._http.json(Call("GET", self._path, answer="name")))

    async def pause(self) -> ScheduleObject:
        """Pauses the schedule: it enqueues nothing until it is resumed. With a token that may not
        read the answer has only ``name`` and ``paused``."""
        shown = await self._http.json(Call("POST", self._path + "/pause", answer="name"))
        return cast(ScheduleObject, shown)

    async def resume(self) -> ScheduleObject:
        """Resumes the schedule: it goes on at its next regular time."""
        shown = await self._http.json(Call("POST", self._path + "/resume", answer="name"))
        return cast(ScheduleObject, shown)

    async def delete(self) -> None:
        """Ends the schedule. The tasks that it enqueued stay."""
        await self._http.json(Call("DELETE", self._path, gone_is_done=True))


class AsyncQueue:
    """The queue of a name."""

    def __init__(self, http: Http, name: str) -> None:
        self.name = name
        self._http = http
        self._path = path("/v1/queues/{}", name)

    async def get(self) -> QueueObject:
        """The queue with its statistics."""
        return await self._see(Call("GET", self._path))

    async def pause(self) -> QueueObject:
        """Lets workers take nothing more of your tasks."""
        return await self._see(Call("POST", f"{self._path}/pause"))

    async def resume(self) -> QueueObject:
        """Lets workers take your tasks again."""
        return await self._see(Call("POST", f"{self._path}/resume"))

    async def purge(self) -> QueueObject:
        """Cancels what waits; ``purged`` says how much.

        It is never repeated: a repetition would cancel what came meanwhile, too.
        """
        return await self._see(Call("POST", f"{self._path}/purge", repeat=False))

    async def tasks(
        self, *, limit: Optional[int] = None, **filter: Unpack[TasksFilter]
    ) -> AsyncGenerator[AsyncTask, None]:
        """Tasks that fit the filter: ``state``, and what ``Filter`` has, as far as given.

        The newest come first; failed ones by their failures, and queued ones in the order in which
        workers claim them. One whose record is unreadable has only an ``error``. One request asks
        for ``limit``: 20 by default, 100 at most.
        """
        tasks, query = f"{self._path}/tasks", _parameters(filter)
        async for shown in _pages(self._http, tasks, query, limit, "tasks"):
            # What has no id can't be asked for.
            if "id" in shown:
                yield AsyncTask(self._http, shown["id"], shown)

    def failed(
        self, *, limit: Optional[int] = None, **filter: Unpack[Filter]
    ) -> AsyncGenerator[AsyncTask, None]:
        """Failed tasks that fit, the last failures first: ``tasks`` with this state."""
        return self.tasks(limit=limit, state="failed", **filter)

    async def workflows(
        self, *, limit: Optional[int] = None
    ) -> AsyncGenerator[AsyncWorkflow, None]:
        """Workflows of the queue, the newest first.

        One request asks for ``limit``: 20 by default, 100 at most.
        """
        workflows = f"{self._path}/workflows"
        async for shown in _pages(self._http, workflows, {}, limit, "workflows"):
            # What has no id can't be asked for.
            if "id" in shown:
                yield AsyncWorkflow(self._http, shown["id"], shown)

    async def retry_failed(self, *, dry_run: bool = False, **filter: Unpack[Filter]) -> int:
        """Enqueues the failed tasks that fit anew. Returns how many, less those of lost answers.

        With ``dry_run`` it changes nothing, and counts what it would change.
        """
        return await self._all("retry-failed", "would_retry" if dry_run else "retried", filter)

    async def discard_failed(self, *, dry_run: bool = False, **filter: Unpack[Filter]) -> int:
        """Takes the failed tasks that fit off the list. Returns how many, less those of lost
        answers.

        With ``dry_run`` it changes nothing, and counts what it would change.
        """
        return await self._all(
            "discard-failed", "would_discard" if dry_run else "discarded", filter
        )

    async def cancel(self, *, dry_run: bool = False, **filter: Unpack[CancelFilter]) -> int:
        """Cancels the open tasks that fit: without a filter all of them.

        Returns how many, less those of lost answers; running ones count, which see the request at
        their next checkpoint. With ``dry_run`` it changes nothing, and counts what it would change.
        """
        return await self._all("cancel", "would_cancel" if dry_run else "cancelled", filter)

    async def _all(self, what: str, count: str, filter: Mapping[str, Any]) -> int:
        dry_run = {"dry_run": "true"} if count.startswith("would_") else {}
        query: Optional[dict[str, str]] = {**_parameters(filter), **dry_run}
        done = 0
        while query is not None:
            call = Call("POST", f"{self._path}/{what}", query, answer=count)
            answer = await self._http.json(call)
            done += answer[count]
            query = _query_of(answer["next"])
        return done

    async def _see(self, call: Call) -> QueueObject:
        call.answer = "name"
        return cast(QueueObject, await self._http.json(call))


class CoreClient:
    """A deployment of Handoff, over any transport."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def enqueue(
        self, task: str, args: Any = None, **options: Unpack[EnqueueOptions]
    ) -> AsyncTask:
        """Enqueues a task. Once this returns, the task is in the store."""
        fields, sent = _split(options)
        body = {"task": task, **self._keyed(fields)}
        if args is not None:
            body["args"] = args
        shown = await self._http.json(Call("POST", "/v1/tasks", body=body, **sent))
        return AsyncTask(self._http, shown["id"], shown)

    async def batch(
        self,
        items: Sequence[BatchItem],
        *,
        queue: Optional[str] = None,
        once: bool = True,
        traceparent: Optional[str] = None,
    ) -> list[Union[AsyncTask, HandoffError]]:
        """Enqueues up to 1,000 tasks in one request.

        Valid ones are enqueued; in the place of each other one is its error. If none is valid, the
        first one's error is raised. With ``once`` each item without an idempotency key gets one, so
        that the batch can be repeated. Each item then costs as much as a request of its own, and
        without keys all cost two writes.
        """
        tasks = [self._keyed(item) if once else written(item) for item in items]
        body: dict[str, Any] = {"tasks": tasks}
        if queue is not None:
            body["queue"] = queue
        # Items without a key would be enqueued twice.
        repeat = all(task.get("idempotency_key") is not None for task in tasks)
        headers = {"traceparent": traceparent}
        call = Call("POST", "/v1/tasks:batch", headers=headers, body=body, repeat=repeat)
        call.answer = "tasks"
        return [self._entry(entry) for entry in (await self._http.json(call))["tasks"]]

    def task(self, id: str) -> AsyncTask:
        """The task of an id. No request is made."""
        return AsyncTask(self._http, id)

    async def chain(
        self, tasks: Sequence[Step], **options: Unpack[WorkflowOptions]
    ) -> AsyncWorkflow:
        """Enqueues tasks that run one after the other, each with the result of the one before."""
        return await self._workflow({"chain": _members(tasks)}, options)

    async def group(
        self, tasks: Union[Sequence[Step], Each], **options: Unpack[WorkflowOptions]
    ) -> AsyncWorkflow:
        """Enqueues tasks that run at once."""
        return await self._workflow({"group": _members(tasks)}, options)

    async def chord(
        self,
        tasks: Union[Sequence[Step], Each],
        then: Step,
        **options: Unpack[WorkflowOptions],
    ) -> AsyncWorkflow:
        """Enqueues tasks that run at once, and one more that gets all their results."""
        return await self._workflow({"group": _members(tasks), "then": written(then)}, options)

    def workflow(self, id: str) -> AsyncWorkflow:
        """The workflow of an id. No request is made."""
        return AsyncWorkflow(self._http, id)

    def schedule(self, name: str) -> AsyncSchedule:
        """The schedule of a name. No request is made."""
        return AsyncSchedule(self._http, name)

    async def schedules(self) -> list[ScheduleObject]:
        """All schedules, in the order of their names. An unreadable one has only ``name`` and
        ``error``."""
        answer = await self._http.json(Call("GET", "/v1/schedules", answer="schedules"))
        return cast(list[ScheduleObject], answer["schedules"])

    def queue(self, name: str = "default") -> AsyncQueue:
        """The queue of a name. No request is made."""
        return AsyncQueue(self._http, name)

    async def queues(self) -> list[QueueObject]:
        """All queues, without statistics."""
        answer = await self._http.json(Call("GET", "/v1/queues", answer="queues"))
        return cast(list[QueueObject], answer["queues"])

    async def _workflow(self, tasks: dict[str, Any], options: WorkflowOptions) -> AsyncWorkflow:
        fields, sent = _split(options)
        body = {**tasks, **self._keyed(fields)}
        shown = await self._http.json(Call("POST", "/v1/workflows", body=body, **sent))
        return AsyncWorkflow(self._http, shown["id"], shown)

    def _entry(self, entry: dict[str, Any]) -> Union[AsyncTask, HandoffError]:
        if "id" in entry:
            return AsyncTask(self._http, entry["id"], cast(TaskObject, entry))
        problem = self._http.problem(entry.get("error"))
        return problem or HandoffError("an item that is neither a task nor a problem")

    def _keyed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Adds a key of the client's own, unless the caller gave one or nothing is repeated."""
        given = written(fields)
        if given.get("idempotency_key") is not None or not self._http.repeats:
            return given
        own = secrets.token_hex(16)
        return {"idempotency_ttl": _OWN_KEY_TTL, **given, "idempotency_key": own}


class AsyncClient(CoreClient):
    """A deployment of Handoff. It needs the extra ``async``.

    ``url`` may have a path, such as ``http://127.0.0.1:3000/handoff``, and ``token`` is one of the
    deployment's ``api_tokens``. A request is sent ``attempts`` times at most; with 1 nothing is
    repeated. No repetition begins after the time ``within``. The server may be silent for
    ``timeout``, besides a wait that was asked for. ``http`` is used in place of an
    ``httpx.AsyncClient`` of its own, and ``sleep`` for the pauses, for tests.
    """

    def __init__(
        self,
        url: str,
        token: Optional[str] = None,
        *,
        attempts: int = 5,
        within: Duration = "1m",
        timeout: Duration = "30s",
        http: Optional[httpx.AsyncClient] = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        try:
            from ._httpx import HttpxTransport
        except ImportError as error:
            raise ImportError("AsyncClient needs httpx: install handoff-client[async]") from error
        self._transport = HttpxTransport(http, sleep)
        super().__init__(Http(self._transport, url, token, attempts, within, timeout))

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of the body, and what else the request needs."""
    fields = dict(options)
    wait, traceparent = fields.pop("wait", None), fields.pop("traceparent", None)
    sent: dict[str, Any] = {"headers": {"traceparent": traceparent}, "answer": "id"}
    if wait is not None:
        sent["held_ms"] = milliseconds(wait)
        sent["query"] = {"wait": f"{sent['held_ms']:.0f}ms"}
    return fields, sent


def _members(tasks: Union[Sequence[Step], Each]) -> Any:
    return written(tasks) if isinstance(tasks, Mapping) else [written(task) for task in tasks]


def _parameters(filter: Mapping[str, Any]) -> dict[str, str]:
    """A filter as a query.

    Names that are unknown are sent, too: Handoff refuses them, and a misspelt filter does not
    become none.
    """
    return {name: str(value) for name, value in filter.items() if value is not None}


async def _pages(
    http: Http, path: str, query: Mapping[str, str], limit: Optional[int], answer: str
) -> AsyncGenerator[Any, None]:
    """The entries of a list, page by page."""
    following: Optional[Mapping[str, str]] = query
    if limit is not None:
        following = {**query, "limit": str(limit)}
    while following is not None:
        page = await http.json(Call("GET", path, following, answer=answer))
        for entry in page[answer]:
            yield entry
        following = _query_of(page["next"])


def _query_of(link: Optional[str]) -> Optional[dict[str, str]]:
    """The query of a link. Its path may be that of another route than this client's."""
    # An empty filter is kept: without it the next call would be about more tasks.
    return None if link is None else dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))
