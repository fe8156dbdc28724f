#!/bin/bash
# Runs once, on a new volume: creates the databases, their roles, and what change data capture needs.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres \
  --set users_password="$USERS_DB_PASSWORD" \
  --set airflow_password="$AIRFLOW_DB_PASSWORD" <<'SQL'
CREATE ROLE users LOGIN PASSWORD :'users_password';
CREATE DATABASE users OWNER users;

CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE airflow OWNER airflow;
-- A killed scheduler may leave transactions open that hold row locks; they are ended after this time.
ALTER ROLE airflow SET idle_in_transaction_session_timeout = '30s';

-- It logs in with a certificate. Its membership grants it no rights; stack/services/pg_hba.conf requires it.
CREATE ROLE debezium LOGIN REPLICATION;
GRANT users TO debezium WITH INHERIT FALSE, SET FALSE;
SQL

# `forget` ends the log of changes where somebody still is in it.
psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname users \
  --command 'GRANT pg_checkpoint TO users' --command 'GRANT EXECUTE ON FUNCTION pg_switch_wal() TO users'

# Creates the table, its replica identity, triggers, heartbeat and publication, as the table's owner.
psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname users \
  --command 'SET ROLE users' --file /contract/change_capture.sql
