"""A client for the part of the Schema Registry's Confluent API that a reader needs."""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from access import RegistryAccess
from faults import FinalError, TransientError, is_certificate
from newer_schema import Known, newer_fields

TIMEOUT_SECONDS = 10
#: Schemas that one schema may refer to, directly or not.
MAX_REFERENCES = 100


class RecordSchema(Protocol):
    """A record of the contract."""

    avro: dict[str, Any]

    @property
    def known(self) -> Known: ...

    def writer(self, text: str, references: Sequence[str] = ()) -> str | None:
        """A writer's schema prepared for decoding, or None if its values cannot become such records."""


class Registry:
    """
    Schemas are immutable, so each is fetched once. Unknown ids are not cached: they may be registered later.
    """

    def __init__(self, url: str, access: RegistryAccess, schema: RecordSchema) -> None:
        self._url, headers = _address(url)
        self._headers = {**headers, **access.headers}
        self._tls = access.files.context() if url.startswith("https:") else None
        self._schema = schema
        #: Writer schemas by id; None where values cannot become records of the contract.
        self.writers: dict[int, str | None] = {}

    def resolve(self, ids: Iterable[int]) -> set[int]:
        """
        Adds the schemas of these ids to `writers` and returns the ids that the registry does not know.
        Raises TransientError if the registry is unavailable, so that no record is rejected because of an outage, and
        FinalError for a schema of a newer contract, whose fields this job would lose.
        """
        unknown = set()
        for schema_id in ids:
            answer = self._fetch(f"schemas/ids/{schema_id}")
            if answer is None:
                unknown.add(schema_id)
            else:
                newer = newer_fields(answer["schema"], self._schema.known, self._schema.avro["name"])
                if newer:
                    raise FinalError(
                        f"schema {schema_id} is of a newer contract, whose fields this job does not know: "
                        f"{', '.join(newer)}; update the job: it continues from its checkpoint"
                    )
                self.writers[schema_id] = self._schema.writer(answer["schema"], self._references(answer, set()))
        return unknown

    def _references(self, answer: dict[str, Any], asked: set[str]) -> list[str]:
        """Referenced schemas, each once and before those that refer to it. One that is missing is left out."""
        schemas = []
        for reference in answer.get("references") or []:
            path = f"subjects/{quote(reference['subject'], safe='')}/versions/{reference['version']}"
            if path in asked or len(asked) >= MAX_REFERENCES:
                continue
            asked.add(path)
            referred = self._fetch(path)
            if referred is not None:
                schemas += [*self._references(referred, asked), referred["schema"]]
        return schemas

    def _fetch(self, path: str) -> dict[str, Any] | None:
        url = f"{self._url}/{path}"
        try:
            request = urllib.request.Request(url, headers=self._headers)
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._tls) as response:
                return json.load(response)
        except urllib.error.HTTPError as answer:
            if answer.code == 404:
                return None
            if answer.code in (401, 403):
                login = "schemaRegistry.username, password or token (SCHEMA_REGISTRY_USERNAME and so on)"
                raise FinalError(f"the Schema Registry refuses the login ({answer.code}): correct {login}") from answer
            raise TransientError(f"the Schema Registry returned {answer.code} for {url}") from answer
        except OSError as cause:
            if is_certificate(cause):
                setting = "schemaRegistry.caFile (SCHEMA_REGISTRY_CA_FILE)"
                raise FinalError(f"the Schema Registry's certificate at {url}: {cause}; correct {setting}") from cause
            raise TransientError(f"cannot reach the Schema Registry at {url}: {cause}") from cause


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The URL as a log may show it, without login, password and query, and the headers that log in."""
    parts = urlsplit(url)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl().rstrip("/")
    if parts.username is None:
        return shown, {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return shown, {"Authorization": f"Basic {b64encode(login.encode()).decode()}"}
