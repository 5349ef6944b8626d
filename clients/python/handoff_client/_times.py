"""Durations and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ._types import Duration

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d) ?)+")
_PART = re.compile(r"([0-9.]+)([a-z]+)")

_DURATIONS = {
    "delay",
    "every",
    "expires",
    "heartbeat_timeout",
    "idempotency_ttl",
    "initial",
    "max",
    "retention",
    "timeout",
}


def milliseconds(duration: Duration) -> float:
    """The milliseconds of a duration."""
    if isinstance(duration, timedelta):
        duration = duration // timedelta(milliseconds=1)
    if isinstance(duration, (int, float)) and duration >= 0:
        return duration
    if isinstance(duration, str) and _TEXT.fullmatch(duration):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(duration))
    what = "write milliseconds, text such as '1.5s', or a timedelta"
    raise ValueError(f"{duration!r} is not a duration: {what}")


def written(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as the API takes them: durations and times are text."""
    return {name: _written(name, value) for name, value in fields.items()}


def _written(name: str, value: Any) -> Any:
    if name in _DURATIONS and type(value) is int:
        return f"{value}ms"
    if name in _DURATIONS and isinstance(value, timedelta):
        return f"{value // timedelta(milliseconds=1)}ms"
    if name in ("eta", "expires") and isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no time zone: {value!r}")
        text = value.astimezone(timezone.utc).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")
    if name == "retry" and value:
        return written(value)
    return value
