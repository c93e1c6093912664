-- +++
-- title = "Assignee load"
-- help = "Open tickets and points of each person, and their share of the team's work against their share of its capacity."
-- unit = "tickets"
-- level = "person"
-- labels = ["team", "assignee"]
-- value = "open_tickets"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- estimates_min = { type = "int", default = 1, min = 1, max = 1000, help = "with fewer estimated tickets in a team nothing is imputed" }
-- load_ratio_max = { type = "float", default = 1.5, min = 0.1, max = 100, help = "a person with a higher load ratio is overloaded" }
-- +++
-- A ticket splits equally over its human assignees, in 720720ths (the least number that 1 to 16 divide). An unestimated
-- ticket takes the median estimate of the team's open tickets; a team without estimates is weighed by tickets.
-- Goals are not tickets here. Somebody in two teams counts in both.
-- Capacity is what calendar.capacity_set stated, else the person's own, else that of a full-time person.
-- The oldest age runs from when the ticket was assigned to the person, closed in between or not. There is no ratio
-- where the team has no work or the person no capacity; work without any estimate has no points: NULL.
WITH open_ticket AS (
  SELECT
    key_hash,
    assignees,
    status_category,
    CASE WHEN points_hundredths BETWEEN 0 AND 100000000 THEN points_hundredths END AS points_hundredths
  FROM ticket
  WHERE is_open
    AND kind IS DISTINCT FROM 'goal'
),
assigned AS (
  SELECT
    key_hash,
    UNNEST(assignees) AS person
  FROM open_ticket
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
roster AS (
  SELECT team, person FROM member
  UNION ALL
  SELECT DISTINCT
    '(none)' AS team,
    holder.person
  FROM holder
  LEFT JOIN member ON member.person = holder.person
  WHERE member.person IS NULL
),
share AS (
  SELECT
    roster.team,
    roster.person,
    holder.key_hash,
    split.unit,
    open_ticket.points_hundredths,
    open_ticket.status_category
  FROM roster
  INNER JOIN holder ON holder.person = roster.person
  INNER JOIN split ON split.key_hash = holder.key_hash
  INNER JOIN open_ticket ON open_ticket.key_hash = holder.key_hash
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
    percentile_nearest(points_hundredths, 0.5, $estimates_min) AS points_hundredths
  FROM estimated
  GROUP BY team
),
carried AS (
  SELECT
    share.team,
    share.person,
    SUM(share.unit) AS ticket_units,
    SUM(share.unit * COALESCE(share.points_hundredths, typical.points_hundredths)) AS point_units,
    SUM(share.unit * typical.points_hundredths) FILTER (WHERE share.points_hundredths IS NULL) AS imputed_units,
    COUNT(*) FILTER (WHERE share.points_hundredths IS NULL) AS unestimated,
    SUM(share.unit) FILTER (WHERE share.status_category = 'in_progress') AS progress_units
  FROM share
  INNER JOIN typical ON typical.team = share.team
  GROUP BY share.team, share.person
),
load AS (
  SELECT
    roster.team,
    roster.person,
    COALESCE(carried.ticket_units, 0) AS ticket_units,
    CASE WHEN carried.person IS NULL THEN 0 ELSE carried.point_units END AS point_units,
    COALESCE(carried.imputed_units, 0) AS imputed_units,
    COALESCE(carried.unestimated, 0) AS unestimated,
    COALESCE(carried.progress_units, 0) AS progress_units,
    COALESCE(CASE WHEN typical.points_hundredths IS NULL THEN carried.ticket_units ELSE carried.point_units END, 0) AS weight
  FROM roster
  LEFT JOIN carried ON carried.team = roster.team AND carried.person = roster.person
  LEFT JOIN typical ON typical.team = roster.team
),
held AS (
  SELECT
    person,
    MIN(from_at) AS oldest_at
  FROM person_assignment
  WHERE is_open
    AND key_hash IN (SELECT key_hash FROM open_ticket)
  GROUP BY person
),
weighed AS (
  SELECT
    load.team,
    load.person,
    load.ticket_units,
    load.point_units,
    load.progress_units,
    load.unestimated,
    load.weight,
    GREATEST(COALESCE(capacity.capacity_hundredths, person.capacity_hundredths, 100), 0) AS capacity
  FROM load
  LEFT JOIN capacity ON capacity.person = load.person
  LEFT JOIN person ON person.person = load.person
),
total AS (
  SELECT
    team,
    SUM(weight) AS weight,
    SUM(capacity) AS capacity
  FROM weighed
  GROUP BY team
),
ratio AS (
  SELECT
    weighed.team,
    weighed.person,
    weighed.ticket_units,
    weighed.point_units,
    weighed.progress_units,
    weighed.unestimated,
    CAST(weighed.weight AS DOUBLE) * total.capacity
    / (CAST(NULLIF(total.weight, 0) AS DOUBLE) * NULLIF(weighed.capacity, 0)) AS load_ratio
  FROM weighed
  INNER JOIN total ON total.team = weighed.team
)
SELECT
  ratio.team,
  ratio.person AS assignee,
  ROUND(CAST(ratio.ticket_units AS DOUBLE) / 720720, 2) AS open_tickets,
  ROUND(CAST(ratio.point_units AS DOUBLE) / 72072000, 2) AS open_points,
  ROUND(ratio.load_ratio, 6) AS load_ratio,
  ROUND(CAST(millis_between(held.oldest_at, $as_of) AS DOUBLE) / 3600000, 2) AS oldest_age_hours,
  COALESCE(ratio.load_ratio > $load_ratio_max, FALSE) AS overloaded,
  ROUND(CAST(ratio.progress_units AS DOUBLE) / 720720, 2) AS in_progress,
  ratio.unestimated
FROM ratio
LEFT JOIN held ON held.person = ratio.person
ORDER BY ratio.team, ratio.person
