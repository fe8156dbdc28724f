# The project's images: `program` (consumer, API, embedded source), and the official `airflow` and `spark` images with
# the project's files added. docker-compose.yml builds all three.

# --- one binary with all programs -------------------------------------------------------------------------------------
FROM oven/bun:1.4.5 AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /app
COPY package.json bun.lock bunfig.toml tsconfig.json ./
RUN bun install --frozen-lockfile --production --ignore-scripts
COPY contract contract
COPY runtime runtime
COPY operations operations
COPY sources sources
COPY tasks tasks
COPY stream stream
COPY consumer consumer
COPY api api
COPY console console
COPY operate operate
COPY script/programs.ts script/proxy.ts script/issue-access.ts script/grant-access.ts script/registry-gate.ts script/
RUN bun build --compile --minify --bytecode --format=esm script/programs.ts --outfile /out/bin/programs \
 && tasks=$(/out/bin/programs --list) \
 && for task in $tasks operate; do ln -s programs "/out/bin/$task"; done
# The C library's files that the binary needs, the package record that scanners read, and an account other than root.
RUN mkdir -p /root-of-program/etc /root-of-program/var/lib/dpkg/status.d /root-of-program/tmp /out/console \
 && ldd /out/bin/programs | grep -o '/lib[^ ]*' | xargs cp --parents --dereference --target-directory=/root-of-program \
 && dpkg --status libc6 > /root-of-program/var/lib/dpkg/status.d/libc6 \
 && cp /etc/os-release /root-of-program/etc/ \
 && echo 'program:x:65532:65532::/:/nonexistent' > /root-of-program/etc/passwd

# --- Airflow with the task binary -------------------------------------------------------------------------------------
FROM apache/airflow:3.3.2 AS airflow
# Created here so that the volumes mounted on them belong to Airflow's account.
RUN mkdir -p /opt/airflow/keys /opt/airflow/runs
COPY script/entrypoint.sh script/housekeeping.sh /opt/airflow/script/
COPY --from=build /out/bin /opt/airflow/tasks
ENV OPERATE_COMMAND="docker compose run --rm operate"
ENTRYPOINT ["/opt/airflow/script/entrypoint.sh"]

# --- the Spark job's jars, each checked against stack/install/jars.lock -----------------------------------------------
FROM apache/airflow:3.3.2 AS jars
COPY stack/install/maven.lock stack/install/jars.py stack/install/jars.lock /tmp/stack/
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/stack/maven.lock \
 && USER_AUTOMATION_CACHE=/tmp/cache python /tmp/stack/jars.py spark=/tmp/jars/spark

# --- Spark with the job, its jars and its Python packages -------------------------------------------------------------
FROM apache/spark:3.5.7-python3 AS spark
USER 0
COPY spark/requirements.lock /tmp/requirements.lock
# pyspark and py4j come with the image.
RUN awk '/^[a-z]/ { own = /^(pyspark|py4j)==/ } !own' /tmp/requirements.lock > /tmp/others.lock \
 && python3 -m pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/others.lock \
 && rm /tmp/requirements.lock /tmp/others.lock \
 && install --directory --owner=spark --group=spark /opt/spark/checkpoints /opt/spark/work
COPY --from=jars /tmp/jars/spark /opt/spark/jars/
COPY contract/generated /opt/user-automation/contract/generated
COPY spark /opt/user-automation/spark
ENV OPERATE_COMMAND="docker compose run --rm operate"
USER 185

# --- the programs: the binary and the C library, nothing else ---------------------------------------------------------
FROM scratch AS program
COPY --from=build /root-of-program /
COPY --from=build /out/bin/programs /usr/local/bin/programs
# Created here so that the volume mounted on it belongs to this account.
COPY --from=build --chown=65532:65532 /out/console /var/lib/console
COPY package.json bun.lock LICENSE /app/
WORKDIR /app
USER 65532:65532
ENV LISTEN_HOST=0.0.0.0
ENV OPERATE_COMMAND="docker compose run --rm operate"
ENTRYPOINT ["/usr/local/bin/programs"]
CMD ["api"]
