"""The comparison's DAG as Airflow parses it, with a stand-in for the command."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def dag():
    return DagBag(HERE).dags["user_reconcile"]


def test_it_runs_daily_once_somebody_unpauses_it(dag):
    assert dag.is_paused_upon_creation is True
    assert dag.schedule == "@daily"
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_one_task_counts_and_the_next_one_fails(dag):
    assert [task.task_id for task in dag.topological_sort()] == ["compare", "nothing_is_lost"]
    assert dag.get_task("compare").output_processor is json.loads
    assert all(timedelta() < task.execution_timeout <= timedelta(minutes=30) for task in dag.tasks)


def run(task, path, **env):
    command = ["bash", "-c", task.bash_command]
    env = {"PATH": "/usr/bin:/bin", "TASKS_BIN": str(path), **env}
    return subprocess.run(command, env=env, capture_output=True, check=False, text=True)


@pytest.mark.parametrize(("code", "outcome"), [(0, 0), (1, 0), (2, 1), (137, 137)])
def test_only_a_comparison_that_could_not_look_is_retried(dag, tmp_path, code, outcome):
    operate = tmp_path / "operate"
    operate.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    operate.chmod(0o755)
    ended = run(dag.get_task("compare"), tmp_path, DAYS="3")
    assert ended.stdout == "reconcile --since 3d --limit 0 --json\n"
    assert ended.returncode == outcome


@pytest.mark.parametrize(("faults", "outcome"), [("0", 0), ("1", 2), ("", 2)])
def test_it_is_red_when_something_is_wrong(dag, tmp_path, faults, outcome):
    assert run(dag.get_task("nothing_is_lost"), tmp_path, FAULTS=faults).returncode == outcome


def test_only_exit_code_1_is_retried(dag):
    message = "Bash command failed. The command returned a non-zero exit code {}."
    for task in dag.tasks:
        decide = task.retry_policy.evaluate
        assert decide(AirflowException(message.format(1)), 1, 4).action == RetryAction.DEFAULT
        assert decide(AirflowException(message.format(2)), 1, 4).action == RetryAction.FAIL


@pytest.mark.parametrize("days", [0, 1.5, "3", "1; touch /tmp/harm", None])
def test_days_that_the_form_rejects(dag, days):
    with pytest.raises(ParamValidationError):
        dag.params.get_param("days").resolve(days)


def test_it_survives_serialization(dag):
    stored = DagSerialization.to_dict(dag)
    assert DagSerialization.from_dict(stored).dag_id == "user_reconcile"
