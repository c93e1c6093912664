"""A project of GitLab, polled: merge requests, issues, labels, and who has them."""

import collections
import os

from fixtures import Fixtures
from stub import Stub, changed_since
from tables import Table, epoch, flag, minutes, number_of, one_of, second, text

PROJECT = "gitlab-data/snowflake_spend"
SCOPE = '{"ConnectionId":1,"ProjectId":12345678}'
# GitLab 13.2: it keeps no events of states from before.
STATES_SINCE = "2020-07-22"

MERGE_REQUESTS = """SELECT *, change AS row, url AS web_url, draft AS work_in_progress, base AS target_branch,
    head AS diff_head_sha, opened_at AS gitlab_created_at, CASE state WHEN 'closed' THEN closed_at END AS closed_without_merge,
    merged_by AS merged_by_username, author AS author_username FROM change"""
MERGE_REQUEST_CALLED = {"source_branch": "head_branch", "closed_at": "closed_without_merge"}
MERGE_REQUEST_COLUMNS = {
    **dict.fromkeys("title web_url source_branch target_branch merged_by_username author_username".split(), text),
    **dict.fromkeys("gitlab_created_at merged_at closed_at".split(), second),
    "state": one_of({"opened": "open", "closed": "closed", "merged": "merged"}),
    "work_in_progress": flag,
}
MERGE_REQUEST_PASSED = """connection_id gitlab_id iid project_id source_project_id target_project_id user_notes_count
    merge_commit_sha description author_user_id component"""

LEFT_OUT = {
    "the same facts in GitLab's words as in another table": """_tool_gitlab_issues _tool_gitlab_issue_labels
        _tool_gitlab_issue_assignees _tool_gitlab_merge_request_details _tool_gitlab_mr_comments _tool_gitlab_mr_labels""",
    "the same facts as in GitLab's words": "pull_requests pull_request_comments",
    "commits come from git itself, not from polling": """_tool_gitlab_commits _tool_gitlab_mr_commits _tool_gitlab_project_commits
        pull_request_commits""",
    "people are read where they do something, not from their accounts": """accounts accounts_direct_api _tool_gitlab_accounts
        _tool_gitlab_accounts_direct_api""",
    "facts about the project that are no work": "repos boards board_repos _tool_gitlab_projects",
    "Plimsoll knows no pipelines": """cicd_deployment_commits cicd_deployments cicd_pipeline_commits cicd_pipelines cicd_scopes
        cicd_tasks cicd_tasks_no_prod_regex _raw_gitlab_api_pipeline_details _tool_gitlab_deployments _tool_gitlab_jobs
        _tool_gitlab_jobs_with_triggered _tool_gitlab_pipeline_projects _tool_gitlab_pipeline_projects_details
        _tool_gitlab_pipelines _tool_gitlab_pipelines_no_prod_regex""",
}


class Polled:
    """`merge_requests` and `notes` are the files of bodies; a suite without issues or notes has none."""

    plugin, left_out = "gitlab", LEFT_OUT
    merge_requests, issues, notes = "_raw_gitlab_api_merge_requests", None, None

    def fixtures(self, folder):
        return Fixtures(os.path.join(folder, "devlake", self.plugin), SCOPE)

    def load(self, fixtures, plimsoll):
        notes = collections.defaultdict(list)
        for body in fixtures.bodies(self.notes) if self.notes else []:
            notes["merge_requests", body.input["Iid"]].append(body.data)
        root = f"/api/v4/projects/{PROJECT.replace('/', '%2F')}"
        said = {f"{root}/milestones": []}
        for kind, file in (("merge_requests", self.merge_requests), ("issues", self.issues)):
            items = fixtures.data(file) if file else []
            said[f"{root}/{kind}"] = changed_since(items, "updated_after")
            for item in items:
                place = f"{root}/{kind}/{item['iid']}"
                said[f"{place}/resource_state_events"] = state_events(item)
                said[f"{place}/resource_label_events"] = []
                said[f"{place}/resource_milestone_events"] = []
                said[f"{place}/notes"] = sorted(notes[kind, item["iid"]], key=lambda note: note["created_at"])
        with Stub(said) as stub:
            plimsoll.run("ingest", "gitlab", "--url", stub.url, "--project", PROJECT)
            return stub.absent


def state_events(item):
    """The end that the body tells of, as GitLab would tell it."""
    ends = [(item.get("merged_at"), "merged"), (item.get("closed_at"), "closed")]
    return [
        {"id": item["id"], "user": item.get("merged_by") or item.get("closed_by"), "created_at": time, "state": state}
        for time, state in ends
        if time and time >= STATES_SINCE
    ]


