-- +++
-- title = "Milestone forecast"
-- help = "When each open milestone will be done at the pace of its own history, and how probable its due date is."
-- unit = "ratio"
-- level = "team"
-- labels = ["project", "milestone", "title"]
-- value = "p_hit"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- milestones_min = { type = "int", default = 20, min = 2, max = 1000, help = "with fewer closed milestones nothing is recalibrated" }
-- +++
-- The forecast is that of the view milestone_outlook: a double bootstrap over weeks of history, in which completions and
-- changes of scope go together, in tickets. The history is the milestone's own; where that is too short it is that of all
-- milestones of the project, which is then taken to finish what is due first. It begins after the planning days, and moves
-- between milestones of the project change no scope. With too short a history there is no forecast, and `state` says so.
-- `p_hit` is the share of futures that end by the due date, `p_never` of those that do not end in time. Dates are UTC.
-- Through a day (UTC) the same futures are drawn, so numbers change only when the history does.
-- The recalibrated dates are those that would have covered 50, 85 and 95 % of the closed milestones at the same progress, 20
-- to 80 % of the baseline duration in steps of 20: the days up to each are multiplied as forecast_calibration says.
-- `recalibration` says when too few milestones, `recalibration_n`, could tell; without a baseline none can.
WITH correction AS (
  SELECT
    percent,
    COUNT(DISTINCT milestone) AS milestones,
    percentile_nearest(stretch_50, 0.5) AS stretch_50,
    percentile_nearest(stretch_85, 0.85) AS stretch_85,
    percentile_nearest(stretch_95, 0.95) AS stretch_95
  FROM forecast_error
  WHERE known
  GROUP BY percent
),
progress AS (
  SELECT
    milestone,
    CASE
      WHEN days_between(CAST(created_at AS DATE), baseline_on) > 0
      THEN LEAST(GREATEST(20 * CAST(ROUND(
        CAST(5 * millis_between(created_at, $as_of) AS DOUBLE) / (days_between(CAST(created_at AS DATE), baseline_on) * 86400000)
      ) AS BIGINT), 20), 80)
    END AS percent
  FROM milestone
  WHERE is_open
),
stretched AS (
  SELECT
    outlook.milestone,
    correction.milestones,
    correction.milestones >= $milestones_min AS enough,
    CAST(CEIL(CAST(outlook.p50_days * correction.stretch_50 AS DOUBLE) / 1000000) AS BIGINT) AS p50_days,
    CAST(CEIL(CAST(outlook.p85_days * correction.stretch_85 AS DOUBLE) / 1000000) AS BIGINT) AS p85_days,
    CAST(CEIL(CAST(outlook.p95_days * correction.stretch_95 AS DOUBLE) / 1000000) AS BIGINT) AS p95_days
  FROM milestone_outlook AS outlook
  INNER JOIN progress ON progress.milestone = outlook.milestone
  INNER JOIN correction ON correction.percent = progress.percent
)
SELECT
  milestone.project,
  milestone.milestone,
  milestone.title,
  outlook.p_hit,
  outlook.p50_on,
  outlook.p85_on,
  outlook.p95_on,
  outlook.p_never,
  outlook.p85_days - outlook.p50_days AS buffer_days,
  outlook.due_on,
  outlook.scope,
  outlook.remaining,
  outlook.state,
  outlook.weeks AS n,
  CASE WHEN stretched.enough THEN CAST(days_before($as_of, -stretched.p50_days) - INTERVAL '1 microsecond' AS DATE) END AS p50_recalibrated_on,
  CASE WHEN stretched.enough THEN CAST(days_before($as_of, -stretched.p85_days) - INTERVAL '1 microsecond' AS DATE) END AS p85_recalibrated_on,
  CASE WHEN stretched.enough THEN CAST(days_before($as_of, -stretched.p95_days) - INTERVAL '1 microsecond' AS DATE) END AS p95_recalibrated_on,
  CASE WHEN stretched.enough THEN 'as past milestones closed' ELSE 'too little history' END AS recalibration,
  COALESCE(stretched.milestones, 0) AS recalibration_n
FROM milestone_outlook AS outlook
INNER JOIN milestone ON milestone.milestone = outlook.milestone
LEFT JOIN stretched ON stretched.milestone = outlook.milestone
ORDER BY milestone.project NULLS LAST, milestone.milestone
