-- +++
-- help = "Who each name is that an event spoke of: one row per name, with the person, and whether that is a human."
-- from = ["person_of", "person"]
-- once = true
-- +++
-- A name without a row is a person of that name. `bot` is NULL where no event says what kind the person is: then the
-- function is_bot decides by the name.
WITH name AS (
  SELECT
    identity,
    person
  FROM person_of
  UNION ALL
  SELECT
    person.person AS identity,
    person.person
  FROM person
  LEFT ANTI JOIN person_of ON person_of.identity = person.person
)
SELECT
  name.identity,
  name.person,
  person.kind <> 'human' AS bot,
  COALESCE(person.deleted, FALSE) AS deleted
FROM name
LEFT JOIN person ON person.person = name.person