class GitLab(Polled):
    about = __doc__
    issues = "_raw_gitlab_api_issues"

    def tables(self, fixtures):
        issues = {str(issue["id"]): str(issue["iid"]) for issue in fixtures.data(self.issues)}

        def issue(word):
            return issues[number_of(word)]

        requests = {str(one["id"]): str(one["iid"]) for one in fixtures.data(self.merge_requests)}
        return [
            Table(
                "_tool_gitlab_merge_requests",
                row=lambda row: row["iid"],
                ours=MERGE_REQUESTS,
                called=MERGE_REQUEST_CALLED,
                columns={**MERGE_REQUEST_COLUMNS, "diff_head_sha": text},
                passed=f"""{MERGE_REQUEST_PASSED} is_detail_required squash_commit_sha gitlab_updated_at type first_comment_time
                    review_rounds""",
            ),
            Table(
                "pull_request_labels",
                row=lambda row: f"{requests[number_of(row['pull_request_id'])]} {row['label_name']}",
                ours="SELECT change || ' ' || UNNEST(labels) AS row FROM change",
                passed="pull_request_id label_name",
            ),
            Table(
                "issues",
                row=lambda row: row["issue_key"],
                ours=f"""SELECT split_part(key, '#', 2) AS row, url, title, UPPER(status_category) AS status,
                    ended_at AS resolution_date, created_at AS created_date, last_event_at AS updated_date,
                    {minutes("created_at", "ended_at")} AS lead_time_minutes, reporter AS creator_name,
                    array_to_string(assignees, ',') AS assignee_name FROM ticket""",
                columns={
                    **dict.fromkeys("url title status lead_time_minutes creator_name assignee_name".split(), text),
                    **dict.fromkeys("resolution_date created_date updated_date".split(), second),
                },
                # An issue of this project has no type that their test names, and GitLab's severity is of incidents.
                passed="""id issue_key description epic_key type original_status story_point parent_issue_id priority
                    original_estimate_minutes time_spent_minutes time_remaining_minutes creator_id assignee_id severity component
                    icon_url""",
            ),
            Table(
                "issue_labels",
                row=lambda row: f"{issue(row['issue_id'])} {row['label_name']}",
                ours="SELECT split_part(key, '#', 2) || ' ' || UNNEST(labels) AS row FROM ticket",
                passed="issue_id label_name",
            ),
            Table(
                "issue_assignees",
                row=lambda row: f"{issue(row['issue_id'])} {row['assignee_name']}",
                ours="SELECT split_part(key, '#', 2) || ' ' || UNNEST(assignees) AS row FROM ticket",
                passed="issue_id assignee_id assignee_name",
            ),
            Table(
                "board_issues",
                row=lambda row: issue(row["issue_id"]),
                ours=f"SELECT split_part(key, '#', 2) AS row FROM ticket WHERE project LIKE '%{PROJECT}'",
                passed="board_id issue_id",
            ),
        ]


class GitLabCommits(Polled):
    """Five merge requests of the same project, as another test has them."""

    about = __doc__
    merge_requests = "_raw_gitlab_api_merge_requests_for_mr_commit_test"

    def tables(self, _):
        return [
            Table(
                "_tool_gitlab_merge_requests_for_mr_commit_test",
                row=lambda row: row["iid"],
                ours=MERGE_REQUESTS,
                called=MERGE_REQUEST_CALLED,
                columns=MERGE_REQUEST_COLUMNS,
                passed=MERGE_REQUEST_PASSED,
            )
        ]


class GitLabNotes(Polled):
    """Merge requests with the notes below them, from which approvals and comments are read."""

    about = __doc__
    merge_requests = "_raw_gitlab_api_merge_requests_for_mr_notes_test"
    notes = "_raw_gitlab_api_merge_request_notes"

    def tables(self, _):
        return [
            Table(
                "_tool_gitlab_merge_requests_for_mr_notes_test",
                row=lambda row: row["iid"],
                ours=MERGE_REQUESTS,
                called=MERGE_REQUEST_CALLED,
                columns=MERGE_REQUEST_COLUMNS,
                passed=MERGE_REQUEST_PASSED,
            ),
            Table(
                "_tool_gitlab_mr_notes",
                row=note,
                ours="""SELECT change || ' ' || type || ' ' || CAST(to_unixtime(occurred_at) AS VARCHAR) AS row,
                    COALESCE(reviewer, "by", merged_by) AS author_username FROM reviews""",
                columns={"author_username": text},
                passed="""connection_id gitlab_id merge_request_id merge_request_iid noteable_type body gitlab_created_at
                    confidential resolvable is_system""",
                whole=False,
            ),
        ]


# What GitLab's own notes say that Plimsoll keeps of a merge request; notes of other words are silent.
SAID = {
    "approved this merge request": "review.submitted",
    "unapproved this merge request": "review.dismissed",
    "merged": "change.merged",
    "marked as a **Work In Progress**": "change.drafted",
    "unmarked as a **Work In Progress**": "change.ready",
}


def note(row):
    kind = SAID.get(row["body"]) if row["is_system"] == "1" else "review.commented"
    return kind and f"{row['merge_request_iid']} {kind} {epoch(row['gitlab_created_at'])}"
