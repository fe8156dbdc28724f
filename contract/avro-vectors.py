"""Values of each kind of field as encoded by fastavro; contract/avro-types.test.ts compares its own bytes with them.

python contract/avro-vectors.py > contract/avro-vectors.json
"""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from fastavro import schemaless_writer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The type of each kind, and values in the contract's format.
KINDS: dict[str, tuple[Any, list[Any]]] = {
    "uuid": ({"type": "string", "logicalType": "uuid"}, ["c7a41086-06e3-4bfe-9c40-4e9da2df42c8"]),
    "text": ("string", ["", "Rachel", "O'Brien-Müller 🦉", "Зорян"]),
    "int": ("int", [0, -1, 64, -(2**31), 2**31 - 1]),
    "long": ("long", [0, 2**31, 2**52, -(2**52) - 1, -(2**53) + 1, 2**53 - 1]),
    "double": ("double", [0.0, -0.5, 0.1, 5e-324, 1e308]),
    "boolean": ("boolean", [True, False]),
    "timestamp": (
        {"type": "long", "logicalType": "timestamp-millis"},
        ["1955-12-31T23:59:59.999Z", "2026-01-15T06:00:00.000Z", "0001-01-01T00:00:00.000Z"],
    ),
    "date": ({"type": "int", "logicalType": "date"}, ["1970-01-01", "1969-12-31", "0001-01-01", "9999-12-31"]),
    "list": ({"type": "array", "items": "string"}, [[], [""], ["a", '"b", {c}', "🦉"]]),
}


def native(kind: str, value: Any) -> Any:
    match kind:
        case "uuid":
            return UUID(value)
        case "timestamp":
            return (datetime.fromisoformat(value) - EPOCH) // timedelta(milliseconds=1)
        case "date":
            return date.fromisoformat(value)
        case _:
            return value


def encode(avro_type: Any, value: Any) -> str:
    body = BytesIO()
    schemaless_writer(body, avro_type, value)
    return body.getvalue().hex()


def vectors() -> list[dict[str, Any]]:
    found = []
    for kind, (avro_type, values) in KINDS.items():
        for value in values:
            found.append(
                {
                    "kind": kind,
                    "value": value,
                    "bytes": encode(avro_type, native(kind, value)),
                    "nullableBytes": encode(["null", avro_type], native(kind, value)),
                }
            )
    return found


json.dump(vectors(), sys.stdout, ensure_ascii=False, indent=2)
print()
