-- +++
-- help = "One row per stay of a ticket in a milestone with the same points and state, from when to when; a sprint is a milestone of its own beside another."
-- key = ["ticket"]
-- from = ["ticket_revision"]
-- open = "is_current"
-- +++
-- A ticket that is deleted, dropped, a duplicate or moved is in no milestone. `is_current` marks what holds now, done tickets included. Revisions of a ticket
-- are numbered without gaps, so the one before is found by its number: a window over many small partitions takes six
-- times as long. Events of older versions tell Jira's sprints as the milestone of tickets without a fix version: these are
-- sprints all the same.
WITH told AS (
  SELECT
    key_hash,
    ticket,
    revision,
    from_at,
    event_id,
    CASE WHEN NOT deleted AND COALESCE(ending, 'done') = 'done' THEN milestone END AS milestone,
    CASE WHEN NOT deleted AND COALESCE(ending, 'done') = 'done' THEN sprint END AS sprint,
    COALESCE(milestone LIKE 'sprint/%' OR milestone LIKE '%/sprint/%', FALSE) AS in_sprint,
    ending,
    CASE WHEN points_hundredths BETWEEN 0 AND 100000000 THEN points_hundredths END AS points_hundredths,
    done,
    to_at
  FROM ticket_revision
),
step AS (
  SELECT
    key_hash,
    ticket,
    revision,
    from_at,
    event_id,
    CASE WHEN NOT in_sprint THEN milestone END AS milestone,
    COALESCE(sprint, CASE WHEN in_sprint THEN milestone END) AS sprint,
    points_hundredths,
    done,
    ending,
    to_at
  FROM told
),
both AS (
  SELECT
    step.key_hash,
    step.ticket,
    step.revision,
    step.milestone,
    step.sprint,
    step.points_hundredths,
    step.done,
    step.ending,
    step.from_at,
    step.to_at,
    step.event_id,
    before.milestone AS milestone_before,
    before.sprint AS sprint_before,
    before.points_hundredths AS points_before,
    COALESCE(before.done, FALSE) AS done_before
  FROM step
  LEFT JOIN step AS before ON before.key_hash = step.key_hash AND before.revision = step.revision - 1
)
SELECT
  key_hash,
  ticket,
  revision,
  FALSE AS is_sprint,
  milestone,
  points_hundredths,
  done,
  ending,
  from_at,
  to_at,
  event_id,
  milestone_before,
  points_before,
  done_before,
  to_at IS NULL AS is_current
FROM both
UNION ALL
SELECT
  key_hash,
  ticket,
  revision,
  TRUE AS is_sprint,
  sprint AS milestone,
  points_hundredths,
  done,
  ending,
  from_at,
  to_at,
  event_id,
  sprint_before AS milestone_before,
  points_before,
  done_before,
  to_at IS NULL AS is_current
FROM both
WHERE sprint IS NOT NULL
  OR sprint_before IS NOT NULL
