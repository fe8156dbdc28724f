"""The table in Cassandra: brought up to date by the generated CQL, written by the connector, with deletes in plain CQL."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from cassandra import AuthenticationFailed, ConsistencyLevel, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy
from pyspark.sql import DataFrame, Row, SparkSession

from faults import FinalError, TransientError, is_certificate
from settings import Settings

DATA_CENTER_IN_FILE = "'datacenter1': 1"
DELETES_IN_FLIGHT = 64


def prepare_table(settings: Settings, cql_file: Path) -> None:
    """
    Brings keyspace, table and index up to date with the contract, unless `manage_schema` is off. Raises TransientError if
    Cassandra is unavailable, and FinalError if the table cannot be used as it is.
    """
    text = (
        cql_file.read_text(encoding="utf-8")
        .replace(settings.entity.keyspace, settings.keyspace)
        .replace(DATA_CENTER_IN_FILE, f"'{settings.local_data_center}': {settings.replication_factor}")
    )
    table = f"{settings.keyspace}.{settings.entity.table}"
    wanted = dict(_COLUMN.findall(text))
    query = "SELECT column_name, type FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
    with connect(settings) as session:
        existing = {
            row.column_name: row.type for row in session.execute(query, (settings.keyspace, settings.entity.table))
        }
        statements = [
            statement.strip()
            for statement in text.split(";")
            if statement.strip() and not _adds_existing(statement, existing or wanted)
        ]
        faults = [
            f"{name} is {existing[name]}, and the contract has {kind}"
            for name, kind in wanted.items()
            if existing.get(name, kind) != kind
        ]
        missing = [name for name in wanted if existing and name not in existing]
        faults += [f"{name} is missing, and required" for name in missing if f"EXISTS {name} " not in text]
        if faults:
            raise FinalError(f"{table} does not match the contract: {'; '.join(faults)}")
        if settings.manage_schema:
            for statement in statements:
                session.execute(statement, timeout=30)
        elif missing or not existing:
            migrate = f"{os.environ.get('OPERATE_COMMAND') or 'bun run'} migrate"
            what = f"columns are missing: {', '.join(missing)}" if existing else "it is missing"
            raise FinalError(
                f"{table} does not match the contract: {what}; run `{migrate}`, or have an "
                f"administrator apply {cql_file.name}"
            )


#: A column of CREATE TABLE in the generated file: name and type.
_COLUMN = re.compile(r"^  (\w+) ([\w<>]+)(?: PRIMARY KEY)?,?$", re.MULTILINE)


def _adds_existing(statement: str, existing: Mapping[str, str]) -> bool:
    added = re.search(r"ADD IF NOT EXISTS (\w+) ", statement)
    return added is not None and added[1] in existing


def connector_options(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """The connector's part of Spark's configuration, beside what is `given` at submission."""
    access = settings.cassandra_access
    where = {
        "spark.cassandra.connection.host": settings.contact_points,
        "spark.cassandra.connection.localDC": settings.local_data_center,
    }
    options = {
        **({} if access.bundle else where),
        **access.connector_options(given),
        "spark.cassandra.connection.reconnectionDelayMS.min": "500",
        "spark.cassandra.connection.reconnectionDelayMS.max": "5000",
        # A failed batch is retried as a whole, so a task need not retry for minutes.
        "spark.cassandra.query.retry.count": "3",
        "spark.cassandra.output.consistency.level": "LOCAL_QUORUM",
        # Nulls are written, so that the newest write replaces the whole row.
        "spark.cassandra.output.ignoreNulls": "false",
        # Batches go to one set of replicas and stay well below Cassandra's limit of 50 KiB.
        "spark.cassandra.output.batch.grouping.key": "replica_set",
        "spark.cassandra.output.batch.size.rows": "32",
        "spark.cassandra.output.concurrent.writes": "16",
    }
    if settings.username is not None:
        options["spark.cassandra.auth.username"] = settings.username
        options["spark.cassandra.auth.password"] = settings.password or ""
    return options


def close_idle_sessions(spark: SparkSession) -> None:
    """
    Closes the connector's idle sessions, so the next batch opens a new one. A session that loses Cassandra during a
    schema refresh never completes another (Java driver, up to 4.19), and every batch starts with a refresh.
    """
    _connector(spark).evictCache()


def break_session(spark: SparkSession) -> None:
    """Closes the connector's session while a batch is waiting for it, which makes the batch fail."""
    session = _connector(spark).apply(spark.sparkContext._jsc.sc()).openSession()
    try:
        session.forceCloseAsync()
    finally:
        session.close()


