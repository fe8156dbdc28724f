"""The contract for Spark, derived entirely from its Avro schema."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bounded_avro
from bounded_avro import PRIMITIVES, Schema, plain
from newer_schema import Known
from settings import Entity

Kind = Literal["uuid", "text", "int", "long", "double", "boolean", "timestamp", "date", "list"]
Rules = Mapping[str, Any]

#: What each kind is in an Avro schema: the type and the logical type.
KINDS: dict[tuple[str, str | None], Kind] = {
    ("string", "uuid"): "uuid",
    ("string", None): "text",
    ("int", None): "int",
    ("long", None): "long",
    ("double", None): "double",
    ("boolean", None): "boolean",
    ("long", "timestamp-millis"): "timestamp",
    ("int", "date"): "date",
    ("array", None): "list",
}
#: The Avro types that can become a value of each kind without changing it.
READABLE: dict[Kind, tuple[str, ...]] = {
    "uuid": ("string", "bytes"),
    "text": ("string", "bytes"),
    "int": ("int", "long"),
    "long": ("int", "long"),
    "double": ("int", "float", "double"),
    "boolean": ("boolean",),
    "timestamp": ("int", "long"),
    "date": ("int",),
    "list": ("array",),
}
LOGICAL = {"timestamp": "timestamp-millis", "date": "date"}

# An Avro decoder ignores trailing bytes. So these bytes are appended to the body and a field for them to the schema: a
# body is well-formed only if that field decodes to them. They are random, so a producer cannot forge them.
SENTINEL = os.urandom(16)
SENTINEL_FIELD = {"name": "__end", "type": {"type": "fixed", "name": "__End", "size": len(SENTINEL)}}


@dataclass(frozen=True)
class Field:
    """`rules` has the attributes of contract/fields.ts, `items` those for the items of a list."""

    name: str
    kind: Kind
    nullable: bool
    rules: Rules
    items: Rules


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
        fields = tuple(field_of(field) for field in avro["fields"])
        return UserSchema(fields, entity.id_field, entity.time_field, avro)

    @property
    def columns(self) -> list[str]:
        return [field.name for field in self.fields]

    @property
    def known(self) -> Known:
        return dict.fromkeys(self.columns)

    def reader(self) -> str:
        """
        The reader's schema. Times and dates stay numbers: Spark's own reject or shift those before 1900. An int is read
        as a long, which has the same encoding, so that one out of range is not cut to fit.
        """
        return json.dumps({**plain(self.avro), "fields": [*self.reader_fields(), SENTINEL_FIELD]})

    def reader_fields(self) -> list[dict[str, Any]]:
        return reader_fields(self.avro["fields"])

    def writer(self, text: str, references: Sequence[str] = ()) -> str | None:
        """
        The writer's schema prepared for resolution to `reader`, or None if its values cannot become users. The rules are
        those of Avro's "Schema Resolution" as contract/avro-types.ts applies them: of a union the branch that a value
        takes must be readable, and a time or a date must have been written as one. `references` are the schemas whose
        names it uses, each before those that refer to it.
        """
        written = WrittenRecord.parse(text, references)
        fields = self.writer_fields(written) if written else None
        return None if written is None or fields is None else written.with_fields(fields)

    def writer_fields(self, written: "WrittenRecord") -> list[dict[str, Any]] | None:
        """The fields of `writer`."""
        return writer_fields(written, self.avro, self.fields)


@dataclass(frozen=True)
class WrittenRecord:
    """A record's schema as it was written, and `plain`."""

    raw: dict[str, Any]
    plain: dict[str, Any]

    @staticmethod
    def parse(text: str, references: Sequence[str] = ()) -> "WrittenRecord | None":
        """None if it is no record, or one that could be costly to decode."""
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
        return WrittenRecord(schema, record)

    @property
    def raw_types(self) -> dict[str, Schema]:
        """The fields' types, with the logical ones."""
        return {field["name"]: field["type"] for field in self.raw["fields"]}

    def with_fields(self, fields: Iterable[dict[str, Any]]) -> str:
        return json.dumps({**self.plain, "fields": [*fields, SENTINEL_FIELD]})


def reader_fields(avro_fields: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contract's fields as they are read; a nullable one may be missing."""
    return [
        {"name": name, "type": branches, "default": None}
        if isinstance(branches, list)
        else {"name": name, "type": branches}
        for name, branches in ((field["name"], _widened(plain(field["type"]))) for field in avro_fields)
    ]


def writer_fields(
    written: WrittenRecord, avro: dict[str, Any], contract: Iterable[Field]
) -> list[dict[str, Any]] | None:
    """A writer's fields, prepared to be read as `contract`, fields of the record `avro`; None if they cannot be."""
    known = {field.name: field for field in contract}
    fields = written.plain["fields"]
    if written.plain != plain(avro):
        if written.plain["name"] != plain(avro)["name"]:
            return None
        raw = written.raw_types
        if not all(_readable(raw[name], field) if name in raw else field.nullable for name, field in known.items()):
            return None
        fields = [
            {"name": name, "type": _as_written(kind, raw[name], known[name]) if name in known else kind}
            for name, kind in ((field["name"], field["type"]) for field in fields)
        ]
    return [{**field, "type": _widened(field["type"])} if field["name"] in known else field for field in fields]


def field_of(field: dict[str, Any]) -> Field:
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    written = next(branch for branch in branches if branch != "null")
    kind, logical = _type_of(written)
    return Field(
        name=field["name"],
        kind=KINDS[kind, logical],
        nullable="null" in branches,
        rules=field,
        items=written["items"] if kind == "array" else {},
    )


def _type_of(written: Schema) -> tuple[Any, str | None]:
    """A type's name and its logical type, which may be wrapped in further objects."""
    kind, logical = written, None
    while isinstance(kind, dict):
        kind, logical = kind["type"], kind.get("logicalType", logical)
    return kind, logical


def _readable(written: Schema, field: Field) -> bool:
    if isinstance(written, list):
        return any(_readable(branch, field) for branch in written)
    kind, logical = _type_of(written)
    if isinstance(kind, list):
        return _readable(kind, field)
    if kind == "null":
        return field.nullable
    if kind not in READABLE[field.kind] or LOGICAL.get(field.kind, logical) != logical:
        return False
    return field.kind != "list" or _is_text(_items_of(written))


def _as_written(written: Schema, raw: Schema, field: Field) -> Schema:
    """
    A field's plain type in which the branches of a union that Avro could read, but the contract does not, are types
    that cannot be resolved: a plain number is no time, and a long is no double. `raw` has the logical types.
    """
    while isinstance(raw, dict):
        raw = raw["type"]
    if not isinstance(written, list) or not isinstance(raw, list):
        return written
    return [
        branch
        if branch == "null" or not isinstance(branch, str) or branch not in PRIMITIVES or _readable(raw[at], field)
        else {"type": "fixed", "name": f"__unreadable_{field.name}_{at}", "size": 1}
        for at, branch in enumerate(written)
    ]


def _items_of(written: Any) -> Schema:
    while "items" not in written:
        written = written["type"]
    return written["items"]


def _is_text(written: Schema) -> bool:
    if isinstance(written, list):
        return any(_is_text(branch) for branch in written)
    kind, _ = _type_of(written)
    return _is_text(kind) if isinstance(kind, list) else kind in ("string", "bytes")


def _widened(written: Schema) -> Schema:
    """A field's plain type with long for int, unless it is one of a union that has both."""
    if isinstance(written, list):
        return written if "long" in written else [_widened(branch) for branch in written]
    return "long" if written == "int" else written
