"""The rules of contract/user.ts as Spark expressions, built from the attributes in the Avro schema."""

import sys
from collections.abc import Callable, Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from user_schema import Field, Rules

#: A condition, null for a null value, and what was expected.
Rule = tuple[Column, str]

# ISO 8601 writes years with four digits: 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z.
FIRST_TIME_MS = -62_167_219_200_000
LAST_TIME_MS = 253_402_300_799_999
FIRST_DATE, LAST_DATE = -719_528, 2_932_896

# The contract's patterns count UTF-16 code units; Java counts a surrogate pair as one character.
BEYOND_ONE_UNIT = r"[\x{10000}-\x{10FFFF}]"
TWO_UNITS = "\ufffd\ufffd"


def first_fault(fields: Iterable[Field], user: str) -> Column:
    """The first violation in the struct `user`, as `field: what was expected`; null if it is valid."""
    faults = (fault for field in fields for fault in _faults(field, F.col(f"{user}.{field.name}")))
    return F.coalesce(*faults, F.lit(None).cast("string"))


def _faults(field: Field, value: Column) -> Iterable[Column]:
    rules = _rules_of(field, value)
    if not field.nullable:
        rules = [(value.isNotNull(), "expected a value, received null"), *rules]
    for condition, expected in rules:
        yield F.when(~condition, F.lit(f"{field.name}: {expected}"))


def _rules_of(field: Field, value: Column) -> Iterable[Rule]:
    match field.kind:
        case "timestamp":
            yield value.between(FIRST_TIME_MS, LAST_TIME_MS), "expected a year between 0000 and 9999"
        case "date":
            yield value.between(FIRST_DATE, LAST_DATE), "expected a year between 0000 and 9999"
        case "int" | "long":
            yield from _number_rules(field.rules, value)
        case "double":
            # In Spark's order NaN is the greatest.
            yield value.between(-sys.float_info.max, sys.float_info.max), "expected a finite number"
            yield from _number_rules(field.rules, value)
        case "list":
            yield from _list_rules(field, value)
        case "uuid" | "text":
            yield from _text_rules(field.rules, value)


def _number_rules(rules: Rules, value: Column) -> Iterable[Rule]:
    if (least := rules.get("minimum")) is not None:
        yield value >= least, f"expected at least {least}"
    if (most := rules.get("maximum")) is not None:
        yield value <= most, f"expected at most {most}"
    if (below := rules.get("exclusiveMinimum")) is not None:
        yield value > below, f"expected more than {below}"
    if (above := rules.get("exclusiveMaximum")) is not None:
        yield value < above, f"expected less than {above}"


def _list_rules(field: Field, value: Column) -> Iterable[Rule]:
    if (least := field.rules.get("minItems")) is not None:
        yield F.array_size(value) >= least, f"expected at least {least} items"
    if (most := field.rules.get("maxItems")) is not None:
        yield F.array_size(value) <= most, f"expected at most {most} items"
    for number, (_, expected) in enumerate(_text_rules(field.items, F.lit(""))):
        yield F.forall(value, _text_rule(field.items, number)), f"each item {expected}"


def _text_rule(rules: Rules, number: int) -> Callable[[Column], Column]:
    return lambda item: list(_text_rules(rules, item))[number][0]


def _text_rules(rules: Rules, value: Column) -> Iterable[Rule]:
    if (shortest := rules.get("minLength")) is not None:
        yield F.length(value) >= shortest, f"expected at least {shortest} characters"
    if (longest := rules.get("maxLength")) is not None:
        yield F.length(value) <= longest, f"expected at most {longest} characters"
    if (pattern := rules.get("pattern")) is not None:
        units = F.regexp_replace(value, BEYOND_ONE_UNIT, TWO_UNITS) if "{" in pattern else value
        yield units.rlike(_java_pattern(pattern)), f"must match {pattern}"


def _java_pattern(pattern: str) -> str:
    """An equivalent Java pattern: Java's $ would also match before a trailing line break."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise ValueError(f"pattern in the contract is not anchored: {pattern}")
    return rf"\A(?:{pattern[1:-1]})\z"
