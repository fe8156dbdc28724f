"""Which errors a query is restarted after."""

import ssl
from urllib.error import URLError

import pytest

from faults import TransientError, is_certificate, is_transient


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


def test_a_refused_certificate_is_known_by_class_and_in_the_driver_s_text() -> None:
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    in_text = PermissionError(1, "Last error: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)")
    assert is_certificate(refused)
    assert is_certificate(URLError(refused))
    assert is_certificate(in_text)
    assert not is_certificate(PermissionError(1, "Operation not permitted"))
