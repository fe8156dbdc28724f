"""supervisord that retries indefinitely: the pause between failed starts grows to `startretries` seconds.

By default, supervisord waits one second longer after each failed start and gives up after `startretries` of them.
"""

from supervisor import supervisord
from supervisor.process import Subprocess


def failed_starts(program: Subprocess) -> int:
    return program.__dict__.get("backoff", 0)


def count_failed_starts(program: Subprocess, number: int) -> None:
    program.__dict__["backoff"] = min(number, program.config.startretries)


Subprocess.backoff = property(failed_starts, count_failed_starts)

if __name__ == "__main__":
    supervisord.main()
