#!/usr/bin/env python3
"""Real schedules and issue histories as events, and what must come out, computed in the plainest way.

    corpus.py FOLDER events             events of the whole corpus, one a line
    corpus.py FOLDER milestones         milestone -> [baseline, due, re-plans] after all of them
    corpus.py FOLDER tickets DATE...    for each date: [open, with one owner, with a due date, with both]
    corpus.py FOLDER issues             each issue as Jira's REST interface gives it with its changelog, one a line
    corpus.py FOLDER history TIME       key -> [hand-offs, re-plans, {status: seconds}] from the changes alone
    corpus.py FOLDER archive            event type -> how many the hour of GH Archive holds, a commit once

Reads milestones/target_changes.csv, jira/*.csv and gharchive/*.json.gz. Standard library only.
"""

import collections
import csv
import datetime
import gzip
import json
import sys

DONE = {"Resolved", "Closed"}
CATEGORY = {"Open": "todo", "Reopened": "todo"} | dict.fromkeys(DONE, "done")
FIELDS = {"status": "status", "assignee": "assignee", "duedate": "due_on"}


def rows(folder, name):
    with open(f"{folder}/{name}", newline="") as file:
        yield from csv.DictReader(file)


def event(event_id, name, time, data):
    return {
        "specversion": "1.0", "id": event_id, "source": "test:corpus", "time": time,
        "type": f"dev.plimsoll.{name}.v1", "data": data,
    }


def targets(folder):
    """(milestone, time, number in the milestone, due date) of every target that was set or moved."""
    for row in rows(folder, "milestones/target_changes.csv"):
        if row["new_target"]:
            milestone = "/".join((row["source"], row["project"], row["milestone"]))
            yield milestone, row["change_date"], int(row["seq"]), row["new_target"]


def milestone_events(folder):
    for milestone, time, number, due in targets(folder):
        name = "milestone.created" if number == 1 else "milestone.updated"
        data = {"milestone": milestone, "title": milestone, "project": milestone.split("/")[1], "due_on": due}
        yield event(f"{milestone}#{number}", name, time, data) | {"sequence": number}


def milestones(folder):
    history = {}
    for milestone, time, number, due in sorted(targets(folder), key=lambda t: (t[0], t[1], t[2])):
        history.setdefault(milestone, []).append((time[:10], due))
    answer = {}
    for milestone, changes in history.items():
        ends_of_days = list(dict(changes).values())
        replans = sum(before != after for before, after in zip(ends_of_days, ends_of_days[1:]))
        answer[milestone] = [changes[0][1], ends_of_days[-1], replans]
    return answer


def tickets(folder):
    """key -> [(time, number, fields)]: the whole state after each change."""
    changes = {}
    for row in rows(folder, "jira/ticket_changes.csv"):
        if row["field"] in FIELDS:
            changes.setdefault((row["site"], row["key"]), []).append(row)
    answer = {}
    for row in rows(folder, "jira/tickets.csv"):
        of_ticket = sorted(changes.get((row["site"], row["key"]), []), key=lambda change: change["at"])
        state = {"status": row["status"], "assignee": row["assignee"], "due_on": row["duedate"]}
        for change in reversed(of_ticket):
            state[FIELDS[change["field"]]] = change["from"]
        states = [(row["created"], 0, dict(state))]
        for number, change in enumerate(of_ticket, 1):
            state[FIELDS[change["field"]]] = change["to"]
            states.append((change["at"], number, dict(state)))
        answer[f"{row['site']}/{row['key']}"] = states
    return answer


def ticket_events(folder):
    for key, states in tickets(folder).items():
        for time, number, state in states:
            data = {
                "ticket": key, "title": key, "kind": "story", "status": state["status"],
                "status_category": CATEGORY.get(state["status"], "in_progress"),
                "assignees": [state["assignee"]] if state["assignee"] else [],
                "due_on": state["due_on"][:10] or None,
            }
            name = "ticket.updated" if number else "ticket.created"
            yield event(f"{key}#{number}", name, time, data) | {"sequence": number}


def hygiene(folder, date):
    counts = [0, 0, 0, 0]
    for states in tickets(folder).values():
        past = [state for time, _, state in states if time[:10] <= date]
        if past and past[-1]["status"] not in DONE:
            owner, due = bool(past[-1]["assignee"]), bool(past[-1]["due_on"])
            for i, holds in enumerate((True, owner, due, owner and due)):
                counts[i] += holds
    return counts


