-- +++
-- title = "Reallocation"
-- help = "Work of over-committed people that has not begun, with up to three people of their team who could take it."
-- unit = "points"
-- level = "person"
-- labels = ["team", "ticket", "suggested"]
-- value = "fit"
-- section = "Delegation balance"
-- panel = "table"
-- [params]
-- mode = { type = "text", default = "expert", help = "expert prefers who knows the area; growth prefers who does not, and names a supporter who does" }
-- horizon_days = { type = "int", default = 28, min = 7, max = 366, help = "days after as_of in which work is due" }
-- history_weeks = { type = "int", default = 8, min = 2, max = 52, help = "complete weeks before as_of whose median is the usual throughput" }
-- over = { type = "float", default = 1.0, min = 0.1, max = 10, help = "above this ratio of due to usual points a person is over-committed" }
-- estimates_min = { type = "int", default = 1, min = 1, max = 1000, help = "with fewer estimated tickets in a team nothing is imputed" }
-- half_life_days = { type = "int", default = 180, min = 1, max = 3660, help = "a commit or review counts half after this many days" }
-- history_days = { type = "int", default = 730, min = 28, max = 3660, help = "commits and reviews of this many days count" }
-- expert_min = { type = "float", default = 0.5, min = 0, max = 1, help = "somebody with at least this affinity to an area can support others" }
-- suggestions_max = { type = "int", default = 3, min = 1, max = 20, help = "most people suggested for a ticket" }
-- +++
-- fit = affinity x spare / (spare + need) x presence, each printed; in growth mode (1 - affinity) takes the place of affinity.
-- Who is over-committed, spare points and presence are those of delegation_overcommitment: spare is the usual throughput
-- over the horizon times presence, less what is due. Affinity is that of stretch_share, the highest of the ticket's
-- components. Movable is open work of one assignee that is due and not in progress. A suggestion, never an assignment.
WITH work AS (
  SELECT
    ticket.key_hash,
    ticket.assignees,
    ticket.is_open,
    ticket.done_at,
    CASE WHEN ticket.points_hundredths BETWEEN 0 AND 100000000 THEN ticket.points_hundredths END AS points_hundredths
  FROM ticket
  LEFT JOIN milestone ON milestone.milestone = ticket.milestone AND NOT milestone.deleted
  WHERE NOT ticket.deleted
    AND (
      (ticket.is_open AND COALESCE(ticket.due_on, milestone.due_on) <= CAST(days_before($as_of, -$horizon_days) AS DATE))
      OR (
        NOT ticket.is_open
        AND ticket.done_at >= date_trunc('week', days_before($as_of, 7 * $history_weeks))
        AND ticket.done_at < date_trunc('week', $as_of)
      )
    )
    AND ticket.kind IS DISTINCT FROM 'goal'
),
assigned AS (
  SELECT
    key_hash,
    UNNEST(assignees) AS person
  FROM work
),
holder AS (
  SELECT DISTINCT
    assigned.key_hash,
    COALESCE(person_of.person, assigned.person) AS person
  FROM assigned
  LEFT JOIN person_of ON person_of.identity = assigned.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, assigned.person)
  WHERE NOT COALESCE(person.kind <> 'human', is_bot(assigned.person))
),
split AS (
  SELECT
    key_hash,
    720720 / COUNT(*) AS unit
  FROM holder
  GROUP BY key_hash
),
member AS (
  SELECT DISTINCT
    team,
    person
  FROM person_membership
  WHERE from_at <= $as_of
    AND (to_at IS NULL OR to_at > $as_of)
    AND NOT bot
),
share AS (
  SELECT
    COALESCE(member.team, '(none)') AS team,
    holder.person,
    work.key_hash,
    work.is_open,
    work.done_at,
    work.points_hundredths,
    split.unit
  FROM holder
  INNER JOIN work ON work.key_hash = holder.key_hash
  INNER JOIN split ON split.key_hash = holder.key_hash
  LEFT JOIN member ON member.person = holder.person
),
estimated AS (
  SELECT DISTINCT
    team,
    key_hash,
    points_hundredths
  FROM share
),
typical AS (
  SELECT
    team,
    COALESCE(percentile_nearest(points_hundredths, 0.5, $estimates_min), 100) AS points_hundredths
  FROM estimated
  GROUP BY team
),
due AS (
  SELECT
    share.team,
    share.person,
    SUM(share.unit * COALESCE(share.points_hundredths, typical.points_hundredths)) AS point_units,
    COUNT(*) AS tickets,
    COUNT(*) FILTER (WHERE share.points_hundredths IS NULL) AS unestimated
  FROM share
  INNER JOIN typical ON typical.team = share.team
  WHERE share.is_open
  GROUP BY share.team, share.person
),
person_week AS (
  SELECT DISTINCT
    share.team,
    share.person,
    week.from_at
  FROM share
  INNER JOIN week ON week.n BETWEEN 1 AND $history_weeks
),
weekly AS (
  SELECT
    person_week.team,
    person_week.person,
    person_week.from_at,
    COALESCE(SUM(share.unit * COALESCE(share.points_hundredths, typical.points_hundredths)), 0) AS point_units
  FROM person_week
  INNER JOIN typical ON typical.team = person_week.team
  LEFT JOIN share
    ON share.team = person_week.team
    AND share.person = person_week.person
    AND NOT share.is_open
    AND date_trunc('week', share.done_at) = person_week.from_at
  GROUP BY person_week.team, person_week.person, person_week.from_at
),
usual AS (
  SELECT
    team,
    person,
    median_nearest(point_units) AS point_units
  FROM weekly
  GROUP BY team, person
),
presence AS (
  SELECT
    person,
    CAST(business_ms($as_of, days_before($as_of, -$horizon_days), timezone, hours, away) AS DOUBLE)
    / NULLIF(business_ms($as_of, days_before($as_of, -$horizon_days), timezone, hours, NULL), 0) AS share
  FROM person_calendar
),
component AS (
  SELECT
    ticket,
    UNNEST(components) AS area
  FROM ticket
  WHERE NOT deleted
),
named_commit AS (
  SELECT DISTINCT
    repo,
    sha,
    author,
    co_authors,
    tickets,
    effective_at AS at
  FROM commits
  WHERE array_length(tickets) > 0
    AND effective_at > days_before($as_of, $history_days)
),
deed AS (
  SELECT
    UNNEST(tickets) AS ticket,
    sha AS what,
    author AS person,
    at
  FROM named_commit
  UNION ALL
  SELECT
    ticket,
    sha AS what,
    UNNEST(co_authors) AS person,
    at
  FROM (SELECT UNNEST(tickets) AS ticket, sha, co_authors, at FROM named_commit) AS together
  UNION ALL
  SELECT
    named.ticket,
    CONCAT(named.repo, '#', named.change) AS what,
    person_review.reviewer AS person,
    person_review.ended_at AS at
  FROM (SELECT key_hash, repo, change, UNNEST(tickets) AS ticket FROM change) AS named
  INNER JOIN person_review ON person_review.key_hash = named.key_hash
  WHERE person_review.outcome = 'done'
    AND NOT person_review.is_open
    AND person_review.ended_at > days_before($as_of, $history_days)
    AND NOT person_review.self_review
    AND NOT person_review.bot
),
touch AS (
  SELECT DISTINCT
    component.area,
    COALESCE(person_of.person, deed.person) AS person,
    deed.what,
    deed.at
  FROM deed
  INNER JOIN component ON component.ticket = deed.ticket
  LEFT JOIN person_of ON person_of.identity = deed.person
  LEFT JOIN person ON person.person = COALESCE(person_of.person, deed.person)
  WHERE NOT COALESCE(person.kind <> 'human', is_bot(deed.person))
),
weighed AS (
  SELECT
    area,
    person,
    SUM(CAST(ROUND(
      1000000 * POWER(CAST(0.5 AS DOUBLE), CAST(millis_between(at, $as_of) AS DOUBLE) / 86400000 / $half_life_days)
    ) AS BIGINT)) AS weight
  FROM touch
  GROUP BY area, person
),
area_weight AS (
  SELECT
    area,
    SUM(weight) AS weight
  FROM weighed
  GROUP BY area
),
affinity AS (
  SELECT
    weighed.area,
    weighed.person,
    CAST(weighed.weight AS DOUBLE) / NULLIF(area_weight.weight, 0) AS affinity
  FROM weighed
  INNER JOIN area_weight ON area_weight.area = weighed.area
),
capacity_left AS (
  SELECT
    member.team,
    member.person,
    COALESCE(due.point_units, 0) AS due_units,
    CAST(COALESCE(usual.point_units, 0) AS DOUBLE) * $horizon_days / 7 * COALESCE(presence.share, 1.0) AS able_units,
    COALESCE(presence.share, 1.0) AS presence
  FROM member
  LEFT JOIN due ON due.team = member.team AND due.person = member.person
  LEFT JOIN usual ON usual.team = member.team AND usual.person = member.person
  LEFT JOIN presence ON presence.person = member.person
),
movable AS (
  SELECT
    share.team,
    share.person,
    share.key_hash,
    ticket.ticket,
    share.unit * COALESCE(share.points_hundredths, typical.points_hundredths) AS need_units
  FROM share
  INNER JOIN typical ON typical.team = share.team
  INNER JOIN ticket ON ticket.key_hash = share.key_hash
  INNER JOIN capacity_left ON capacity_left.team = share.team AND capacity_left.person = share.person
  WHERE share.is_open
    AND share.unit = 720720
    AND COALESCE(ticket.status_category, 'todo') <> 'in_progress'
    AND capacity_left.able_units > 0
    AND CAST(capacity_left.due_units AS DOUBLE) > $over * capacity_left.able_units
),
known AS (
  SELECT
    movable.key_hash,
    affinity.person,
    MAX(affinity.affinity) AS affinity
  FROM (SELECT DISTINCT key_hash, ticket FROM movable) AS movable
  INNER JOIN component ON component.ticket = movable.ticket
  INNER JOIN affinity ON affinity.area = component.area
  GROUP BY movable.key_hash, affinity.person
),
candidate AS (
  SELECT
    movable.team,
    movable.key_hash,
    movable.ticket,
    movable.person AS holder,
    movable.need_units,
    capacity_left.person,
    COALESCE(known.affinity, 0.0) AS affinity,
    GREATEST(capacity_left.able_units - capacity_left.due_units, 0.0) AS spare_units,
    capacity_left.presence
  FROM movable
  INNER JOIN capacity_left ON capacity_left.team = movable.team AND capacity_left.person <> movable.person
  LEFT JOIN known ON known.key_hash = movable.key_hash AND known.person = capacity_left.person
),
fitted AS (
  SELECT
    team,
    key_hash,
    ticket,
    holder,
    person,
    affinity,
    spare_units,
    need_units,
    presence,
    CASE WHEN $mode = 'growth' THEN 1 - affinity ELSE affinity END
    * spare_units / NULLIF(spare_units + need_units, 0) * presence AS fit
  FROM candidate
),
ranked AS (
  SELECT
    team,
    key_hash,
    ticket,
    holder,
    person,
    affinity,
    spare_units,
    need_units,
    presence,
    fit,
    ROW_NUMBER() OVER (PARTITION BY team, key_hash ORDER BY fit DESC, person) AS rank
  FROM fitted
  WHERE fit > 0
),
supporter AS (
  SELECT
    candidate.team,
    candidate.key_hash,
    candidate.person,
    candidate.affinity
  FROM candidate
  WHERE candidate.affinity >= $expert_min
),
supported AS (
  SELECT
    ranked.team,
    ranked.key_hash,
    ranked.person,
    FIRST_VALUE(supporter.person ORDER BY supporter.affinity DESC, supporter.person) AS supporter
  FROM ranked
  INNER JOIN supporter
    ON supporter.team = ranked.team
    AND supporter.key_hash = ranked.key_hash
    AND supporter.person <> ranked.person
  GROUP BY ranked.team, ranked.key_hash, ranked.person
)
SELECT
  ranked.team,
  ranked.ticket,
  ranked.person AS suggested,
  ROUND(ranked.fit, 6) AS fit,
  ranked.holder,
  ROUND(ranked.affinity, 6) AS affinity,
  ROUND(ranked.spare_units / 72072000, 2) AS spare_points,
  ROUND(CAST(ranked.need_units AS DOUBLE) / 72072000, 2) AS need_points,
  ROUND(ranked.presence, 6) AS presence,
  CASE WHEN $mode = 'growth' THEN supported.supporter END AS supporter
FROM ranked
LEFT JOIN supported
  ON supported.team = ranked.team
  AND supported.key_hash = ranked.key_hash
  AND supported.person = ranked.person
WHERE ranked.rank <= $suggestions_max
ORDER BY ranked.team, ranked.ticket, ranked.rank
