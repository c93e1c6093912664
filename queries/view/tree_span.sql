-- +++
-- help = "From when to when each ticket had descendants with points, which then count in the place of its own."
-- from = ["ticket_revision"]
-- once = true
-- +++
-- Descendants are children, their children and so on, as of each moment; those that are deleted or ended without being
-- done do not count. Tickets on a circle of parents are not each other's descendants. Points of 0 are no estimate here. The
-- events are those at which a time begins and ends.
WITH RECURSIVE child AS (
  SELECT
    here.ticket,
    here.parent,
    here.from_at,
    here.to_at,
    here.event_id AS from_event,
    next.event_id AS to_event,
    COALESCE(here.points_hundredths BETWEEN 1 AND 100000000, FALSE) AS estimated
  FROM ticket_revision AS here
  LEFT JOIN ticket_revision AS next ON next.key_hash = here.key_hash AND next.revision = here.revision + 1
  WHERE here.parent IS NOT NULL
    AND here.parent <> here.ticket
    AND NOT here.deleted
    AND COALESCE(here.ending, 'done') = 'done'
),
above AS (
  SELECT
    ticket AS origin,
    parent AS ticket,
    from_at,
    to_at,
    from_event,
    to_event,
    1 AS depth
  FROM child
  WHERE estimated
  UNION ALL
  SELECT
    above.origin,
    child.parent AS ticket,
    GREATEST(above.from_at, child.from_at) AS from_at,
    CASE WHEN above.to_at IS NULL OR child.to_at < above.to_at THEN child.to_at ELSE above.to_at END AS to_at,
    CASE WHEN child.from_at > above.from_at THEN child.from_event ELSE above.from_event END AS from_event,
    CASE WHEN above.to_at IS NULL OR child.to_at < above.to_at THEN child.to_event ELSE above.to_event END AS to_event,
    above.depth + 1 AS depth
  FROM above
  INNER JOIN child
    ON child.ticket = above.ticket
    AND (child.to_at IS NULL OR child.to_at > above.from_at)
    AND (above.to_at IS NULL OR above.to_at > child.from_at)
  WHERE above.depth < 16
    AND above.ticket <> above.origin
),
-- Whose descendant each ticket is; what it would be while it is on a circle is taken back.
counting AS (
  SELECT
    ticket,
    from_at,
    to_at,
    from_event,
    to_event,
    1 AS step
  FROM above
  WHERE ticket <> origin
  UNION ALL
  SELECT
    above.ticket,
    GREATEST(above.from_at, circle.from_at) AS from_at,
    CASE WHEN above.to_at IS NULL OR circle.to_at < above.to_at THEN circle.to_at ELSE above.to_at END AS to_at,
    CASE WHEN circle.from_at > above.from_at THEN circle.from_event ELSE above.from_event END AS from_event,
    CASE WHEN above.to_at IS NULL OR circle.to_at < above.to_at THEN circle.to_event ELSE above.to_event END AS to_event,
    -1 AS step
  FROM above
  INNER JOIN above AS circle
    ON circle.origin = above.origin
    AND circle.ticket = circle.origin
    AND (circle.to_at IS NULL OR circle.to_at > above.from_at)
    AND (above.to_at IS NULL OR above.to_at > circle.from_at)
  WHERE above.ticket <> above.origin
),
edge AS (
  SELECT
    ticket,
    from_at AS at,
    from_event AS event,
    step
  FROM counting
  UNION ALL
  SELECT
    ticket,
    to_at AS at,
    to_event AS event,
    -step AS step
  FROM counting
  WHERE to_at IS NOT NULL
),
turn AS (
  SELECT
    ticket,
    at,
    MIN(event) AS event,
    SUM(step) AS step
  FROM edge
  GROUP BY ticket, at
),
counted AS (
  SELECT
    ticket,
    at,
    event,
    step,
    SUM(step) OVER (PARTITION BY ticket ORDER BY at) AS descendants
  FROM turn
),
side AS (
  SELECT
    ticket,
    descendants > 0 AS covered,
    at AS from_at,
    event AS from_event,
    LEAD(at) OVER (PARTITION BY ticket ORDER BY at) AS to_at,
    LEAD(event) OVER (PARTITION BY ticket ORDER BY at) AS to_event
  FROM counted
  WHERE (descendants > 0) <> (descendants - step > 0)
)
SELECT
  ticket,
  from_at,
  to_at,
  from_event,
  to_event
FROM side
WHERE covered
