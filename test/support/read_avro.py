"""Reads values in the Confluent wire format with fastavro: hex on stdin, JSON on stdout, one per line.

python read_avro.py users_created.avsc SCHEMA_ID
"""

import json
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from struct import unpack

from fastavro import parse_schema, schemaless_reader

schema = parse_schema(json.loads(Path(sys.argv[1]).read_text()))


def text(value: object) -> str | None:
    if isinstance(value, datetime):
        # isoformat, because strftime does not pad the year 1
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return None if value is None else str(value)


for line in sys.stdin:
    value = bytes.fromhex(line.strip())
    assert unpack(">bI", value[:5]) == (0, int(sys.argv[2])), value[:5]
    body = BytesIO(value[5:])
    user = schemaless_reader(body, schema, None)
    assert not body.read(), "trailing bytes"
    print(json.dumps({field: text(it) for field, it in user.items()}))
