"""Drains the same topic into the same table, as typical Python code does.

consumer.py concurrent ROWS   confluent-kafka's batches, cassandra-driver's execute_concurrent with 256 in flight
consumer.py naive ROWS        one poll and one session.execute per message

Environment: KAFKA_BROKERS, KAFKA_TOPIC, CONSUMER_GROUP_ID, CASSANDRA_CONTACT_POINTS, CASSANDRA_KEYSPACE, AVSC (a file).
Prints one JSON object: rows, seconds, cpu_seconds (user and system) of the drain only, peak_bytes of the process.
"""

import json
import os
import resource
import sys
import time

import fastavro
from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args
from confluent_kafka import Consumer

mode, wanted = sys.argv[1], int(sys.argv[2])
schema = fastavro.parse_schema(json.load(open(os.environ["AVSC"])))
columns = [field["name"] for field in schema["fields"]]

host, _, port = os.environ["CASSANDRA_CONTACT_POINTS"].split(",")[0].partition(":")
session = Cluster([host], port=int(port or 9042)).connect(os.environ["CASSANDRA_KEYSPACE"])
insert = session.prepare(
    f"INSERT INTO created_users ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) USING TIMESTAMP ?"
)
consumer = Consumer(
    {
        "bootstrap.servers": os.environ["KAFKA_BROKERS"],
        "group.id": os.environ["CONSUMER_GROUP_ID"],
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([os.environ["KAFKA_TOPIC"]])


class Body:
    """A reader for fastavro: the bytes after the magic byte and the schema id."""

    def __init__(self, value: bytes) -> None:
        self.value, self.at = value, 5

    def read(self, count: int) -> bytes:
        self.at += count
        return self.value[self.at - count : self.at]


def parameters(value: bytes) -> list:
    user = fastavro.schemaless_reader(Body(value), schema, None)
    return [user[name] for name in columns] + [int(user["timestamp"].timestamp() * 1_000) * 1_000]


def concurrent() -> int:
    messages = consumer.consume(2_000, timeout=0.5)
    if not messages:
        return 0
    execute_concurrent_with_args(session, insert, [parameters(m.value()) for m in messages], concurrency=256)
    consumer.commit(asynchronous=False)
    return len(messages)


def naive() -> int:
    message = consumer.poll(0.5)
    if message is None:
        return 0
    session.execute(insert, parameters(message.value()))
    return 1


step = {"concurrent": concurrent, "naive": naive}[mode]
first = 0
while first == 0:  # until the group has formed; these rows are not counted
    first = step()
rows, begin, cpu = 0, time.perf_counter(), time.process_time()
while first + rows < wanted:
    rows += step()
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak}))
consumer.close()
