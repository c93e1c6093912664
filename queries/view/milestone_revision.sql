-- +++
-- help = "One row per change of a milestone's due date or baseline, with both after it. The baseline is the one stated, else the due date when one was declared, else the first due date."
-- key = ["milestone"]
-- from = ["tickets"]
-- open = "is_current"
-- +++
WITH event AS (
  SELECT
    key_hash,
    effective_at,
    seq,
    event_id,
    entity_id,
    -- A baseline moves no due date; one without a date means the due date of that moment.
    CASE
      WHEN type <> 'milestone.baselined' THEN cleared
      WHEN due_on IS NULL THEN make_array(arrow_cast('baseline_stated', 'Utf8View'))
    END AS cleared,
    CASE WHEN type <> 'milestone.baselined' THEN due_on END AS due_on,
    CASE WHEN type <> 'milestone.baselined' AND due_on IS NOT NULL THEN TRUE END AS due_stated,
    CASE WHEN type = 'milestone.baselined' THEN due_on END AS baseline_stated,
    CASE WHEN type = 'milestone.baselined' THEN event_id END AS baseline_event
  FROM tickets
  WHERE entity = 'milestone'
),
folded AS (
  SELECT
    key_hash,
    revisions(effective_at, seq, event_id, cleared, entity_id, due_on, due_stated, baseline_stated, baseline_event) AS revisions
  FROM event
  GROUP BY key_hash
),
unnested AS (
  SELECT
    key_hash,
    UNNEST(revisions) AS revision
  FROM folded
),
revision AS (
  SELECT
    key_hash,
    revision['entity_id'] AS milestone,
    revision['revision'] AS revision,
    revision['from_at'] AS from_at,
    revision['to_at'] AS to_at,
    revision['event_id'] AS event_id,
    -- A baseline stands for the due date until one is stated; one that was taken away is none.
    CASE WHEN revision['due_stated'] THEN revision['due_on'] ELSE revision['baseline_stated'] END AS due_on,
    revision['baseline_stated'] AS baseline_stated,
    revision['baseline_event'] AS baseline_event
  FROM unnested
),
first_due AS (
  SELECT
    key_hash,
    MIN(revision) AS revision
  FROM revision
  WHERE due_on IS NOT NULL
  GROUP BY key_hash
),
first_baselined AS (
  SELECT
    key_hash,
    baseline_event,
    MIN(revision) AS revision
  FROM revision
  WHERE baseline_event IS NOT NULL
  GROUP BY key_hash, baseline_event
)
SELECT
  revision.key_hash,
  revision.milestone,
  revision.revision,
  revision.from_at,
  revision.to_at,
  revision.event_id,
  revision.due_on,
  COALESCE(
    revision.baseline_stated,
    declared.due_on,
    CASE WHEN first_stated.revision <= revision.revision THEN first_stated.due_on END
  ) AS baseline_on,
  revision.to_at IS NULL AS is_current
FROM revision
LEFT JOIN first_baselined
  ON first_baselined.key_hash = revision.key_hash
  AND first_baselined.baseline_event = revision.baseline_event
LEFT JOIN revision AS declared
  ON declared.key_hash = first_baselined.key_hash
  AND declared.revision = first_baselined.revision
LEFT JOIN first_due
  ON first_due.key_hash = revision.key_hash
LEFT JOIN revision AS first_stated
  ON first_stated.key_hash = first_due.key_hash
  AND first_stated.revision = first_due.revision
