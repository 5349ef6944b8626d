"""Sends requests, and repeats those that may be repeated."""

from __future__ import annotations

import json
import math
import os
import random
import re
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Optional, Protocol, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from ._errors import (
    HandoffError,
    InvalidRequest,
    NotFound,
    TimeoutError,
    Unavailable,
    of_foreign,
    of_problem,
)
from ._times import milliseconds
from ._types import Duration

T = TypeVar("T")

# The first pause is at most so long; each further one at most twice as long as the one before.
_PAUSE_MS = 500
_PAUSE_MAX_MS = 8_000
# The answer to a wait may take so long on its way.
_GRACE = 1.0


class Lost(Exception):
    """A connection that could not be made, or broke, or was silent for too long."""


class Silent(Lost):
    """A connection that was silent for too long."""


def lost(error: Exception, *, silent: bool) -> Lost:
    """What became of a connection, by the error of a transport."""
    return Silent("nothing came in time") if silent else Lost(_reason(error))


def _reason(error: Exception) -> str:
    """Why a connection failed, without the number of the error."""
    if isinstance(error, ConnectionError) and error.errno:
        # A loop has words of its own, with the address.
        return os.strerror(error.errno).lower()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Reply(Protocol):
    """An answer whose body is still to be read."""

    status: int

    def header(self, name: str) -> Optional[str]: ...

    async def piece(self) -> bytes:
        """What comes next of the body; nothing at its end. Raises Lost."""
        ...

    async def close(self) -> None: ...


class Transport(Protocol):
    """How requests are made: blocking, or not."""

    async def open(
        self, method: str, url: str, headers: dict[str, str], body: Optional[bytes], silence: float
    ) -> Reply:
        """Sends a request. Raises Lost, and Silent after ``silence`` seconds without anything."""
        ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass
