"""The peer of `benches/run past`: metrics at a past moment in DuckDB, over the same rows.

Each query answers the columns named, by the same definition as far as these rows need it: nothing here arrives
twice, late or under two names, so what keeps Plimsoll right then is left out, to the peer's advantage.
"""

import json

MEMBER = """
member AS (
  SELECT DISTINCT team, person FROM directory WHERE type = 'team.member_added' AND effective_at <= CAST($moment AS TIMESTAMPTZ)
)"""

TICKET = """
latest AS (
  SELECT
    ticket,
    arg_max(status_category, (effective_at, seq)) AS category,
    arg_max(assignees, (effective_at, seq)) AS assignees,
    arg_max(points_hundredths, (effective_at, seq)) AS points,
    arg_max(due_on, (effective_at, seq)) AS due_on
  FROM tickets
  WHERE entity = 'ticket' AND effective_at <= CAST($moment AS TIMESTAMPTZ)
  GROUP BY ticket
)"""

# Metric: the columns to compare, the SQL.
QUERIES = {
    "review_load": (
        ["team", "open_reviews"],
        f"""
WITH {MEMBER},
asked AS (
  SELECT repo, change, reviewer, max(effective_at) AS at
  FROM reviews WHERE type = 'review.requested' AND effective_at <= CAST($moment AS TIMESTAMPTZ) GROUP BY ALL
),
answered AS (
  SELECT repo, change, reviewer, max(effective_at) AS at
  FROM reviews WHERE type = 'review.submitted' AND effective_at <= CAST($moment AS TIMESTAMPTZ) GROUP BY ALL
),
ended AS (
  SELECT repo, change, max(effective_at) AS at
  FROM reviews WHERE type IN ('change.merged', 'change.closed') AND effective_at <= CAST($moment AS TIMESTAMPTZ) GROUP BY ALL
)
SELECT member.team, count(*) AS open_reviews
FROM asked
JOIN member ON member.person = asked.reviewer
LEFT JOIN answered USING (repo, change, reviewer)
LEFT JOIN ended USING (repo, change)
WHERE (answered.at IS NULL OR answered.at < asked.at) AND (ended.at IS NULL OR ended.at < asked.at)
GROUP BY ALL ORDER BY ALL""",
    ),
    "review_concentration": (
        ["team", "reviews"],
        f"""
WITH {MEMBER}
SELECT member.team, count(*) AS reviews
FROM reviews
JOIN member ON member.person = reviews.reviewer
WHERE type = 'review.submitted' AND effective_at <= CAST($moment AS TIMESTAMPTZ) AND effective_at > CAST($moment AS TIMESTAMPTZ) - INTERVAL 28 DAYS
GROUP BY ALL ORDER BY ALL""",
    ),
    "assignee_load": (
        ["team", "assignee", "open_tickets", "open_points"],
        f"""
WITH {MEMBER},
{TICKET},
held AS (SELECT unnest(assignees) AS person, points FROM latest WHERE category <> 'done')
SELECT team, person AS assignee, count(*) AS open_tickets, sum(points) / 100 AS open_points
FROM held JOIN member USING (person)
GROUP BY ALL ORDER BY ALL""",
    ),
    "goal_hygiene": (
        ["kind", "open", "with_single_owner", "with_due_date"],
        f"""
WITH {TICKET}
SELECT
  'ticket' AS kind, count(*) AS open, count(*) FILTER (len(assignees) = 1) AS with_single_owner,
  count(due_on) AS with_due_date
FROM latest WHERE category <> 'done'""",
    ),
}


def files(table_root):
    """The data files that a Delta table consists of now."""
    live = {}
    for commit in sorted((table_root / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                live[action["add"]["path"]] = True
            elif "remove" in action:
                live.pop(action["remove"]["path"], None)
    return [str(table_root / path) for path in live]


class Duck:
    """DuckDB with the rows in tables of its own, on as many threads as it likes."""

    def __init__(self, store):
        try:
            import duckdb
        except ImportError:
            raise SystemExit("benches/run: `past` needs DuckDB for Python: pip install duckdb") from None
        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        for table in ("reviews", "tickets", "directory"):
            of_table = [path for path in files(store) if f"table={table}/" in path]
            self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet($files)", {"files": of_table})

    def rows(self, metric, moment):
        columns, sql = QUERIES[metric]
        found = self.connection.execute(sql, {"moment": moment}).fetchall()
        return [dict(zip(columns, row)) for row in found]
