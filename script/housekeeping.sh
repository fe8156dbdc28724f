#!/bin/bash
# Removes what has not changed for keep.runDays, once a day: Airflow's records of runs, their logs, and their folders in
# RUNS_DIR. `housekeeping.sh once` does it once. Natively supervisor runs it, in containers the scheduler's entry point.
set -euo pipefail

# The setting keep.runDays, from the variable or from config.yaml.
configured_days() {
  python - <<'PYTHON'
import os

import yaml

with open(os.environ["CONFIG_FILE"]) as file:
    print(((yaml.safe_load(file) or {}).get("keep") or {}).get("runDays") or 30)
PYTHON
}

before=$(date --utc --date="-${KEEP_RUN_DAYS:-$(configured_days)} days" +%Y-%m-%dT%H:%M:%SZ)
logs=${AIRFLOW__LOGGING__BASE_LOG_FOLDER:-$AIRFLOW_HOME/logs}
# So many folders stay in any case: Airflow, too, keeps the last run of each DAG.
least_folders=10

log() { echo "housekeeping: $*"; }

# Whether a folder has a file that is to be kept.
is_needed() { [ -n "$(find "$1" -newermt "$before" -print -quit)" ]; }

remove_folders() {
  local folder
  find "$RUNS_DIR" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\0' | sort --zero-terminated --numeric-sort --reverse |
    tail --zero-terminated --lines="+$((least_folders + 1))" | cut --zero-terminated --delimiter=' ' --fields=2- |
    while IFS= read -r -d '' folder; do
      if is_needed "$folder"; then continue; fi
      rm --recursive --force -- "$folder"
      log "removed $folder"
    done
}

remove_logs() {
  find "$logs" -type f ! -newermt "$before" -delete
  # Not a folder that a task is about to use.
  find "$logs" -mindepth 1 -type d -empty -mmin +60 -delete
}

once() {
  mkdir --parents "$RUNS_DIR" "$logs"
  # Airflow's command takes seconds, so it is run only if there is something old.
  if [ -n "$(find "$RUNS_DIR" "$logs" -type f ! -newermt "$before" -print -quit)" ]; then
    # First, so that no run is left that could be cleared without its files.
    airflow db clean --clean-before-timestamp "$before" --skip-archive --error-on-cleanup-failure --yes
    remove_folders
  fi
  remove_logs
}

if [ "${1:-}" = once ]; then
  once
  exit
fi
while true; do
  "$0" once || log "failed; again tomorrow"
  sleep 1d
done
