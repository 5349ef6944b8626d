"""The client that blocks. Each call runs a coroutine of the other one, which here never waits."""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Optional,
    Union,
)

from ._async import AsyncQueue, AsyncSchedule, AsyncTask, AsyncWorkflow, CoreClient
from ._blocking import BlockingTransport, iterate, run
from ._errors import HandoffError
from ._http import Http
from ._types import (
    BatchItem,
    CancelFilter,
    Duration,
    Each,
    EnqueueOptions,
    Filter,
    Member,
    QueueObject,
    ScheduleFields,
    ScheduleObject,
    Step,
    TaskEvent,
    TaskObject,
    TasksFilter,
    WorkflowObject,
    WorkflowOptions,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Task:
    """A task."""

    def __init__(self, task: AsyncTask) -> None:
        self._task = task

    def __repr__(self) -> str:
        return repr(self._task).replace("<Async", "<")

    @property
    def id(self) -> str:
        return self._task.id

    @property
    def object(self) -> Optional[TaskObject]:
        """As it was last seen; None before it was."""
        return self._task.object

    def refresh(self) -> TaskObject:
        """Looks at it."""
        return run(self._task.refresh())

    def cancel(self) -> TaskObject:
        """Asks it to stop.

        Its ``state`` tells whether it has: something that runs sees the request at its next
        checkpoint.
        """
        return run(self._task.cancel())

    def result(self, wait: Optional[Duration] = None) -> Any:
        """Waits until it is final, at most for ``wait``, and returns its result.

        Without ``wait`` there is no limit. Raises TaskFailed, TaskCancelled or TaskExpired if it
        did not succeed, and TimeoutError if it is not final in time.
        """
        return run(self._task.result(wait))

    def retry(self) -> Task:
        """Enqueues a failed task anew. The new task exists once, however often this is called."""
        return Task(run(self._task.retry()))

    def discard(self) -> TaskObject:
        """Takes a failed task off the list of its queue."""
        return run(self._task.discard())

    def events(self, *, last_event_id: str = "") -> Generator[TaskEvent, None, None]:
        """Follows the task until its end, each event once.

        Connections that end or break are made again. ``last_event_id`` is the ``id`` of an event:
        the events behind it come. Leave the loop to stop.
        """
        return iterate(self._task.events(last_event_id=last_event_id))


class Workflow:
    """A workflow. Its id is also a task's: ``client.task(id)`` has its events, and retries it."""

    def __init__(self, workflow: AsyncWorkflow) -> None:
        self._workflow = workflow

    def __repr__(self) -> str:
        return repr(self._workflow).replace("<Async", "<")

    @property
    def id(self) -> str:
        return self._workflow.id

    @property
    def object(self) -> Optional[WorkflowObject]:
        """As it was last seen; None before it was."""
        return self._workflow.object

    def refresh(self) -> WorkflowObject:
        """Looks at it."""
        return run(self._workflow.refresh())

    def cancel(self) -> WorkflowObject:
        """Asks it, and its tasks, to stop."""
        return run(self._workflow.cancel())

    def result(self, wait: Optional[Duration] = None) -> Any:
        """Waits until it is final, at most for ``wait``, and returns its result.

        Without ``wait`` there is no limit. Raises TaskFailed, TaskCancelled or TaskExpired if it
        did not succeed, and TimeoutError if it is not final in time.
        """
        return run(self._workflow.result(wait))

    def tasks(self, *, limit: Optional[int] = None) -> Generator[Member, None, None]:
        """Its tasks, also those that are not enqueued yet.

        One request asks for ``limit``: 20 by default, 100 at most.
        """
        return iterate(self._workflow.tasks(limit=limit))


class Schedule:
    """The schedule of a name."""

    def __init__(self, schedule: AsyncSchedule) -> None:
        self._schedule = schedule

    @property
    def name(self) -> str:
        return self._schedule.name

    def put(self, fields: ScheduleFields) -> ScheduleObject:
        """Creates or replaces the schedule. Putting it unchanged changes nothing."""
        return run(self._schedule.put(fields))

    def get(self) -> ScheduleObject:
        """The schedule."""
        return run(self._schedule.get())

    def pause(self) -> ScheduleObject:
        """Pauses the schedule: it enqueues nothing until it is resumed. With a token that may not
        read the answer has only ``name`` and ``paused``."""
        return run(self._schedule.pause())

    def resume(self) -> ScheduleObject:
        """Resumes the schedule: it goes on at its next regular time."""
        return run(self._schedule.resume())

    def delete(self) -> None:
        """Ends the schedule. The tasks that it enqueued stay."""
        return run(self._schedule.delete())


class Queue:
    """The queue of a name."""

    def __init__(self, queue: AsyncQueue) -> None:
        self._queue = queue

    @property
    def name(self) -> str:
        return self._queue.name

    def get(self) -> QueueObject:
        """The queue with its statistics."""
        return run(self._queue.get())

    def pause(self) -> QueueObject:
        """Lets workers take nothing more of your tasks."""
        return run(self._queue.pause())

    def resume(self) -> QueueObject:
        """Lets workers take your tasks again."""
        return run(self._queue.resume())

    def purge(self) -> QueueObject:
        """Cancels what waits; ``purged`` says how much.

        It is never repeated: a repetition would cancel what came meanwhile, too.
        """
        return run(self._queue.purge())

    def tasks(
        self, *, limit: Optional[int] = None, **filter: Unpack[TasksFilter]
    ) -> Generator[Task, None, None]:
        """Tasks that fit ``state``, ``task``, ``key``, ``schedule`` and ``text``, as far as given.

        The newest come first; failed ones by their failures, and queued ones in the order in which
        workers claim them. One whose record is unreadable has only an ``error``. One request asks
        for ``limit``: 20 by default, 100 at most.
        """
        return (Task(task) for task in iterate(self._queue.tasks(limit=limit, **filter)))

    def failed(
        self, *, limit: Optional[int] = None, **filter: Unpack[Filter]
    ) -> Generator[Task, None, None]:
        """Failed tasks that fit, the last failures first: ``tasks`` with this state."""
        return (Task(task) for task in iterate(self._queue.failed(limit=limit, **filter)))

    def workflows(self, *, limit: Optional[int] = None) -> Generator[Workflow, None, None]:
        """Workflows of the queue, the newest first.

        One request asks for ``limit``: 20 by default, 100 at most.
        """
        return (Workflow(workflow) for workflow in iterate(self._queue.workflows(limit=limit)))

    def retry_failed(self, *, dry_run: bool = False, **filter: Unpack[Filter]) -> int:
        """Enqueues the failed tasks that fit anew. Returns how many, less those of lost answers.

        With ``dry_run`` it changes nothing, and counts what it would change.
        """
        return run(self._queue.retry_failed(dry_run=dry_run, **filter))

    def discard_failed(self, *, dry_run: bool = False, **filter: Unpack[Filter]) -> int:
        """Takes the failed tasks that fit off the list. Returns how many, less those of lost
        answers.

        With ``dry_run`` it changes nothing, and counts what it would change.
        """
        return run(self._queue.discard_failed(dry_run=dry_run, **filter))

    def cancel(self, *, dry_run: bool = False, **filter: Unpack[CancelFilter]) -> int:
        """Cancels the open tasks that fit: without a filter all of them.

        Returns how many, less those of lost answers; running ones count, which see the request at
        their next checkpoint. With ``dry_run`` it changes nothing, and counts what it would change.
        """
        return run(self._queue.cancel(dry_run=dry_run, **filter))


class Client:
    """A deployment of Handoff. It has no connection of its own, and needs no closing.

    ``url`` may have a path, such as ``http://127.0.0.1:3000/handoff``, and ``token`` is one of the
    deployment's ``api_tokens``. A request is sent ``attempts`` times at most; with 1 nothing is
    repeated. No repetition begins after the time ``within``. The server may be silent for
    ``timeout``, besides a wait that was asked for. ``ssl_context`` is that of https, and ``sleep``
    is used for the pauses, for tests.
    """

    def __init__(
        self,
        url: str,
        token: Optional[str] = None,
        *,
        attempts: int = 5,
        within: Duration = "1m",
        timeout: Duration = "30s",
        ssl_context: Optional[ssl.SSLContext] = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        transport = BlockingTransport(ssl_context, sleep)
        self._client = CoreClient(Http(transport, url, token, attempts, within, timeout))

    def enqueue(self, task: str, args: Any = None, **options: Unpack[EnqueueOptions]) -> Task:
        """Enqueues a task. Once this returns, the task is in the store."""
        return Task(run(self._client.enqueue(task, args, **options)))

    def batch(
        self,
        items: Sequence[BatchItem],
        *,
        queue: Optional[str] = None,
        once: bool = True,
        traceparent: Optional[str] = None,
    ) -> list[Union[Task, HandoffError]]:
        """Enqueues up to 1,000 tasks in one request.

        Valid ones are enqueued; in the place of each other one is its error. If none is valid, the
        first one's error is raised. With ``once`` each item without an idempotency key gets one, so
        that the batch can be repeated. Each item then costs as much as a request of its own, and
        without keys all cost two writes.
        """
        batch = self._client.batch(items, queue=queue, once=once, traceparent=traceparent)
        return [Task(entry) if isinstance(entry, AsyncTask) else entry for entry in run(batch)]

    def task(self, id: str) -> Task:
        """The task of an id. No request is made."""
        return Task(self._client.task(id))

    def chain(self, tasks: Sequence[Step], **options: Unpack[WorkflowOptions]) -> Workflow:
        """Enqueues tasks that run one after the other, each with the result of the one before."""
        return Workflow(run(self._client.chain(tasks, **options)))

    def group(
        self, tasks: Union[Sequence[Step], Each], **options: Unpack[WorkflowOptions]
    ) -> Workflow:
        """Enqueues tasks that run at once."""
        return Workflow(run(self._client.group(tasks, **options)))

    def chord(
        self,
        tasks: Union[Sequence[Step], Each],
        then: Step,
        **options: Unpack[WorkflowOptions],
    ) -> Workflow:
        """Enqueues tasks that run at once, and one more that gets all their results."""
        return Workflow(run(self._client.chord(tasks, then, **options)))

    def workflow(self, id: str) -> Workflow:
        """The workflow of an id. No request is made."""
        return Workflow(self._client.workflow(id))

    def schedule(self, name: str) -> Schedule:
        """The schedule of a name. No request is made."""
        return Schedule(self._client.schedule(name))

    def schedules(self) -> list[ScheduleObject]:
        """All schedules, in the order of their names. An unreadable one has only ``name`` and
        ``error``."""
        return run(self._client.schedules())

    def queue(self, name: str = "default") -> Queue:
        """The queue of a name. No request is made."""
        return Queue(self._client.queue(name))

    def queues(self) -> list[QueueObject]:
        """All queues, without statistics."""
        return run(self._client.queues())
