-- +++
-- title = "Overcommitment"
-- help = "Points that each person has to finish in the next weeks against what they usually finish in that time and are present for."
-- unit = "ratio"
-- level = "person"
-- labels = ["team", "assignee"]
-- people = ["assignee"]
-- value = "commitment_ratio"
-- section = "Delegation balance"
-- panel = "table"
-- shared_params = ["over"]
-- [params]
-- tight = { type = "float", default = 0.85, min = 0.1, max = 10, help = "above this ratio a person's plan is tight" }
-- +++
-- A ticket is due on its own date, else on that of its milestone; what is overdue counts. It splits equally over its human
-- assignees, in 720720ths. An unestimated ticket takes the median estimate of the team's tickets here; with none it
-- weighs one. Usual throughput is the nearest-rank median of points done a week, zero weeks included. Presence
-- is the share of the horizon's working time that is not leave. Without throughput or presence there is no ratio.
WITH ratio AS (
  SELECT
    team,
    person,
    due_units AS point_units,
    tickets,
    unestimated,
    weekly_units,
    presence,
    CAST(due_units AS DOUBLE) / NULLIF(CAST(weekly_units AS DOUBLE) * $horizon_days / 7 * presence, 0) AS ratio
  FROM commitment
  WHERE due_units IS NOT NULL
)
SELECT
  team,
  person AS assignee,
  ROUND(ratio, 6) AS commitment_ratio,
  CASE
    WHEN ratio > $over THEN 'over'
    WHEN ratio > $tight THEN 'tight'
    WHEN ratio IS NOT NULL THEN 'fits'
  END AS state,
  units_to_points(point_units) AS points_due,
  units_to_points(weekly_units) AS points_per_week,
  ROUND(presence, 6) AS presence,
  tickets AS n,
  unestimated
FROM ratio
ORDER BY team, person
