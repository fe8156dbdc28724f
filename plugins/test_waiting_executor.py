"""How long one round of the scheduler's loop waits."""

import threading
import time
from multiprocessing import SimpleQueue

import pytest
from airflow.executors.local_executor import LocalExecutor

import waiting_executor
from waiting_executor import WaitingExecutor


@pytest.fixture
def executor(monkeypatch):
    monkeypatch.setattr(LocalExecutor, "heartbeat", lambda self: None)
    executor = WaitingExecutor(parallelism=1)
    executor.result_queue = SimpleQueue()
    return executor


def seconds_of_a_heartbeat(executor):
    begin = time.monotonic()
    executor.heartbeat()
    return time.monotonic() - begin


def test_with_nothing_to_do_it_rests(executor, monkeypatch):
    monkeypatch.setattr(waiting_executor, "REST_SECONDS", 0.2)
    assert seconds_of_a_heartbeat(executor) >= 0.2


def test_the_end_of_a_task_wakes_it(executor, monkeypatch):
    monkeypatch.setattr(waiting_executor, "REST_SECONDS", 60)
    threading.Timer(0.1, executor.result_queue.put, [("task", "success", None)]).start()
    assert seconds_of_a_heartbeat(executor) < 30


@pytest.mark.parametrize("waiting", ["queued_tasks", "queued_callbacks", "queued_connection_tests", "event_buffer"])
def test_with_work_it_does_not_wait(executor, monkeypatch, waiting):
    monkeypatch.setattr(waiting_executor, "REST_SECONDS", 60)
    getattr(executor, waiting)["task"] = object()
    assert seconds_of_a_heartbeat(executor) < 30
