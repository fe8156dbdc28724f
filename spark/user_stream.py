"""
Kafka -> Cassandra under the project's contract, as a Spark Structured Streaming job.

    spark-submit --master spark://localhost:7077 --jars … spark/user_stream.py --checkpoint DIR [--cdc] [--available-now]

It reads the consumer's topic, with --cdc also those of changes and edits, and produces the same rows, with the same
write times, and the same dead letters. Nothing is skipped: an interrupted batch is rerun and writes the same values.
Exit codes: 0 done, 1 error worth a retry, 2 permanent error.
"""

import os
import sys
import threading
import traceback
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

import created_users
import log
import metrics
import user_changes
import user_edits
from cassandra_table import connector_options, prepare_table
from edit_schema import EditSchema
from faults import FinalError, TransientError, is_final, is_transient, refused_setting, summary_of
from forgotten import Forgotten
from settings import Entity, Options, Settings, parse_options
from stopping import Stop
from stream import Stream, run
from user_schema import UserSchema
from wire import MAX_VALUE_BYTES

MODULES = Path(__file__).resolve().parent
STOP_WITHIN_SECONDS = 20.0


def main() -> int:
    options = parse_options()
    entity = Entity.parse((options.generated / "entity.json").read_text(encoding="utf-8"))
    try:
        settings = Settings.of(entity)
        SparkContext._ensure_initialized()  # before that, a SparkConf has nothing of what spark-submit was given
        connector = connector_options(settings, dict(SparkConf().getAll()))
    except FinalError as error:
        log.open_log("info")
        log.error("configuration is wrong", fault=str(error))
        return 2
    log.open_log(settings.log_level)
    avsc, edit_avsc = (
        (options.generated / f"{topic}.avsc").read_text(encoding="utf-8") for topic in (entity.topic, entity.edit_topic)
    )
    schema = UserSchema.parse(avsc, entity)
    spark = open_session(connector)
    stop = Stop(spark)
    try:
        metrics.serve(settings.host, options.metrics_port)
        wait_for_table(settings, options, stop)
        log.info("job started", ui=spark.sparkContext.uiWebUrl, master=spark.sparkContext.master)
        leaving_out = Forgotten(spark, settings).leaving_out
        users = leaving_out(created_users.write_batches(settings, schema, stop))
        streams = [Stream("created_users", settings.topic, users)]
        if options.cdc:
            changes = leaving_out(user_changes.write_batches(settings, schema, stop))
            edits = leaving_out(user_edits.write_batches(settings, EditSchema.parse(edit_avsc, entity), stop))
            streams.append(Stream("user_changes", settings.change_topic, changes))
            streams.append(Stream("user_edits", settings.edit_topic, edits))
        run(spark, streams, settings, options, stop)
        log.info("job ended")
        return 0
    except Exception as error:
        final = is_final(error)
        setting = refused_setting(error)
        more = {} if setting is None else {"correct": setting}
        log.error("job failed", error=summary_of(error), retry=not final, **more)
        if not (final or is_transient(error)):
            traceback.print_exc()
        code = 2 if final else 1
        exit_if_stop_blocks(code)
        return code
    finally:
        spark.stop()
        stop.done.set()


def exit_if_stop_blocks(code: int) -> None:
    """Exits with `code` if stopping the session blocks, which it may while a service is unavailable."""
    watchdog = threading.Timer(STOP_WITHIN_SECONDS, os._exit, [code])
    watchdog.daemon = True
    watchdog.start()


def open_session(connector: dict[str, str]) -> SparkSession:
    builder = SparkSession.builder.appName("user_stream").config(map=connector)
    # A ten-byte record can claim to contain a 2 GB string, and allocating it would crash the executor.
    limits = [
        f"-Dorg.apache.avro.limits.{what}.maxLength={MAX_VALUE_BYTES}"
        for what in ("string", "bytes", "collectionItems")
    ]
    spark = (
        builder.config("spark.executor.extraJavaOptions", " ".join(["-XX:+UseSerialGC", *limits]))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.datetime.java8API.enabled", "true")
        .getOrCreate()
    )
    context = spark.sparkContext
    context.setLogLevel("WARN")
    # The job logs query failures itself, in one line, and a stop is not an error; the shutdown hook (stopping.py) has
    # nothing to call once this process has exited.
    log4j = context._jvm.org.apache.logging.log4j
    for name in ("spark.sql.execution.streaming.MicroBatchExecution", "hadoop.util.ShutdownHookManager"):
        log4j.core.config.Configurator.setLevel(f"org.apache.{name}", log4j.Level.OFF)
    if "spark.sql.shuffle.partitions" not in dict(context.getConf().getAll()):
        spark.conf.set("spark.sql.shuffle.partitions", context.defaultParallelism)
    for module in sorted(set(MODULES.glob("*.py")) - set(MODULES.glob("test_*.py"))):
        context.addPyFile(str(module))
    return spark


def wait_for_table(settings: Settings, options: Options, stop: Stop) -> None:
    pause_seconds = 0.5
    while not stop.requested.is_set():
        try:
            return prepare_table(settings, options.generated / f"{settings.entity.table}.cql")
        except TransientError as error:
            if options.available_now:
                raise
            log.warn("waiting for Cassandra", error=summary_of(error), pauseSeconds=pause_seconds)
            stop.pause(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 10.0)
    return None


if __name__ == "__main__":
    sys.exit(main())
