"""The rules of contract/user.ts as Spark expressions, built from the attributes in the Avro schema."""

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from user_schema import Field

# ISO 8601 writes years with four digits: 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z.
FIRST_TIME_MS = -62_167_219_200_000
LAST_TIME_MS = 253_402_300_799_999

# The contract's patterns count UTF-16 code units; Java counts a surrogate pair as one character.
BEYOND_ONE_UNIT = r"[\x{10000}-\x{10FFFF}]"
TWO_UNITS = "\ufffd\ufffd"


def first_fault(fields: Iterable[Field], user: str) -> Column:
    """The first violation in the struct `user`, as `field: what was expected`; null if it is valid."""
    return F.coalesce(*(fault for field in fields for fault in _faults(field, F.col(f"{user}.{field.name}"))))


def _faults(field: Field, value: Column) -> Iterable[Column]:
    def unless(condition: Column, expected: str) -> Column:
        return F.when(~condition, F.lit(f"{field.name}: {expected}"))

    if not field.nullable:
        yield unless(value.isNotNull(), "expected a value, received null")
    if field.kind == "timestamp":
        yield unless(value.between(FIRST_TIME_MS, LAST_TIME_MS), "expected a year between 0000 and 9999")
        return
    if field.min_length is not None:
        yield unless(F.length(value) >= field.min_length, f"expected at least {field.min_length} characters")
    if field.max_length is not None:
        yield unless(F.length(value) <= field.max_length, f"expected at most {field.max_length} characters")
    if field.pattern is not None:
        units = F.regexp_replace(value, BEYOND_ONE_UNIT, TWO_UNITS) if "{" in field.pattern else value
        yield unless(units.rlike(_java_pattern(field.pattern)), f"must match {field.pattern}")


def _java_pattern(pattern: str) -> str:
    """An equivalent Java pattern: Java's $ would also match before a trailing line break."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise ValueError(f"pattern in the contract is not anchored: {pattern}")
    return rf"\A(?:{pattern[1:-1]})\z"