def issues(folder):
    """Changes of one second by one person are one entry of the changelog, as in Jira."""
    named = {"fixversion": "Fix Version"}
    changes = {}
    for row in rows(folder, "jira/ticket_changes.csv"):
        changes.setdefault(row["key"], []).append(row)
    user = lambda name: {"name": name} if name else None
    for row in rows(folder, "jira/tickets.csv"):
        histories = []
        for change in changes.get(row["key"], []):
            if not histories or (histories[-1]["created"], histories[-1]["author"]) != (change["at"], user(change["by"])):
                entry = {"id": str(len(histories) + 1), "created": change["at"], "author": user(change["by"]), "items": []}
                histories.append(entry)
            sides = {"from": change["from"] or None, "to": change["to"] or None}
            item = {"field": named.get(change["field"], change["field"])} | sides
            histories[-1]["items"].append(item | {"fromString": sides["from"], "toString": sides["to"]})
        yield {
            "self": f"https://{row['site']}/rest/api/2/issue/{row['key']}", "id": row["key"], "key": row["key"],
            "fields": {
                "created": row["created"], "summary": row["key"], "issuetype": {"name": row["type"]},
                "status": {"name": row["status"]}, "priority": {"name": row["priority"]},
                "assignee": user(row["assignee"]), "reporter": user(row["reporter"]),
                "duedate": row["duedate"] or None, "resolution": row["resolved"] or None,
            },
            "changelog": {"histories": histories},
        }


def history(folder, until):
    """For each ticket: times that a holder was followed by another, due date moves, and seconds in each status."""
    answer = {}
    for key, states in tickets(folder).items():
        holders, plans, seconds = [], [], collections.Counter()
        for (time, _, state), after in zip(states, states[1:] + [(until, 0, None)]):
            if state["assignee"] and holders[-1:] != [state["assignee"]]:
                holders.append(state["assignee"])
            if state["due_on"] and plans[-1:] != [state["due_on"][:10]]:
                plans.append(state["due_on"][:10])
            seconds[state["status"]] += seconds_between(time, after[0])
        spent = {status: count for status, count in seconds.items() if count}
        answer[key.split("/")[1]] = [max(len(holders) - 1, 0), max(len(plans) - 1, 0), spent]
    return answer


def seconds_between(start, end):
    parse = lambda text: datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((parse(end) - parse(start)).total_seconds())


def archive(folder):
    counts, commits = collections.Counter(), set()
    with gzip.open(f"{folder}/gharchive/2015-01-01-0.json.gz", "rt") as file:
        for line in map(json.loads, file):
            payload, action = line["payload"], line["payload"].get("action")
            match line["type"]:
                case "PushEvent" if payload["ref"].startswith("refs/heads/"):
                    distinct = [commit["sha"] for commit in payload["commits"] if commit["distinct"]]
                    commits.update((line["repo"]["name"], sha) for sha in distinct)
                case "PullRequestEvent":
                    merged = action == "closed" and payload["pull_request"]["merged"]
                    counts["change." + ("merged" if merged else action)] += 1
                case "IssuesEvent":
                    counts["ticket." + ("created" if action == "opened" else action)] += 1
                case "IssueCommentEvent" if "pull_request" in payload["issue"]:
                    counts["review.commented"] += 1
                case "PullRequestReviewCommentEvent":
                    counts["review.commented"] += 1
    return counts | {"commit.pushed": len(commits)}


def main():
    folder, what, *dates = sys.argv[1:]
    if what == "events":
        for source in (milestone_events(folder), ticket_events(folder)):
            for one in source:
                print(json.dumps(one))
    elif what == "milestones":
        json.dump(milestones(folder), sys.stdout)
    elif what == "issues":
        for one in issues(folder):
            print(json.dumps(one))
    elif what == "history":
        json.dump(history(folder, dates[0]), sys.stdout)
    elif what == "archive":
        json.dump(archive(folder), sys.stdout)
    elif what == "tickets":
        json.dump({date: hygiene(folder, date) for date in dates}, sys.stdout)


if __name__ == "__main__":
    main()
