"""Parses one record of the change topic, like stream/user-changes/change-events.ts. Pure; runs on the executors."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from user_schema import Field

# Debezium's placeholder for an unchanged large value that PostgreSQL did not log.
UNAVAILABLE = "__debezium_unavailable_value"
# The largest integer that a JavaScript number holds exactly.
GREATEST_INT = 2**53 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # not datetime.UTC: Spark images have Python 3.10
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?")


class ChangeEvent(NamedTuple):
    """
    `kind` is upsert, read (by a snapshot), delete, nothing or rejected. `user` is in the contract's order, times in
    milliseconds; `kept` lists columns that Cassandra must not change; `unknown` lists columns with a value that are not in
    the contract. `commit` is in microseconds since 1970; for
    `read` it is the time at which the snapshot read the row.
    """

    kind: str
    reason: str | None = None
    detail: str | None = None
    user: tuple[Any, ...] | None = None
    kept: list[str] | None = None
    unknown: list[str] | None = None
    commit: int | None = None
    total_order: int | None = None
    lsn: int | None = None


NOTHING = ChangeEvent("nothing")


class _RejectedError(Exception):
    """(reason, detail)"""


def read_change_event(key: bytes | None, value: bytes | None, fields: Sequence[Field], id_field: str) -> ChangeEvent:
    if value is None:
        return NOTHING  # a tombstone for compaction; it follows the delete
    unknown: list[str] = []
    try:
        envelope = _envelope(value)
        unknown = _unknown(envelope, fields)
        match envelope["op"]:
            case "c" | "u" | "r":
                return _upsert(envelope, fields, unknown)
            case "d":
                return _delete(envelope, key, fields, id_field)
            case "m":
                return NOTHING  # a logical decoding message, not tied to a row
            case "t":
                raise _RejectedError(
                    "unsupported_change", "a TRUNCATE names no row: the table lacks its trigger for it"
                )
            case other:
                raise _RejectedError("unsupported_change", f"op is {json.dumps(other)}")
    except _RejectedError as why:
        reason, detail = why.args
        return ChangeEvent("rejected", reason, detail, unknown=unknown)


def _envelope(value: bytes) -> dict[str, Any]:
    envelope = _object(value, "the value")
    _expect(isinstance(envelope.get("op"), str), "op: expected a string")
    for name in ("before", "after"):
        _expect(isinstance(envelope.get(name), dict | None), f"{name}: expected an object")
    source = envelope.get("source")
    _expect(isinstance(source, dict), "source: expected an object")
    _expect(_is_int(source.get("ts_us")), "source.ts_us: expected an integer")
    _expect(source.get("lsn") is None or _is_int(source["lsn"]), "source.lsn: expected an integer")
    transaction = envelope.get("transaction")
    _expect(isinstance(transaction, dict | None), "transaction: expected an object")
    if transaction is not None:
        total_order = transaction.get("total_order")
        _expect(_is_int(total_order) and total_order > 0, "transaction.total_order: expected a positive integer")
    return envelope


def _unknown(envelope: dict[str, Any], fields: Sequence[Field]) -> list[str]:
    """A null loses nothing, and a deleted row has nothing to lose."""
    known = {field.name for field in fields}
    return [name for name, value in (envelope.get("after") or {}).items() if name not in known and value is not None]


def _upsert(envelope: dict[str, Any], fields: Sequence[Field], unknown: list[str]) -> ChangeEvent:
    op, before, after = envelope["op"], envelope.get("before") or {}, envelope.get("after")
    _expect(after is not None, f"after: missing, with op {op}")
    values: list[Any] = []
    kept: list[str] = []
    for field in fields:
        value = after.get(field.name)
        if _is_omitted(value):
            # `before` has the omitted value if PostgreSQL logs whole rows.
            logged = before.get(field.name)
            value = value if logged is None else logged
        # A nullable column that is missing was added to the table later.
        if _is_omitted(value) or (field.name not in after and field.nullable):
            kept.append(field.name)
            values.append(None)
        elif field.name not in after:
            raise _RejectedError("invalid_user", f"{field.name}: missing")
        else:
            values.append(None if value is None else _value_of(field, value))
    if op == "r":
        return ChangeEvent("read", None, None, tuple(values), kept, unknown, int(envelope["source"]["ts_us"]), 1, 0)
    return ChangeEvent("upsert", None, None, tuple(values), kept, unknown, *_position(envelope))


def _delete(envelope: dict[str, Any], key: bytes | None, fields: Sequence[Field], id_field: str) -> ChangeEvent:
    before = envelope.get("before")
    named = before if before is not None or key is None else _object(key, "the key")
    found = (named or {}).get(id_field)
    if not isinstance(found, str):
        raise _RejectedError("invalid_user", f"{id_field}: expected a string")
    user = tuple(found if field.name == id_field else None for field in fields)
    return ChangeEvent("delete", None, None, user, [], [], *_position(envelope))


def _position(envelope: dict[str, Any]) -> tuple[int, int, int]:
    source, transaction = envelope["source"], envelope.get("transaction") or {}
    _expect(source.get("lsn") is not None, "source.lsn: missing")
    return int(source["ts_us"]), int(transaction.get("total_order", 1)), int(source["lsn"])


def _is_omitted(value: object) -> bool:
    return value == UNAVAILABLE or value == [UNAVAILABLE]


def _value_of(field: Field, value: Any) -> Any:
    """A column's value as it is decoded from Avro: times in milliseconds, dates in days, since 1970."""
    match field.kind:
        case "int" | "long" | "date":
            if _is_int(value):
                return int(value)
            raise _RejectedError("invalid_user", f"{field.name}: expected an integer of up to 53 bits")
        case "double":
            if isinstance(value, int | float) and not isinstance(value, bool):
                return _double(value)
        case "boolean":
            if isinstance(value, bool):
                return value
        case "list":
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return value
        case "timestamp":
            if isinstance(value, str):
                return _milliseconds(field.name, value)
        case _:
            if isinstance(value, str):
                return value
    raise _RejectedError("invalid_user", f"{field.name}: expected a {field.kind}")


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _milliseconds(name: str, text: str) -> int:
    """ISO 8601 with any number of fractional digits: PostgreSQL keeps microseconds, the contract milliseconds."""
    parts = _TIME.fullmatch(text)
    try:
        whole = datetime.fromisoformat(parts[1] + (parts[3] or "Z").replace("Z", "+00:00")) - EPOCH if parts else None
    except ValueError:
        whole = None
    if whole is None:
        raise _RejectedError("invalid_user", f"{name}: expected a time")
    return (whole.days * 86_400 + whole.seconds) * 1_000 + int((parts[2] or "").ljust(3, "0")[:3])


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        parsed = json.loads(bytes(text).decode("utf-8", "replace"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise _RejectedError("undecodable", f"{what} is not JSON") from None
    _expect(isinstance(parsed, Mapping), f"{what} is not an object")
    return parsed


def _reject_constant(word: str) -> None:
    raise ValueError(word)


def _is_int(value: object) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and abs(value) <= GREATEST_INT


def _expect(condition: bool, detail: str) -> None:
    if not condition:
        raise _RejectedError("undecodable", detail)
