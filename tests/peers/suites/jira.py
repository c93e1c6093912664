"""A board of Jira, polled: issues with their whole changelog."""

import functools
import json
import os
import re

from fixtures import Fixtures
from stub import Stub
from tables import Table, Undecided, epoch, instant, minutes, number_of, one_of, text

BOARD, EPICS = '{"ConnectionId":2,"BoardId":8}', '{"ConnectionId":1,"BoardId":93}'
# Their tests say that this field holds the story points; the fixtures lack the names of fields.
NAMES = {"customfield_10024": "Story Points"}
CATEGORIES = {"new": "todo", "indeterminate": "in_progress", "done": "done"}

LEFT_OUT = {
    "the same facts as in Jira's words, or by another configuration": """issue_changelogs issues_for_due_date
        issues_with_no_mapping_subtask sprints _tool_jira_sprint_issues _tool_jira_sprints_for_convertor""",
    "their issues have no body": "_tool_jira_issue_changelogs_extractor _tool_jira_issue_changelog_items_extractor",
    "labels that the bodies do not have": "issue_labels _tool_jira_issue_labels_for_convertor",
    "a board has no work of its own": """boards board_issues board_sprints _tool_jira_boards _tool_jira_board_issues
        _tool_jira_board_issues_for_ConvertIssueRepoCommits _tool_jira_board_issues_for_changelog
        _tool_jira_board_issues_for_external_epics _tool_jira_board_issues_for_label _tool_jira_board_issues_for_worklog
        _tool_jira_board_issues_relations _tool_jira_board_sprints _tool_jira_board_sprints_for_convertor""",
    "Plimsoll keeps no links, worklogs or commits of an issue": """issue_relationships issue_repo_commits worklogs
        _tool_jira_issue_relationships _tool_jira_issue_commits _tool_jira_issue_commits_dev_panel
        _tool_jira_issue_commits_for_ConvertIssueRepoCommits _tool_jira_remotelinks _tool_jira_worklogs
        _tool_jira_worklogs_for_convertor""",
    "what the site calls things": """_tool_jira_issue_fields _tool_jira_issue_types _tool_jira_projects _tool_jira_server_infos
        _tool_jira_statuses _tool_jira_statuses_for_changelog""",
    "people are read where they do something, not from their accounts": """accounts _tool_jira_accounts
        _tool_jira_accounts_changelog""",
}

# Jira does not count each entry of a changelog as an update; the reading of an issue has the time of its last update. Creator and
# reporter are one in these bodies.
ISSUES = f"""SELECT ticket.key AS row, ticket.title AS summary, ticket.kind AS type, ticket.status AS status_name,
    ticket.status_category AS status_key, ticket.points_hundredths AS story_point, ticket.reporter AS creator_account_id,
    array_to_string(ticket.assignees, ',') AS assignee_account_id, ticket.priority AS priority_name,
    COALESCE(above.key, regexp_replace(ticket.parent, '^.*/', '')) AS parent_id, ticket.ended_at AS resolution_date, ticket.created_at AS created,
    reading.at AS updated, {minutes("ticket.created_at", "ticket.ended_at")} AS lead_time_minutes, ticket.due_on AS due_date
    FROM ticket LEFT JOIN ticket AS above ON above.ticket = ticket.parent
    LEFT JOIN (SELECT key_hash, MAX(occurred_at) AS at FROM tickets WHERE event_id LIKE 'reconcile:%' GROUP BY key_hash) AS reading
    ON reading.key_hash = ticket.key_hash"""
ISSUES_PASSED = """connection_id issue_id project_id project_name self issue_key description epic_key original_estimate_minutes
    aggregate_estimate_minutes remaining_estimate_minutes creator_account_type creator_display_name assignee_account_type
    assignee_display_name priority_id parent_key sprint_id sprint_name spent_minutes std_type std_status icon_url changelog_total
    comment_total subtask components worklog_total"""

