"""Runs the streaming queries, one per topic, each with its own checkpoint, and restarts them."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

import log
import metrics
from cassandra_table import break_session, close_idle_sessions
from faults import TransientError, is_transient, summary_of
from settings import Options, Settings
from stopping import Stop, StoppingError

POLL_SECONDS = 0.2
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.5, 10.0
#: How long a batch may run without an active Spark job before its session is closed, and before the job ends.
STUCK_AFTER_SECONDS, GIVE_UP_AFTER_SECONDS = 40.0, 180.0


@dataclass(frozen=True)
class Stream:
    """
    A topic and the function that writes a batch of its records (key, value, headers, topic, partition, offset,
    timestamp).
    """

    name: str
    topic: str
    write_batch: Callable[[DataFrame, int], None]


def start(spark: SparkSession, stream: Stream, settings: Settings, options: Options) -> StreamingQuery:
    records = (
        spark.readStream.format("kafka")
        .options(**settings.kafka_access)
        .option("kafka.bootstrap.servers", settings.brokers)
        .option("subscribe", stream.topic)
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("includeHeaders", "true")
        .option("maxOffsetsPerTrigger", options.max_records)
        .load()
        .select("key", "value", "headers", "topic", "partition", "offset", "timestamp")
    )
    writer = (
        records.writeStream.queryName(stream.name)
        .option("checkpointLocation", f"{options.checkpoint.rstrip('/')}/{stream.name}")
        .foreachBatch(stream.write_batch)
    )
    if options.available_now:
        writer = writer.trigger(availableNow=True)
    elif options.trigger:
        writer = writer.trigger(processingTime=options.trigger)
    return writer.start()


def run(spark: SparkSession, streams: Sequence[Stream], settings: Settings, options: Options, stop: Stop) -> None:
    """
    Keeps the queries running until `stop`, or with --available-now until they have processed everything. A query that
    fails because a service is unavailable is restarted from its checkpoint indefinitely; with --available-now the
    error is raised, and retrying is up to the caller. Any other error is raised.
    """
    queries = [_Query(spark, stream, settings, options) for stream in streams]
    while any(not query.ended for query in queries):
        for query in queries:
            query.check(stop)
        stop.pause(POLL_SECONDS)


class _Query:
    def __init__(self, spark: SparkSession, stream: Stream, settings: Settings, options: Options) -> None:
        self._spark = spark
        self._start = lambda: start(spark, stream, settings, options)
        self._stream = stream
        self._restarts = not options.available_now
        self._query = self._start()
        self._last_batch = -1
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._watchdog = _Watchdog(spark)
        self.ended = False
        log.info("query started", query=stream.name, topic=stream.topic)

    def check(self, stop: Stop) -> None:
        if self.ended:
            return
        self._measure()
        if self._query.isActive:
            self._watchdog.check(self._query)
            if stop.requested.is_set() and not self._query.status["isTriggerActive"]:
                self._query.stop()
            return
        error = self._query.exception()
        if error is None or StoppingError.__name__ in str(error) or stop.requested.is_set():
            self.ended = True
            return
        if not (self._restarts and is_transient(error)):
            raise error
        log.warn(
            "query failed, restarting",
            query=self._stream.name,
            pauseSeconds=self._pause_seconds,
            error=summary_of(error),
        )
        metrics.RESTARTS.labels(self._stream.topic).inc()
        stop.pause(self._pause_seconds)
        self._pause_seconds = min(self._pause_seconds * 2, MAX_PAUSE_SECONDS)
        close_idle_sessions(self._spark)
        self._query = self._start()
        self._watchdog = _Watchdog(self._spark)

    def _measure(self) -> None:
        for progress in self._query.recentProgress:
            if progress["batchId"] <= self._last_batch or "addBatch" not in progress["durationMs"]:
                continue
            self._last_batch = progress["batchId"]
            self._pause_seconds = FIRST_PAUSE_SECONDS
            milliseconds = progress["durationMs"]["triggerExecution"]
            metrics.BATCH_SECONDS.labels(self._stream.topic).observe(milliseconds / 1_000)
        if last := self._query.lastProgress:
            for source in last["sources"]:
                _measure_lag(source)


class _Watchdog:
    """Recovers a batch that hangs on a session that lost Cassandra (see cassandra_table.close_idle_sessions)."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._active_at = time.monotonic()
        self._has_broken_session = False

    def check(self, query: StreamingQuery) -> None:
        """Raises TransientError if closing the session did not help."""
        if not query.status["isTriggerActive"] or self._has_active_jobs(query):
            self._active_at, self._has_broken_session = time.monotonic(), False
            return
        seconds = time.monotonic() - self._active_at
        if seconds > GIVE_UP_AFTER_SECONDS:
            raise TransientError(f"query {query.name} has made no progress for {seconds:.0f} s")
        if seconds > STUCK_AFTER_SECONDS and not self._has_broken_session:
            self._has_broken_session = True
            log.warn("batch is stuck, closing its session", query=query.name)
            try:
                break_session(self._spark)
            except Exception as error:
                if not is_transient(error):
                    raise

    def _has_active_jobs(self, query: StreamingQuery) -> bool:
        tracker = self._spark.sparkContext.statusTracker()
        active = tracker.getActiveJobsIds()
        return bool(active) and not set(active).isdisjoint(tracker.getJobIdsForGroup(str(query.runId)))


def _measure_lag(source: dict[str, Any]) -> None:
    for topic, ends in (_offsets(source["latestOffset"])).items():
        taken = _offsets(source["endOffset"]).get(topic, {})
        for partition, end in ends.items():
            metrics.LAG.labels(topic, partition).set(end - taken.get(partition, 0))


def _offsets(value: object) -> dict[str, dict[str, int]]:
    return json.loads(value) if isinstance(value, str) else value if isinstance(value, dict) else {}
