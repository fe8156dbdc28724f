"""The Schema Registry's Confluent API, as far as a reader needs it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable

from faults import TransientError
from user_schema import UserSchema

TIMEOUT_SECONDS = 10


class Registry:
    """
    Schemas never change, so each is asked for once. That an id is unknown is not remembered: it may be registered later.
    """

    def __init__(self, url: str, schema: UserSchema) -> None:
        self._url = url.rstrip("/")
        self._schema = schema
        #: How to read values by schema id; None where they cannot become users.
        self.writers: dict[int, str | None] = {}

    def resolve(self, ids: Iterable[int]) -> set[int]:
        """
        Makes `writers` know what the registry knows of these ids, and returns those that it does not.
        Raises TransientError while the registry is away: what Kafka holds is not to blame for that.
        """
        unknown = set()
        for schema_id in ids:
            text = self._ask(schema_id)
            if text is None:
                unknown.add(schema_id)
            else:
                self.writers[schema_id] = self._schema.writer(text)
        return unknown

    def _ask(self, schema_id: int) -> str | None:
        url = f"{self._url}/schemas/ids/{schema_id}"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
                return json.load(response)["schema"]
        except urllib.error.HTTPError as answer:
            if answer.code == 404:
                return None
            raise TransientError(f"the Schema Registry answers {answer.code} for {url}") from answer
        except OSError as cause:
            raise TransientError(f"the Schema Registry does not answer for {url}: {cause}") from cause
