"""The backfill's DAG as Airflow parses it, without a running Airflow or Spark."""

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException
from airflow.serialization.serialized_objects import DagSerialization

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def dag():
    return DagBag(HERE).dags["user_stream_batch"]


def test_it_only_runs_when_triggered(dag):
    assert dag.is_paused_upon_creation is True
    assert dag.schedule is None
    assert dag.catchup is False


def test_one_task_submits_the_job_with_the_runs_checkpoint(dag):
    (backfill,) = dag.tasks
    assert backfill.bash_command.startswith('exec "$SPARK_JOB" --available-now ')
    assert '--checkpoint "$RUNS_DIR/$RUN/checkpoint"' in backfill.bash_command
    assert backfill.execution_timeout <= timedelta(hours=6)


def test_only_exit_code_1_is_retried(dag):
    (backfill,) = dag.tasks
    message = "Bash command failed. The command returned a non-zero exit code {}."
    decide = backfill.retry_policy.evaluate
    assert decide(AirflowException(message.format(1)), 1, 4).action == RetryAction.DEFAULT
    assert decide(AirflowException(message.format(2)), 1, 4).action == RetryAction.FAIL
    assert decide(AirflowException(message.format(127)), 1, 4).action == RetryAction.FAIL


def test_it_survives_serialization(dag):
    stored = DagSerialization.to_dict(dag)
    assert DagSerialization.from_dict(stored).dag_id == "user_stream_batch"