def _connector(spark: SparkSession) -> Any:
    return spark.sparkContext._jvm.com.datastax.spark.connector.cql.CassandraConnector


def upsert(rows: DataFrame, settings: Settings) -> None:
    """Writes rows, each with its own `write_time` (microseconds since 1970)."""
    rows.write.format("org.apache.spark.sql.cassandra").mode("append").options(
        keyspace=settings.keyspace, table=settings.entity.table, writetime="write_time"
    ).save()


def delete(rows: DataFrame, settings: Settings) -> None:
    """Deletes rows (`id`, `write_time`) in plain CQL, since the connector supports deletes only in Scala."""
    entity = settings.entity
    delete_one = f"DELETE FROM {settings.keyspace}.{entity.table} USING TIMESTAMP ? WHERE {entity.id_field} = ?"

    def delete_partition(partition: Iterable[Row]) -> None:
        with connect(settings) as session:
            statement = session.prepare(delete_one)
            keys = ((row.write_time, UUID(row.id)) for row in partition)
            execute_concurrent_with_args(session, statement, keys, concurrency=DELETES_IN_FLIGHT)

    rows.foreachPartition(delete_partition)


def refusal_in(error: NoHostAvailable) -> str | None:
    """Why waiting does not help, and which setting does; None if it may help."""
    causes = error.errors.items() if isinstance(error.errors, dict) else []
    for node, cause in causes:
        if isinstance(cause, AuthenticationFailed) and "consistency" not in str(cause):
            login = "cassandra.username and cassandra.password (CASSANDRA_USERNAME, CASSANDRA_PASSWORD)"
            return f"Cassandra at {node} refuses the login: {cause}; correct {login}"
        if is_certificate(cause):
            setting = "cassandra.caFile or cassandra.serverName (CASSANDRA_CA_FILE, CASSANDRA_SERVER_NAME)"
            return f"Cassandra's certificate at {node}: {cause}; correct {setting}"
    return None


@contextmanager
def connect(settings: Settings) -> Iterator[Session]:
    access = settings.cassandra_access
    points = [point.rpartition(":") for point in settings.contact_points.split(",")]
    policy = {"load_balancing_policy": TokenAwarePolicy(DCAwareRoundRobinPolicy(settings.local_data_center))}
    where = {"contact_points": [(host.strip(), int(port)) if host else port.strip() for host, _, port in points]}
    if points[0][0]:
        where["port"] = int(points[0][2])  # the other nodes tell their addresses only
    profile = ExecutionProfile(
        **({} if access.bundle else policy),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=12,
    )
    cluster = Cluster(
        **({} if access.bundle else where),
        **access.driver_options(),
        auth_provider=PlainTextAuthProvider(settings.username, settings.password or "") if settings.username else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        protocol_version=5,
    )
    try:
        yield cluster.connect()
    except NoHostAvailable as error:
        if refusal := refusal_in(error):
            raise FinalError(refusal) from error
        raise TransientError(f"cannot reach Cassandra ({settings.contact_points}): {error}") from error
    except Unauthorized as error:
        raise FinalError(f"Cassandra: {error}; have an administrator grant it") from error
    finally:
        cluster.shutdown()
