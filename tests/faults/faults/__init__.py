"""The kinds of faults. Each module registers its schedules with `schedule`; `load_all` imports them."""

import importlib
import pkgutil

KINDS = {}


class Kind:
    """A schedule: what it does while the loader runs, on which logs, and what it needs."""

    def __init__(self, name, inject, logs, needs, short, known):
        self.name, self.inject, self.logs, self.needs, self.short, self.known = name, inject, logs, needs, short, known


def schedule(logs=("local", "kafka"), needs=(), short=False, known=""):
    """Registers `inject(world, random)`. `short`: part of --short. `known`: why it fails today, which keeps it out of --short."""

    def register(inject):
        KINDS[inject.__name__] = Kind(inject.__name__, inject, logs, needs, short, known)
        return inject

    return register


def load_all():
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"faults.{module.name}")
    return KINDS
