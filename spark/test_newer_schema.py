import json
from collections.abc import Iterable

import pytest

from newer_schema import Known, newer_fields

KNOWN: Known = {"id": None, "email": None}


def schema(*names: str, contract: Iterable[str] | None) -> str:
    marked = {} if contract is None else {"contract": list(contract)}
    return json.dumps({"type": "record", "name": "User", **marked, "fields": [{"name": name} for name in names]})


def test_only_fields_of_a_newer_contract_are_newer() -> None:
    assert newer_fields(schema("id", "email", contract=KNOWN), KNOWN, "User") == []
    assert newer_fields(schema("id", "loyalty", contract=KNOWN), KNOWN, "User") == []
    assert newer_fields(schema("id", "height", contract=[*KNOWN, "height"]), KNOWN, "UserEdit") == []
    assert newer_fields(schema("id", "height", contract=None), KNOWN, "User") == []
    assert newer_fields(schema("id", "height", "loyalty", contract=[*KNOWN, "height"]), KNOWN, "User") == ["height"]


def test_a_record_inside_is_looked_at_too() -> None:
    inner = json.loads(schema("id", "height", contract=["id", "height"]))
    fields = [{"name": "user", "type": ["null", inner]}, {"name": "write_time", "type": "long"}]
    edit = json.dumps({"type": "record", "name": "UserEdit", "contract": ["user", "write_time"], "fields": fields})
    assert newer_fields(edit, {"user": KNOWN}, "UserEdit") == ["user.height", "write_time"]
    assert newer_fields(edit, {"user": {**KNOWN, "height": None}, "write_time": None}, "UserEdit") == []


@pytest.mark.parametrize("text", ["", "null", "[]", '"string"', '{"contract": 1, "fields": [null]}', "[" * 100_000])
def test_what_is_no_schema_has_no_newer_fields(text: str) -> None:
    assert newer_fields(text, KNOWN, "User") == []
