"""Shared by the DAGs: the folder of a run's files and the retry policy by exit code."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy


class RetryExitCode1(RetryPolicy):
    """Retries a task that exits with 1 or fails without an exit code, as on a timeout; any other code fails at once."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        code = re.search(r"exit code (-?\d+)", str(exception))  # BashOperator reports it only in the message
        if code and code[1] != "1":
            return RetryDecision.fail(f"exit code {code[1]}: a permanent error, not retried")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        return {}


def run_folder(run_id: str) -> str:
    """The name of a run's folder: readable, safe as a path and unique to the run."""
    return f"{re.sub('[^A-Za-z0-9_-]', '_', run_id)[:100]}-{sha256(run_id.encode()).hexdigest()[:8]}"
