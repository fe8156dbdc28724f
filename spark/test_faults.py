"""Which errors a query is restarted after."""

import pytest

from faults import TransientError, is_transient


@pytest.mark.parametrize(
    "message",
    [
        "com.datastax.oss.driver.api.core.AllNodesFailedException: Could not reach any contact point",
        "java.lang.IllegalStateException: Session is closed",
        # A batch that starts while the watchdog closes the session of the batch before it.
        "java.util.concurrent.RejectedExecutionException: event executor terminated",
        "org.apache.kafka.common.errors.NotLeaderOrFollowerException",
    ],
)
def test_an_outage_is_transient(message: str) -> None:
    assert is_transient(Exception(f"An error occurred while calling o1.save.\n: {message}"))


@pytest.mark.parametrize(
    "message",
    [
        "com.datastax.oss.driver.api.core.servererrors.InvalidQueryException: Undefined column name",
        "java.util.concurrent.RejectedExecutionException: the pool is full",
        "ServerErrors",
    ],
)
def test_anything_else_is_not(message: str) -> None:
    assert not is_transient(Exception(message))


def test_an_error_of_ours_says_so_by_its_class() -> None:
    assert is_transient(TransientError("cannot reach Cassandra"))
