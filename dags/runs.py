"""What the DAGs share: where a run keeps its files, and how a program's exit code is taken."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy


class RetryExitCode1(RetryPolicy):
    """Of the exit codes, 1 alone is worth another attempt. What ends without one (a timeout, say) is retried too."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        code = re.search(r"exit code (-?\d+)", str(exception))  # BashOperator has it in the message alone
        if code and code[1] != "1":
            return RetryDecision.fail(f"exit code {code[1]}: another attempt would end the same way")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        return {}


def run_folder(run_id: str) -> str:
    """The name of a run's folder: readable, safe in a path, and never that of another run."""
    return f"{re.sub('[^A-Za-z0-9_-]', '_', run_id)[:100]}-{sha256(run_id.encode()).hexdigest()[:8]}"
