"""Which schemas are decoded at all: the rules of contract/bounded-avro.ts, so that few bytes never mean endless work."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Schema = str | dict[str, Any] | list[Any]

#: Characters of a schema with all that it refers to, types inside one another, and types with every name written out.
MAX_LENGTH = 256 * 1024
MAX_DEPTH = 32
MAX_TYPES = 2_000

PRIMITIVES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}


def plain(schema: Schema, references: Iterable[Schema] = ()) -> Any:
    """
    A schema with all that decides about bytes, and nothing else: no logical types, defaults, aliases or docs. Names are
    full names, and types of other schemas stand where they are first used.
    """
    referred = {_full_name(reference, None): reference for reference in references if isinstance(reference, dict)}
    return _plain(schema, None, referred)


def _plain(schema: Schema, namespace: str | None, referred: dict[str, Any]) -> Any:
    if isinstance(schema, str):
        name = _qualified(schema, namespace)
        return _plain(referred.pop(name), None, referred) if name in referred else name
    if isinstance(schema, list):
        return [_plain(branch, namespace, referred) for branch in schema]
    kind = schema["type"]
    if isinstance(kind, (dict, list)):
        return _plain(kind, namespace, referred)
    match kind:
        case "record" | "error":
            name = _full_name(schema, namespace)
            inner = name.rpartition(".")[0] or None
            fields = [
                {"name": field["name"], "type": _plain(field["type"], inner, referred)} for field in schema["fields"]
            ]
            return {"type": kind, "name": name, "fields": fields}
        case "enum":
            return {"type": kind, "name": _full_name(schema, namespace), "symbols": schema["symbols"]}
        case "fixed":
            return {"type": kind, "name": _full_name(schema, namespace), "size": schema["size"]}
        case "array":
            return {"type": kind, "items": _plain(schema["items"], namespace, referred)}
        case "map":
            return {"type": kind, "values": _plain(schema["values"], namespace, referred)}
        case _:
            return _qualified(kind, namespace)


def check(schema: Schema) -> None:
    """Raises ValueError where no bound can be put on what values of a plain schema cost."""
    _Check().least_bytes(schema, 0, ())


@dataclass
class _Check:
    types: int = 0
    definitions: dict[str, Any] = field(default_factory=dict)

    def least_bytes(self, schema: Schema, depth: int, inside: tuple[str, ...]) -> int:
        """The fewest bytes that a value takes."""
        self.types += 1
        if depth > MAX_DEPTH or self.types > MAX_TYPES:
            raise ValueError("the schema is too large")
        if isinstance(schema, list):
            for branch in schema:
                self.least_bytes(branch, depth + 1, inside)
            return 1
        if isinstance(schema, str):
            if schema in PRIMITIVES:
                return PRIMITIVES[schema]
            schema = self.definitions[schema]
        if "name" in schema:
            if schema["name"] in inside:
                raise ValueError(f"{schema['name']} contains itself")
            self.definitions[schema["name"]] = schema
        match schema["type"]:
            case "fixed":
                return schema["size"]
            case "array":
                if self.least_bytes(schema["items"], depth + 1, inside) == 0:
                    raise ValueError("an array of items that take no bytes")
            case "map":
                self.least_bytes(schema["values"], depth + 1, inside)
            case "record" | "error":
                inner = (*inside, schema["name"])
                return sum(self.least_bytes(each["type"], depth + 1, inner) for each in schema["fields"])
        return 1


def _full_name(schema: dict[str, Any], namespace: str | None) -> str:
    return _qualified(schema["name"], schema.get("namespace", namespace))


def _qualified(name: str, namespace: str | None) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name and name not in PRIMITIVES else name
