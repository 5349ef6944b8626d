"""Server-sent events, as the HTML standard says."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Optional

# `str.splitlines` would also split at U+2028 and others, which JSON may contain.
_LINE_END = re.compile("\r\n|\r|\n")


class EventParser:
    """Reads events from bytes that come in pieces: characters and line ends may be cut in two."""

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        """The id of the last event that was complete. It stays until an event has another one."""
        self.retry_ms: Optional[int] = None
        """What the server says about the time before a reconnection."""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._id = last_event_id
        self._name = ""
        self._data: list[str] = []
        self._line = ""
        self._after_cr = False

    def feed(self, piece: bytes) -> Iterator[tuple[str, str]]:
        """The names and data of the events that this piece completes."""
        text = self._decoder.decode(piece)
        if not text:
            return
        after_cr, self._after_cr = self._after_cr, text.endswith("\r")
        if after_cr and text.startswith("\n"):
            text = text[1:]
        *lines, self._line = _LINE_END.split(self._line + text)
        for line in lines:
            if line:
                self._field(line)
            else:
                yield from self._dispatch()

    def _dispatch(self) -> Iterator[tuple[str, str]]:
        # Not before: the event of an id that is cut off must come again.
        self.last_event_id = self._id
        name, data = self._name or "message", self._data
        self._name, self._data = "", []
        if data:
            yield name, "\n".join(data)

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        if value.startswith(" "):
            value = value[1:]
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and re.fullmatch("[0-9]{1,15}", value):
            self.retry_ms = int(value)
