-- +++
-- help = "The teams above each team, however far up."
-- from = ["team"]
-- once = true
-- +++
WITH RECURSIVE step AS (
  SELECT
    team,
    parent AS above,
    1 AS depth
  FROM team
  WHERE parent IS NOT NULL
    AND parent <> team
  UNION ALL
  SELECT
    step.team,
    team.parent AS above,
    step.depth + 1 AS depth
  FROM step
  INNER JOIN team ON team.team = step.above
  WHERE team.parent IS NOT NULL
    AND step.depth < 16
)
SELECT DISTINCT
  team,
  above
FROM step
WHERE above <> team
