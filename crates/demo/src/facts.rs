//! What the trackers and the code host would tell about tickets, milestones and changes.
//!
//! Ticket and milestone events carry the whole state after the change, and `changes` with what is
//! different; change events carry what their type needs.

use super::people::{BOT, BOT_NAME, PEOPLE, PersonId, TEAMS};
use super::services::SERVICES;
use super::story;
use super::world::{Author, Change, ChangeId, Milestone, MilestoneId, Status, Ticket, TicketId, World};
use serde_json::{Map, Value, json};

const TRACKER: &str = "https://harbour.example";

impl World {
    /// Files a ticket; its key is given here.
    pub fn create_ticket(&mut self, mut ticket: Ticket) -> TicketId {
        let plan = &mut self.plans[ticket.team];
        plan.tickets += 1;
        ticket.key = format!("{}-{}", TEAMS[ticket.team].prefix, plan.tickets);
        let id = self.tickets.len();
        self.tickets.push(ticket);
        self.open_tickets.push(id);
        let subject = self.tickets[id].key.clone();
        let data = self.ticket_fields(id);
        self.emit("ticket.created", &subject, Value::Object(data));
        id
    }

    /// Edits a ticket and tells so, under the event type that fits the new status.
    pub fn edit_ticket(&mut self, id: TicketId, edit: impl FnOnce(&mut Ticket)) {
        let before = self.ticket_fields(id);
        let was_done = self.tickets[id].status == Status::Done;
        edit(&mut self.tickets[id]);
        let mut after = self.ticket_fields(id);
        let changes = differences(&before, &after);
        after.insert("changes".to_owned(), changes);
        let is_done = self.tickets[id].status == Status::Done;
        let kind = match (was_done, is_done) {
            (false, true) => "ticket.closed",
            (true, false) => "ticket.reopened",
            _ => "ticket.updated",
        };
        match (was_done, is_done) {
            (false, true) => self.open_tickets.retain(|&open| open != id),
            (true, false) => self.open_tickets.push(id),
            _ => {}
        }
        let subject = self.tickets[id].key.clone();
        self.emit(kind, &subject, Value::Object(after));
    }

    pub fn create_milestone(&mut self, milestone: Milestone) -> MilestoneId {
        let id = self.milestones.len();
        self.milestones.push(milestone);
        self.emit_milestone("milestone.created", id, None);
        id
    }

    pub fn edit_milestone(&mut self, id: MilestoneId, edit: impl FnOnce(&mut Milestone)) {
        let before = self.milestone_fields(id);
        let was_open = self.milestones[id].open;
        edit(&mut self.milestones[id]);
        let changes = differences(&before, &self.milestone_fields(id));
        let kind =
            if was_open && !self.milestones[id].open { "milestone.closed" } else { "milestone.updated" };
        self.emit_milestone(kind, id, Some(changes));
    }

    pub fn emit_milestone(&mut self, kind: &str, id: MilestoneId, changes: Option<Value>) {
        let subject = self.milestones[id].id.clone();
        let mut data = self.milestone_fields(id);
        if let Some(changes) = changes {
            data.insert("changes".to_owned(), changes);
        }
        self.emit(kind, &subject, Value::Object(data));
    }

    /// Tells something about a change: its ids, and what `more` adds.
    pub fn emit_change(&mut self, kind: &str, id: ChangeId, more: Value) {
        let change = &self.changes[id];
        let subject = change.subject();
        let mut data = Map::new();
        data.insert("repo".to_owned(), json!(SERVICES[change.service].repo()));
        data.insert("change".to_owned(), json!(change.number.to_string()));
        if let Value::Object(more) = more {
            data.extend(more);
        }
        self.emit(kind, &subject, Value::Object(data));
    }

    /// The state of a change as the code host shows it.
    pub fn change_fields(&self, id: ChangeId) -> Value {
        let change = &self.changes[id];
        let ticket = change.ticket.map(|ticket| &self.tickets[ticket]);
        let milestone = ticket.and_then(|ticket| ticket.milestone).map(|id| &self.milestones[id].id);
        let tickets: Vec<&str> = ticket.iter().map(|ticket| ticket.key.as_str()).collect();
        json!({
            "author": author_login(change.author),
            "title": change.title,
            "url": format!("{TRACKER}/{}/changes/{}", SERVICES[change.service].name, change.number),
            "draft": change.draft,
            "base": "main",
            "head": change.head,
            "additions": change.additions,
            "deletions": change.deletions,
            "changed_files": change.files.len(),
            "labels": change.labels,
            "tickets": tickets,
            "milestone": milestone,
        })
    }

    /// The person object of a commit, which for some is an address that nobody has linked yet.
    pub fn signature(&self, author: Author) -> Value {
        match author {
            Author::Bot => json!({ "name": BOT_NAME, "login": BOT }),
            Author::Person(who) => match story::unlinked_email(who, self.ago()) {
                Some(email) => json!({ "name": PEOPLE[who].name, "email": email }),
                None => {
                    json!({ "name": PEOPLE[who].name, "email": PEOPLE[who].email(), "login": PEOPLE[who].login })
                }
            },
        }
    }

    fn ticket_fields(&self, id: TicketId) -> Map<String, Value> {
        let ticket = &self.tickets[id];
        let (status, category) = status_names(ticket.status);
        let fields = json!({
            "ticket": ticket.key,
            "key": ticket.key,
            "kind": ticket.kind,
            "title": ticket.title,
            "url": format!("{TRACKER}/tickets/{}", ticket.key),
            "status": status,
            "status_category": category,
            "assignees": logins(ticket.assignee),
            "reporter": PEOPLE[ticket.reporter].login,
            "points": ticket.points,
            "due_on": ticket.due_on.map(|day| day.to_string()),
            "milestone": ticket.milestone.map(|id| &self.milestones[id].id),
            "project": TEAMS[ticket.team].id,
            "team": TEAMS[ticket.team].id,
            "parent": ticket.parent.map(|parent| &self.tickets[parent].key),
            "priority": ticket.priority,
            "labels": ticket.labels,
            "components": ticket.service.map(|service| SERVICES[service].name).into_iter().collect::<Vec<_>>(),
        });
        object(fields)
    }

    fn milestone_fields(&self, id: MilestoneId) -> Map<String, Value> {
        let milestone = &self.milestones[id];
        let fields = json!({
            "milestone": milestone.id,
            "project": TEAMS[milestone.team].id,
            "team": TEAMS[milestone.team].id,
            "title": milestone.title,
            "status": if milestone.open { "open" } else { "closed" },
            "start_on": milestone.start_on.to_string(),
            "due_on": milestone.due_on.to_string(),
            "owner": milestone.owner.map(|who| PEOPLE[who].login),
            "goal": milestone.goal.map(|goal| &self.tickets[goal].key),
            "depends_on": milestone.depends_on,
        });
        object(fields)
    }
}

pub fn author_login(author: Author) -> &'static str {
    match author {
        Author::Person(who) => PEOPLE[who].login,
        Author::Bot => BOT,
    }
}

/// The branch that a change comes from.
pub fn branch_of(change: &Change) -> String {
    format!("{}/{}", author_login(change.author), change.number)
}

fn logins(who: Option<PersonId>) -> Vec<&'static str> {
    who.map(|who| PEOPLE[who].login).into_iter().collect()
}

fn status_names(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Todo => ("To do", "todo"),
        Status::InProgress => ("In progress", "in_progress"),
        Status::InReview => ("In review", "in_progress"),
        Status::Done => ("Done", "done"),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Value {
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    changed.map(|(name, value)| (name.clone(), json!({ "from": before.get(name), "to": value }))).collect()
}
