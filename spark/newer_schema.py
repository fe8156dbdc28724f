"""Tells a schema of a newer contract from that of another producer, like contract/newer-schema.ts."""

import json
from collections.abc import Mapping
from typing import Any, Optional

#: The attribute of the generated schema that lists the contract's fields.
CONTRACT = "contract"

#: The names of a record's fields; with a name, the fields of the record that it contains, or None.
Known = Mapping[str, Optional["Known"]]


def newer_fields(writer: str, known: Known, record: str) -> list[str]:
    """
    The fields of a writer's schema that belong to the contract, but not to this version of it. A record with another name
    than `record` is not the contract's in this topic, whatever it says.
    """
    try:
        schema = json.loads(writer)
        return _newer_in(schema, known) if schema["name"].rpartition(".")[2] == record else []
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _newer_in(schema: Any, known: Known) -> list[str]:
    ours, written = (schema.get(CONTRACT), schema.get("fields")) if isinstance(schema, dict) else (None, None)
    if not isinstance(ours, list) or not isinstance(written, list):
        return []
    newer = []
    for field in written:
        name = field["name"]
        if name in ours and name not in known:
            newer.append(name)
        elif name in ours and (inner := known[name]) is not None:
            branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
            newer += [f"{name}.{each}" for branch in branches for each in _newer_in(branch, inner)]
    return newer
