#!/bin/bash
# Runs once, when the volume is new: a database and a role for each that needs one, and what change data capture needs.
set -euo pipefail

psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname postgres \
  --set users_password="$USERS_DB_PASSWORD" \
  --set airflow_password="$AIRFLOW_DB_PASSWORD" <<'SQL'
CREATE ROLE users LOGIN PASSWORD :'users_password';
CREATE DATABASE users OWNER users;

CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE airflow OWNER airflow;
-- A scheduler that was killed may leave transactions open that hold row locks: they are ended after this.
ALTER ROLE airflow SET idle_in_transaction_session_timeout = '30s';

-- It logs in with a certificate. Its membership gives it no right of the owner's: stack/services/pg_hba.conf asks for it.
CREATE ROLE debezium LOGIN REPLICATION;
GRANT users TO debezium WITH INHERIT FALSE, SET FALSE;
SQL

# The table, its replica identity, triggers, heartbeat and publication, made by the table's owner.
psql --set ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname users \
  --command 'SET ROLE users' --file /contract/change_capture.sql
