"""The DAG as Airflow parses it, without a running Airflow; `bun run test` runs this with the stack's Python."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

HERE = Path(__file__).parent
TASKS = ["fetch", "format", "backup", "produce"]
NATIONALITIES = "au br ca ch de dk es fi fr gb ie in ir mx nl no nz rs tr ua us".split()


@pytest.fixture(scope="session")
def dagbag():
    return DagBag(HERE)


@pytest.fixture(scope="session")
def dag(dagbag):
    return dagbag.dags["user_automation"]


def test_the_folder_has_only_dags_that_import(dagbag):
    assert dagbag.import_errors == {}
    assert "user_automation" in dagbag.dags


def test_four_bash_operators_in_a_row(dag):
    assert [task.task_id for task in dag.topological_sort()] == TASKS
    assert [task.downstream_list for task in dag.topological_sort()] == [
        [dag.get_task("format")],
        [dag.get_task("backup")],
        [dag.get_task("produce")],
        [],
    ]
    assert all(type(task) is BashOperator for task in dag.tasks)


def test_every_task_has_documentation_and_a_time_limit(dag):
    assert dag.doc_md
    assert dag.tags == {"users"}
    for task in dag.tasks:
        assert task.doc_md
        assert timedelta() < task.execution_timeout <= timedelta(minutes=10)


def test_it_runs_daily_without_catchup_and_manual_runs_need_not_wait(dag):
    assert dag.schedule == "@daily"
    assert dag.catchup is False
    assert dag.max_active_runs > 1


def test_it_survives_serialization(dag):
    assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_ids == TASKS


@pytest.mark.parametrize(
    ("failure", "action"),
    [
        (AirflowException("Bash command failed. The command returned a non-zero exit code 1."), RetryAction.DEFAULT),
        (AirflowException("Bash command failed. The command returned a non-zero exit code 2."), RetryAction.FAIL),
        (AirflowException("Bash command failed. The command returned a non-zero exit code 12."), RetryAction.FAIL),
        (AirflowException("Bash command failed. The command returned a non-zero exit code 127."), RetryAction.FAIL),
        (AirflowException("Bash command failed. The command returned a non-zero exit code -9."), RetryAction.FAIL),
        (AirflowTaskTimeout("Timeout, PID: 4711"), RetryAction.DEFAULT),
    ],
)
def test_only_exit_code_1_is_retried(dag, failure, action):
    for task in dag.tasks:
        assert task.retries > 0
        assert task.retry_policy.evaluate(failure, 1, task.retries).action is action


def test_the_retry_policy_reads_the_exit_code_from_bash_operators_message(dag):
    ends_with_2 = BashOperator(task_id="ends_with_2", bash_command="exit 2", env={})
    with pytest.raises(AirflowException) as failure:
        ends_with_2.execute({})
    assert dag.get_task("fetch").retry_policy.evaluate(failure.value, 1, 5).action is RetryAction.FAIL


def test_pauses_between_attempts_grow(dag):
    for task in dag.tasks:
        assert task.retry_delay == timedelta(seconds=10)
        assert task.retry_exponential_backoff == 2
        assert task.max_retry_delay == timedelta(minutes=5)


@pytest.mark.parametrize("users", [1, 60, 5000])
def test_users_that_the_form_accepts(dag, users):
    assert dag.params.get_param("users").resolve(users) == users


@pytest.mark.parametrize("users", [0, 5001, 1.5, "60", "1; touch /tmp/harm", "$(touch /tmp/harm)", None])
def test_users_that_the_form_rejects(dag, users):
    with pytest.raises(ParamValidationError):
        dag.params.get_param("users").resolve(users)


@pytest.mark.parametrize("nationalities", [[], ["us"], ["us", "gb"], "", "us", "us,gb,tr", ",".join(NATIONALITIES)])
def test_nationalities_that_the_form_accepts(dag, nationalities):
    assert dag.params.get_param("nationalities").resolve(nationalities) == nationalities


@pytest.mark.parametrize(
    "nationalities",
    [
        *(["usa"], ["US"], ["xx"], ["us", "xx"], ["us\n"], [""], [["us"]], ["us; true"]),
        *("xx", "us,xx", "us\n", "\n", "us gb", "us,", "us;true", "$(true)", "`true`", "us\" --at '", 5),
    ],
)
def test_nationalities_that_the_form_rejects(dag, nationalities):
    with pytest.raises(ParamValidationError):
        dag.params.get_param("nationalities").resolve(nationalities)


def test_a_runs_folder_is_safe_readable_and_unique(dag):
    run_folder = dag.user_defined_macros["run_folder"]
    assert run_folder("manual__2026-01-15T06:00:00+00:00") == "manual__2026-01-15T06_00_00_00_00-62ee1ad1"
    assert run_folder("a:b") != run_folder("a+b")
    for hostile in ["..", ".", "../../etc", "", "-rf", "x" * 250, "a\nb", "$(true)", "名前"]:
        assert len(run_folder(hostile)) <= 109
        assert all(char.isascii() and (char.isalnum() or char in "_-") for char in run_folder(hostile))


def test_times_are_utc_with_milliseconds(dag):
    iso = dag.user_defined_macros["iso"]
    assert iso(datetime(2026, 1, 15, 6, 0, tzinfo=UTC)) == "2026-01-15T06:00:00.000Z"
    assert iso(datetime(2026, 1, 15, 6, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=3)))) == (
        "2026-01-15T03:00:00.123Z"
    )


def test_user_input_is_never_interpreted_by_the_shell(dag, tmp_path):
    hostile = "a\"b'c $(touch harm) `touch harm`; touch harm\n--users 1"
    binary = tmp_path / "bin"
    binary.mkdir()
    for name in TASKS:
        stub = binary / name
        stub.write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
        stub.chmod(0o755)
    variables = dict.fromkeys(["RUN", "SEED", "AT", "USERS", "NATIONALITIES"], hostile)
    env = {"PATH": os.environ["PATH"], "TASKS_BIN": str(binary), "RUNS_DIR": "/runs", **variables}
    words = {
        task.task_id: subprocess.run(
            ["bash", "-c", task.bash_command], env=env, cwd=tmp_path, capture_output=True, check=True, text=True
        ).stdout.split("\0")[:-1]
        for task in dag.tasks
    }
    file = f"/runs/{hostile}/"
    assert words == {
        "fetch": [
            *("--users", hostile),
            *("--nationalities", hostile),
            *("--seed", hostile),
            *("--at", hostile),
            *("--output", f"{file}raw.jsonl"),
        ],
        "format": ["--input", f"{file}raw.jsonl", "--output", f"{file}users.jsonl", "--at", hostile],
        "backup": ["--input", f"{file}users.jsonl", "--output", f"{file}backed-up.jsonl"],
        "produce": ["--input", f"{file}backed-up.jsonl", "--output", f"{file}produced.jsonl"],
    }
    assert not (tmp_path / "harm").exists()


def test_no_command_contains_a_template(dag):
    for task in dag.tasks:
        assert "{{" not in task.bash_command
        assert "ds" not in json.dumps(task.env).split()
        assert "logical_date" not in json.dumps(task.env)


def test_without_nationalities_fetch_gets_no_flag(dag, tmp_path):
    stub = tmp_path / "fetch"
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "TASKS_BIN": str(tmp_path), "NATIONALITIES": "", "USERS": "60"}
    command = dag.get_task("fetch").bash_command
    output = subprocess.run(["bash", "-c", command], env=env, capture_output=True, check=True, text=True).stdout
    assert "--nationalities" not in output
