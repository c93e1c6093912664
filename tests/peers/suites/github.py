"""A repository of GitHub, polled: pull requests with reviews and comments, issues, a milestone, and what happened."""

import collections
import os

from fixtures import Fixtures
from stub import Stub, changed_since
from tables import Table, epoch, flag, minutes, number_of, one_of, text

REPO = "panjf2000/ants"
SCOPE = f'{{"ConnectionId":1,"Name":"{REPO}"}}'

# Kinds of events that Plimsoll keeps, and what it calls them in an id.
KEPT = {
    "closed": "closed",
    "labeled": "labeled",
    "assigned": "assigned",
    "renamed": "edited",
    "ready_for_review": "ready",
}
SILENT = {"head_ref_force_pushed", "subscribed", "mentioned"}

LEFT_OUT = {
    "the same facts in GitHub's words as in another table": """_tool_github_issues _tool_github_issue_labels _tool_github_milestones
        _tool_github_pull_requests _tool_github_pull_request_labels _tool_github_pull_request_issues""",
    "the same facts as in GitHub's words": "pull_request_comments pull_request_review_comments",
    "made-up rows without a body": "issue_assignees _tool_github_issue_assignees",
    "Plimsoll keeps no comments on issues": "issue_comments _tool_github_issue_comments",
    "commits come from git itself, not from polling": """_tool_github_commits _tool_github_pull_request_commits
        pull_request_commits""",
    "people are read where they do something, not from their accounts": """account _tool_github_account _tool_github_account_orgs
        _tool_github_repo_accounts _tool_github_accounts_in_comment _tool_github_accounts_in_event _tool_github_accounts_in_issue
        _tool_github_accounts_in_pr _tool_github_accounts_in_repo _tool_github_accounts_in_review""",
    "facts about the repository that are no work": "repos boards board_repos board_sprint _tool_github_repos",
    "Plimsoll knows no pipelines": """cicd_deployment_commits cicd_pipeline_commits cicd_pipelines cicd_scopes cicd_tasks
        _tool_github_jobs _tool_github_jobs_no_prod_env _tool_github_runs _tool_github_runs_no_prod_regex""",
}


