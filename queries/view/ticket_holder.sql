-- +++
-- help = "The people to whom each ticket is assigned, bots left out, each with an equal share of it. Goals and deleted tickets are no work."
-- from = ["ticket", "who"]
-- +++
WITH assigned AS (
  SELECT
    key_hash,
    ticket,
    is_open,
    done_at,
    UNNEST(assignees) AS person
  FROM ticket
  WHERE NOT deleted
    AND kind IS DISTINCT FROM 'goal'
),
holder AS (
  SELECT DISTINCT
    assigned.key_hash,
    assigned.ticket,
    assigned.is_open,
    assigned.done_at,
    COALESCE(who.person, assigned.person) AS person
  FROM assigned
  LEFT JOIN who ON who.identity = assigned.person
  WHERE NOT COALESCE(who.bot, is_bot(assigned.person))
)
SELECT
  key_hash,
  ticket,
  is_open,
  done_at,
  person,
  equal_share(COUNT(*) OVER (PARTITION BY key_hash)) AS unit
FROM holder
