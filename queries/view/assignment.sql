-- +++
-- help = "One row per stay of a person among a ticket's assignees. Open while it lasts and the ticket is open."
-- key = ["ticket"]
-- from = ["tickets", "ticket"]
-- open = "is_open"
-- +++
WITH event AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    cleared,
    assignees,
    type = 'ticket.deleted' AS gone
  FROM tickets
  WHERE entity = 'ticket'
),
folded AS (
  SELECT
    key_hash,
    holdings(effective_at, seq, event_id, cleared, assignees, gone) AS stays
  FROM event
  GROUP BY key_hash
),
stay AS (
  SELECT
    key_hash,
    UNNEST(stays) AS stay
  FROM folded
)
SELECT
  stay.key_hash,
  ticket.ticket,
  stay.stay['person'] AS person,
  stay.stay['from_at'] AS from_at,
  stay.stay['to_at'] AS to_at,
  stay.stay['to_at'] IS NULL AND ticket.is_open AS is_open
FROM stay
INNER JOIN ticket ON ticket.key_hash = stay.key_hash