# A field of a changelog by Jira's name: our field, the columns that tell it, and how one side reads; then those not kept.
CHANGES = {
    "status": ("status", "string", text),
    "assignee": ("assignees", "value", text),
    "issuetype": ("kind", "string", str.lower),
    "Parent": ("parent", "value", text),
    "Epic Link": ("parent", "value", text),
    "Start date": ("start_on", "value", text),
    "resolution": ("resolution", "string", text),
    "Fix Version": ("milestone", "value", lambda word: word and f"version/{word}"),
    "Sprint": ("sprint", "value", lambda word: word and f"sprint/{word}"),
}
SILENT = {"End date", "Rank", "RemoteIssueLink", "Workflow", "WorklogId", "timeestimate", "timeoriginalestimate", "timespent"}


class Polled:
    """`issues` is the file of bodies, `snapshot` the table of what they come to."""

    plugin, left_out, scope = "jira", LEFT_OUT, BOARD

    def fixtures(self, folder):
        return Fixtures(os.path.join(folder, "devlake", self.plugin), self.scope)

    def load(self, fixtures, plimsoll):
        issues = sorted(fixtures.data(self.issues), key=lambda issue: epoch(issue["fields"]["updated"]))

        def search(parameters):
            start = int(parameters["startAt"])
            page = issues[start : start + int(parameters["maxResults"])]
            return {"startAt": start, "total": len(issues), "issues": page, "names": NAMES}

        said = {"/rest/api/2/status": fixtures.data("_raw_jira_api_status"), "/rest/api/2/search": search}
        with Stub(said) as stub:
            plimsoll.run("ingest", "jira", "--url", stub.url, "--jql", "board = 8")
            return stub.absent

    def tables(self, fixtures):
        keys = {issue["id"]: issue["key"] for issue in fixtures.data(self.issues)}
        table = fixtures.table(self.snapshot)
        columns = {
            **dict.fromkeys("summary status_name creator_account_id assignee_account_id priority_name".split(), text),
            **dict.fromkeys("resolution_date created updated".split(), text),
            "type": str.lower,
            "status_key": one_of(CATEGORIES),
            # Theirs cannot be without a number.
            "story_point": lambda word: None if word == "0" else str(round(100 * float(word))),
            "lead_time_minutes": text,
            "parent_id": lambda word: {"0": None, **keys}.get(word, word),
            "due_date": text,
        }
        return [
            Table(
                self.snapshot,
                row=lambda row: row["issue_key"],
                ours=ISSUES,
                columns={name: read for name, read in columns.items() if name in table[0]},
                passed=ISSUES_PASSED,
            )
        ]


class JiraDueDate(Polled):
    """One issue with a due date."""

    about = __doc__
    issues, snapshot = "_raw_jira_api_issues_for_due_date", "_tool_jira_issues_for_due_date"


class JiraEpics(Polled):
    """Issues below epics, two of them in a sprint that is on."""

    about = __doc__
    scope = EPICS
    issues, snapshot = "_raw_jira_external_epics", "_tool_jira_issues_for_external_epics"


