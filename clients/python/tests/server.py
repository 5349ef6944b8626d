"""A server that expects requests, in their order, and has answers: see clients/README.md."""

from __future__ import annotations

import json
import math
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


class Scripted:
    """The server, while it is entered. At the end all requests must have come, and as expected."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self._exchanges = exchanges
        self._problems: list[str] = []
        self._keys: dict[str, str] = {}
        self._count = 0
        self._over = threading.Event()
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def answer(self) -> None:
                script._answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def check(self) -> None:
        """Fails unless all requests came, and as expected."""
        assert not self._problems, self._problems[0]
        assert self._count == len(self._exchanges), f"{self._count} requests came"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        number, self._count = self._count, self._count + 1
        try:
            what = f"{handler.command} {handler.path}"
            assert number < len(self._exchanges), f"one request is too many: {what}"
            self._compare(handler, body, self._exchanges[number]["request"])
        except AssertionError as problem:
            self._problems.append(str(problem))
            handler.send_error(418, "not what the script says")
            return
        self._reply(handler, self._exchanges[number]["answer"])

    def _compare(
        self, handler: BaseHTTPRequestHandler, body: bytes, expected: dict[str, Any]
    ) -> None:
        target = urlsplit(handler.path)
        same("method", handler.command, expected["method"])
        path = [unquote(part) for part in target.path.split("/")]
        same("path", path, [unquote(part) for part in expected["path"].split("/")])
        pairs = parse_qsl(target.query, keep_blank_values=True, strict_parsing=bool(target.query))
        query = dict(pairs)
        self._same_but_keys("query", query, expected.get("query", {}))
        for name, value in expected.get("headers", {}).items():
            same(name, handler.headers.get(name), value)
        for name in expected.get("absent", []):
            same(name, handler.headers.get(name), None)
        if "body" in expected:
            self._same_but_keys("body", json.loads(body), expected["body"])
        else:
            same("body", body, b"")

    def _same_but_keys(self, what: str, actual: Any, expected: Any) -> None:
        same(what, self._replaced(actual, expected), expected)

    def _replaced(self, value: Any, pattern: Any) -> Any:
        """The value, with patterns in the places of what they match."""
        if isinstance(value, str) and isinstance(pattern, str):
            if pattern.startswith("$key"):
                assert re.fullmatch("[0-9a-f]{32}", value), value
                others = [key for name, key in self._keys.items() if name != pattern]
                assert value not in others, "two keys are the same"
                return pattern if self._keys.setdefault(pattern, value) == value else value
            if pattern.startswith("$ms:"):
                least, most = pattern[4:].split("-")
                ms = re.fullmatch("([0-9]+)ms", value)
                return pattern if ms and int(least) <= int(ms[1]) <= int(most) else value
        if isinstance(value, dict) and isinstance(pattern, dict):
            return {name: self._replaced(item, pattern.get(name)) for name, item in value.items()}
        if isinstance(value, list) and isinstance(pattern, list) and len(value) == len(pattern):
            return [self._replaced(*pair) for pair in zip(value, pattern)]
        return value

    def _reply(self, handler: BaseHTTPRequestHandler, answer: dict[str, Any]) -> None:
        if answer.get("hang"):
            # Not longer, so that a client that waits for ever fails and ends.
            self._over.wait(20)
            handler.close_connection = True
            return
        if answer.get("drop"):
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        # Else a client may use the connection again just when it closes.
        status, headers = answer["status"], {"connection": "close", **answer.get("headers", {})}
        text = answer.get("text", "")
        if "json" in answer:
            kind = "application/problem+json" if status >= 400 else "application/json"
            headers.setdefault("content-type", kind)
            text = json.dumps(answer["json"])
        body = text.encode()
        if "pieces" in answer:
            pieces = [piece.encode("latin-1") for piece in answer["pieces"]]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            headers["transfer-encoding"] = "chunked"
            body += b"" if answer.get("cut") else b"0\r\n\r\n"
        elif status != 204:
            headers["content-length"] = str(len(body) + (1 if answer.get("cut") else 0))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        pause = answer.get("slow", 0) / 1000
        size = math.ceil(len(body) / 10) if pause else len(body)
        try:
            for at in range(0, len(body), size or 1):
                self._over.wait(pause)
                handler.wfile.write(body[at : at + size])
        except OSError:
            pass  # The client has left.


def same(what: str, actual: Any, expected: Any) -> None:
    assert actual == expected, f"{what} is {actual!r}, not {expected!r}"