class GitHub:
    about = __doc__
    plugin = "github"
    left_out = LEFT_OUT

    def fixtures(self, folder):
        return Fixtures(os.path.join(folder, "devlake", self.plugin), SCOPE)

    def load(self, fixtures, plimsoll):
        with Stub(answers(fixtures)) as stub:
            plimsoll.run("ingest", "github", "--url", stub.url, "--repo", REPO)
            return stub.absent

    def tables(self, fixtures):
        pulls = {str(pull["id"]): str(pull["number"]) for pull in fixtures.data("_raw_github_api_pull_requests")}
        issues = {str(issue["id"]): str(issue["number"]) for issue in all_issues(fixtures)}
        milestones = {str(one["id"]): one["title"] for one in fixtures.data("_raw_github_api_milestones")}

        def pull(word):
            return pulls[number_of(word)]

        def issue(word):
            return issues[number_of(word)]

        return [
            Table(
                "pull_requests",
                row=lambda row: row["pull_request_key"],
                ours="""SELECT *, change AS row, author AS author_name, UPPER(state) AS status, opened_at AS created_date,
                    merged_at AS merged_date, closed_at AS closed_date, base AS base_ref, head AS head_commit_sha,
                    draft AS is_draft FROM change""",
                called={"head_ref": "head_branch"},
                columns={
                    **dict.fromkeys("title url author_name status created_date merged_date closed_date".split(), text),
                    **dict.fromkeys("head_ref base_ref head_commit_sha".split(), text),
                    "is_draft": flag,
                },
                # The bodies are of a list, which tells no sizes.
                passed="""id base_repo_id head_repo_id original_status description author_id parent_pr_id pull_request_key type
                    component merge_commit_sha base_commit_sha additions deletions""",
            ),
            Table(
                "pull_request_labels",
                row=lambda row: f"{pull(row['pull_request_id'])} {row['label_name']}",
                ours="SELECT change || ' ' || UNNEST(labels) AS row FROM change",
                passed="pull_request_id label_name",
            ),
            Table(
                "pull_request_issues",
                row=lambda row: f"{row['pull_request_key']} {row['issue_key']}",
                # Theirs knows only the issues that were listed; so does the join.
                ours="""SELECT named.change || ' ' || split_part(ticket.key, '#', 2) AS row
                    FROM (SELECT change, UNNEST(tickets) AS ticket FROM change) AS named
                    INNER JOIN ticket ON ticket.ticket = named.ticket""",
                passed="pull_request_id issue_id pull_request_key issue_key",
            ),
            Table(
                "_tool_github_reviewers",
                row=lambda row: f"{pulls[row['pull_request_id']]} {row['username']}",
                ours="SELECT DISTINCT change || ' ' || reviewer AS row FROM reviews WHERE type = 'review.submitted'",
                passed="connection_id reviewer_id pull_request_id username name",
            ),
            Table(
                "_tool_github_pull_request_reviews",
                row=lambda row: row["github_id"],
                ours="""SELECT split_part(event_id, ':', 4) AS row, change AS pull_request_id, reviewer AS author_username,
                    occurred_at AS github_submit_at, head AS commit_sha, UPPER(verdict) AS state
                    FROM reviews WHERE type = 'review.submitted'""",
                columns={
                    "pull_request_id": pull,
                    **dict.fromkeys("author_username github_submit_at commit_sha state".split(), text),
                },
                passed="connection_id github_id body author_user_id",
            ),
            Table(
                "_tool_github_pull_request_comments",
                row=lambda row: row["github_id"],
                ours="""SELECT split_part(event_id, ':', 4) AS row, change AS pull_request_id,
                    COALESCE(reviewer, "by") AS author_username, occurred_at AS github_created_at,
                    CASE split_part(event_id, ':', 3) WHEN 'comment' THEN 'NORMAL' ELSE 'DIFF' END AS type
                    FROM reviews WHERE type = 'review.commented'""",
                columns={
                    "pull_request_id": pull,
                    **dict.fromkeys("author_username github_created_at type".split(), text),
                },
                passed="connection_id github_id body author_user_id commit_sha github_updated_at review_id",
            ),
            Table(
                "issues",
                row=lambda row: row["issue_key"],
                ours=f"""SELECT split_part(key, '#', 2) AS row, url, title, kind AS type, UPPER(status_category) AS status,
                    status AS original_status, ended_at AS resolution_date, created_at AS created_date,
                    last_event_at AS updated_date, {minutes("created_at", "ended_at")} AS lead_time_minutes,
                    reporter AS creator_name, array_to_string(assignees, ',') AS assignee_name FROM ticket""",
                columns={
                    **dict.fromkeys("url title status original_status resolution_date created_date updated_date".split(), text),
                    **dict.fromkeys("lead_time_minutes creator_name assignee_name".split(), text),
                    # Their test knows the label of a bug and no other; what no label tells is a task here.
                    "type": one_of({"BUG": "bug", "": "task"}),
                },
                passed="""id icon_url issue_key description epic_key story_point parent_issue_id priority original_estimate_minutes
                    time_spent_minutes time_remaining_minutes creator_id assignee_id severity component""",
                whole=False,  # events tell of further issues
            ),
            Table(
                "issue_labels",
                row=lambda row: f"{issue(row['issue_id'])} {row['label_name']}",
                ours="SELECT split_part(key, '#', 2) || ' ' || UNNEST(labels) AS row FROM ticket",
                passed="issue_id label_name",
                whole=False,
            ),
            Table(
                "board_issues",
                row=lambda row: issue(row["issue_id"]),
                ours=f"SELECT split_part(key, '#', 2) AS row FROM ticket WHERE repo = '{REPO}'",
                passed="board_id issue_id",
                whole=False,
            ),
            Table(
                "sprints",
                row=lambda row: milestones[number_of(row["id"])],
                ours="""SELECT title AS row, title AS name, state AS status, created_at AS started_date, due_on AS ended_date,
                    closed_at AS completed_date FROM milestone""",
                columns=dict.fromkeys("name status started_date ended_date completed_date".split(), text),
                passed="id url original_board_id",
            ),
            Table(
                "sprint_issue",
                row=lambda row: f"{milestones[number_of(row['sprint_id'])]} {issue(row['issue_id'])}",
                ours="""SELECT milestone.title || ' ' || split_part(ticket.key, '#', 2) AS row
                    FROM ticket INNER JOIN milestone ON milestone.milestone = ticket.milestone""",
                passed="sprint_id issue_id",
                whole=False,
            ),
            Table(
                "_tool_github_issue_events",
                # By number, kind and time: GitHub's number of an event is not kept. A merge is a closing too.
                row=in_turn(lambda row: happened(issues[row["issue_id"]], row["type"], row["github_created_at"])),
                ours="""SELECT number || ' ' || what || ' ' || CAST(at AS VARCHAR) || ' '
                    || CAST(ROW_NUMBER() OVER (PARTITION BY number, what, at ORDER BY event_id) AS VARCHAR) AS row
                    FROM (SELECT event_id, to_unixtime(occurred_at) AS at,
                        split_part(split_part(event_id, ':', 2), '/', 4) AS number,
                        CASE split_part(event_id, ':', 3) WHEN 'merged' THEN 'closed' ELSE split_part(event_id, ':', 3) END AS what
                        FROM (SELECT event_id, occurred_at FROM tickets
                            UNION ALL SELECT event_id, occurred_at FROM reviews) AS event
                    ) AS numbered""",
                passed="connection_id github_id issue_id type author_username github_created_at",
                whole=False,
            ),
        ]