class Jira(Polled):
    about = __doc__
    issues, snapshot = "_raw_jira_api_issues", "_tool_jira_issues"

    def tables(self, fixtures):
        keys = {issue["id"]: issue["key"] for issue in fixtures.data(self.issues)}
        versions = {
            version["name"]: version["id"] for issue in fixtures.data(self.issues) for version in issue["fields"]["fixVersions"]
        }
        return super().tables(fixtures) + [
            Table(
                "issues",
                row=lambda row: row["issue_key"],
                ours="""SELECT key AS row, '/browse/' || split_part(url, '/browse/', 2) AS url,
                    split_part(milestone, 'version/', 2) AS fix_versions, array_to_string(components, ',') AS component
                    FROM ticket""",
                columns={
                    "url": lambda word: word[word.index("/browse/") :],
                    "fix_versions": lambda word: versions.get(word, word),
                    "component": text,
                },
                passed="""id icon_url issue_key title description epic_key type original_type status original_status story_point
                    resolution_date created_date updated_date lead_time_minutes parent_issue_id priority original_estimate_minutes
                    time_spent_minutes time_remaining_minutes creator_id creator_name assignee_id assignee_name severity
                    original_project due_date""",
            ),
            Table(
                "issue_assignees",
                row=lambda row: f"{keys[number_of(row['issue_id'])]} {number_of(row['assignee_id'])}",
                ours="SELECT key || ' ' || UNNEST(assignees) AS row FROM ticket",
                passed="issue_id assignee_id assignee_name",
            ),
            Table(
                "_tool_jira_issue_labels",
                row=lambda row: f"{keys[row['issue_id']]} {row['label_name']}",
                ours="SELECT key || ' ' || UNNEST(labels) AS row FROM ticket",
                passed="connection_id issue_id label_name",
            ),
            Table(
                "sprint_issues",
                row=lambda row: f"{number_of(row['sprint_id'])} {keys[number_of(row['issue_id'])]}",
                ours="SELECT split_part(sprint, 'sprint/', 2) || ' ' || key AS row FROM ticket WHERE sprint LIKE '%sprint/%'",
                passed="sprint_id issue_id",
            ),
            Table(
                "_tool_jira_issue_changelogs",
                row=lambda row: row["changelog_id"],
                ours="""SELECT split_part(event_id, ':history:', 2) AS row, key AS issue_id, occurred_at AS created
                    FROM tickets WHERE event_id LIKE '%:history:%'""",
                columns={"issue_id": keys.__getitem__, "created": text},
                # An event about a ticket names nobody who did it.
                passed="connection_id changelog_id author_account_id author_display_name author_active issue_updated",
            ),
            *(self.changes(*change) for change in CHANGES.items()),
        ]

    def changes(self, field, change):
        """One field of the changelog: what it was, and what it became."""
        name, side, read = change
        return Table(
            "_tool_jira_issue_changelog_items",
            row=functools.partial(entry_of, field),
            ours=functools.partial(changed, field, name, side),
            columns={f"from_{side}": read, f"to_{side}": read},
            passed="connection_id changelog_id field field_type field_id from_value from_string to_value to_string",
            whole=False,
        )


def entry_of(field, row):
    """The name of a change of this field; None for the change of another."""
    if row["field"] not in CHANGES and row["field"] not in SILENT:
        raise Undecided(f"the field {row['field']} of a changelog")
    return f"{row['changelog_id']} {field}" if row["field"] == field else None


def changed(field, name, side, plimsoll):
    """The changes of one of our fields, in rows like those of Jira's."""
    rows = plimsoll.rows(
        """SELECT split_part(event_id, ':history:', 2) AS entry, changes FROM tickets
        WHERE event_id LIKE '%:history:%' AND changes IS NOT NULL"""
    )
    for row in rows:
        change = json.loads(row["changes"]).get(name)
        if change:
            yield {"row": f"{row['entry']} {field}", f"from_{side}": one(change["from"]), f"to_{side}": one(change["to"])}


def one(value):
    """One side of a change. Jira knows one assignee at a time, we keep a list; a milestone may name its site first."""
    if isinstance(value, list):
        return ",".join(value)
    return re.sub(r".*/(?=(version|sprint)/)", "", value) if value else value


class JiraSprints:
    """Sprints of a board, from the webhooks of their creation and end."""

    about = __doc__
    plugin, left_out = "jira", LEFT_OUT

    def fixtures(self, folder):
        return Fixtures(os.path.join(folder, "devlake", self.plugin), BOARD)

    def load(self, fixtures, plimsoll):
        path = os.path.join(plimsoll.folder, "sprints.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for sprint in fixtures.data("_raw_jira_api_sprints"):
                for name, member in (("sprint_created", "startDate"), ("sprint_closed", "completeDate")):
                    if sprint.get(member):
                        body = {"webhookEvent": name, "timestamp": milliseconds(sprint[member]), "sprint": sprint}
                        file.write(json.dumps(body) + "\n")
        plimsoll.run("ingest", "webhooks", "--format", "jira", path)
        return []

    def tables(self, _):
        return [
            Table(
                "_tool_jira_sprints",
                row=lambda row: row["sprint_id"],
                ours="""SELECT split_part(milestone, 'sprint/', 2) AS row, title AS name, state, start_on AS start_date,
                    due_on AS end_date, closed_at AS complete_date FROM milestone""",
                # A sprint is planned in days here.
                columns={"name": text, "state": text, "start_date": day, "end_date": day, "complete_date": text},
                passed="connection_id sprint_id self origin_board_id",
            )
        ]


def day(word):
    """The day of a time, in UTC as they tell it."""
    return word[:10]


def milliseconds(word):
    return round(1000 * instant(word).timestamp())
