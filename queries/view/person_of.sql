-- +++
-- help = "Who each linked identity is: one row per identity, with the person at the end of its chain of links."
-- from = ["identity"]
-- once = true
-- +++
-- Of two persons who claim one identity the last to be linked has it. Links that form a circle are one person,
-- named after the first of them in the alphabet.
WITH RECURSIVE claim AS (
  SELECT
    identity,
    person,
    ROW_NUMBER() OVER (PARTITION BY identity ORDER BY said_at DESC, said_seq DESC, said_by DESC) AS rank
  FROM identity
  WHERE linked
    AND identity <> person
),
link AS (
  SELECT
    identity,
    person
  FROM claim
  WHERE rank = 1
),
step AS (
  SELECT
    identity,
    person,
    1 AS depth
  FROM link
  UNION ALL
  SELECT
    step.identity,
    link.person,
    step.depth + 1 AS depth
  FROM step
  INNER JOIN link ON link.identity = step.person
  WHERE step.depth < 16
)
SELECT
  step.identity,
  COALESCE(MAX(step.person) FILTER (WHERE link.identity IS NULL), MIN(step.person)) AS person
FROM step
LEFT JOIN link ON link.identity = step.person
GROUP BY step.identity
