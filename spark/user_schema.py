"""The contract for Spark, derived entirely from its Avro schema."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bounded_avro
from bounded_avro import Schema, plain
from settings import Entity

Kind = Literal["uuid", "text", "timestamp"]

# An Avro decoder ignores trailing bytes. So these bytes are appended to the body and a field for them to the schema: a
# body is well-formed only if that field decodes to them. They are random, so a producer cannot forge them.
SENTINEL = os.urandom(16)
SENTINEL_FIELD = {"name": "__end", "type": {"type": "fixed", "name": "__End", "size": len(SENTINEL)}}


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind
    nullable: bool
    min_length: int | None
    max_length: int | None
    pattern: str | None


@dataclass(frozen=True)
class UserSchema:
    """The contract's fields in order, and the schemas for decoding them."""

    fields: tuple[Field, ...]
    id_field: str
    time_field: str
    avro: dict[str, Any]

    @staticmethod
    def parse(avsc: str, entity: Entity) -> "UserSchema":
        avro = json.loads(avsc)
        fields = tuple(_field(field) for field in avro["fields"])
        return UserSchema(fields, entity.id_field, entity.time_field, avro)

    @property
    def columns(self) -> list[str]:
        return [field.name for field in self.fields]

    def reader(self) -> str:
        """The reader's schema. Times stay numbers: Spark's own timestamps reject or shift those before 1900."""
        fields = [
            {"name": name, "type": branches, "default": None}
            if isinstance(branches, list)
            else {"name": name, "type": branches}
            for name, branches in ((field["name"], plain(field["type"])) for field in self.avro["fields"])
        ]
        return json.dumps({**plain(self.avro), "fields": [*fields, SENTINEL_FIELD]})

    def writer(self, text: str, references: Sequence[str] = ()) -> str | None:
        """
        The writer's schema prepared for resolution to `reader`, or None if its values cannot become users. The rules are
        those of Avro's "Schema Resolution" as contract/wire.ts applies them: of a union the branch that a value takes
        must be readable, and a time must have been written as one. `references` are the schemas whose names it uses,
        each before those that refer to it.
        """
        if sum(map(len, (text, *references))) > bounded_avro.MAX_LENGTH:
            return None
        try:
            schema = json.loads(text)
            if not isinstance(schema, dict) or schema.get("type") not in ("record", "error"):
                return None
            record = bounded_avro.plain(schema, [json.loads(reference) for reference in references])
            bounded_avro.check(record)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        if record != plain(self.avro):
            if record["name"] != plain(self.avro)["name"]:
                return None
            written = {field["name"]: field["type"] for field in schema["fields"]}
            for field in self.fields:
                readable = _readable(written[field.name], field) if field.name in written else field.nullable
                if not readable:
                    return None
        return json.dumps({**record, "fields": [*record["fields"], SENTINEL_FIELD]})


def _field(field: dict[str, Any]) -> Field:
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    written = next(branch for branch in branches if branch != "null")
    logical = written.get("logicalType") if isinstance(written, dict) else None
    return Field(
        name=field["name"],
        kind="uuid" if logical == "uuid" else "timestamp" if logical == "timestamp-millis" else "text",
        nullable="null" in branches,
        min_length=field.get("minLength"),
        max_length=field.get("maxLength"),
        pattern=field.get("pattern"),
    )


def _readable(written: Schema, field: Field) -> bool:
    if isinstance(written, list):
        return any(_readable(branch, field) for branch in written)
    kind, logical = written, None
    while isinstance(kind, dict):
        kind, logical = kind["type"], kind.get("logicalType", logical)
    if kind == "null":
        return field.nullable
    if field.kind == "timestamp":
        return kind in ("int", "long") and logical == "timestamp-millis"
    return kind in ("string", "bytes")
