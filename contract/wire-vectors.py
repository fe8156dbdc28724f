"""Users in the Confluent wire format as encoded by fastavro; contract/wire.test.ts compares its own bytes with them.

python contract/wire-vectors.py > contract/wire-vectors.json
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from struct import pack
from uuid import UUID

from fastavro import parse_schema, schemaless_writer

SCHEMA_ID = 0x01020304
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SCHEMA = parse_schema(json.loads((Path(__file__).parent / "generated/users_created.avsc").read_text()))

RACHEL = {
    "id": "c7a41086-06e3-4bfe-9c40-4e9da2df42c8",
    "first_name": "Rachel",
    "last_name": "Kelley",
    "gender": "female",
    "email": "rachel.kelley@example.com",
    "username": "beautifulfish935",
    "phone": "021-892-1751",
    "address": "857 Alexander Road, Limerick, Kilkenny, Ireland",
    "post_code": "11174",
    "dob": "1978-04-22T07:00:07.471Z",
    "registered_date": "2019-08-19T08:16:27.068Z",
    "picture": "https://randomuser.me/api/portraits/med/women/63.jpg",
    "timestamp": "2026-01-15T06:00:00.000Z",
}
# Another script, times before 1970, and only the required fields.
ZORYAN = {
    **dict.fromkeys(RACHEL),
    "id": "9f1d7c3a-52e8-4b7c-a1d0-6e5f4c3b2a19",
    "first_name": "Зорян",
    "last_name": "O'Brien-Müller 🦉",
    "email": "z@example.com",
    "username": "z",
    "dob": "1955-12-31T23:59:59.999Z",
    "timestamp": "1969-12-31T23:59:59.999Z",
}


def value(field: str, text: str | None) -> str | int | UUID | None:
    if text is None:
        return None
    if field == "id":
        return UUID(text)
    if field in ("dob", "registered_date", "timestamp"):
        return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)
    return text


def encode(user: dict[str, str | None]) -> bytes:
    body = BytesIO()
    schemaless_writer(body, SCHEMA, {field: value(field, text) for field, text in user.items()})
    return pack(">bI", 0, SCHEMA_ID) + body.getvalue()


json.dump(
    {"schemaId": SCHEMA_ID, "vectors": [{"user": user, "bytes": encode(user).hex()} for user in (RACHEL, ZORYAN)]},
    sys.stdout,
    ensure_ascii=False,
    indent=2,
)
print()
