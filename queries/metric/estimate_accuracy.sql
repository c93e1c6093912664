-- +++
-- title = "Estimate accuracy"
-- help = "How the time in progress of each team's finished tickets compares with their estimates, by size."
-- unit = "ratio"
-- level = "team"
-- labels = ["team", "band"]
-- value = "bias"
-- section = "Milestone drift"
-- panel = "table"
-- [params]
-- window_days = { type = "int", default = 182, min = 7, max = 3660, help = "tickets finished in this many days up to as_of" }
-- days_per_point = { type = "float", default = 1.0, min = 0.001, max = 1000, help = "days in progress that one point stands for" }
-- +++
-- r = actual / estimate; bias = exp(mean ln r), 1 when over and under balance; spread = exp(sd ln r), the factor within which
-- about two thirds lie (Jorgensen 2003 on why not the mean relative error). Actual is the time in progress, of reopened tickets
-- too. `relative_bias` is the band's bias to the team's, which does not depend on what a point is. Tickets without an
-- estimate or never in progress are counted in `left_out`.
WITH finished AS (
  SELECT
    team,
    key_hash,
    active_ms,
    points_hundredths
  FROM team_ticket
  WHERE NOT is_open
    AND done_at > days_before($as_of, $window_days)
    AND done_at <= $as_of
),
rated AS (
  SELECT
    team,
    CASE
      WHEN COALESCE(points_hundredths, 0) = 0 OR active_ms = 0 THEN 'unknown'
      WHEN points_hundredths <= 200 THEN '1 to 2'
      WHEN points_hundredths <= 500 THEN '3 to 5'
      WHEN points_hundredths <= 1300 THEN '6 to 13'
      ELSE 'over 13'
    END AS band,
    CASE
      WHEN points_hundredths > 0 AND active_ms > 0
      THEN CAST(ROUND(LN(CAST(active_ms AS DOUBLE) / 864000 / points_hundredths / $days_per_point) * 1000000) AS BIGINT)
    END AS ln_millionths
  FROM finished
),
banded AS (
  SELECT
    team,
    band,
    ln_millionths
  FROM rated
  WHERE ln_millionths IS NOT NULL
  UNION ALL
  SELECT
    team,
    'all' AS band,
    ln_millionths
  FROM rated
  WHERE ln_millionths IS NOT NULL
),
summed AS (
  SELECT
    team,
    band,
    COUNT(*) AS n,
    SUM(ln_millionths) AS total,
    SUM(ln_millionths * ln_millionths) AS squares
  FROM banded
  GROUP BY team, band
),
left_out AS (
  SELECT
    team,
    COUNT(*) AS tickets
  FROM rated
  WHERE ln_millionths IS NULL
  GROUP BY team
)
SELECT
  summed.team,
  summed.band,
  ROUND(EXP(CAST(summed.total AS DOUBLE) / summed.n / 1000000), 6) AS bias,
  CASE
    WHEN summed.n > 1
    THEN ROUND(
      EXP(SQRT(GREATEST(
        (CAST(summed.squares AS DOUBLE) - CAST(summed.total AS DOUBLE) * summed.total / summed.n) / (summed.n - 1), 0.0
      )) / 1000000),
      6
    )
  END AS spread,
  ROUND(
    EXP((CAST(summed.total AS DOUBLE) / summed.n - CAST(overall.total AS DOUBLE) / overall.n) / 1000000),
    6
  ) AS relative_bias,
  summed.n,
  CASE WHEN summed.band = 'all' THEN COALESCE(left_out.tickets, 0) END AS left_out
FROM summed
INNER JOIN summed AS overall ON overall.team = summed.team AND overall.band = 'all'
LEFT JOIN left_out ON left_out.team = summed.team
ORDER BY summed.team, summed.band
