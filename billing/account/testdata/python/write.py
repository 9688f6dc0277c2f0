"""Writes one event to a topic as Confluent's own client does it, in the format that the store writes.

usage: write.py BROKERS REGISTRY TOPIC SCHEMA < EVENT

EVENT is JSON: key, partition, headers, value; times in value are microseconds since 1970.
"""

import datetime
import json
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def main(brokers, registry, topic, schema_file):
    with open(schema_file, encoding="utf-8") as file:
        schema = file.read()
    event = json.load(sys.stdin)
    value = event["value"]
    value["effectiveAt"] = EPOCH + datetime.timedelta(microseconds=value["effectiveAt"])
    serialize = AvroSerializer(
        SchemaRegistryClient({"url": registry}),
        schema,
        conf={"auto.register.schemas": False, "subject.name.strategy": topic_record_subject_name_strategy},
    )
    producer = Producer({"bootstrap.servers": brokers, "acks": "all"})
    failures = []
    producer.produce(
        topic,
        key=event["key"],
        partition=event["partition"],
        headers=event["headers"],
        value=serialize(value, SerializationContext(topic, MessageField.VALUE)),
        on_delivery=lambda error, _: error and failures.append(error),
    )
    if producer.flush(60) or failures:
        sys.exit(f"not delivered: {failures}")


main(*sys.argv[1:])
