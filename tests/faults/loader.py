"""Keeps events coming while faults happen: over HTTP or through Kafka, and what fails is sent again."""

import threading


class Loader(threading.Thread):
    """`pace` is the pause between two batches, in seconds."""

    def __init__(self, world, pace=0.03, doubled=0.05, batch_max=40):
        super().__init__(daemon=True)
        self.world, self.pace, self.doubled, self.batch_max = world, pace, doubled, batch_max
        self.over, self.past = threading.Event(), []

    def run(self):
        send = self.produce if self.world.kafka else self.post
        while not self.over.is_set():
            if not self.world.turn.acquire(timeout=0.1):  # the schedule has stopped the load
                continue
            try:
                send(self.next_batch())
            finally:
                self.world.turn.release()
            self.over.wait(self.pace)

    def next_batch(self):
        random = self.world.random
        batch = [next(self.world.story) for _ in range(random.randint(1, self.batch_max))]
        self.past = (self.past + batch)[-2000:]
        batch += [event for event in random.sample(self.past, min(5, len(self.past))) if random.random() < self.doubled]
        return batch

    def post(self, batch):
        """As a sender does that must not lose anything: again and again until it is acknowledged."""
        while not self.over.is_set() and self.world.post(batch) != 202:
            self.over.wait(0.2)

    def produce(self, batch):
        """Mostly straight to the topics, sometimes through the server, which may be down: then it is for the topics too."""
        if self.world.random.random() < 0.1 and self.world.post(batch, seconds_max=3.0) == 202:
            return
        while not self.world.kafka.produce(self.world.ledger, batch) and not self.over.is_set():
            self.over.wait(0.2)

    def stop(self):
        self.over.set()
        self.join(60)
        self.world.say(f"load over: {self.world.ledger.acked_now()} acknowledged")
