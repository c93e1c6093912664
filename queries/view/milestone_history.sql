-- +++
-- help = "The changes of scope that the forecast of each milestone and moment of forecast_moment draws from: the milestone's own, and those of its project."
-- from = ["forecast_moment", "milestone", "milestone_revision", "scope_change"]
-- once = true
-- [params]
-- planning_days = { type = "int", default = 7, min = 0, max = 366, help = "days after a milestone's first ticket in which scope is planned and not added; the history begins after them" }
-- +++
-- `own` is a change of the milestone itself; `ahead` one of what its project is taken to finish before it or with it: of the
-- milestone, or of one that was then open and due no later. `inside` is a move from or to a milestone of the project.
WITH stream AS (
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
  INNER JOIN milestone AS self ON self.milestone = asked.milestone
  INNER JOIN milestone AS peer
    ON COALESCE(peer.project, CONCAT('milestone ', peer.milestone)) = COALESCE(self.project, CONCAT('milestone ', self.milestone))
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
)
SELECT
  stream.milestone,
  stream.at,
  stream.own,
  stream.ahead,
  planned.until_at AS planned_until,
  scope_change.at AS moved_at,
  scope_change.tickets,
  scope_change.done_tickets,
  CASE WHEN scope_change.what IN ('done', 'reopened') THEN scope_change.done_tickets ELSE 0 END AS done,
  CASE
    WHEN scope_change.what IN ('added', 'removed') AND scope_change.at > planned.until_at
    THEN scope_change.tickets - scope_change.done_tickets
    ELSE 0
  END AS added,
  inside.peer IS NOT NULL AS inside
FROM stream
INNER JOIN planned ON planned.milestone = stream.peer
INNER JOIN scope_change ON scope_change.milestone = stream.peer AND scope_change.at <= stream.at
LEFT JOIN stream AS inside
  ON inside.milestone = stream.milestone
  AND inside.at = stream.at
  AND inside.peer = scope_change.other
