"""LocalExecutor for a scheduler that rests: it waits for the end of a task instead of asking for it several times a second."""

from multiprocessing.connection import wait

from airflow.executors.local_executor import LocalExecutor

# How long a scheduler with nothing to do may take to notice a new run, in seconds.
REST_SECONDS = 1


class WaitingExecutor(LocalExecutor):
    """
    The scheduler calls heartbeat() in each round of its loop and queues tasks before. With nothing queued, the next event is
    usually the end of a task, so this waits for it. That also starts the next task at once.
    """

    def heartbeat(self) -> None:
        if not (self.queued_tasks or self.queued_callbacks or self.queued_connection_tests or self.event_buffer):
            wait([self.result_queue._reader], REST_SECONDS)
        super().heartbeat()
