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
-- nearer to one limit than to the mean. Which weeks are judged, and when a team's series starts over (`rebased`), is described at
-- the view team_series. `beyond` is whether the last week was outside the limits, which is what is not normal.
-- Limits from twelve weeks are uncertain: of a series that never changes, the rules make a signal of one week in 16
-- (normal weeks; one in 10 of small counts). With some twenty series that is news every Monday, so reports and pages show
-- only signals that are `called_out`: of a whole baseline, and so far from its mean that luck does it in one week of 250 at
-- most. For that the mean range is of all weeks, where it is larger (a change of level hardly moves it, and twelve weeks
-- may have been alike by luck), and at least one ticket, point, change or review, or a tenth. Response hours, which are
-- skewed, are held against it by their logarithms.
-- How often each is wrong, and how soon a real change is found, is simulated in docs/benchmarks.md.
-- Natural process limits: of the baseline, of a whole baseline only, and of all weeks.
WITH measured AS (
  SELECT
    team,
    series,
    MAX(from_at) AS from_at,
    BOOL_OR(rebased) AS rebased,
    COUNT(*) AS n,
    xmr(CAST(position AS BIGINT), value, $baseline_weeks, $baseline_weeks_min) AS limits,
    xmr(CAST(position AS BIGINT), level, $baseline_weeks, $baseline_weeks) AS whole,
    xmr(CAST(position AS BIGINT), level, weeks, $baseline_weeks) AS every
  FROM team_series
  GROUP BY team, series
),
-- The chart of each series, and the mean and range by which a signal is called out.
chart AS (
  SELECT
    team,
    series,
    from_at,
    rebased,
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
-- The last week against the chart, and on which side of it the weeks before were.
counted AS (
  SELECT
    week.team,
    week.series,
    MAX(week.value) FILTER (WHERE week.ago = 1) AS value,
    BOOL_OR(week.value > chart.upper OR week.value < chart.lower) FILTER (WHERE week.ago = 1) AS beyond,
    COALESCE(BOOL_OR(ABS(week.value - week.before) > chart.range_upper) FILTER (WHERE week.ago = 1), FALSE) AS jump,
    COUNT(*) FILTER (WHERE week.ago <= $run_length AND week.value > chart.mean) AS above,
    COUNT(*) FILTER (WHERE week.ago <= $run_length AND week.value < chart.mean) AS below,
    COUNT(*) FILTER (WHERE week.ago <= 4 AND week.value > (chart.mean + chart.upper) / 2) AS near_upper,
    COUNT(*) FILTER (WHERE week.ago <= 4 AND week.value < (chart.mean + chart.lower) / 2) AS near_lower,
    MAX(week.level) FILTER (WHERE week.ago = 1) AS level,
    COUNT(*) FILTER (WHERE week.ago <= 4 AND week.level > chart.level_mean) AS above_4,
    COUNT(*) FILTER (WHERE week.ago <= 4 AND week.level < chart.level_mean) AS below_4,
    COUNT(*) FILTER (WHERE week.ago <= 8 AND week.level > chart.level_mean) AS above_8,
    COUNT(*) FILTER (WHERE week.ago <= 8 AND week.level < chart.level_mean) AS below_8,
    SUM(CAST(ROUND(1000 * week.level) AS BIGINT)) FILTER (WHERE week.ago <= 4) AS thousandths_4,
    SUM(CAST(ROUND(1000 * week.level) AS BIGINT)) FILTER (WHERE week.ago <= 8) AS thousandths_8
  FROM team_series AS week
  INNER JOIN chart ON chart.team = week.team AND chart.series = week.series
  GROUP BY week.team, week.series
),
-- The first rule that holds, and whether the figures are far from the mean: one week, four or eight on one side of it.
judged AS (
  SELECT
    counted.team,
    counted.series,
    counted.value,
    counted.beyond,
    CASE
      WHEN chart.mean IS NULL THEN 'too few weeks'
      WHEN counted.beyond THEN 'beyond a limit'
      WHEN counted.jump THEN 'a jump beyond the range limit'
      WHEN counted.above >= $run_length THEN 'long above the mean'
      WHEN counted.below >= $run_length THEN 'long below the mean'
      WHEN counted.near_upper >= 3 THEN 'near the upper limit'
      WHEN counted.near_lower >= 3 THEN 'near the lower limit'
      ELSE 'no change beyond normal variation'
    END AS meaning,
    ABS(counted.level - chart.level_mean) > $week_ranges * chart.level_range
    OR (
      (counted.above_4 = 4 OR counted.below_4 = 4)
      AND ABS(counted.thousandths_4 / 4000.0 - chart.level_mean) > $four_weeks_ranges * chart.level_range
    )
    OR (
      (counted.above_8 = 8 OR counted.below_8 = 8)
      AND ABS(counted.thousandths_8 / 8000.0 - chart.level_mean) > $eight_weeks_ranges * chart.level_range
    ) AS far
  FROM counted
  INNER JOIN chart ON chart.team = counted.team AND chart.series = counted.series
),
rule AS (
  SELECT
    meaning,
    signal
  FROM (VALUES
    ('beyond a limit', 1),
    ('a jump beyond the range limit', 1),
    ('long above the mean', 2),
    ('long below the mean', 2),
    ('near the upper limit', 3),
    ('near the lower limit', 3),
    ('no change beyond normal variation', 0)
  ) AS rule (meaning, signal)
)
SELECT
  judged.team,
  judged.series,
  rule.signal,
  judged.meaning,
  CASE WHEN chart.mean IS NOT NULL THEN COALESCE(rule.signal > 0 AND judged.far, FALSE) END AS called_out,
  to_char(chart.from_at, '%G-W%V') AS week,
  ROUND(judged.value, 2) AS latest,
  ROUND(chart.mean, 6) AS mean,
  ROUND(chart.lower, 6) AS lower,
  ROUND(chart.upper, 6) AS upper,
  ROUND(chart.mean_range, 6) AS mean_range,
  chart.baseline_n,
  chart.n,
  chart.rebased,
  judged.beyond
FROM judged
INNER JOIN chart ON chart.team = judged.team AND chart.series = judged.series
LEFT JOIN rule ON rule.meaning = judged.meaning
ORDER BY judged.team, judged.series
