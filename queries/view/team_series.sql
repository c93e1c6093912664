-- +++
-- help = "The weekly series of each team as signals judges them: complete weeks in order, counted from the first and from the last, each with the value before."
-- from = ["team_week", "team"]
-- once = true
-- [params]
-- baseline_weeks = { type = "int", default = 12, min = 2, max = 52, help = "the limits come from this many first weeks of a series" }
-- +++
-- The baseline stays frozen on the first weeks of the series (of a longer history, the first of two years; the week in which
-- the series begins is left out, since it may be a part of one), until the team agrees to work in another way
-- (`working_agreement` in team.created or team.updated): once a whole baseline of weeks began after that, these alone are the
-- series, and `rebased` says so. Until then the old limits hold, so that the change itself is called out.
-- `level` is what is held against the limits: hours, which are skewed, by their logarithm.
WITH weekly AS (
  SELECT
    team_week.team,
    team_week.series,
    team_week.from_at,
    team_week.value,
    team_week.from_at >= team.agreed_at AS agreed
  FROM team_week
  LEFT JOIN team ON team.team = team_week.team
  WHERE team_week.complete
    AND NOT team_week.first
),
-- Whether a whole baseline of weeks began after the agreement.
held AS (
  SELECT
    team,
    series,
    from_at,
    value,
    agreed,
    SUM(CASE WHEN agreed THEN 1 ELSE 0 END) OVER (PARTITION BY team, series) >= $baseline_weeks AS rebased
  FROM weekly
)
SELECT
  team,
  series,
  from_at,
  value,
  CASE WHEN series = 'response_hours' THEN LN(GREATEST(value, 0.01)) ELSE value END AS level,
  rebased,
  COUNT(*) OVER (PARTITION BY team, series) AS weeks,
  ROW_NUMBER() OVER (PARTITION BY team, series ORDER BY from_at) AS position,
  ROW_NUMBER() OVER (PARTITION BY team, series ORDER BY from_at DESC) AS ago,
  LAG(value) OVER (PARTITION BY team, series ORDER BY from_at) AS before
FROM held
WHERE NOT rebased
  OR agreed
