"""A client for the part of the Schema Registry's Confluent API that a reader needs."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable

from faults import TransientError
from user_schema import UserSchema

TIMEOUT_SECONDS = 10


class Registry:
    """
    Schemas are immutable, so each is fetched once. Unknown ids are not cached: they may be registered later.
    """

    def __init__(self, url: str, schema: UserSchema) -> None:
        self._url = url.rstrip("/")
        self._schema = schema
        #: Writer schemas by id; None where values cannot become users.
        self.writers: dict[int, str | None] = {}

    def resolve(self, ids: Iterable[int]) -> set[int]:
        """
        Adds the schemas of these ids to `writers` and returns the ids that the registry does not know.
        Raises TransientError if the registry is unavailable, so that no record is rejected because of an outage.
        """
        unknown = set()
        for schema_id in ids:
            text = self._fetch(schema_id)
            if text is None:
                unknown.add(schema_id)
            else:
                self.writers[schema_id] = self._schema.writer(text)
        return unknown

    def _fetch(self, schema_id: int) -> str | None:
        url = f"{self._url}/schemas/ids/{schema_id}"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
                return json.load(response)["schema"]
        except urllib.error.HTTPError as answer:
            if answer.code == 404:
                return None
            raise TransientError(f"the Schema Registry returned {answer.code} for {url}") from answer
        except OSError as cause:
            raise TransientError(f"cannot reach the Schema Registry at {url}: {cause}") from cause