def happened(number, kind, time):
    """The name of an event; None for a kind that Plimsoll does not keep."""
    if kind in SILENT:
        return None
    return f"{number} {KEPT[kind]} {epoch(time)}"


def in_turn(name):
    """Numbers the rows of one name: the first, the second."""
    seen = collections.Counter()

    def row(row):
        one = name(row)
        if one is None:
            return None
        seen[one] += 1
        return f"{one} {seen[one]}"

    return row


def all_issues(fixtures):
    """The issues listed, and those that only events tell of."""
    listed = fixtures.data("_raw_github_api_issues")
    numbers = {issue["number"] for issue in listed}
    told = {event["issue"]["number"]: event["issue"] for event in fixtures.data("_raw_github_api_events")}
    return listed + [issue for number, issue in told.items() if number not in numbers]


def answers(fixtures):
    """What GitHub would say by path."""
    root = f"/repos/{REPO}"
    pulls = {pull["number"]: pull for pull in fixtures.data("_raw_github_api_pull_requests")}
    issues = {issue["number"]: issue for issue in all_issues(fixtures)}
    # GitHub lists pull requests among the issues.
    for number, pull in pulls.items():
        listed = {"number": number, "updated_at": pull["updated_at"], "pull_request": {"url": pull["url"]}}
        issues.setdefault(number, listed)
    said = {
        f"{root}/milestones": fixtures.data("_raw_github_api_milestones"),
        f"{root}/issues": changed_since(list(issues.values()), "since"),
    }
    reviews = by_pull(fixtures.data("_raw_github_api_pull_request_reviews"))
    comments = by_pull(fixtures.data("_raw_github_api_pull_request_review_comments"))
    timelines = timelines_of(fixtures, issues, pulls)
    for number in issues:
        said[f"{root}/issues/{number}/timeline"] = timelines[number]
    for number, pull in pulls.items():
        said[f"{root}/pulls/{number}"] = pull
        said[f"{root}/pulls/{number}/reviews"] = reviews[number]
        said[f"{root}/pulls/{number}/comments"] = comments[number]
    return said


def by_pull(items):
    """The items of each pull request, by its number."""
    numbers = collections.defaultdict(list)
    for item in items:
        numbers[last(item["pull_request_url"])].append(item)
    return numbers


def timelines_of(fixtures, issues, pulls):
    """Each item's timeline: its events and comments, and the closing and the merge that its body tells of."""
    timelines = collections.defaultdict(list)
    for event in fixtures.data("_raw_github_api_events"):
        told = {name: value for name, value in event.items() if name != "issue"}
        timelines[event["issue"]["number"]].append(told)
    for comment in fixtures.data("_raw_github_api_comments"):
        timelines[last(comment["issue_url"])].append({**comment, "event": "commented", "actor": comment["user"]})
    for number, item in {**issues, **pulls}.items():
        known = {event["event"] for event in timelines[number]}
        for what, member in (("merged", "merged_at"), ("closed", "closed_at")):
            if item.get(member) and what not in known:
                timelines[number].append({"event": what, "actor": None, "created_at": item[member]})
        timelines[number].sort(key=lambda event: event["created_at"])
    return timelines


def last(url):
    """The number at the end of an address."""
    return int(url.rsplit("/", 1)[1])
