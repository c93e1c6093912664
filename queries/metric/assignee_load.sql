-- +++
-- title = "Assignee load"
-- help = "Open tickets and points of each person, and their share of the team's work against their share of its capacity."
-- unit = "tickets"
-- level = "person"
-- labels = ["team", "assignee"]
-- people = ["assignee"]
-- value = "open_tickets"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- load_ratio_max = { type = "float", default = 1.5, min = 0.1, max = 100, help = "a person with a higher load ratio is overloaded" }
-- +++
-- A ticket splits equally over its human assignees, in 720720ths (the least number that 1 to 16 divide). An unestimated
-- ticket takes the median estimate of the team's open tickets; a team without estimates is weighed by tickets.
-- Goals are not tickets here. Somebody in two teams counts in both.
-- Capacity is what calendar.capacity_set stated, else the person's own, else that of a full-time person.
-- The oldest age runs from when the ticket was assigned to the person, closed in between or not. There is no ratio
-- where the team has no work or the person no capacity; work without any estimate has no points: NULL.
WITH held AS (
  SELECT
    person,
    MIN(from_at) AS oldest_at
  FROM person_assignment
  WHERE is_open
    AND key_hash IN (SELECT key_hash FROM ticket WHERE is_open AND kind IS DISTINCT FROM 'goal')
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
  FROM assignee_work AS load
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
  units_to_tickets(ratio.ticket_units) AS open_tickets,
  units_to_points(ratio.point_units) AS open_points,
  ROUND(ratio.load_ratio, 6) AS load_ratio,
  ms_to_hours(millis_between(held.oldest_at, $as_of)) AS oldest_age_hours,
  COALESCE(ratio.load_ratio > $load_ratio_max, FALSE) AS overloaded,
  units_to_tickets(ratio.progress_units) AS in_progress,
  ratio.unestimated
FROM ratio
LEFT JOIN held ON held.person = ratio.person
ORDER BY ratio.team, ratio.person
