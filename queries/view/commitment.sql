-- +++
-- help = "Points that each person has due soon, their usual points a week, and the share of the time ahead for which they are present."
-- from = ["commitment_share", "team_member", "person_calendar", "week"]
-- once = true
-- shared_params = ["history_weeks", "horizon_days"]
-- +++
-- Usual throughput is the nearest-rank median of points done a week, zero weeks included. Presence is the share of the
-- horizon's working time that is not leave.
WITH due AS (
  SELECT
    share.team,
    share.person,
    SUM(share.point_units) AS point_units,
    COUNT(*) AS tickets,
    COUNT(*) FILTER (WHERE share.points_hundredths IS NULL) AS unestimated
  FROM commitment_share AS share
  WHERE share.is_open
  GROUP BY share.team, share.person
),
person_week AS (
  SELECT DISTINCT
    share.team,
    share.person,
    week.from_at
  FROM commitment_share AS share
  INNER JOIN week ON week.n BETWEEN 1 AND $history_weeks
),
weekly AS (
  SELECT
    person_week.team,
    person_week.person,
    person_week.from_at,
    COALESCE(SUM(share.point_units), 0) AS point_units
  FROM person_week
  LEFT JOIN commitment_share AS share
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
roster AS (
  SELECT team, person FROM team_member
  UNION
  SELECT team, person FROM commitment_share
)
SELECT
  roster.team,
  roster.person,
  team_member.person IS NOT NULL AS is_member,
  due.point_units AS due_units,
  due.tickets,
  due.unestimated,
  usual.point_units AS weekly_units,
  COALESCE(presence.share, 1.0) AS presence
FROM roster
LEFT JOIN team_member ON team_member.team = roster.team AND team_member.person = roster.person
LEFT JOIN due ON due.team = roster.team AND due.person = roster.person
LEFT JOIN usual ON usual.team = roster.team AND usual.person = roster.person
LEFT JOIN presence ON presence.person = roster.person
