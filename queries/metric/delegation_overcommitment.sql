-- +++
-- title = "Overcommitment"
-- help = "Points that each person has to finish in the next weeks against what they usually finish in that time and are present for."
-- unit = "ratio"
-- level = "person"
-- labels = ["team", "assignee"]
-- value = "commitment_ratio"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- horizon_days = { type = "int", default = 28, min = 7, max = 366, help = "days after as_of in which work is due" }
-- history_weeks = { type = "int", default = 8, min = 2, max = 52, help = "complete weeks before as_of whose median is the usual throughput" }
-- over = { type = "float", default = 1.0, min = 0.1, max = 10, help = "above this ratio a person is over-committed" }
-- tight = { type = "float", default = 0.85, min = 0.1, max = 10, help = "above this ratio a person's plan is tight" }
-- estimates_min = { type = "int", default = 1, min = 1, max = 1000, help = "with fewer estimated tickets in a team nothing is imputed" }
-- +++
-- A ticket is due on its own date, else on that of its milestone; what is overdue counts. It splits equally over its human
-- assignees, in 720720ths. An unestimated ticket takes the median estimate of the team's tickets here; with none it
-- weighs one. Usual throughput is the nearest-rank median of points done a week, zero weeks included. Presence
-- is the share of the horizon's working time that is not leave. Without throughput or presence there is no ratio.
WITH work AS (
  SELECT
    ticket.key_hash,
    ticket.assignees,
    ticket.is_open,
    ticket.done_at,
    CASE WHEN ticket.points_hundredths BETWEEN 0 AND 100000000 THEN ticket.points_hundredths END AS points_hundredths
  FROM ticket
  LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND NOT milestone.deleted
  WHERE NOT ticket.deleted
    AND (
      (ticket.is_open AND COALESCE(ticket.due_on, milestone.due_on) <= CAST(days_before($as_of, -$horizon_days) AS DATE))
      OR (
        NOT ticket.is_open
        AND ticket.done_at >= date_trunc('week', days_before($as_of, 7 * $history_weeks))
        AND ticket.done_at < date_trunc('week', $as_of)
      )
    )
    AND ticket.kind IS DISTINCT FROM 'goal'
),
assigned AS (
  SELECT
    key_hash,
    UNNEST(assignees) AS person
  FROM work
),
holder AS (
  SELECT DISTINCT
    assigned.key_hash,
    COALESCE(person_of.person, assigned.person) AS person
  FROM assigned
  LEFT JOIN person_of ON person_of.identity = assigned.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, assigned.person)
  WHERE NOT COALESCE(person.kind <> 'human', is_bot(assigned.person))
),
split AS (
  SELECT
    key_hash,
    720720 / COUNT(*) AS unit
  FROM holder
  GROUP BY key_hash
),
member AS (
  SELECT DISTINCT
    team,
    person
  FROM person_membership
  WHERE from_at <= $as_of
    AND (to_at IS NULL OR to_at > $as_of)
    AND NOT bot
),
share AS (
  SELECT
    COALESCE(member.team, '(none)') AS team,
    holder.person,
    work.key_hash,
    work.is_open,
    work.done_at,
    work.points_hundredths,
    split.unit
  FROM holder
  INNER JOIN work ON work.key_hash = holder.key_hash
  INNER JOIN split ON split.key_hash = holder.key_hash
  LEFT JOIN member ON member.person = holder.person
),
estimated AS (
  SELECT DISTINCT
    team,
    key_hash,
    points_hundredths
  FROM share
),
typical AS (
  SELECT
    team,
    COALESCE(percentile_nearest(points_hundredths, 0.5, $estimates_min), 100) AS points_hundredths
  FROM estimated
  GROUP BY team
),
due AS (
  SELECT
    share.team,
    share.person,
    SUM(share.unit * COALESCE(share.points_hundredths, typical.points_hundredths)) AS point_units,
    COUNT(*) AS tickets,
    COUNT(*) FILTER (WHERE share.points_hundredths IS NULL) AS unestimated
  FROM share
  INNER JOIN typical ON typical.team = share.team
  WHERE share.is_open
  GROUP BY share.team, share.person
),
person_week AS (
  SELECT DISTINCT
    share.team,
    share.person,
    week.from_at
  FROM share
  INNER JOIN week ON week.n BETWEEN 1 AND $history_weeks
),
weekly AS (
  SELECT
    person_week.team,
    person_week.person,
    person_week.from_at,
    COALESCE(SUM(share.unit * COALESCE(share.points_hundredths, typical.points_hundredths)), 0) AS point_units
  FROM person_week
  INNER JOIN typical ON typical.team = person_week.team
  LEFT JOIN share
    ON share.team = person_week.team
    AND share.person = person_week.person
    AND NOT share.is_open
    AND date_trunc('week', share.done_at) = person_week.from_at
  GROUP BY person_week.team, person_week.person, person_week.from_at
),
usual AS (
  SELECT
    team,
    person,
    median_nearest(point_units) AS point_units
  FROM weekly
  GROUP BY team, person
),
presence AS (
  SELECT
    person,
    CAST(business_ms($as_of, days_before($as_of, -$horizon_days), timezone, hours, away) AS DOUBLE)
    / NULLIF(business_ms($as_of, days_before($as_of, -$horizon_days), timezone, hours, NULL), 0) AS share
  FROM person_calendar
),
commitment AS (
  SELECT
    due.team,
    due.person,
    due.point_units,
    due.tickets,
    due.unestimated,
    usual.point_units AS weekly_units,
    COALESCE(presence.share, 1.0) AS presence,
    CAST(due.point_units AS DOUBLE)
    / NULLIF(CAST(usual.point_units AS DOUBLE) * $horizon_days / 7 * COALESCE(presence.share, 1.0), 0) AS ratio
  FROM due
  INNER JOIN usual ON usual.team = due.team AND usual.person = due.person
  LEFT JOIN presence ON presence.person = due.person
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
  ROUND(CAST(point_units AS DOUBLE) / 72072000, 2) AS points_due,
  ROUND(CAST(weekly_units AS DOUBLE) / 72072000, 2) AS points_per_week,
  ROUND(presence, 6) AS presence,
  tickets AS n,
  unestimated
FROM commitment
ORDER BY team, person
