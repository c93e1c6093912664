-- +++
-- help = "When each person works: time zone, hours of each weekday, and the stretches away. No row: Monday to Friday 09:00-17:00 UTC."
-- from = ["working_hours", "absence", "person", "person_of", "person_membership", "team_zone"]
-- once = true
-- +++
-- `hours` is JSON, weekday to [from, to] in the time zone; days that it lacks are free. `away` is in order and without
-- overlaps, NULL for nobody's leave, and has the last 1,000 stretches; leave without an end ends in 2200. Hours that were
-- set count for every name of the person; of several the last. Without a zone of their own, people work in that of their
-- team at $as_of; of several the first in the alphabet.
WITH stated AS (
  SELECT
    COALESCE(person_of.person, working_hours.person) AS person,
    working_hours.timezone,
    working_hours.hours,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(person_of.person, working_hours.person)
      ORDER BY working_hours.said_at DESC, working_hours.said_seq DESC, working_hours.said_by DESC
    ) AS rank
  FROM working_hours
  LEFT JOIN person_of ON person_of.identity = working_hours.person
  WHERE working_hours.timezone IS NOT NULL
    OR working_hours.hours IS NOT NULL
),
stretch AS (
  SELECT
    COALESCE(person_of.person, absence.person) AS person,
    absence.from_at,
    COALESCE(absence.to_at, to_timestamp_micros(7258118400000000)) AS to_at
  FROM absence
  LEFT JOIN person_of ON person_of.identity = absence.person
),
fresh AS (
  SELECT
    person,
    from_at,
    to_at,
    CASE
      WHEN from_at <= MAX(to_at) OVER (
        PARTITION BY person ORDER BY from_at, to_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) THEN 0
      ELSE 1
    END AS begins
  FROM stretch
),
island AS (
  SELECT
    person,
    from_at,
    to_at,
    SUM(begins) OVER (PARTITION BY person ORDER BY from_at, to_at ROWS UNBOUNDED PRECEDING) AS number
  FROM fresh
),
absent AS (
  SELECT
    person,
    MIN(from_at) AS from_at,
    MAX(to_at) AS to_at
  FROM island
  GROUP BY person, number
),
ranked_absence AS (
  SELECT
    person,
    from_at,
    to_at,
    ROW_NUMBER() OVER (PARTITION BY person ORDER BY from_at DESC) AS rank
  FROM absent
),
away AS (
  SELECT
    person,
    array_agg(named_struct('from_at', from_at, 'to_at', to_at) ORDER BY from_at) AS away
  FROM ranked_absence
  WHERE rank <= 1000
  GROUP BY person
),
team_of AS (
  SELECT
    person_membership.person,
    MIN(team_zone.timezone) AS timezone
  FROM person_membership
  INNER JOIN team_zone ON team_zone.team = person_membership.team
  WHERE holds_at(person_membership.from_at, person_membership.to_at, $as_of)
  GROUP BY person_membership.person
),
anybody AS (
  SELECT person FROM stated
  UNION
  SELECT person FROM away
  UNION
  SELECT person FROM person WHERE timezone IS NOT NULL
  UNION
  SELECT person FROM team_of
)
SELECT
  anybody.person,
  COALESCE(stated.timezone, person.timezone, team_of.timezone, 'UTC') AS timezone,
  COALESCE(
    stated.hours,
    '{"fri":["09:00","17:00"],"mon":["09:00","17:00"],"thu":["09:00","17:00"],"tue":["09:00","17:00"],"wed":["09:00","17:00"]}'
  ) AS hours,
  away.away
FROM anybody
LEFT JOIN stated ON stated.person = anybody.person AND stated.rank = 1
LEFT JOIN away ON away.person = anybody.person
LEFT JOIN person ON person.person = anybody.person
LEFT JOIN team_of ON team_of.person = anybody.person
