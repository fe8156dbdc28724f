"""The job's settings: the project's environment variables, and command-line options specific to Spark."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from access import CassandraAccess, RegistryAccess, kafka_options, secret

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Entity:
    """The names in contract/entity.ts; `keyspace` is the default one, which the generated CQL names."""

    topic: str
    dead_letter_topic: str
    change_topic: str
    edit_topic: str
    table: str
    keyspace: str
    id_field: str
    time_field: str

    @staticmethod
    def parse(text: str) -> "Entity":
        names = json.loads(text)
        return Entity(
            topic=names["topic"],
            dead_letter_topic=names["deadLetterTopic"],
            change_topic=names["changeTopic"],
            edit_topic=names["editTopic"],
            table=names["table"],
            keyspace=names["keyspace"],
            id_field=names["idField"],
            time_field=names["timeField"],
        )


@dataclass(frozen=True)
class Settings:
    """The same variables and defaults as in the project's other programs."""

    entity: Entity
    brokers: str
    #: TLS and login, as options of Spark's Kafka source and sink.
    kafka_access: Mapping[str, str]
    topic: str
    dead_letter_topic: str
    change_topic: str
    edit_topic: str
    forgotten_topic: str
    registry_url: str
    registry_access: RegistryAccess
    contact_points: str
    local_data_center: str
    keyspace: str
    replication_factor: int
    username: str | None
    password: str | None
    cassandra_access: CassandraAccess
    manage_schema: bool
    ignored_columns: tuple[str, ...]
    max_dead_letters_in_a_row: int
    max_dead_letter_share: float
    max_ahead_ms: int
    log_level: str
    host: str

    @staticmethod
    def of(entity: Entity, env: Mapping[str, str] = os.environ) -> "Settings":
        def port(name: str, default: int) -> str:
            return env.get(name) or str(default)

        return Settings(
            entity=entity,
            brokers=env.get("KAFKA_BROKERS") or f"127.0.0.1:{port('KAFKA_PORT', 9092)}",
            kafka_access=kafka_options(env),
            topic=env.get("KAFKA_TOPIC") or entity.topic,
            dead_letter_topic=env.get("KAFKA_DEAD_LETTER_TOPIC") or entity.dead_letter_topic,
            change_topic=env.get("KAFKA_CHANGE_TOPIC") or entity.change_topic,
            edit_topic=env.get("KAFKA_EDIT_TOPIC") or entity.edit_topic,
            forgotten_topic=f"{env.get('KAFKA_TOPIC') or entity.topic}.forgotten",
            registry_url=env.get("SCHEMA_REGISTRY_URL")
            or f"http://127.0.0.1:{port('SCHEMA_REGISTRY_PORT', 8081)}/apis/ccompat/v7",
            registry_access=RegistryAccess.of(env),
            contact_points=env.get("CASSANDRA_CONTACT_POINTS") or f"127.0.0.1:{port('CASSANDRA_PORT', 9042)}",
            local_data_center=env.get("CASSANDRA_LOCAL_DATA_CENTER") or "datacenter1",
            keyspace=env.get("CASSANDRA_KEYSPACE") or entity.keyspace,
            replication_factor=int(env.get("CASSANDRA_REPLICATION_FACTOR") or 1),
            username=env.get("CASSANDRA_USERNAME") or None,
            password=secret(env, "CASSANDRA_PASSWORD"),
            cassandra_access=CassandraAccess.of(env),
            manage_schema=(env.get("MANAGE_SCHEMA") or "true").lower()
            not in ("false", "0", "no", "off", "n", "disabled"),
            ignored_columns=tuple(filter(None, map(str.strip, (env.get("CDC_IGNORED_COLUMNS") or "").split(",")))),
            max_dead_letters_in_a_row=int(env.get("CONSUMER_MAX_DEAD_LETTERS_IN_A_ROW") or 100),
            max_dead_letter_share=float(env.get("CONSUMER_MAX_DEAD_LETTER_SHARE") or 0.5),
            max_ahead_ms=int(env.get("CONSUMER_MAX_AHEAD_MS") or 300_000),
            log_level=env.get("LOG_LEVEL") or "info",
            host=env.get("LISTEN_HOST") or "127.0.0.1",
        )


@dataclass(frozen=True)
class Options:
    checkpoint: str
    trigger: str | None
    available_now: bool
    max_records: int
    cdc: bool
    metrics_port: int
    generated: Path


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(
        prog="user_stream.py",
        description="Kafka -> Cassandra under the project's contract, as a Spark Structured Streaming job.",
    )
    parser.add_argument(
        "--checkpoint",
        required=True,
        help="folder or URL where the job keeps its progress; a new one starts from the earliest offset",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--trigger", help="interval between batches, e.g. '1 second'; default: as soon as there is data")
    pace.add_argument("--available-now", action="store_true", help="process what is there now, then exit")
    parser.add_argument(
        "--max-records", type=int, default=50_000, help="maximum records in a batch (default: %(default)s)"
    )
    parser.add_argument(
        "--cdc", action="store_true", help="also apply Debezium's change events and edits made through the API"
    )
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=int(os.environ.get("SPARK_METRICS_PORT") or 9465),
        help="port for /metrics; 0 disables it (default: %(default)s)",
    )
    parser.add_argument(
        "--generated",
        type=Path,
        default=PROJECT / "contract" / "generated",
        help="folder with the contract's generated files (default: the project's)",
    )
    return Options(**vars(parser.parse_args(arguments)))
