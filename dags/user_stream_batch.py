"""Runs the Spark job, spark/user_stream.py, as a batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

from runs import RetryExitCode1, run_folder

DOC = """
### A backfill of Cassandra from the beginning of the topic

Submits the streaming job to the Spark cluster with `trigger(availableNow=True)`: it processes every record in the topic
of created users, in bounded batches, and ends. Existing rows and later edits are kept, since each record is written
with its own timestamp.

It needs a cluster: `bun run up --spark`. To use another one, set `SPARK_JOB` to the program that submits the job.
Each run keeps its checkpoint in its own folder below `RUNS_DIR`, so that a retry resumes where the last attempt ended.
"""

with DAG(
    dag_id="user_stream_batch",
    description="users_created >> Cassandra, by Spark",
    doc_md=DOC,
    tags=["users", "spark"],
    schedule=None,
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
    user_defined_macros={"run_folder": run_folder},
) as dag:
    BashOperator(
        task_id="backfill",
        bash_command='exec "$SPARK_JOB" --available-now --metrics-port 0 --checkpoint "$RUNS_DIR/$RUN/checkpoint"',
        append_env=True,
        env={"RUN": "{{ run_folder(run_id) }}"},
        skip_on_exit_code=None,
        do_xcom_push=False,
        execution_timeout=timedelta(hours=6),
        doc_md="Reads the topic from its first to its last record and writes the same rows as the consumer.",
    )
