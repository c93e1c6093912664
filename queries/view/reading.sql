-- +++
-- help = "One row per reading of a ticket or milestone over its tool's interface, and whether it corrected what the events before it said."
-- key = ["item"]
-- from = ["tickets", "ticket_revision", "milestone_revision"]
-- +++
-- A reading that agrees begins no revision. Of an item known only from polling, the first reading completes what
-- the tool does not keep of the past, which corrects nobody: such items are not compared.
WITH reading AS (
  SELECT
    key_hash,
    entity,
    entity_id,
    source,
    effective_at,
    event_id
  FROM tickets
  WHERE extra LIKE '%"reconciled":true%'
),
told AS (
  SELECT
    key_hash,
    MIN(effective_at) AS told_at
  FROM tickets
  WHERE source_version <> -3
    AND entity IN ('ticket', 'milestone')
    AND (extra IS NULL OR extra NOT LIKE '%"reconciled":true%')
  GROUP BY key_hash
)
SELECT
  reading.key_hash,
  reading.entity AS kind,
  reading.entity_id AS item,
  reading.source,
  reading.effective_at AS read_at,
  COALESCE(ticket_revision.event_id, milestone_revision.event_id) IS NOT NULL AS corrected
FROM reading
INNER JOIN told
  ON told.key_hash = reading.key_hash
  AND told.told_at <= reading.effective_at
LEFT JOIN ticket_revision
  ON ticket_revision.key_hash = reading.key_hash
  AND ticket_revision.event_id = reading.event_id
LEFT JOIN milestone_revision
  ON milestone_revision.key_hash = reading.key_hash
  AND milestone_revision.event_id = reading.event_id
