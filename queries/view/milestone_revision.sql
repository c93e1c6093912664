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
    -- A baseline moves no due date.
    CASE WHEN type <> 'milestone.baselined' THEN cleared END AS cleared,
    CASE WHEN type <> 'milestone.baselined' THEN due_on END AS due_on,
    CASE WHEN type <> 'milestone.baselined' AND due_on IS NOT NULL THEN TRUE END AS due_stated,
    CASE WHEN type = 'milestone.baselined' THEN due_on END AS baseline_stated,
    CASE WHEN type = 'milestone.baselined' THEN due_on IS NOT NULL END AS baseline_dated,
    CASE WHEN type = 'milestone.baselined' THEN event_id END AS baseline_event
  FROM tickets
  WHERE entity = 'milestone'
),
folded AS (
  SELECT
    key_hash,
    revisions(effective_at, seq, event_id, cleared, entity_id, due_on, due_stated, baseline_stated, baseline_dated, baseline_event) AS revisions
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
    -- Only the revision that a baseline begins has its event.
    revision['event_id'] = revision['baseline_event'] AS is_baselined,
    CASE WHEN revision['baseline_dated'] THEN revision['baseline_stated'] END AS baseline_on
  FROM unnested
),
said AS (
  SELECT
    key_hash,
    milestone,
    revision,
    from_at,
    to_at,
    event_id,
    due_on,
    -- One without a date means the due date of that moment; where there was none it says nothing.
    CASE WHEN is_baselined THEN COALESCE(baseline_on, due_on) END AS baseline_said
  FROM revision
)
SELECT
  key_hash,
  milestone,
  revision,
  from_at,
  to_at,
  event_id,
  due_on,
  COALESCE(
    LAST_VALUE(baseline_said) IGNORE NULLS OVER past,
    FIRST_VALUE(due_on) IGNORE NULLS OVER past
  ) AS baseline_on,
  to_at IS NULL AS is_current
FROM said
WINDOW past AS (PARTITION BY key_hash ORDER BY revision ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
