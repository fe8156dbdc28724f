"""The fate of an error: what may pass is tried again, anything else ends the job."""

import re


class TransientError(Exception):
    """A service is away, restarting or overloaded."""


class FinalError(Exception):
    """Trying again cannot help: the job exits with code 2."""


# Spark hands on what failed in an executor as text, so the classes are looked for by name.
_TRANSIENT = re.compile(
    r"\b(TransientError"
    # Cassandra: the driver's and the connector's
    r"|AllNodesFailedException|NoNodeAvailableException|DriverTimeoutException|HeartbeatException|BusyConnectionException"
    r"|ClosedConnectionException|ConnectionInitException|UnavailableException|OverloadedException|BootstrappingException"
    r"|(?:Read|Write)(?:Timeout|Failure)Exception|TruncateException|ServerError|NoHostAvailable|OperationTimedOut"
    r"|Failed to open native connection|Could not reach any contact point|Control channel not available"
    r"|(?:Cluster|[Ss]ession) is closed"
    # Kafka
    r"|TimeoutException|DisconnectException|NetworkException|NotLeaderOrFollowerException|LeaderNotAvailableException"
    r"|CoordinatorNotAvailableException|UnknownTopicOrPartitionException|NotEnoughReplicas\w*Exception|RetriableException"
    # the network beneath both, and executors that were lost
    r"|ConnectException|ConnectTimeoutException|SocketTimeoutException|UnknownHostException|ExecutorLostFailure"
    r"|FetchFailed\w*|MetadataFetchFailedException)\b"
)


def is_transient(error: BaseException) -> bool:
    """Whether the same batch may succeed another time."""
    return _TRANSIENT.search(f"{type(error).__name__}: {error}") is not None


def summary_of(error: BaseException) -> str:
    """What an error says, without the stack traces that Spark and py4j put into its messages."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    in_java = [line.removeprefix(": ") for line in lines if line.startswith(": ")]  # py4j's own line names no cause
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    causes = [line.strip() for line in lines if line.startswith("Caused by: ")]
    said = (in_java or raised or lines or [type(error).__name__])[0]
    return f"{said} {causes[-1]}"[:600] if causes else said[:600]
