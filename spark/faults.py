"""Classifies errors: transient ones are retried, all others end the job."""

import re


class TransientError(Exception):
    """A service is unavailable, restarting or overloaded."""


class FinalError(Exception):
    """Retrying cannot help: the job exits with code 2."""


# Spark reports an executor's exception as text, so exception classes are matched by name.
_TRANSIENT = re.compile(
    r"\b(TransientError"
    # Cassandra: driver and connector
    r"|AllNodesFailedException|NoNodeAvailableException|DriverTimeoutException|HeartbeatException|BusyConnectionException"
    r"|ClosedConnectionException|ConnectionInitException|UnavailableException|OverloadedException|BootstrappingException"
    r"|(?:Read|Write)(?:Timeout|Failure)Exception|TruncateException|ServerError|NoHostAvailable|OperationTimedOut"
    r"|Failed to open native connection|Could not reach any contact point|Control channel not available"
    r"|(?:Cluster|[Ss]ession) is closed|event executor terminated"  # a batch that met a session as it was closed
    # Kafka
    r"|TimeoutException|DisconnectException|NetworkException|NotLeaderOrFollowerException|LeaderNotAvailableException"
    r"|CoordinatorNotAvailableException|UnknownTopicOrPartitionException|NotEnoughReplicas\w*Exception|RetriableException"
    # network, and lost executors
    r"|ConnectException|ConnectTimeoutException|SocketTimeoutException|UnknownHostException|ExecutorLostFailure"
    r"|FetchFailed\w*|MetadataFetchFailedException)\b"
)


def is_final(error: BaseException) -> bool:
    """Whether this is a FinalError, also one that foreachBatch raised, which Spark reports as text."""
    return re.search(r"\bFinalError\b", f"{type(error).__name__}: {error}") is not None


def is_transient(error: BaseException) -> bool:
    """Whether the same batch may succeed if retried."""
    return not is_final(error) and _TRANSIENT.search(f"{type(error).__name__}: {error}") is not None


def summary_of(error: BaseException) -> str:
    """The error's message without the stack traces that Spark and py4j put into it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    # py4j's own first line does not name the cause; Java's exception follows it.
    in_java = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    causes = [line.strip() for line in lines if line.startswith("Caused by: ")]
    message = (in_java or raised or lines or [type(error).__name__])[0]
    return f"{message} {causes[-1]}"[:600] if causes else message[:600]
