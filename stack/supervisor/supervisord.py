"""supervisord that never gives up: the pause between failed starts grows to `startretries` seconds and stays there.

As it comes, supervisord waits a second longer after each failed start and stops trying after `startretries` of them.
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
