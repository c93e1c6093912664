-- +++
-- help = "The time zone of each team: its own, else that of the nearest team above it that has one. No row: none has."
-- from = ["team"]
-- once = true
-- +++
WITH RECURSIVE step AS (
  SELECT
    team,
    parent,
    timezone,
    0 AS depth
  FROM team
  WHERE NOT deleted
  UNION ALL
  SELECT
    step.team,
    team.parent,
    team.timezone,
    step.depth + 1 AS depth
  FROM step
  INNER JOIN team ON team.team = step.parent
  WHERE step.timezone IS NULL
    AND NOT team.deleted
    AND step.depth < 16
)
SELECT
  team,
  timezone
FROM step
WHERE timezone IS NOT NULL
