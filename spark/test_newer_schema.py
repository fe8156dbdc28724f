import json

import pytest

from newer_schema import newer_fields

KNOWN = ["id", "email"]


def schema(*names: str, contract: list[str] | None) -> str:
    marked = {} if contract is None else {"contract": contract}
    return json.dumps({"type": "record", "name": "User", **marked, "fields": [{"name": name} for name in names]})


def test_only_fields_of_a_newer_contract_are_newer() -> None:
    assert newer_fields(schema("id", "email", contract=KNOWN), KNOWN) == []
    assert newer_fields(schema("id", "loyalty", contract=KNOWN), KNOWN) == []
    assert newer_fields(schema("id", "height", contract=None), KNOWN) == []
    assert newer_fields(schema("id", "height", "loyalty", contract=[*KNOWN, "height"]), KNOWN) == ["height"]


@pytest.mark.parametrize("text", ["", "null", "[]", '"string"', '{"contract": 1, "fields": [null]}', "[" * 100_000])
def test_what_is_no_schema_has_no_newer_fields(text: str) -> None:
    assert newer_fields(text, KNOWN) == []
