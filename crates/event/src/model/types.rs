//! The event types.
//!
//! Invariant: a type's name, entity and required fields never change within a version.
//! Deliberately absent: what a type does to a view; that is SQL and folds in the engine.

use super::{Entity, EventType};

/// Every event type that is understood.
pub static TYPES: [EventType; 45] = [
    event("commit.pushed", Entity::Commit, "A commit became part of a branch.", COMMIT)
        .needs(&["repo", "sha", "author"]),
    event(
        "commit.removed",
        Entity::Commit,
        "A commit is gone from its branch: the history was rewritten.",
        r#"{"repo":"acme/api","sha":"9fceb02d0ae598e95dc970b74767f19372d61af8"}"#,
    )
    .needs(&["repo", "sha"]),
    event(
        "commit.restored",
        Entity::Commit,
        "A commit that was gone is part of its branch again.",
        r#"{"repo":"acme/api","sha":"9fceb02d0ae598e95dc970b74767f19372d61af8"}"#,
    )
    .needs(&["repo", "sha"]),
    event(
        "commit.reset",
        Entity::Commit,
        "All commits of a repository are gone, but for those that are restored at that time or later; `sha` is its head.",
        r#"{"repo":"acme/api","sha":"41d3ed00c2bd1ac8e4a1b9ae3a3d1e3e0c8f9d15"}"#,
    )
    .needs(&["repo", "sha"]),
    change("change.opened", "A change was opened for review.", OPENED),
    change(
        "change.updated",
        "A field of a change, or its newest commit, is different now.",
        r#"{"repo":"acme/api","change":"482","head":"9fceb02","additions":140,"deletions":9,"by":"ada"}"#,
    ),
    change(
        "change.ready",
        "A draft became ready for review.",
        r#"{"repo":"acme/api","change":"482","draft":false,"by":"ada"}"#,
    ),
    change(
        "change.drafted",
        "A change went back to draft.",
        r#"{"repo":"acme/api","change":"482","draft":true,"by":"ada"}"#,
    ),
    change(
        "change.closed",
        "A change was closed without a merge.",
        r#"{"repo":"acme/api","change":"482","by":"ada"}"#,
    ),
    change(
        "change.merged",
        "A change was merged.",
        r#"{"repo":"acme/api","change":"482","merged_by":"bo","head":"9fceb02"}"#,
    ),
    change(
        "change.reopened",
        "A closed change was opened again.",
        r#"{"repo":"acme/api","change":"482","by":"ada"}"#,
    ),
    change(
        "review.requested",
        "A person or a team was asked to review.",
        r#"{"repo":"acme/api","change":"482","reviewer":"bo","by":"ada"}"#,
    )
    .one_of(&["reviewer", "team"]),
    change(
        "review.request_removed",
        "A request for review was taken back.",
        r#"{"repo":"acme/api","change":"482","team":"payments","by":"ada"}"#,
    )
    .one_of(&["reviewer", "team"]),
    change(
        "review.submitted",
        "A reviewer gave a verdict.",
        r#"{"repo":"acme/api","change":"482","reviewer":"bo","verdict":"approved","head":"9fceb02"}"#,
    )
    .needs(&["repo", "change", "reviewer", "verdict"]),
    change(
        "review.dismissed",
        "A verdict no longer counts.",
        r#"{"repo":"acme/api","change":"482","reviewer":"bo","by":"ada"}"#,
    )
    .needs(&["repo", "change", "reviewer"]),
    change(
        "review.commented",
        "Somebody commented outside a submitted review.",
        r#"{"repo":"acme/api","change":"482","by":"bo"}"#,
    )
    .one_of(&["reviewer", "by"]),
    ticket("ticket.created", "A ticket was created; all its fields.", TICKET_CREATED),
    ticket(
        "ticket.updated",
        "A ticket changed; all its fields after the change.",
        r#"{"ticket":"10482","status":"In review","status_category":"in_progress","points":3.5,"changes":{"status":{"from":"To do","to":"In review"}}}"#,
    ),
    ticket(
        "ticket.closed",
        "A ticket was closed.",
        r#"{"ticket":"10482","status":"Done","status_category":"done"}"#,
    ),
    ticket(
        "ticket.reopened",
        "A closed ticket was opened again.",
        r#"{"ticket":"10482","status":"To do","status_category":"todo"}"#,
    ),
    ticket("ticket.deleted", "A ticket was deleted.", r#"{"ticket":"10482"}"#),
    milestone(
        "milestone.created",
        "A milestone was created.",
        r#"{"milestone":"M3","project":"payments","title":"Multi-currency","start_on":"2026-04-01","due_on":"2026-06-30","owner":"ada","goal":"G1","depends_on":["M2"]}"#,
    ),
    milestone(
        "milestone.updated",
        "A field of a milestone is different now.",
        r#"{"milestone":"M3","due_on":"2026-07-14"}"#,
    ),
    milestone(
        "milestone.baselined",
        "The due date given, or the one that holds, became the one to measure drift from.",
        r#"{"milestone":"M3","due_on":"2026-06-30"}"#,
    ),
    milestone("milestone.closed", "A milestone was reached or given up.", r#"{"milestone":"M3"}"#),
    milestone("milestone.reopened", "A closed milestone was opened again.", r#"{"milestone":"M3"}"#),
    milestone("milestone.deleted", "A milestone was deleted.", r#"{"milestone":"M3"}"#),
    person(
        "person.linked",
        "Another identity turned out to be this person.",
        r#"{"person":"ada","identity":"ada@acme.example"}"#,
    )
    .needs(&["person", "identity"]),
    person(
        "person.unlinked",
        "An identity turned out not to be this person.",
        r#"{"person":"ada","identity":"a.l@acme.example"}"#,
    )
    .needs(&["person", "identity"]),
    person(
        "person.updated",
        "Facts about a person.",
        r#"{"person":"ada","name":"Ada Lovelace","timezone":"Europe/Berlin","person_kind":"human"}"#,
    ),
    person("person.deleted", "A person left for good.", r#"{"person":"ada"}"#),
    team(
        "team.created",
        "A team was formed.",
        r#"{"team":"payments","name":"Payments","lead":"bo","timezone":"Europe/Berlin"}"#,
    ),
    team("team.updated", "Facts about a team.", r#"{"team":"payments","lead":"ada","areas":["/pay/"]}"#),
    team("team.deleted", "A team was dissolved.", r#"{"team":"payments"}"#),
    team(
        "team.member_added",
        "A person joined a team.",
        r#"{"team":"payments","person":"ada","role":"member","since_at":"2026-04-01"}"#,
    )
    .needs(&["team", "person"]),
    team(
        "team.member_removed",
        "A person left a team.",
        r#"{"team":"payments","person":"ada","until_at":"2026-09-30"}"#,
    )
    .needs(&["team", "person"]),
    calendar(
        "calendar.hours_set",
        "The working hours of a person.",
        r#"{"person":"ada","timezone":"Europe/Berlin","hours":{"mon":["09:00","17:00"]}}"#,
    ),
    calendar(
        "calendar.leave_added",
        "A person will be away.",
        r#"{"person":"ada","kind":"holiday","since_at":"2026-08-03","until_at":"2026-08-17"}"#,
    ),
    calendar(
        "calendar.leave_removed",
        "Leave was taken back.",
        r#"{"person":"ada","since_at":"2026-08-03","until_at":"2026-08-17"}"#,
    ),
    calendar(
        "calendar.capacity_set",
        "The share of full time that a person works.",
        r#"{"person":"ada","capacity":0.8,"since_at":"2026-04-01"}"#,
    ),
    report(
        "report.sending",
        "A report is being handed to a receiver, who may have it from now on. Plimsoll says this itself, as all of these.",
        r#"{"delivery":"4f1c0b7d2a9e","name":"monday","period":"2026-W46","target":"leads"}"#,
    ),
    report(
        "report.delivered",
        "The receiver took the report.",
        r#"{"delivery":"4f1c0b7d2a9e","name":"monday","period":"2026-W46","target":"leads","status":"250 2.0.0 queued"}"#,
    ),
    report(
        "report.refused",
        "The receiver did not take the report, so that it may be sent again.",
        r#"{"delivery":"4f1c0b7d2a9e","name":"monday","period":"2026-W46","target":"leads","status":"451 4.3.0 try later"}"#,
    ),
    report(
        "report.unconfirmed",
        "Nobody knows whether the receiver has the report, so it is not sent again.",
        r#"{"delivery":"4f1c0b7d2a9e","name":"monday","period":"2026-W46","target":"leads","status":"stopped before the answer came"}"#,
    ),
    event(
        "repository.renamed",
        Entity::Repository,
        "A repository has another name: it was renamed, or moved to another owner.",
        r#"{"repo":"acme/core","was":"acme/api","repo_id":"9001"}"#,
    )
    .needs(&["repo", "repo_id"]),
];

const COMMIT: &str = r#"{"repo":"acme/api","sha":"9fceb02d0ae598e95dc970b74767f19372d61af8","parents":["8a3c1f0"],"author":{"name":"Ada","email":"ada@acme.example"},"authored_at":"2026-03-02T09:14:00Z","committed_at":"2026-03-02T09:20:00Z","branch":"main","subject":"Round fees half up","reviewers":["bo"],"tickets":["API-7"],"change":"482","files":[{"path":"src/pay.rs","change":"modified","additions":12,"deletions":3}]}"#;

const OPENED: &str = r#"{"repo":"acme/api","change":"482","author":"ada","title":"Round fees half up","draft":false,"base":"main","head":"9fceb02","additions":120,"deletions":8,"changed_files":5,"labels":["security"],"tickets":["API-7"],"url":"https://git.acme.example/api/482"}"#;

const TICKET_CREATED: &str = r#"{"ticket":"10482","key":"API-7","kind":"story","title":"Charge in the customer's currency","status":"To do","status_category":"todo","assignees":["ada"],"reporter":"bo","points":3,"due_on":"2026-06-30","milestone":"M3","priority":"high","labels":[],"components":["checkout"]}"#;

const fn event(name: &'static str, entity: Entity, help: &'static str, example: &'static str) -> EventType {
    EventType { name, entity, required: &[], one_of: &[], help, example }
}

const fn change(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Change, help, example).needs(&["repo", "change"])
}

const fn ticket(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Ticket, help, example).needs(&["ticket"])
}

const fn milestone(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Milestone, help, example).needs(&["milestone"])
}

const fn person(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Person, help, example).needs(&["person"])
}

const fn team(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Team, help, example).needs(&["team"])
}

const fn calendar(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Calendar, help, example).needs(&["person"])
}

const fn report(name: &'static str, help: &'static str, example: &'static str) -> EventType {
    event(name, Entity::Report, help, example).needs(&["delivery"])
}

impl EventType {
    const fn needs(mut self, required: &'static [&'static str]) -> EventType {
        self.required = required;
        self
    }

    const fn one_of(mut self, one_of: &'static [&'static str]) -> EventType {
        self.one_of = one_of;
        self
    }
}
