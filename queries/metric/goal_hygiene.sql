-- +++
-- title = "Goal hygiene"
-- help = "Share of open goals, milestones and tickets that have exactly one owner and a due date of their own."
-- unit = "ratio"
-- level = "team"
-- labels = ["kind"]
-- value = "share"
-- gauges = ["open", "with_single_owner", "with_due_date"]
-- section = "Delegation balance"
-- panel = "bargauge"
-- +++
-- Owners are the distinct assignees, bots among them, else the owner; for a goal the owner goes first. Names of one
-- person are one owner. A milestone's baseline stands for its due date until one is stated.
WITH assigned AS (
  SELECT
    key_hash,
    UNNEST(assignees) AS person
  FROM ticket
  WHERE is_open
),
held AS (
  SELECT
    assigned.key_hash,
    COUNT(DISTINCT COALESCE(person_of.person, assigned.person)) AS people
  FROM assigned
  LEFT JOIN person_of ON person_of.identity = assigned.person
  GROUP BY assigned.key_hash
),
item AS (
  SELECT
    CASE WHEN ticket.kind = 'goal' THEN 'goal' ELSE 'ticket' END AS kind,
    CASE
      WHEN ticket.kind = 'goal' AND ticket.owner IS NOT NULL THEN TRUE
      WHEN held.people > 0 THEN held.people = 1
      ELSE ticket.owner IS NOT NULL
    END AS single_owner,
    ticket.due_on IS NOT NULL AS has_due_date
  FROM ticket
  LEFT JOIN held ON held.key_hash = ticket.key_hash
  WHERE ticket.is_open
  UNION ALL
  SELECT
    'milestone' AS kind,
    owner IS NOT NULL AS single_owner,
    due_on IS NOT NULL AS has_due_date
  FROM milestone
  WHERE is_open
),
counted AS (
  SELECT
    kind,
    COUNT(*) AS open,
    COUNT(*) FILTER (WHERE single_owner) AS with_single_owner,
    COUNT(*) FILTER (WHERE has_due_date) AS with_due_date,
    COUNT(*) FILTER (WHERE single_owner AND has_due_date) AS with_both
  FROM item
  GROUP BY kind
),
listed AS (
  SELECT kind FROM (VALUES ('goal'), ('milestone'), ('ticket')) AS listed (kind)
)
SELECT
  listed.kind,
  COALESCE(counted.open, 0) AS open,
  COALESCE(counted.with_single_owner, 0) AS with_single_owner,
  COALESCE(counted.with_due_date, 0) AS with_due_date,
  COALESCE(counted.with_both, 0) AS with_both,
  ROUND(CAST(counted.with_both AS DOUBLE) / counted.open, 6) AS share
FROM listed
LEFT JOIN counted ON counted.kind = listed.kind
ORDER BY listed.kind
