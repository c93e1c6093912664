-- +++
-- title = "Review rounds"
-- help = "How often merged changes went back and forth between review and push, and the share merged with no human review."
-- unit = "rounds"
-- level = "team"
-- labels = ["team", "week"]
-- value = "rounds_mean"
-- section = "Review load"
-- panel = "timeseries"
-- shared_params = ["p50_n_min", "p85_n_min", "weeks"]
-- +++
-- Weeks are ISO weeks in UTC, those of the merge; teams are the author's then. A round is a review by a person other than
-- the author, bots left out; the next one begins with the first review after a push. Changes by bots are counted in
-- `bot_changes` only.
WITH merged AS (
  SELECT
    change.key_hash,
    change.merged_at,
    COALESCE(who.person, change.author) AS author,
    COALESCE(who.bot, is_bot(change.author)) AS bot
  FROM change
  LEFT JOIN who ON who.identity = change.author
  WHERE change.merged_at >= date_trunc('week', days_before($as_of, 7 * ($weeks - 1)))
    AND NOT change.is_open
),
review AS (
  SELECT
    person_review.key_hash,
    person_review.ended_at
  FROM person_review
  INNER JOIN merged ON merged.key_hash = person_review.key_hash
  WHERE person_review.outcome = 'done'
    AND NOT person_review.self_review
    AND NOT person_review.bot
    AND person_review.ended_at <= merged.merged_at
),
round AS (
  SELECT
    review.key_hash,
    COUNT(DISTINCT COALESCE(change_head.revision, 0)) AS rounds
  FROM review
  LEFT JOIN change_head
    ON change_head.key_hash = review.key_hash
    AND holds_at(change_head.from_at, change_head.to_at, review.ended_at)
  GROUP BY review.key_hash
),
counted AS (
  SELECT DISTINCT
    COALESCE(person_membership.team, '(none)') AS team,
    date_trunc('week', merged.merged_at) AS from_at,
    merged.key_hash,
    merged.bot,
    round.rounds
  FROM merged
  LEFT JOIN round ON round.key_hash = merged.key_hash
  LEFT JOIN person_membership
    ON person_membership.person = merged.author
    AND holds_at(person_membership.from_at, person_membership.to_at, merged.merged_at)
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
  ratio(SUM(counted.rounds) FILTER (WHERE NOT counted.bot), COUNT(counted.rounds) FILTER (WHERE NOT counted.bot)) AS rounds_mean,
  percentile_nearest(CASE WHEN NOT counted.bot THEN counted.rounds END, 0.5, $p50_n_min) AS rounds_p50,
  percentile_nearest(CASE WHEN NOT counted.bot THEN counted.rounds END, 0.85, $p85_n_min) AS rounds_p85,
  COUNT(counted.key_hash) FILTER (WHERE NOT counted.bot) AS merged,
  COUNT(counted.key_hash) FILTER (WHERE NOT counted.bot AND counted.rounds IS NULL) AS unreviewed,
  ratio(
    COUNT(counted.key_hash) FILTER (WHERE NOT counted.bot AND counted.rounds IS NULL),
    COUNT(counted.key_hash) FILTER (WHERE NOT counted.bot)
  ) AS unreviewed_share,
  COUNT(counted.rounds) FILTER (WHERE NOT counted.bot) AS n,
  COUNT(counted.key_hash) FILTER (WHERE counted.bot) AS bot_changes,
  slot.complete
FROM slot
LEFT JOIN counted ON counted.team = slot.team AND counted.from_at = slot.from_at
GROUP BY slot.team, slot.label, slot.complete
ORDER BY slot.team, slot.label
