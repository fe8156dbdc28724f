#!/bin/bash
# Entry point of every Airflow container: waits for PostgreSQL, then runs the image's own entry point with the arguments.
# The container with AIRFLOW_SETUP=1 runs before the others: it generates the keys that they share, migrates the database
# and creates the admin.
set -euo pipefail

log() { echo "entrypoint: $*"; }

# Runs a query with the address and password that Airflow itself uses.
wait_for_postgres() {
  local last
  for _ in $(seq "${POSTGRES_WAIT_ATTEMPTS:-60}"); do
    if last=$(python - 2>&1 <<'PYTHON'
import os

import psycopg2

url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("postgresql+psycopg2:", "postgresql:", 1)
with psycopg2.connect(url, connect_timeout=5) as connection:
    connection.cursor().execute("SELECT 1")
PYTHON
    ); then return; fi
    log "PostgreSQL does not answer yet: ${last##*$'\n'}"
    sleep 1
  done
  log "PostgreSQL did not answer; look at the postgres service and at AIRFLOW_DB_PASSWORD in .env" >&2
  exit 1
}

# Keys are generated once, in a volume that only the Airflow containers mount.
make_keys() {
  umask 077
  for name in fernet jwt api; do
    [ -s "$AIRFLOW_KEYS/$name" ] && continue
    python - > "$AIRFLOW_KEYS/.$name" <<'PYTHON'
import base64
import secrets

print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(), end="")
PYTHON
    mv "$AIRFLOW_KEYS/.$name" "$AIRFLOW_KEYS/$name"
    log "generated the $name key"
  done
}

wait_for_postgres
if [ "${AIRFLOW_SETUP:-}" = 1 ]; then
  make_keys
  # The role's limit on idle transactions is lifted: a migration on a busy machine may exceed it.
  PGOPTIONS="-c idle_in_transaction_session_timeout=0" airflow db migrate
  airflow db check-migrations
  # An existing admin is left unchanged.
  airflow users create --role Admin --username "$AIRFLOW_ADMIN_USER" --password "$AIRFLOW_ADMIN_PASSWORD" \
    --firstname Airflow --lastname Admin --email admin@example.com
  log "Airflow is set up"
fi

# Its parent is the container's init, so that it is no child of Airflow's.
if [ "${1:-}" = scheduler ]; then (/opt/airflow/script/housekeeping.sh &); fi

# PostgreSQL is up, so the image's entry point need not wait for it again.
export CONNECTION_CHECK_MAX_COUNT=0
exec /entrypoint "$@"
