"""A graceful stop: the batch in hand is finished and committed, and no other is begun."""

import signal
import threading
import time
from types import FrameType

from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession

import log

#: How long the JVM waits for the batch in hand before it ends anyway.
STOP_WITHIN_SECONDS = 60


class StoppingError(Exception):
    """Raised in place of a batch that was planned after the stop was asked for; a restart begins with it."""


class Stop:
    """
    Asked for by SIGTERM or SIGINT, to this process or to the JVM around it: spark-submit is a JVM whose own hook would
    end Spark in the middle of a batch, so a hook of ours goes before it.
    """

    def __init__(self, spark: SparkSession) -> None:
        self.asked = threading.Event()
        self.done = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        ensure_callback_server_started(spark.sparkContext._gateway)
        jvm = spark.sparkContext._jvm
        hooks = jvm.org.apache.hadoop.util.ShutdownHookManager.get()
        seconds = jvm.java.util.concurrent.TimeUnit.SECONDS
        before_spark = jvm.org.apache.spark.util.ShutdownHookManager.SPARK_CONTEXT_SHUTDOWN_PRIORITY() + 100
        hooks.addShutdownHook(_Hook(self), before_spark, STOP_WITHIN_SECONDS, seconds)

    def ask(self) -> None:
        if not self.asked.is_set():
            log.info("stopping after the batch in hand")
            self.asked.set()

    def pause(self, seconds: float) -> None:
        """Sleeps, but no longer than until the stop is asked for; after that, a moment."""
        if self.asked.is_set():
            time.sleep(min(seconds, 0.1))
        else:
            self.asked.wait(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()


class _Hook:
    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def run(self) -> None:
        self._stop.ask()
        self._stop.done.wait(STOP_WITHIN_SECONDS)

    def toString(self) -> str:  # noqa: N802
        return "finish the batch in hand"

    def hashCode(self) -> int:  # noqa: N802
        return 0

    class Java:
        implements = ["java.lang.Runnable"]
