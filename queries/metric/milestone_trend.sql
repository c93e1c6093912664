-- +++
-- title = "Milestone trend"
-- help = "What each open milestone's due date and forecast were at the end of each week: the slip chart."
-- unit = "days"
-- level = "team"
-- labels = ["milestone", "week"]
-- value = "p50_slip_days"
-- section = "Milestone drift"
-- panel = "timeseries"
-- shared_params = ["trials"]
-- [params]
-- weeks = { type = "int", default = 12, min = 1, max = 106, help = "reports listed, the one at as_of included" }
-- slope_reports = { type = "int", default = 6, min = 2, max = 106, help = "the slope is over this many last reports" }
-- +++
-- A report is made at the end of each ISO week, and at as_of, from what had happened by then. `slope` is the median slope
-- (Theil 1950, Sen 1968) of the forecast over the last reports: 1 is a slip of a day each day. Likely late is what
-- is less likely than not to meet its due date.
WITH report AS (
  SELECT
    n,
    label,
    CASE WHEN n = 0 THEN $as_of ELSE days_before(from_at, -7) END AS at
  FROM week
  WHERE n < $weeks
),
moment AS (
  SELECT
    milestone.milestone,
    report.at,
    milestone_revision.due_on,
    $trials AS trials
  FROM milestone
  INNER JOIN milestone_revision ON milestone_revision.key_hash = milestone.key_hash
  INNER JOIN report
    ON holds_at(milestone_revision.from_at, milestone_revision.to_at, report.at)
  WHERE milestone.is_open
),
reported AS (
  SELECT
    outlook.milestone,
    report.n,
    report.label,
    outlook.at,
    outlook.due_on,
    outlook.p50_on,
    outlook.p_hit
  FROM milestone_outlook(moment) AS outlook
  INNER JOIN report ON report.at = outlook.at
),
slope AS (
  SELECT
    milestone,
    theil_sen(
      CAST(arrow_cast(at, 'Int64') AS DOUBLE) / CAST(86400000000 AS DOUBLE),
      CAST(arrow_cast(p50_on, 'Int32') AS DOUBLE)
    ) AS slope,
    COUNT(*) AS n
  FROM reported
  WHERE n < $slope_reports
    AND p50_on IS NOT NULL
  GROUP BY milestone
)
SELECT
  reported.milestone,
  reported.label AS week,
  days_between(reported.due_on, reported.p50_on) AS p50_slip_days,
  reported.due_on,
  reported.p50_on,
  ROUND(slope.slope, 6) AS slope,
  COALESCE(slope.n, 0) AS n,
  reported.at AS reported_at,
  reported.p_hit < 0.5 AS likely_late
FROM reported
LEFT JOIN slope ON slope.milestone = reported.milestone
ORDER BY reported.milestone, reported.at
