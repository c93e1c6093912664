-- +++
-- help = "The changes of scope that the forecast of each milestone and moment of forecast_moment draws from, those of a day together: the milestone's own, and those of its project."
-- from = ["forecast_moment", "milestone", "milestone_revision", "scope_change"]
-- once = true
-- [params]
-- planning_days = { type = "int", default = 7, min = 0, max = 366, help = "days after a milestone's first ticket in which scope is planned and not added; the history begins after them" }
-- +++
-- `own` is a change of the milestone itself; `ahead` one of what its project is taken to finish before it or with it: of the
-- milestone, or of one that was then open and due no later. `inside` is a move from or to a milestone of the project.
-- A day is 24 hours, counted back from the moment, and `moved_at` its first change. So there are as many rows as days, not as changes.
WITH project AS (
  SELECT
    milestone,
    COALESCE(project, CONCAT('milestone ', milestone)) AS project
  FROM milestone
),
stream AS (
  SELECT
    asked.milestone,
    asked.at,
    peer.milestone AS peer,
    peer.milestone = asked.milestone AS own,
    peer.milestone = asked.milestone
    OR COALESCE(
      holds_at(peer.created_at, peer.closed_at, asked.at)
      AND NOT peer.deleted
      AND revision.due_on <= asked.due_on,
      FALSE
    ) AS ahead
  FROM forecast_moment AS asked
  INNER JOIN project AS self ON self.milestone = asked.milestone
  INNER JOIN project AS near ON near.project = self.project
  INNER JOIN milestone AS peer ON peer.milestone = near.milestone
  LEFT JOIN milestone_revision AS revision
    ON revision.key_hash = peer.key_hash
    AND holds_at(revision.from_at, revision.to_at, asked.at)
),
-- Until when scope was planned.
planned AS (
  SELECT
    milestone,
    days_before(MIN(at), -$planning_days) AS until_at
  FROM scope_change
  WHERE milestone IN (SELECT peer FROM stream)
  GROUP BY milestone
),
-- The changes that count, each once, however many moments are asked about. The small side of a join stands first: it is held.
change AS (
  SELECT
    scope_change.milestone,
    scope_change.other,
    scope_change.at,
    scope_change.what,
    scope_change.tickets,
    scope_change.done_tickets,
    planned.until_at,
    self.project
  FROM planned
  INNER JOIN project AS self ON self.milestone = planned.milestone
  INNER JOIN scope_change ON scope_change.milestone = planned.milestone
),
moved AS (
  SELECT
    change.milestone AS peer,
    change.until_at,
    change.at,
    change.tickets,
    change.done_tickets,
    CASE WHEN change.what IN ('done', 'reopened') THEN change.done_tickets ELSE 0 END AS done,
    CASE
      WHEN change.what IN ('added', 'removed') AND change.at > change.until_at THEN change.tickets - change.done_tickets
      ELSE 0
    END AS added,
    COALESCE(other.project = change.project, FALSE) AS inside
  FROM project AS other
  RIGHT JOIN change ON change.other = other.milestone
)
SELECT
  stream.milestone,
  stream.at,
  stream.own,
  stream.ahead,
  MIN(moved.until_at) AS planned_until,
  MIN(moved.at) AS moved_at,
  SUM(moved.tickets) AS tickets,
  SUM(moved.done_tickets) AS done_tickets,
  SUM(moved.done) AS done,
  SUM(moved.added) AS added,
  moved.inside
FROM stream
INNER JOIN moved ON moved.peer = stream.peer AND moved.at <= stream.at
GROUP BY
  stream.milestone,
  stream.at,
  stream.own,
  stream.ahead,
  millis_between(moved.at, stream.at) / days_to_ms(1),
  moved.inside
