-- +++
-- title = "Signals"
-- help = "Weekly figures of each team that are more than normal variation: beyond their process limits, or long on one side."
-- unit = "signals"
-- level = "team"
-- labels = ["team", "series"]
-- value = "signal"
-- section = "Flow"
-- panel = "table"
-- [params]
-- baseline_weeks = { type = "int", default = 12, min = 2, max = 52, help = "the limits come from this many first weeks of a series" }
-- baseline_weeks_min = { type = "int", default = 6, min = 2, max = 52, help = "a series with fewer complete weeks has no limits" }
-- run_length = { type = "int", default = 8, min = 3, max = 20, help = "this many weeks running on one side of the mean are a signal" }
-- week_ranges = { type = "float", default = 4.0, min = 0, max = 100, help = "a week further than this many mean ranges from the mean is called out" }
-- four_weeks_ranges = { type = "float", default = 2.0, min = 0, max = 100, help = "four weeks on one side that are on average further than this from it are called out" }
-- eight_weeks_ranges = { type = "float", default = 1.33, min = 0, max = 100, help = "eight weeks on one side that are on average further than this from it are called out" }
-- range_min = { type = "float", default = 1.0, min = 0, max = 1000, help = "the mean range counts as at least this for what is called out: one ticket, point, change or review" }
-- hours_range_min = { type = "float", default = 0.1, min = 0, max = 100, help = "the same for the logarithm of response hours" }
-- +++
-- XmR charts (Shewhart; Wheeler, Understanding Variation, 1993) over complete ISO weeks of the last two years. Natural
-- process limits are mean -+ 2.66 mR, the lower one at least 0; a week's change beyond 3.268 mR is outside too. Rules, for
-- the last complete week: 1 beyond a limit; 2 the last eight on one side of the mean; 3 of the last four at least three
-- nearer to one limit than to the mean. The baseline stays frozen on the first weeks of the series
-- (of a longer history, the first of these two years; the week in which the series begins is left out, since it may be
-- a part of one), until the team agrees to work in another way (`working_agreement` in team.created or team.updated):
-- once a whole baseline of weeks began after that, these alone are the series, and `rebased` says so. Until then the old
-- limits hold, so that the change itself is called out.
-- Limits from twelve weeks are uncertain: of a series that never changes, the rules make a signal of one week in 16
-- (normal weeks; one in 10 of small counts). With some twenty series that is news every Monday, so reports and pages tell
-- only signals that are `called_out`: of a whole baseline, and so far from its mean that luck does it in one week of 250 at
-- most. For that the mean range is of all weeks, where it is larger (a change of level hardly moves it, and twelve weeks
-- may have been alike by luck), and at least one ticket, point, change or review, or a tenth. Response hours, which are
-- skewed, are held against it by their logarithms.
-- How often each is wrong, and how soon a real change is found, is simulated in docs/benchmarks.md.
WITH agreed AS (
  SELECT
    team_week.team,
    team_week.series,
    MAX(team.agreed_at) AS at,
    COUNT(*) >= $baseline_weeks AS enough
  FROM team_week
  INNER JOIN team ON team.team = team_week.team
  WHERE team_week.complete
    AND NOT team_week.first
    AND team_week.from_at >= team.agreed_at
  GROUP BY team_week.team, team_week.series
),
series AS (
  SELECT
    team_week.team,
    team_week.series,
    team_week.from_at,
    team_week.value,
    CASE WHEN team_week.series = 'response_hours' THEN LN(GREATEST(team_week.value, 0.01)) ELSE team_week.value END AS level,
    COALESCE(agreed.enough, FALSE) AS rebased,
    COUNT(*) OVER (PARTITION BY team_week.team, team_week.series) AS weeks,
    ROW_NUMBER() OVER (PARTITION BY team_week.team, team_week.series ORDER BY team_week.from_at) AS position,
    ROW_NUMBER() OVER (PARTITION BY team_week.team, team_week.series ORDER BY team_week.from_at DESC) AS ago,
    LAG(team_week.value) OVER (PARTITION BY team_week.team, team_week.series ORDER BY team_week.from_at) AS before
  FROM team_week
  LEFT JOIN agreed ON agreed.team = team_week.team AND agreed.series = team_week.series
  WHERE team_week.complete
    AND NOT team_week.first
    AND (NOT COALESCE(agreed.enough, FALSE) OR team_week.from_at >= agreed.at)
),
measured AS (
  SELECT
    team,
    series,
    COUNT(*) AS n,
    xmr(CAST(position AS BIGINT), value, $baseline_weeks, $baseline_weeks_min) AS limits,
    xmr(CAST(position AS BIGINT), level, $baseline_weeks, $baseline_weeks) AS whole,
    xmr(CAST(position AS BIGINT), level, weeks, $baseline_weeks) AS every
  FROM series
  GROUP BY team, series
),
chart AS (
  SELECT
    team,
    series,
    n,
    limits['n'] AS baseline_n,
    limits['mean'] AS mean,
    limits['mean_range'] AS mean_range,
    CASE WHEN limits['lower'] < 0 THEN 0.0 ELSE limits['lower'] END AS lower,
    limits['upper'] AS upper,
    limits['range_upper'] AS range_upper,
    whole['mean'] AS level_mean,
    GREATEST(whole['mean_range'], every['mean_range'], CASE WHEN series = 'response_hours' THEN $hours_range_min ELSE $range_min END) AS level_range
  FROM measured
),
judged AS (
  SELECT
    series.team,
    series.series,
    MAX(series.from_at) AS from_at,
    BOOL_OR(series.rebased) AS rebased,
    MAX(series.value) FILTER (WHERE series.ago = 1) AS value,
    BOOL_OR(series.value > chart.upper OR series.value < chart.lower) FILTER (WHERE series.ago = 1) AS beyond,
    BOOL_OR(ABS(series.value - series.before) > chart.range_upper) FILTER (WHERE series.ago = 1) AS jump,
    COUNT(*) FILTER (WHERE series.ago <= $run_length AND series.value > chart.mean) AS above,
    COUNT(*) FILTER (WHERE series.ago <= $run_length AND series.value < chart.mean) AS below,
    MAX(series.level) FILTER (WHERE series.ago = 1) AS level,
    COUNT(*) FILTER (WHERE series.ago <= 4 AND series.level > chart.level_mean) AS above_4,
    COUNT(*) FILTER (WHERE series.ago <= 4 AND series.level < chart.level_mean) AS below_4,
    COUNT(*) FILTER (WHERE series.ago <= 8 AND series.level > chart.level_mean) AS above_8,
    COUNT(*) FILTER (WHERE series.ago <= 8 AND series.level < chart.level_mean) AS below_8,
    SUM(CAST(ROUND(1000 * series.level) AS BIGINT)) FILTER (WHERE series.ago <= 4) AS thousandths_4,
    SUM(CAST(ROUND(1000 * series.level) AS BIGINT)) FILTER (WHERE series.ago <= 8) AS thousandths_8,
    COUNT(*) FILTER (WHERE series.ago <= 4 AND series.value > (chart.mean + chart.upper) / 2) AS near_upper,
    COUNT(*) FILTER (WHERE series.ago <= 4 AND series.value < (chart.mean + chart.lower) / 2) AS near_lower
  FROM series
  INNER JOIN chart ON chart.team = series.team AND chart.series = series.series
  GROUP BY series.team, series.series
)
SELECT
  judged.team,
  judged.series,
  CASE
    WHEN chart.mean IS NULL THEN NULL
    WHEN judged.beyond OR COALESCE(judged.jump, FALSE) THEN 1
    WHEN judged.above >= $run_length OR judged.below >= $run_length THEN 2
    WHEN judged.near_upper >= 3 OR judged.near_lower >= 3 THEN 3
    ELSE 0
  END AS signal,
  CASE
    WHEN chart.mean IS NULL THEN 'too few weeks'
    WHEN judged.beyond THEN 'beyond a limit'
    WHEN COALESCE(judged.jump, FALSE) THEN 'a jump beyond the range limit'
    WHEN judged.above >= $run_length THEN 'long above the mean'
    WHEN judged.below >= $run_length THEN 'long below the mean'
    WHEN judged.near_upper >= 3 THEN 'near the upper limit'
    WHEN judged.near_lower >= 3 THEN 'near the lower limit'
    ELSE 'no change beyond normal variation'
  END AS meaning,
  CASE
    WHEN chart.mean IS NULL THEN NULL
    WHEN chart.level_mean IS NULL THEN FALSE
    WHEN NOT (
      judged.beyond
      OR COALESCE(judged.jump, FALSE)
      OR judged.above >= $run_length
      OR judged.below >= $run_length
      OR judged.near_upper >= 3
      OR judged.near_lower >= 3
    ) THEN FALSE
    ELSE ABS(judged.level - chart.level_mean) > $week_ranges * chart.level_range
      OR (
        (judged.above_4 = 4 OR judged.below_4 = 4)
        AND ABS(judged.thousandths_4 / 4000.0 - chart.level_mean) > $four_weeks_ranges * chart.level_range
      )
      OR (
        (judged.above_8 = 8 OR judged.below_8 = 8)
        AND ABS(judged.thousandths_8 / 8000.0 - chart.level_mean) > $eight_weeks_ranges * chart.level_range
      )
  END AS called_out,
  to_char(judged.from_at, '%G-W%V') AS week,
  ROUND(judged.value, 2) AS latest,
  ROUND(chart.mean, 6) AS mean,
  ROUND(chart.lower, 6) AS lower,
  ROUND(chart.upper, 6) AS upper,
  ROUND(chart.mean_range, 6) AS mean_range,
  chart.baseline_n,
  chart.n,
  judged.rebased
FROM judged
INNER JOIN chart ON chart.team = judged.team AND chart.series = judged.series
ORDER BY judged.team, judged.series
