"""Compares the users of the last days in all stores."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

from runs import RetryExitCode1

DOC = """
### Is anything lost?

`compare` runs `operate reconcile` for the users with a record, row or run in the last days: the files of the runs,
PostgreSQL, the topics and Cassandra. Its XCom holds the counts. `nothing_is_lost` then fails if there is a user who is
lost, different, extra or dead-lettered; `bun run reconcile --since 3d` lists them, and says how to repair them.

| exit code of `reconcile` | meaning | Airflow |
|---|---|---|
| 0 | nothing is wrong | succeeds |
| 1 | something is wrong | `nothing_is_lost` fails at once |
| 2 | it could not look: a service does not answer | `compare` is retried with growing pauses |
"""

COMPARE = """
"${OPERATE:-$TASKS_BIN/operate}" reconcile --since "${DAYS}d" --limit 0 --json
code=$?
case $code in
  0 | 1) exit 0 ;;
  2) exit 1 ;; # retried
  *) exit $code ;;
esac
"""

with DAG(
    dag_id="user_reconcile",
    description="files >> PostgreSQL >> Kafka >> Cassandra: is anything lost?",
    doc_md=DOC,
    tags=["users"],
    schedule="@daily",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args={
        "owner": "users",
        "retries": 3,
        "retry_policy": RetryExitCode1(),
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
    },
    params={"days": Param(3, type="integer", minimum=1, maximum=3650, description="How many days back.")},
) as dag:
    compare = BashOperator(
        task_id="compare",
        bash_command=COMPARE,
        append_env=True,
        env={"DAYS": "{{ params.days }}"},
        skip_on_exit_code=None,
        output_processor=json.loads,
        execution_timeout=timedelta(minutes=30),
        doc_md="Counts the users by verdict.",
    )
    nothing_is_lost = BashOperator(
        task_id="nothing_is_lost",
        bash_command='echo "users with something wrong: $FAULTS"; [ "$FAULTS" = 0 ] || exit 2',
        append_env=True,
        env={"FAULTS": "{{ ti.xcom_pull(task_ids='compare')['faults'] }}"},
        skip_on_exit_code=None,
        do_xcom_push=False,
        execution_timeout=timedelta(minutes=1),
        doc_md="Fails if the comparison found something.",
    )

    compare >> nothing_is_lost
