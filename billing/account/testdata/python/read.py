"""Reads all events of a topic with Confluent's own client, and prints them as JSON, a line each.

usage: read.py BROKERS REGISTRY TOPIC COUNT
"""

import datetime
import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

PATIENCE = 60  # seconds
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    """JSON has no times: microseconds since 1970."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    raise TypeError(f"{type(value)} is not expected in an event")


def main(brokers, registry, topic, count):
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": registry}))
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "python", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    deadline = time.monotonic() + PATIENCE
    read = 0
    while read < count:
        if time.monotonic() > deadline:
            sys.exit(f"found {read} events in {PATIENCE} seconds, expected {count}")
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        event = {
            "key": message.key().decode(),
            "headers": {name: value.decode() for name, value in message.headers()},
            "value": deserialize(message.value(), SerializationContext(topic, MessageField.VALUE)),
        }
        print(json.dumps(event, default=plain))
        read += 1
    consumer.close()


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
