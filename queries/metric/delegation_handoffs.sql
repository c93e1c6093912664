-- +++
-- title = "Hand-offs"
-- help = "Open tickets that went from hand to hand: changes of assignee, and returns to a person who had it before."
-- unit = "hand-offs"
-- level = "team"
-- labels = ["ticket"]
-- value = "handoffs"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- gap_minutes = { type = "int", default = 60, min = 0, max = 100000, help = "shorter gaps in one person's stay, and shorter stays between two others, do not count" }
-- handoffs_max = { type = "int", default = 3, min = 1, max = 1000, help = "a ticket with this many hand-offs is flagged" }
-- +++
-- A hand-off is a stay that begins at or after the end of another person's: a second assignee next to the first is not a hand-off.
-- A return is a hand-off to a former holder. Bots do not hold tickets.
WITH stay AS (
  SELECT
    key_hash,
    ticket,
    person,
    from_at,
    to_at,
    LAG(to_at) OVER (PARTITION BY key_hash, person ORDER BY from_at) AS left_at
  FROM person_assignment
  WHERE NOT bot
    AND key_hash IN (SELECT key_hash FROM ticket WHERE is_open)
),
joined AS (
  SELECT
    key_hash,
    ticket,
    person,
    from_at,
    to_at,
    SUM(CASE WHEN millis_between(left_at, from_at) < $gap_minutes * 60000 THEN 0 ELSE 1 END)
      OVER (PARTITION BY key_hash, person ORDER BY from_at) AS number
  FROM stay
),
holding AS (
  SELECT
    key_hash,
    ticket,
    person,
    number,
    MIN(from_at) AS from_at,
    CASE WHEN COUNT(*) = COUNT(to_at) THEN MAX(to_at) END AS to_at
  FROM joined
  GROUP BY key_hash, ticket, person, number
),
held AS (
  SELECT
    key_hash,
    ticket,
    person,
    ROW_NUMBER() OVER (PARTITION BY key_hash, person ORDER BY from_at) AS number,
    from_at,
    to_at
  FROM holding
  WHERE to_at IS NULL
    OR millis_between(from_at, to_at) >= $gap_minutes * 60000
),
handed AS (
  SELECT
    later.key_hash,
    later.ticket,
    later.person,
    later.number,
    later.from_at
  FROM held AS later
  INNER JOIN held AS earlier
    ON earlier.key_hash = later.key_hash
    AND earlier.person <> later.person
    AND earlier.to_at <= later.from_at
  GROUP BY later.key_hash, later.ticket, later.person, later.number, later.from_at
)
SELECT
  handed.ticket,
  COUNT(*) AS handoffs,
  COUNT(*) FILTER (WHERE handed.number > 1) AS returns,
  COUNT(*) >= $handoffs_max OR COUNT(*) FILTER (WHERE handed.number > 1) > 0 AS flagged,
  day_in(MAX(handed.from_at), MIN(COALESCE(of_team.timezone, of_project.timezone, 'UTC'))) AS last_on
FROM handed
INNER JOIN ticket ON ticket.key_hash = handed.key_hash
LEFT JOIN team_zone AS of_team ON of_team.team = ticket.team
LEFT JOIN team_zone AS of_project ON of_project.team = ticket.project
GROUP BY handed.key_hash, handed.ticket
ORDER BY handed.ticket
