"""Requests on an event loop, by httpx.

Most who use FastAPI have httpx already: its tests need it. The standard library has no client for
event loops, and one of our own would have to do HTTP's framing, TLS and pooling once more.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Callable, Optional

import httpx

from ._http import Lost, lost


class HttpxReply:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._pieces = response.aiter_bytes()
        self.status = response.status_code

    def header(self, name: str) -> Optional[str]:
        value: Optional[str] = self._response.headers.get(name)
        return value

    async def piece(self) -> bytes:
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
            return b""
        except httpx.RequestError as error:
            raise _lost(error) from error

    async def close(self) -> None:
        await self._response.aclose()


class HttpxTransport:
    def __init__(
        self, client: Optional[httpx.AsyncClient], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        # Each wait and each stream has a connection for as long as it takes.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        # With a transport the proxies of the environment are left out, which would see the token.
        # `trust_env=False` would leave out certificates, too, which the blocking client uses.
        own = httpx.AsyncHTTPTransport(limits=limits)
        self._client = client or httpx.AsyncClient(transport=own)
        self._is_own = client is None
        self._sleep = sleep

    async def open(
        self, method: str, url: str, headers: dict[str, str], body: Optional[bytes], silence: float
    ) -> HttpxReply:
        request = self._client.build_request(
            method, url, headers=headers, content=body, timeout=silence
        )
        try:
            response = await self._client.send(request, stream=True, follow_redirects=False)
        except httpx.RequestError as error:
            raise _lost(error) from error
        return HttpxReply(response)

    async def sleep(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def close(self) -> None:
        if self._is_own:
            await self._client.aclose()


def _lost(error: httpx.RequestError) -> Lost:
    inner = _below(error) if isinstance(error, httpx.ConnectError) else error
    return lost(inner, silent=isinstance(error, httpx.TimeoutException))


def _below(error: Exception) -> Exception:
    """The system's error, if that is why a connection could not be made."""
    found = error
    inner: Optional[BaseException] = error
    while inner is not None:
        if isinstance(inner, OSError):
            found = inner
        # A group has an error for each address of the host.
        group = getattr(inner, "exceptions", None)
        # The context of the system's error may be what the caller handles at this moment.
        context = None if isinstance(inner, OSError) else inner.__context__
        inner = group[0] if group else inner.__cause__ or context
    return found