class Call:
    """A request, until it is answered for good."""

    method: str
    path: str
    """Encoded, without the URL's own path."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, Optional[str]] = field(default_factory=dict)
    body: Any = None
    repeat: bool = True
    """Whether it may be sent again when it is not known what became of it."""
    gone_is_done: bool = False
    """Whether a 404 to a repetition means that an earlier attempt did it."""
    held_ms: float = 0
    """How long the server was asked to wait, or may do so by itself."""
    until: float = math.inf
    """No repetition begins after this time of ``time.monotonic``.

    An answer that is not whole soon after it is a TimeoutError.
    """
    answer: Optional[str] = None
    """A field of Handoff's answer. Without it the answer is another application's."""


def path(text: str, *names: str) -> str:
    """A path with each name in it as one segment."""
    return text.format(*map(_segment, names))


def _segment(name: str) -> str:
    # They are no segments: the path would be that of something else.
    if name in ("", ".", ".."):
        raise InvalidRequest(f'"{name}" is neither an id nor a name')
    return quote(name, safe="")


def _is_address(parts: SplitResult) -> bool:
    """Whether the host and the port can be used."""
    try:
        return parts.port != 0 and not re.search(r"[\x00-\x20\x7f]", parts.netloc)
    except ValueError:
        return False


class Http:
    """Sends requests to one deployment."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        token: Optional[str],
        attempts: int,
        within: Duration,
        timeout: Duration,
    ) -> None:
        parts = urlsplit(url)
        # The messages show neither: a password, or a token, may be in it.
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("the URL must be http or https, without a user name")
        if parts.query or parts.fragment:
            raise ValueError("the URL must have no query and no fragment")
        if not _is_address(parts):
            raise ValueError("the URL has a host or a port that can't be used")
        # The characters of a token by RFC 6750.
        if token is not None and not re.fullmatch("[A-Za-z0-9._~+/-]+=*", token):
            raise ValueError("the token is empty, or has a character that no token can have")
        base_path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self._base = f"{parts.scheme}://{parts.netloc}{base_path}"
        self._token = token
        self._attempts = attempts
        self._within_ms = milliseconds(within)
        self._timeout_ms = milliseconds(timeout)
        self.transport = transport

    @property
    def repeats(self) -> bool:
        """Whether requests are repeated at all."""
        return self._attempts > 1

    async def json(self, call: Call) -> Any:
        """Sends a request and returns the JSON of its answer; None for a 204."""

        async def read(reply: Reply) -> Any:
            text = await read_text(reply, call.until + _GRACE)
            if reply.status == 204:
                return None
            try:
                value = json.loads(text)
            except ValueError:
                raise self.foreign(call, reply, text) from None
            if call.answer and not (isinstance(value, dict) and call.answer in value):
                raise self.foreign(call, reply, text)
            return value

        return await self.send(call, read)

    async def send(self, call: Call, read: Callable[[Reply], Awaitable[T]]) -> T:
        """Sends a request, again if it may be, until there is an answer to read.

        A reader that returns must have closed the answer, or keep it open for a stream.
        """
        begin = time.monotonic()
        end = min(begin + self._within_ms / 1000, call.until)
        number = 1
        while True:
            after_ms = 0.0
            try:
                reply = await self._open(call)
                try:
                    if 200 <= reply.status < 300:
                        return await read(reply)
                    text = await read_text(reply, call.until + _GRACE)
                    failure = self._failure(call, reply, text)
                except BaseException:
                    await reply.close()
                    raise
                again, after_ms = _is_transient(failure), _retry_after_ms(reply)
            except Lost as lost:
                attempts = "1 attempt" if number == 1 else f"{number} attempts"
                effort = f"{attempts} in {time.monotonic() - begin:.1f} s"
                reason = self._clean(str(lost))
                message = f"{self._shown(call)}: no answer: {reason} ({effort})"
                if isinstance(lost, Silent) and time.monotonic() >= call.until:
                    raise TimeoutError(message) from lost.__cause__
                failure, again = Unavailable(message), True
                failure.__cause__ = lost.__cause__
            if call.gone_is_done and number > 1 and isinstance(failure, NotFound):
                return None  # type: ignore[return-value]
            # Full jitter, behind the time that the server asks for.
            pause_ms = after_ms + random.random() * min(
                _PAUSE_MAX_MS, _PAUSE_MS * 2 ** (number - 1)
            )
            may = again and call.repeat and number < self._attempts
            if not may or time.monotonic() + pause_ms / 1000 > end:
                raise failure
            await self.transport.sleep(pause_ms / 1000)
            number += 1

    async def _open(self, call: Call) -> Reply:
        query = f"?{urlencode(call.query)}" if call.query else ""
        headers = {"accept": "application/json"}
        headers.update({name: value for name, value in call.headers.items() if value is not None})
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        body = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            text = json.dumps(call.body, ensure_ascii=False, allow_nan=False)
            body = text.encode()
        left = max(0, call.until - time.monotonic()) + _GRACE
        silence = min((self._timeout_ms + call.held_ms) / 1000, left)
        url = self._base + call.path + query
        return await self.transport.open(call.method, url, headers, body, silence)

    def _failure(self, call: Call, reply: Reply, text: str) -> HandoffError:
        if 300 <= reply.status < 400:
            # A redirected POST would become a GET.
            to = self._clean(reply.header("location") or "another URL")
            message = f"the URL redirects to {to}: use that one"
            return HandoffError(message, status=reply.status)
        try:
            problem = self.problem(json.loads(text))
        except ValueError:
            problem = None
        return problem or self.foreign(call, reply, text)

    def problem(self, value: Any) -> Optional[HandoffError]:
        """The error that a problem document describes, or None if ``value`` is none."""
        return of_problem(value, self._clean)

    def foreign(self, call: Call, reply: Reply, text: str) -> HandoffError:
        """The error for an answer that is not Handoff's."""
        content_type = self._clean(reply.header("content-type") or "an untyped body")
        return of_foreign(self._shown(call), reply.status, content_type, self._clean(text))

    def _shown(self, call: Call) -> str:
        """A request, for messages."""
        return self._clean(f"{call.method} {self._base}{call.path}")

    def _clean(self, text: str) -> str:
        """Leaves out the token, which a server may send back, or a path may have."""
        if self._token is None:
            return text
        encoded = quote(self._token, safe="")
        return text.replace(self._token, "[token]").replace(encoded, "[token]")


async def read_text(reply: Reply, end: float = math.inf) -> str:
    """The whole body. The answer is closed afterwards.

    Raises Silent if more is to come at the time ``end``.
    """
    pieces = []
    while True:
        piece = await reply.piece()
        if not piece:
            break
        pieces.append(piece)
        if time.monotonic() > end:
            raise Silent("the time is over")
    await reply.close()
    return b"".join(pieces).decode("utf-8", "replace")


def _is_transient(failure: HandoffError) -> bool:
    """Whether another attempt may have another answer."""
    if failure.status == 500:
        # The host's own 500: its instance ended before it answered.
        return failure.type in (None, "component-failed")
    return failure.type == "idempotency-key-busy" or failure.status in (408, 429, 502, 503, 504)


def _retry_after_ms(reply: Reply) -> float:
    """The time that ``Retry-After`` asks for, in seconds or as a date; 0 if it is unreadable."""
    text = (reply.header("retry-after") or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text) * 1000
    try:
        date = parsedate_to_datetime(text)
        seconds = (date.replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)).total_seconds()
    except (TypeError, ValueError, OverflowError, IndexError):
        return 0
    return max(0, seconds * 1000)
