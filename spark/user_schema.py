"""The contract for Spark, derived entirely from users_created.avsc."""

import json
import os
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["uuid", "text", "timestamp"]
Schema = str | dict[str, Any] | list[Any]

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
    avro: dict[str, Any]

    @staticmethod
    def parse(avsc: str) -> "UserSchema":
        avro = json.loads(avsc)
        return UserSchema(tuple(_field(field) for field in avro["fields"]), avro)

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
        return json.dumps({**_head(self.avro), "fields": [*fields, SENTINEL_FIELD]})

    def writer(self, text: str) -> str | None:
        """
        The writer's schema prepared for resolution to `reader`, or None if its values cannot become users. The rules are
        those of Avro's "Schema Resolution" as contract/wire.ts applies them: every branch of a union must be readable,
        and a time must have been written as one.
        """
        try:
            schema = json.loads(text)
        except json.JSONDecodeError:
            return None
        if not isinstance(schema, dict) or schema.get("type") not in ("record", "error"):
            return None
        try:
            record = plain(schema)
        except (KeyError, TypeError, AttributeError):
            return None
        if record != plain(self.avro):
            if _full_name(schema) != _full_name(self.avro):
                return None
            written = {field["name"]: field["type"] for field in schema["fields"]}
            for field in self.fields:
                readable = _readable(written[field.name], field) if field.name in written else field.nullable
                if not readable:
                    return None
        return json.dumps({**record, "fields": [*record["fields"], SENTINEL_FIELD]})


def plain(schema: Schema) -> Any:
    """Only what determines the encoding: no logical types, defaults, aliases or docs."""
    if isinstance(schema, str):
        return schema
    if isinstance(schema, list):
        return [plain(branch) for branch in schema]
    kind = schema["type"]
    if isinstance(kind, (dict, list)):
        return plain(kind)
    match kind:
        case "record" | "error":
            fields = [{"name": field["name"], "type": plain(field["type"])} for field in schema["fields"]]
            return {**_head(schema), "fields": fields}
        case "enum":
            return {**_head(schema), "symbols": schema["symbols"]}
        case "fixed":
            return {**_head(schema), "size": schema["size"]}
        case "array":
            return {"type": kind, "items": plain(schema["items"])}
        case "map":
            return {"type": kind, "values": plain(schema["values"])}
        case _:
            return kind


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
        return all(_readable(branch, field) for branch in written)
    kind, logical = written, None
    while isinstance(kind, dict):
        kind, logical = kind["type"], kind.get("logicalType", logical)
    if kind == "null":
        return field.nullable
    if field.kind == "timestamp":
        return kind in ("int", "long") and logical == "timestamp-millis"
    return kind in ("string", "bytes")


def _head(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": schema["type"], "name": _full_name(schema)}


def _full_name(schema: dict[str, Any]) -> str:
    name, namespace = schema["name"], schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name
