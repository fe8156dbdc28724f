"""Order, retries and schedule of the pipeline's four tasks. Their work is done by the task binaries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

from runs import RetryExitCode1, run_folder

DOC = """
### Users from a web API to a queryable table

`fetch` >> `format` >> `backup` >> `produce`: each task reads the file written by the previous task, in the run's folder
below `RUNS_DIR`, and returns its counts (read, written, rejected) as its XCom.

A run is repeatable: its id is the seed for the source, and its time is the time of its records. Clearing it and running
it again produces the same files and changes no row.

| exit code | meaning | Airflow |
|---|---|---|
| 0 | success | continues |
| 1 | transient error: a service is unavailable, the source is busy | retries with growing pauses |
| 2 | permanent error: usage, configuration, an incompatible schema, too many rejects | fails at once |
"""

NATIONALITIES = "au br ca ch de dk es fi fr gb ie in ir mx nl no nz rs tr ua us".split()
ONE_OF_THEM = f"(?:{'|'.join(NATIONALITIES)})"


def iso(time: datetime) -> str:
    """UTC with milliseconds, the contract's format of times."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def comma_separated(value: list[str] | str) -> str:
    return value if isinstance(value, str) else ",".join(value)


def task(name: str, arguments: str, minutes: int, doc_md: str) -> BashOperator:
    """Run a task binary. Parameters are passed in environment variables, which the shell never interprets as code."""
    return BashOperator(
        task_id=name,
        bash_command=f'exec "$TASKS_BIN/{name}" {arguments}',
        append_env=True,
        env={
            "RUN": "{{ run_folder(run_id) }}",
            "SEED": "{{ run_id }}",
            "AT": "{{ iso(dag_run.run_after) }}",
            "USERS": "{{ params.users }}",
            "NATIONALITIES": "{{ comma_separated(params.nationalities) }}",
        },
        skip_on_exit_code=None,
        output_processor=json.loads,
        execution_timeout=timedelta(minutes=minutes),
        doc_md=doc_md,
    )


with DAG(
    dag_id="user_automation",
    description="fetch >> format >> backup >> produce",
    doc_md=DOC,
    tags=["users"],
    schedule="@daily",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,  # unpausing starts a scheduled run; a manual run must not wait for it
    dagrun_timeout=timedelta(hours=2),
    default_args={
        "owner": "users",
        "retries": 5,
        "retry_policy": RetryExitCode1(),
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=5),
    },
    params={
        "users": Param(60, type="integer", minimum=1, maximum=5000, description="Number of users to fetch."),
        "nationalities": Param(
            [],
            type=["array", "string"],
            items={"type": "string", "enum": NATIONALITIES},
            pattern=f"^(?:{ONE_OF_THEM}(?:,{ONE_OF_THEM})*)?$(?!\n)",  # Python's $ also matches before a final newline
            examples=NATIONALITIES,
            description="Nationalities of the users, as a list or as us,gb; empty for all.",
        ),
    },
    user_defined_macros={"run_folder": run_folder, "iso": iso, "comma_separated": comma_separated},
) as dag:
    fetch = task(
        "fetch",
        '--users "$USERS" ${NATIONALITIES:+--nationalities "$NATIONALITIES"} --seed "$SEED" --at "$AT"'
        ' --output "$RUNS_DIR/$RUN/raw.jsonl"',
        minutes=10,
        doc_md="Fetches all users of the run in one request and removes passwords, hashes and national ids.",
    )
    format_ = task(
        "format",
        '--input "$RUNS_DIR/$RUN/raw.jsonl" --output "$RUNS_DIR/$RUN/users.jsonl" --at "$AT"',
        minutes=10,
        doc_md="Maps the source's records to the contract's users; writes rejects to a separate file, with the reason.",
    )
    backup = task(
        "backup",
        '--input "$RUNS_DIR/$RUN/users.jsonl" --output "$RUNS_DIR/$RUN/backed-up.jsonl"',
        minutes=10,
        doc_md="Upserts the users into `created_users` in PostgreSQL; newer rows are kept.",
    )
    produce = task(
        "produce",
        '--input "$RUNS_DIR/$RUN/backed-up.jsonl" --output "$RUNS_DIR/$RUN/produced.jsonl"',
        minutes=10,
        doc_md="Sends the users to Kafka as Avro, keyed by id, and counts those the broker acknowledged.",
    )

    fetch >> format_ >> backup >> produce
