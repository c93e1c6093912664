"""Many commits, so that small files are merged, and merged files again."""

import glob
import os

from faults import schedule


@schedule(known="a file that is merged twice within one flush loses its rows from view, until the cache is made again")
def many_commits(world, random):
    """Ninety commits of some three hundred events each: whatever is merged meanwhile, every row stays in view; then kill -9."""
    world.pause_load()
    commits = lambda: len(glob.glob(os.path.join(world.data, "events/_delta_log/*.json")))
    for _ in range(90):
        before, batch = commits(), [next(world.story) for _ in range(random.randrange(250, 350))]
        world.kafka.produce(world.ledger, batch) if world.kafka else world.post(batch, 30)
        world.wait_until("a commit", lambda: commits() > before)
    ids = sum(1 for count in world.ledger.acked.values() if count)
    world.must_report(f"{ids} acknowledged events, in SQL", lambda: world.events() >= ids, 20)
    world.kill()
    world.start()
