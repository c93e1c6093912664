-- +++
-- title = "Flow time"
-- help = "How long tickets of each team take from creation and from first start to done, and how long they were in progress meanwhile, open ones included."
-- unit = "days"
-- level = "team"
-- labels = ["team", "week"]
-- value = "cycle_p50_days"
-- section = "Flow"
-- panel = "timeseries"
-- shared_params = ["p50_n_min", "p85_n_min", "p95_n_min", "weeks"]
-- +++
-- Weeks are ISO weeks in UTC, those in which the clock started: creation for lead time, the first start for cycle and
-- active time. Percentiles are of the product-limit curve (Kaplan and Meier 1958): a ticket that is open counts up to
-- T. Active time is the time in progress: of a reopened ticket the stretches only. Days have 24 hours.
WITH item AS (
  SELECT
    team,
    key_hash,
    done_at IS NOT NULL AS done,
    created_at,
    started_at,
    millis_between(created_at, COALESCE(done_at, $as_of)) AS lead_ms,
    millis_between(started_at, COALESCE(done_at, $as_of)) AS cycle_ms,
    active_ms + COALESCE(millis_between(active_since, $as_of), 0) AS active_ms
  FROM team_ticket
  WHERE is_open OR done_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
),
lead AS (
  SELECT
    team,
    date_trunc('week', created_at) AS from_at,
    COUNT(*) AS n,
    COUNT(*) FILTER (WHERE NOT done) AS censored,
    km_quantile(lead_ms, done, 0.5, $p50_n_min) AS p50_ms,
    km_quantile(lead_ms, done, 0.85, $p85_n_min) AS p85_ms,
    km_quantile(lead_ms, done, 0.95, $p95_n_min) AS p95_ms
  FROM item
  WHERE created_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
  GROUP BY team, date_trunc('week', created_at)
),
cycle AS (
  SELECT
    team,
    date_trunc('week', started_at) AS from_at,
    COUNT(*) AS n,
    COUNT(*) FILTER (WHERE NOT done) AS censored,
    km_quantile(cycle_ms, done, 0.5, $p50_n_min) AS p50_ms,
    km_quantile(cycle_ms, done, 0.85, $p85_n_min) AS p85_ms,
    km_quantile(cycle_ms, done, 0.95, $p95_n_min) AS p95_ms,
    km_quantile(active_ms, done, 0.5, $p50_n_min) AS active_p50_ms,
    km_quantile(active_ms, done, 0.85, $p85_n_min) AS active_p85_ms
  FROM item
  WHERE started_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
  GROUP BY team, date_trunc('week', started_at)
),
listed AS (
  SELECT team FROM lead
  UNION ALL
  SELECT team FROM cycle
),
slot AS (
  SELECT DISTINCT
    listed.team,
    week.label,
    week.from_at,
    week.complete
  FROM listed
  INNER JOIN week ON week.n < $weeks
)
SELECT
  slot.team,
  slot.label AS week,
  ms_to_days(cycle.p50_ms) AS cycle_p50_days,
  ms_to_days(cycle.p85_ms) AS cycle_p85_days,
  ms_to_days(cycle.p95_ms) AS cycle_p95_days,
  ms_to_days(cycle.active_p50_ms) AS active_p50_days,
  ms_to_days(cycle.active_p85_ms) AS active_p85_days,
  COALESCE(cycle.n, 0) AS n,
  COALESCE(cycle.censored, 0) AS censored,
  ms_to_days(lead.p50_ms) AS lead_p50_days,
  ms_to_days(lead.p85_ms) AS lead_p85_days,
  ms_to_days(lead.p95_ms) AS lead_p95_days,
  COALESCE(lead.n, 0) AS created,
  COALESCE(lead.censored, 0) AS created_censored,
  slot.complete
FROM slot
LEFT JOIN cycle ON cycle.team = slot.team AND cycle.from_at = slot.from_at
LEFT JOIN lead ON lead.team = slot.team AND lead.from_at = slot.from_at
ORDER BY slot.team, slot.label
