"""
The distributed engine: Kafka -> Cassandra under the project's contract, as a Structured Streaming job.

    spark-submit --master spark://localhost:7077 --jars … spark/user_stream.py --checkpoint DIR [--cdc] [--available-now]

It reads the topic that the consumer reads and leaves the same rows, at the same write times, and the same dead letters.
Nothing is skipped: a batch that is cut short is begun again, and writes the same. Exit codes: 0 done, 1 worth another
try, 2 not.
"""

import os
import sys
import threading
import traceback
from pathlib import Path

from pyspark.sql import SparkSession

import created_users
import log
import metrics
import user_changes
from cassandra_table import connector_options, create_table
from faults import FinalError, TransientError, is_transient, summary_of
from settings import Options, Settings, parse_options
from stopping import Stop
from stream import Stream, run
from user_schema import UserSchema
from wire import MAX_VALUE_BYTES

MODULES = Path(__file__).resolve().parent
STOP_WITHIN_SECONDS = 20.0


def main() -> int:
    options, settings = parse_options(), Settings.of()
    log.open_log(settings.log_level)
    schema = UserSchema.parse((options.generated / "users_created.avsc").read_text(encoding="utf-8"))
    spark = open_session(settings)
    stop = Stop(spark)
    try:
        metrics.serve(settings.host, options.metrics_port)
        wait_for_table(settings, options, stop)
        log.info("job started", ui=spark.sparkContext.uiWebUrl, master=spark.sparkContext.master)
        streams = [Stream("created_users", settings.topic, created_users.write_batches(settings, schema, stop))]
        if options.cdc:
            changes = user_changes.write_batches(settings, schema, stop)
            streams.append(Stream("user_changes", settings.change_topic, changes))
        run(spark, streams, settings, options, stop)
        log.info("job ended")
        return 0
    except Exception as error:
        final = isinstance(error, FinalError)
        log.error("job failed", error=summary_of(error), retry=not final)
        if not (final or is_transient(error)):
            traceback.print_exc()
        code = 2 if final else 1
        end_without_spark(code)
        return code
    finally:
        spark.stop()
        stop.done.set()


def end_without_spark(code: int) -> None:
    """A session whose services are away may wait for them when it is stopped; the job ends with `code` all the same."""
    watchdog = threading.Timer(STOP_WITHIN_SECONDS, os._exit, [code])
    watchdog.daemon = True
    watchdog.start()


def open_session(settings: Settings) -> SparkSession:
    builder = SparkSession.builder.appName("user_stream").config(map=connector_options(settings))
    # A record of ten bytes may claim to hold a text of 2 GB, which would end the executor that believes it.
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
    # What ends a query is logged by the job in one line, and a stop is no error at all; the hook that waits for a stop
    # (stopping.py) has nothing to call once this process has ended.
    levels = context._jvm.org.apache.logging.log4j
    for name in ("spark.sql.execution.streaming.MicroBatchExecution", "hadoop.util.ShutdownHookManager"):
        levels.core.config.Configurator.setLevel(f"org.apache.{name}", levels.Level.OFF)
    if "spark.sql.shuffle.partitions" not in dict(context.getConf().getAll()):
        spark.conf.set("spark.sql.shuffle.partitions", context.defaultParallelism)
    for module in sorted(MODULES.glob("*.py")):
        context.addPyFile(str(module))
    return spark


def wait_for_table(settings: Settings, options: Options, stop: Stop) -> None:
    pause_seconds = 0.5
    while not stop.asked.is_set():
        try:
            return create_table(settings, options.generated / "created_users.cql")
        except TransientError as error:
            if options.available_now:
                raise
            log.warn("waiting for Cassandra", error=summary_of(error), pauseSeconds=pause_seconds)
            stop.pause(pause_seconds)
            pause_seconds = min(pause_seconds * 2, 10.0)
    return None


if __name__ == "__main__":
    sys.exit(main())
