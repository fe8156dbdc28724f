"""Tells a schema of a newer contract from that of another producer, like contract/newer-schema.ts."""

import json
from collections.abc import Collection

#: The attribute of the generated schema that lists the contract's fields.
CONTRACT = "contract"


def newer_fields(writer: str, known: Collection[str]) -> list[str]:
    """The fields of a writer's schema that belong to the contract, but not to this version of it."""
    try:
        schema = json.loads(writer)
        ours, written = schema[CONTRACT], [field["name"] for field in schema["fields"]]
        return [name for name in written if name in ours and name not in known]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []
