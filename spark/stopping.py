"""Graceful shutdown: the current batch is finished and committed, and no new one starts."""

import signal
import threading
import time
from types import FrameType

from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession

import log

#: How long the JVM waits for the current batch before it exits anyway.
STOP_WITHIN_SECONDS = 60


class StoppingError(Exception):
    """Raised instead of processing a batch planned after the stop request; a restart processes it first."""


class Stop:
    """
    Requested by SIGTERM or SIGINT, to this process or to its parent JVM: spark-submit's own shutdown hook would stop
    Spark in the middle of a batch, so ours runs before it.
    """

    def __init__(self, spark: SparkSession) -> None:
        self.requested = threading.Event()
        self.done = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        ensure_callback_server_started(spark.sparkContext._gateway)
        jvm = spark.sparkContext._jvm
        hooks = jvm.org.apache.hadoop.util.ShutdownHookManager.get()
        seconds = jvm.java.util.concurrent.TimeUnit.SECONDS
        before_spark = jvm.org.apache.spark.util.ShutdownHookManager.SPARK_CONTEXT_SHUTDOWN_PRIORITY() + 100
        hooks.addShutdownHook(_Hook(self), before_spark, STOP_WITHIN_SECONDS, seconds)

    def request(self) -> None:
        if not self.requested.is_set():
            log.info("stopping after the current batch")
            self.requested.set()

    def pause(self, seconds: float) -> None:
        """Sleeps until the time is up or a stop is requested; if one already is, 0.1 s at most."""
        if self.requested.is_set():
            time.sleep(min(seconds, 0.1))
        else:
            self.requested.wait(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.request()


class _Hook:
    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def run(self) -> None:
        self._stop.request()
        self._stop.done.wait(STOP_WITHIN_SECONDS)

    def toString(self) -> str:  # noqa: N802
        return "finish the current batch"

    def hashCode(self) -> int:  # noqa: N802
        return 0

    class Java:
        implements = ["java.lang.Runnable"]
