"""Streaming queries and their lives: one a topic, each with a checkpoint of its own."""

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

LOOK_EVERY_SECONDS = 0.2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10.0
#: How long a batch may be under way without Spark having anything to do for it, before its session is taken away from
#: it, and before the job ends.
STUCK_AFTER_SECONDS, GIVEN_UP_AFTER_SECONDS = 20.0, 180.0


@dataclass(frozen=True)
class Stream:
    """A topic and what becomes of a batch of its records (key, value, topic, partition, offset)."""

    name: str
    topic: str
    write_batch: Callable[[DataFrame, int], None]


def start(spark: SparkSession, stream: Stream, settings: Settings, options: Options) -> StreamingQuery:
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.brokers)
        .option("subscribe", stream.topic)
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", options.max_records)
        .load()
        .select("key", "value", "topic", "partition", "offset")
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
    Keeps the queries running until `stop`, or until they have taken what there was. A query that failed because a
    service is away is begun again from its checkpoint, for ever; with --available-now whoever started the job tries
    again. Anything else is raised.
    """
    lives = [_Life(spark, stream, settings, options) for stream in streams]
    while any(not life.ended for life in lives):
        for life in lives:
            life.look(stop)
        stop.pause(LOOK_EVERY_SECONDS)


class _Life:
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

    def look(self, stop: Stop) -> None:
        if self.ended:
            return
        self._measure()
        if self._query.isActive:
            self._watchdog.look(self._query)
            if stop.asked.is_set() and not self._query.status["isTriggerActive"]:
                self._query.stop()
            return
        error = self._query.exception()
        if error is None or StoppingError.__name__ in str(error) or stop.asked.is_set():
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
        self._pause_seconds = min(self._pause_seconds * 2, LONGEST_PAUSE_SECONDS)
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
    """Sees to it that no batch hangs for ever on a session that lost Cassandra (cassandra_table.close_idle_sessions)."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._worked_at = time.monotonic()
        self._has_broken_session = False

    def look(self, query: StreamingQuery) -> None:
        """Raises TransientError where taking the session away has not helped."""
        if not query.status["isTriggerActive"] or self._has_active_jobs(query):
            self._worked_at, self._has_broken_session = time.monotonic(), False
            return
        seconds = time.monotonic() - self._worked_at
        if seconds > GIVEN_UP_AFTER_SECONDS:
            raise TransientError(f"query {query.name} has done nothing for {seconds:.0f} s")
        if seconds > STUCK_AFTER_SECONDS and not self._has_broken_session:
            self._has_broken_session = True
            log.warn("batch is stuck, its session is closed", query=query.name)
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
