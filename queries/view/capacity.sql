-- +++
-- help = "One row per person whose capacity at the moment asked was stated, in hundredths of a full-time person."
-- from = ["capacity_stated", "person_of"]
-- once = true
-- +++
-- Of the statements whose stretch of time holds $as_of the last that was made counts.
WITH held AS (
  SELECT
    COALESCE(person_of.person, capacity_stated.person) AS person,
    capacity_stated.capacity_hundredths,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(person_of.person, capacity_stated.person)
      ORDER BY capacity_stated.said_at DESC, capacity_stated.said_seq DESC, capacity_stated.said_by DESC
    ) AS rank
  FROM capacity_stated
  LEFT JOIN person_of ON person_of.identity = capacity_stated.person
  WHERE holds_at(capacity_stated.from_at, capacity_stated.to_at, $as_of)
)
SELECT
  person,
  capacity_hundredths
FROM held
WHERE rank = 1
  AND capacity_hundredths IS NOT NULL
