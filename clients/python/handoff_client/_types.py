"""Fields as the API takes them, and objects as it shows them: docs/api.md explains each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Optional, TypedDict, Union

Duration = Union[int, str, timedelta]
"""A whole number of milliseconds, text such as ``"1.5s"``, ``"2h 30m"``, or a timedelta."""

Time = Union[datetime, str]
"""A time: a datetime with its zone, or text such as ``"2026-11-23T08:00:00Z"``."""

Priority = Literal["high", "normal", "low"]

State = Literal[
    "scheduled", "queued", "running", "retrying", "succeeded", "failed", "cancelled", "expired"
]


OpenState = Literal["scheduled", "queued", "running", "retrying"]
"""A state of a task that is not final."""


class Filter(TypedDict, total=False):
    """Which tasks of a queue: those that fit all that is given.

    ``task`` is the kind, and ``schedule`` the name of the schedule that enqueued them. ``text`` are
    1 to 200 characters of the id, the kind, the key or the arguments, in any case.

    ``error`` and ``since`` are of failed tasks: the form of the first line of the error, in which
    ``*`` stands for any text, and a time, or a duration until now such as ``"2h"``.
    """

    task: str
    key: str
    schedule: str
    text: str
    error: str
    since: str


class TasksFilter(Filter, total=False):
    """The same, and only tasks in this state."""

    state: State


class CancelFilter(Filter, total=False):
    """The same, and only tasks in this state."""

    state: OpenState


class Retry(TypedDict, total=False):
    """When failed attempts are tried again."""

    attempts: int
    initial: Duration
    factor: float
    max: Duration


class RunFields(TypedDict, total=False):
    """How one task runs."""

    timeout: Duration
    heartbeat_timeout: Duration
    retry: Retry


class CommonFields(TypedDict, total=False):
    """What tasks and workflows have in common.

    ``expires`` is a duration from now, or a time. Repeated requests with an ``idempotency_key`` get
    the same task; without one the client sends its own.
    """

    priority: Priority
    delay: Duration
    eta: Time
    expires: Union[Duration, datetime]
    retention: Duration
    webhook: str
    idempotency_key: str
    idempotency_ttl: Duration


class TaskFields(CommonFields, RunFields, total=False):
    """The fields of a task besides its kind and arguments."""

    key: str


class EnqueueOptions(TaskFields, total=False):
    """What ``enqueue`` takes.

    ``wait`` waits for the end, at most 60 s: the answer's object is final if it came in time.
    ``traceparent`` is the W3C trace that the task belongs to.
    """

    queue: str
    wait: Duration
    traceparent: str


class WorkflowOptions(CommonFields, total=False):
    """What ``chain``, ``group`` and ``chord`` take.

    ``on_failure`` says what happens when a task of a group does not succeed: the workflow ends at
    once, or when all have ended.
    """

    queue: str
    on_failure: Literal["fail", "wait"]
    wait: Duration
    traceparent: str


class _Kind(TypedDict):
    task: str


class BatchItem(_Kind, TaskFields, total=False):
    """A task of a batch."""

    args: Any


class Step(_Kind, RunFields, total=False):
    """A task of a workflow.

    ``into`` is the name under which ``args`` get the result of what came before; None for nowhere.
    """

    args: Any
    into: Optional[str]


class _Each(TypedDict):
    each: Sequence[Any]


class Each(_Kind, _Each, RunFields, total=False):
    """One task for each item of ``each``, which is its arguments."""


class ScheduleFields(_Kind, RunFields, total=False):
    """The fields of a schedule."""

    args: Any
    cron: str
    timezone: str
    every: Duration
    overlap: Literal["queue", "skip"]
    missed: Literal["skip", "latest", "all"]
    queue: str
    priority: Priority
    retention: Duration
    webhook: str
    key: str
    expires: Duration


class AttemptError(TypedDict):
    attempt: int
    started_at: str
    ended_at: str
    error: str


class LogLine(TypedDict):
    at: str
    attempt: int
    message: str


class Membership(TypedDict):
    id: str
    step: int
    index: int


class Occurrence(TypedDict):
    name: str
    at: str


class _Known(TypedDict):
    id: str
    state: State


class _Task(TypedDict, total=False):
    task: str
    args: Any
    result: Any
    error: str
    progress: Any
    message: str
    queue: str
    key: str
    priority: Priority
    attempt: int
    attempts_max: int
    errors: list[AttemptError]
    runs_lost: int
    logs: list[LogLine]
    logs_dropped: int
    enqueued_at: str
    next_at: str
    expires_at: str
    started_at: str
    ended_at: str
    timeout: str
    heartbeat_timeout: str
    retention: str
    webhook: str
    end_of: str
    retried_as: str
    retry_of: str
    workflow: Membership
    schedule: Occurrence
    traceparent: str
    repeated: bool


class TaskObject(_Known, _Task, total=False):
    """A task as the API shows it.

    Fields that do not apply are missing, and with a token that may not read all but ``id`` and
    ``state``.
    """


class _Place(TypedDict):
    step: int
    index: int


class Member(_Place, _Task, total=False):
    """A task of a workflow. Before it is enqueued it has only ``step`` and ``index``."""

    id: str
    state: State


class Progress(TypedDict):
    total: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int


class WorkflowObject(_Known, total=False):
    """A workflow as the API shows it; with a token that may not read ``id`` and ``state`` only."""

    workflow: Literal["chain", "group", "chord"]
    queue: str
    progress: Progress
    result: Any
    error: str
    enqueued_at: str
    next_at: str
    expires_at: str
    ended_at: str
    retention: str
    webhook: str
    retry_of: str
    tasks: str


class LastRun(TypedDict):
    at: str
    task_id: str


class ScheduleObject(ScheduleFields):
    """A schedule as the API shows it. It can be put again as it is."""

    name: str
    paused: bool
    next_run: Optional[str]
    last_run: Optional[LastRun]
    put_at: str


class _Queue(TypedDict):
    name: str
    paused: bool
    waiting: int
    workers: int
    computing: int


class QueueObject(_Queue, total=False):
    """A queue as the API shows it. A list, ``pause``, ``resume`` and ``purge`` leave out
    statistics."""

    waiting_by_priority: dict[Priority, int]
    system_waiting: int
    oldest_waiting: Optional[str]
    running: int
    failed: int
    keeper_lag: str
    ended: dict[str, int]
    limits: dict[str, Any]
    latency: Optional[dict[str, str]]
    run: Optional[dict[str, str]]
    purged: int


class _StateData(TypedDict):
    state: State
    attempt: int


class StateData(_StateData, total=False):
    started_at: str
    next_at: str
    error: str


class _ProgressData(TypedDict):
    progress: Any


class ProgressData(_ProgressData, total=False):
    message: str


@dataclass(frozen=True)
class StateEvent:
    """The task's state changed, or it continues in another instance."""

    id: str
    data: StateData
    type: Literal["state"] = "state"


@dataclass(frozen=True)
class ProgressEvent:
    """The task reported progress."""

    id: str
    data: ProgressData
    type: Literal["progress"] = "progress"


@dataclass(frozen=True)
class LogEvent:
    """The task logged a line."""

    id: str
    data: LogLine
    type: Literal["log"] = "log"


@dataclass(frozen=True)
class EndEvent:
    """The task is final."""

    id: str
    data: TaskObject
    type: Literal["end"] = "end"


TaskEvent = Union[StateEvent, ProgressEvent, LogEvent, EndEvent]
"""What happens to a task. ``id`` is what ``last_event_id`` takes."""
