"""Produces with librdkafka: librdkafka.py BROKERS TOPIC CODEC; each line on stdin is a key, a space and a value in base64."""

import base64
import sys

from confluent_kafka import Producer

brokers, topic, codec = sys.argv[1:]
failed = []
producer = Producer(
    {
        "bootstrap.servers": brokers,
        "compression.type": codec,
        "linger.ms": 500,
        "batch.size": 900_000,
        "message.max.bytes": 1_000_000,
    }
)
for line in sys.stdin:
    key, value = line.split()
    producer.produce(
        topic, base64.b64decode(value), key, on_delivery=lambda error, _: failed.append(error) if error else None
    )
producer.flush()
sys.exit(f"{len(failed)} failed, the first: {failed[0]}" if failed else 0)
