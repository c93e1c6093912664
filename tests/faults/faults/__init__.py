"""The kinds of faults. Each module registers its schedules with `schedule`; `load_all` imports them."""

import importlib
import pkgutil

KINDS = {}


class Kind:
    """A schedule: what it does while the loader runs, on which logs, and what it needs."""

    def __init__(self, name, inject, logs, short, known, kafka):
        self.name, self.inject, self.logs, self.short, self.known, self.kafka = name, inject, logs, short, known, kafka


def schedule(logs=("local", "kafka"), short=False, known="", **kafka):
    """Registers `inject(world, random)`. `short`: part of --short. `known`: why it fails today, which keeps it out of
    --short. `kafka`: how its topics are, as KafkaLog takes it: partitions, proxied, replicas."""

    def register(inject):
        KINDS[inject.__name__] = Kind(inject.__name__, inject, logs, short, known, kafka)
        return inject

    return register


def load_all():
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"faults.{module.name}")
    return KINDS
