"""The topics of one schedule: made, filled, truncated, and read from the start with a client of its own."""

import logging
import os
import time

import kafka
import kafka.admin
import kafka.errors

import delta
import events
import tools
from proxy import Proxy

reader = tools.load(os.path.join(tools.ROOT, "tests", "oracle", "oracle.py"))  # decodes records without Plimsoll's code
logging.getLogger("kafka").setLevel(logging.CRITICAL)
PATIENCE_MS = 30_000


class KafkaLog:
    """Topics under the names that Plimsoll itself produces to, new for each schedule."""

    def __init__(self, cluster, name, partitions=2, proxied=False, replicas=1):
        self.cluster, self.name, self.replicas = cluster, name, replicas
        cluster.grow(replicas)
        self.addresses = [broker.address for broker in cluster.brokers]
        self.proxies = [Proxy(broker.outer, broker.inner) for broker in cluster.brokers] if proxied else []
        self.admin = kafka.admin.KafkaAdminClient(bootstrap_servers=self.addresses, request_timeout_ms=PATIENCE_MS)
        self.seen, self.poison, self.producer = {}, set(), None
        self.delete_topics()
        self.create_topics(partitions)

    def config(self):
        """The section [kafka] of plimsoll.toml."""
        ports = [broker.outer if self.proxies else broker.port for broker in self.cluster.brokers]
        return {"brokers": [f"127.0.0.1:{port}" for port in ports], "topics": events.TOPICS, "group": self.name}

    # Topics.

    def delete_topics(self, names=events.TOPICS):
        there = [name for name in names if name in self.admin.list_topics()]
        if there:
            self.admin.delete_topics(there, timeout_ms=PATIENCE_MS)

    def create_topics(self, partitions, names=events.TOPICS):
        deadline = time.monotonic() + 20
        for name in names:
            while True:
                try:
                    new = kafka.admin.NewTopic(name, partitions, self.replicas)
                    self.admin.create_topics([new], timeout_ms=PATIENCE_MS)
                    break
                except kafka.errors.TopicAlreadyExistsError:  # the deletion is not through yet
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)

    def recreate(self, partitions, names=events.TOPICS):
        """The same names, other topics."""
        self.delete_topics(names)
        time.sleep(1)
        self.create_topics(partitions, names)
        self.close_producer()

    def set_on_topics(self, settings):
        kind = kafka.admin.ConfigResourceType.TOPIC
        self.admin.alter_configs([kafka.admin.ConfigResource(kind, name, settings) for name in events.TOPICS])

    def partitions(self):
        consumer = self.consumer()
        try:
            return [
                kafka.TopicPartition(topic, partition)
                for topic in events.TOPICS
                for partition in sorted(consumer.partitions_for_topic(topic) or [])
            ]
        finally:
            consumer.close()

    def ends(self):
        consumer = self.consumer()
        try:
            return consumer.end_offsets(self.partitions())
        finally:
            consumer.close()

    # Producing.

    def connect(self, **more):
        return kafka.KafkaProducer(
            bootstrap_servers=self.addresses, acks="all", linger_ms=5, delivery_timeout_ms=20_000,
            request_timeout_ms=8_000, max_request_size=20_000_000, **more
        )

    def close_producer(self):
        producer, self.producer = self.producer, None
        if producer:
            producer.close(timeout=2)

    def produce(self, ledger, batch):
        """True if all of it was acknowledged; then the ledger has it."""
        ledger.note_try(batch)
        try:
            self.producer = self.producer or self.connect()
            sent = [(event, self.producer.send(event.topic, event.value, event.key.encode())) for event in batch]
            self.producer.flush(timeout=25)
        except kafka.errors.KafkaError:
            self.close_producer()
            return False
        good = [event.id for event, future in sent if future.succeeded()]
        ledger.note_ack(good)
        return len(good) == len(batch)

    def put(self, topic, value, key=b"k", headers=(), dead=False, partition=None):
        """One record as it is, outside the ledger; `dead` says that it must become a dead letter."""
        self.producer = self.producer or self.connect()
        about = self.producer.send(topic, value, key, headers=list(headers), partition=partition).get(timeout=25)
        if dead:
            self.poison.add((topic, about.partition, about.offset))
        return about

    def fill(self, place, batch):
        """Events into one partition, outside the ledger."""
        self.producer = self.producer or self.connect()
        for event in batch:
            self.producer.send(place.topic, event.value, event.key.encode(), partition=place.partition)
        self.producer.flush(timeout=25)

    # Reading.

    def consumer(self):
        return kafka.KafkaConsumer(
            bootstrap_servers=self.addresses, enable_auto_commit=False, auto_offset_reset="earliest",
            isolation_level="read_committed", max_partition_fetch_bytes=30_000_000, request_timeout_ms=PATIENCE_MS
        )

    def read(self):
        """What must be in the tables: one row for each record, read from offset 0, but tombstones and unknown types.
        Records that an earlier call saw stay, should the topic lose them."""
        consumer = self.consumer()
        places = self.partitions()
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        deadline = time.monotonic() + 60
        while any(consumer.position(place) < end for place, end in ends.items()):
            if time.monotonic() > deadline:
                raise RuntimeError("the oracle could not read the topics to their ends")
            for place, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    self.seen[place.topic, place.partition, record.offset] = self.row(record)
        consumer.close()
        return [row for row in self.seen.values() if row]

    def row(self, record):
        place = (record.topic, record.partition, record.offset)
        if record.value is None:
            return None
        if place in self.poison:
            return delta.Row("dead_letters", *place, None)
        try:
            event = reader.decode(record.value)
        except reader.Bad:
            return delta.Row("dead_letters", *place, None)
        return event and delta.Row(events.TABLES[event["name"].split(".")[0]], *place, event["id"])

    def positions(self, world):
        """{topic/partition: next offset} of the server's numbers; empty while it says nothing."""
        answer = world.ask("/api/v1/metrics/goal_hygiene")
        return answer.json()["position"] if answer is not None and answer.status == 200 else {}

    def covered_of(self, world, topic):
        return sorted(item for item in self.positions(world).items() if item[0].startswith(f"{topic}/"))

    def covered(self, world):
        """Whether the server's position is past the last record of each partition."""
        self.read()
        positions, last = self.positions(world), {}
        for (topic, partition, offset), row in self.seen.items():
            if row:
                name = f"{topic}/{partition}"
                last[name] = max(offset, last.get(name, -1))
        return all(positions.get(name, 0) > offset for name, offset in last.items())

    def close(self):
        self.close_producer()
        self.admin.close()
        for proxy in self.proxies:
            proxy.close()
