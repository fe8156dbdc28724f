"""Structured events on stderr, one logfmt line each, in the project's format; no personal data."""

import json
import sys
from datetime import datetime, timezone

_LEVELS = ("debug", "info", "warning", "error")
_minimum_level = 1


def open_log(level: str) -> None:
    global _minimum_level
    _minimum_level = _LEVELS.index(level) if level in _LEVELS else 1


def info(message: str, **properties: object) -> None:
    _write("info", message, properties)


def warn(message: str, **properties: object) -> None:
    _write("warning", message, properties)


def error(message: str, **properties: object) -> None:
    _write("error", message, properties)


def _write(level: str, message: str, properties: dict[str, object]) -> None:
    if _LEVELS.index(level) < _minimum_level:
        return
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = {"time": now, "level": level, "logger": "spark", "msg": message, **properties}
    sys.stderr.write(" ".join(f"{name}={_value(value)}" for name, value in pairs.items()) + "\n")
    sys.stderr.flush()


def _value(value: object) -> str:
    text = str(value)
    return (
        text
        if text and not any(character.isspace() or character in '="\\' for character in text)
        else json.dumps(text, ensure_ascii=False)
    )
