"""The contract of edits for Spark, derived from its Avro schema, which contains a user's."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bounded_avro
from bounded_avro import Schema, plain
from newer_schema import Known
from settings import Entity
from user_schema import SENTINEL_FIELD, Field, UserSchema, WrittenRecord, field_of, reader_fields, writer_fields

#: The field with the whole user, null in a deletion.
USER = "user"


@dataclass(frozen=True)
class EditSchema:
    """`fields` are those of an edit but `user`, and `user` is the schema of what that contains."""

    fields: tuple[Field, ...]
    user: UserSchema
    avro: dict[str, Any]

    @staticmethod
    def parse(avsc: str, entity: Entity) -> "EditSchema":
        avro = json.loads(avsc)
        types = {field["name"]: field["type"] for field in avro["fields"]}
        user = next(branch for branch in types[USER] if branch != "null")
        fields = tuple(field_of(field) for field in avro["fields"] if field["name"] != USER)
        return EditSchema(fields, UserSchema.parse(json.dumps(user), entity), avro)

    @property
    def known(self) -> Known:
        return {field["name"]: self.user.known if field["name"] == USER else None for field in self.avro["fields"]}

    def reader(self) -> str:
        """The reader's schema, by the rules of UserSchema.reader."""
        user = {**plain(self.user.avro), "fields": self.user.reader_fields()}
        fields = [
            {"name": USER, "type": ["null", user], "default": None}
            if field["name"] == USER
            else reader_fields([field])[0]
            for field in self.avro["fields"]
        ]
        return json.dumps({**plain(self.avro), "fields": [*fields, SENTINEL_FIELD]})

    def writer(self, text: str, references: Sequence[str] = ()) -> str | None:
        """A writer's schema prepared for resolution to `reader`, by the rules of UserSchema.writer."""
        written = WrittenRecord.parse(text, references)
        if written is None or written.plain["name"] != plain(self.avro)["name"]:
            return None
        try:
            fields = self._writer_fields(written)
            if fields is not None:
                bounded_avro.check({**written.plain, "fields": fields})  # a name may have lost its definition
        except (ValueError, LookupError, TypeError, AttributeError):
            return None
        return None if fields is None else written.with_fields(fields)

    def _writer_fields(self, written: WrittenRecord) -> list[dict[str, Any]] | None:
        around = {**self.avro, "fields": [field for field in self.avro["fields"] if field["name"] != USER]}
        fields = writer_fields(written, around, self.fields)
        if fields is None or USER not in written.raw_types:
            return fields
        at = next(index for index, field in enumerate(fields) if field["name"] == USER)
        user = self._written_user(fields[at]["type"], written.raw_types[USER])
        return None if user is None else [*fields[:at], {**fields[at], "type": user}, *fields[at + 1 :]]

    def _written_user(self, written: Schema, raw: Schema) -> Schema | None:
        """
        The type of a written user, in which each branch that cannot become one is a type that cannot be resolved; None
        if no branch can.
        """
        if not isinstance(written, list):
            return self._branch(written, raw)
        raws = raw if isinstance(raw, list) else [None] * len(written)
        branches = [self._branch(branch, raws[at]) for at, branch in enumerate(written)]
        if all(branch is None for branch in branches):
            return None
        unreadable = [{"type": "fixed", "name": f"__unreadable_{USER}_{at}", "size": 1} for at in range(len(branches))]
        return [unreadable[at] if branch is None else branch for at, branch in enumerate(branches)]

    def _branch(self, written: Schema, raw: Schema | None) -> Schema | None:
        if written == "null":
            return written
        while isinstance(raw, dict) and isinstance(raw["type"], dict):
            raw = raw["type"]
        if not isinstance(written, dict) or not isinstance(raw, dict) or written["type"] not in ("record", "error"):
            return None
        fields = self.user.writer_fields(WrittenRecord(raw, written))
        return None if fields is None else {**written, "fields": fields}

    def kept(self, writer: str) -> list[str]:
        """The columns of the contract that a prepared writer does not know: it left them as they were."""
        types = {field["name"]: field["type"] for field in json.loads(writer)["fields"]}
        branches = types.get(USER, [])
        users = [each for each in (branches if isinstance(branches, list) else [branches]) if "fields" in each]
        names = {field["name"] for user in users for field in user["fields"]}
        return [name for name in self.user.columns if users and name not in names]
