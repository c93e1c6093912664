"""The kinds of faults. Each module registers its schedules with `schedule`; `load_all` imports them."""

import importlib
import pkgutil

KINDS = {}


class Kind:
    """A schedule: what it does while the loader runs, on which logs, and what it needs."""

    def __init__(self, name, inject, logs, needs, short, known, kafka):
        self.name, self.inject, self.logs, self.needs = name, inject, logs, needs
        self.short, self.known, self.kafka = short, known, kafka


def schedule(logs=("local", "kafka"), needs=(), short=(), known="", **kafka):
    """Registers `inject(world, random)`, which may return "no rebuild" if the log no longer has everything, or "checked"
    if it has checked for itself. `needs`: "root" or a program, such as "cc". `short`: the logs on which it is part of --short. `known`: why it fails today, which keeps it out of
    --short. `kafka`: how its topics are, as KafkaLog takes it: partitions, proxied, replicas."""

    def register(inject):
        KINDS[inject.__name__] = Kind(inject.__name__, inject, logs, needs, short, known, kafka)
        return inject

    return register


def load_all():
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"faults.{module.name}")
    return KINDS
