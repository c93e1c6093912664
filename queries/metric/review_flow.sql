-- +++
-- title = "Review flow"
-- help = "Review requests of each team and week that were opened, done, mooted by the end of the change, or removed, and reviews without a request."
-- unit = "reviews"
-- level = "team"
-- labels = ["team", "week"]
-- value = "opened"
-- section = "Review load"
-- panel = "timeseries"
-- shared_params = ["weeks"]
-- +++
-- Weeks are ISO weeks in UTC. A request counts in the week in which it was opened, an end in its own, each for the teams
-- that the reviewer was in then. Reviews by bots and of one's own change stand in `excluded` only.
WITH episode AS (
  SELECT
    key_hash,
    reviewer,
    team,
    kind,
    outcome,
    opened_at,
    ended_at,
    is_open,
    bot OR self_review AS excluded
  FROM person_review
  WHERE is_open OR ended_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
),
moment AS (
  SELECT
    key_hash,
    reviewer,
    team,
    CAST('opened' AS VARCHAR) AS what,
    opened_at,
    opened_at AS at,
    excluded
  FROM episode
  WHERE kind <> 'volunteered'
  UNION ALL
  SELECT
    key_hash,
    reviewer,
    team,
    CASE WHEN kind = 'volunteered' THEN CAST('volunteered' AS VARCHAR) ELSE outcome END AS what,
    opened_at,
    ended_at AS at,
    excluded
  FROM episode
  WHERE NOT is_open
),
counted AS (
  SELECT DISTINCT
    COALESCE(CASE WHEN moment.reviewer IS NULL THEN moment.team END, person_membership.team, '(none)') AS team,
    moment.key_hash,
    moment.reviewer,
    moment.what,
    moment.opened_at,
    date_trunc('week', moment.at) AS from_at,
    moment.excluded
  FROM moment
  LEFT JOIN person_membership
    ON person_membership.person = moment.reviewer
    AND holds_at(person_membership.from_at, person_membership.to_at, moment.at)
  WHERE moment.at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
),
slot AS (
  SELECT DISTINCT
    counted.team,
    week.label,
    week.from_at,
    week.complete
  FROM counted
  INNER JOIN week ON week.n < $weeks
)
SELECT
  slot.team,
  slot.label AS week,
  COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'opened') AS opened,
  COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'done') AS done,
  COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'mooted') AS mooted,
  COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'removed') AS removed,
  COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'volunteered') AS volunteered,
  ratio(
    COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'done'),
    COUNT(*) FILTER (WHERE NOT counted.excluded AND counted.what = 'opened')
  ) AS done_per_opened,
  COUNT(*) FILTER (WHERE counted.excluded AND counted.what <> 'opened') AS excluded,
  COUNT(*) FILTER (WHERE NOT counted.excluded) AS n,
  slot.complete
FROM slot
LEFT JOIN counted ON counted.team = slot.team AND counted.from_at = slot.from_at
GROUP BY slot.team, slot.label, slot.complete
ORDER BY slot.team, slot.label
