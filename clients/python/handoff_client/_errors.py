"""Errors, and what an answer says about them."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ._types import AttemptError


class HandoffError(Exception):
    """The base of all errors of this client.

    ``type`` is the last part of ``urn:handoff:problem:…``, and None where the answer was no problem
    document of Handoff. ``status`` is None where there was no answer. ``detail`` says what is
    wrong, and ``field`` names the field that is to blame.
    """

    def __init__(
        self,
        message: str,
        type: Optional[str] = None,
        status: Optional[int] = None,
        detail: Optional[str] = None,
        field: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.type = type
        self.status = status
        self.detail = detail
        self.field = field

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is else made anew from its message, which not all of these are made from.
        return _bare, (self.__class__, self.args), self.__dict__


class InvalidRequest(HandoffError):
    """A field, a parameter or the body can't be used, or is too large: 400, 405, 413, 415.

    Without a request, if an id or a name is empty, ``.`` or ``..``.
    """


class Unauthorized(HandoffError):
    """There is no known token: 401."""


class Forbidden(HandoffError):
    """The token's scopes don't suffice, or the page or host may not call: 403."""


class NotFound(HandoffError):
    """There is no such task, workflow, queue, schedule or path: 404."""


class Conflict(HandoffError):
    """The state of a task, or an idempotency key, stands against the request: 409, 422."""


class Unavailable(HandoffError):
    """There was no answer, or one that says to come back later: 408, 429, 502, 503, 504.

    What was asked for may have happened all the same.
    """


class TimeoutError(HandoffError, builtins.TimeoutError):
    """The task or workflow was not final in time. It goes on."""


class TaskError(HandoffError):
    """The task or workflow is final, and did not succeed. ``object`` shows it."""

    def __init__(self, object: Mapping[str, Any]) -> None:
        state = object["state"]
        end = f"failed: {object.get('error')}" if state == "failed" else f"is {state}"
        super().__init__(f"{object['id']} {end}")
        self.object = object


class TaskFailed(TaskError):
    """The task or workflow failed for good."""

    @property
    def error(self) -> Optional[str]:
        """Why it failed."""
        error: Optional[str] = self.object.get("error")
        return error

    @property
    def errors(self) -> list[AttemptError]:
        """The attempts that failed. A workflow has none."""
        errors: list[AttemptError] = self.object.get("errors", [])
        return errors


class TaskCancelled(TaskError):
    """The task or workflow was cancelled."""


class TaskExpired(TaskError):
    """The task or workflow did not begin before it expired."""


def _bare(kind: type[HandoffError], args: tuple[Any, ...]) -> HandoffError:
    """An error that lacks its fields, for pickle and copy."""
    error = kind.__new__(kind)
    error.args = args
    return error


_BY_STATUS: dict[int, type[HandoffError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    408: Unavailable,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: Conflict,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}

_PREFIX = "urn:handoff:problem:"
_EXCERPT_MAX = 200


def of_problem(value: Any, clean: Callable[[str], str]) -> Optional[HandoffError]:
    """The error that a problem document describes, or None if ``value`` is none.

    Free text is cleaned.
    """
    if not isinstance(value, dict):
        return None
    type, status = value.get("type"), value.get("status")
    if not isinstance(type, str) or not type.startswith(_PREFIX) or not isinstance(status, int):
        return None
    type = type[len(_PREFIX) :]
    detail, field = (
        clean(text) if isinstance(text, str) else None
        for text in (value.get("detail"), value.get("field"))
    )
    kind = _BY_STATUS.get(status, HandoffError)
    return kind(f"{status} {type}: {detail or ''}", type, status, detail, field)


def of_foreign(request: str, status: int, content_type: str, body: str) -> HandoffError:
    """The error for an answer to ``request`` that Handoff did not give, such as a proxy's page."""
    excerpt = re.sub(r"\s+", " ", body).strip()
    if len(excerpt) > _EXCERPT_MAX:
        excerpt = excerpt[:_EXCERPT_MAX] + "…"
    what = f"with {content_type}: {excerpt}" if excerpt else "without a body"
    hint = "; is a part of the path missing, such as /handoff?" if status == 404 else ""
    # Another server's 404 or 403 says nothing about a task or a token.
    kind = Unavailable if _BY_STATUS.get(status) is Unavailable else HandoffError
    message = f"{request}: an answer that is not Handoff's: {status} {what}{hint}"
    return kind(message, status=status)
