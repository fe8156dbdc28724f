"""Classifies errors: transient ones are retried, all others end the job."""

import re
import ssl


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


# A certificate, a login or a grant that is missing or wrong, and the settings that name it.
_REFUSED = {
    r"SslAuthenticationException": "kafka.caFile, kafka.certificateFile (KAFKA_CA_FILE, …)",
    r"SaslAuthenticationException": "kafka.saslUsername, kafka.saslPassword (KAFKA_SASL_USERNAME, …)",
    r"(?:Topic|Group|Cluster|TransactionalId)AuthorizationException": "the grants of kafka.saslUsername (kafka-acls.sh)",
}


def refused_setting(error: BaseException) -> str | None:
    """The settings that a refusal by Kafka is about; None for any other error."""
    text = f"{type(error).__name__}: {error}"
    return next((setting for pattern, setting in _REFUSED.items() if re.search(rf"\b({pattern})\b", text)), None)


def is_certificate(error: BaseException) -> bool:
    """Whether a server's certificate was not accepted. Of this the driver for Cassandra keeps only the text."""
    reason = getattr(error, "reason", None)
    is_one = isinstance(error, ssl.SSLCertVerificationError) or isinstance(reason, ssl.SSLCertVerificationError)
    return is_one or "CERTIFICATE_VERIFY_FAILED" in str(error)


def is_final(error: BaseException) -> bool:
    """Whether this is a refusal, or a FinalError, also one that foreachBatch raised, which Spark reports as text."""
    text = f"{type(error).__name__}: {error}"
    return re.search(r"\bFinalError\b", text) is not None or refused_setting(error) is not None


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
