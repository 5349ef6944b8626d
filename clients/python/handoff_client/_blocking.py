"""Requests that block, by the standard library."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import (
    Any,
    Callable,
    Optional,
    TypeVar,
)
from urllib.parse import urlsplit

from ._http import Lost, lost

T = TypeVar("T")

_PIECE = 65_536


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that never waits for a loop, as all do over a blocking transport."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("a blocking transport must not wait for a loop")


def iterate(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The items of a generator that never waits for a loop."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())


class BlockingReply:
    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self._response = connection.getresponse()
        # `read1` itself neither counts the bytes nor minds a body that is too short.
        self._left = self._response.length
        self.status = self._response.status

    def header(self, name: str) -> Optional[str]:
        return self._response.getheader(name)

    async def piece(self) -> bytes:
        if self._left == 0:
            return b""
        try:
            piece = self._response.read1(min(_PIECE, self._left or _PIECE))
        except (OSError, http.client.HTTPException) as error:
            raise _lost(error) from error
        if self._left is not None:
            self._left -= len(piece)
            if not piece:
                raise Lost(f"{self._left} bytes of the body are missing")
        return piece

    async def close(self) -> None:
        self._response.close()
        self._connection.close()


class BlockingTransport:
    """Makes a connection for each request: so threads and forks share none, and none is stale."""

    def __init__(self, context: Optional[ssl.SSLContext], sleep: Callable[[float], None]) -> None:
        self._context = context
        self._sleep = sleep

    async def open(
        self, method: str, url: str, headers: dict[str, str], body: Optional[bytes], silence: float
    ) -> BlockingReply:
        scheme, netloc, path, query, _ = urlsplit(url)
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(netloc, timeout=silence, context=self._context)
        else:
            connection = http.client.HTTPConnection(netloc, timeout=silence)
        try:
            target = f"{path}?{query}" if query else path
            connection.request(method, target, body, {**headers, "connection": "close"})
            return BlockingReply(connection)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _lost(error) from error
        except BaseException:
            connection.close()
            raise

    async def sleep(self, seconds: float) -> None:
        self._sleep(seconds)


def _lost(error: Exception) -> Lost:
    # In Python 3.9 the timeout of a socket is not the builtin one.
    return lost(error, silent=isinstance(error, (TimeoutError, socket.timeout)))
