//! The data fields of each table, in column order.
//!
//! Invariant: names and columns are a contract; new fields go to the end of their list.
//! Deliberately absent: the columns that every table starts with (`schema`).

use super::{Entity, Field, Kind, Part, Table};

/// At least as many slots as the longest list has fields.
pub(crate) const SLOTS: usize = 32;

/// The data fields of `table`; dead letters have none.
pub fn fields(table: Table) -> &'static [Field] {
    match table {
        Table::Commits => &COMMITS,
        Table::Reviews => &REVIEWS,
        Table::Tickets => &TICKETS,
        Table::Directory => &DIRECTORY,
        Table::DeadLetters => &[],
    }
}

const COMMIT: u16 = Entity::Commit.bit();
const CHANGE: u16 = Entity::Change.bit();
const TICKET: u16 = Entity::Ticket.bit();
const MILESTONE: u16 = Entity::Milestone.bit();
const PERSON: u16 = Entity::Person.bit();
const TEAM: u16 = Entity::Team.bit();
const CALENDAR: u16 = Entity::Calendar.bit();
const REPORT: u16 = Entity::Report.bit();
const REPOSITORY: u16 = Entity::Repository.bit();

const FILE_EXAMPLE: &str =
    r#"[{"path":"src/pay.rs","old_path":"src/bill.rs","change":"renamed","additions":12,"deletions":3}]"#;

static COMMITS: [Field; 23] = [
    field("repo", Kind::Id, COMMIT, "The repository, as its host names it.", r#""acme/api""#)
        .filled()
        .repeated(),
    field("sha", Kind::Id, COMMIT, "The commit's hash.", r#""9fceb02d0ae598e95dc970b74767f19372d61af8""#)
        .filled(),
    field(
        "parents",
        Kind::Ids,
        COMMIT,
        "Hashes of the parents, first parent first; absent means none.",
        r#"["8a3c1f0"]"#,
    )
    .filled(),
    field(
        "author",
        Kind::Person,
        COMMIT,
        "Who wrote it.",
        r#"{"name":"Ada","email":"ada@acme.example","login":"ada"}"#,
    )
    .filled()
    .repeated(),
    part("author_name", Part::Name, COMMIT),
    part("author_email", Part::Email, COMMIT),
    part("author_login", Part::Login, COMMIT),
    field(
        "committer",
        Kind::Person,
        COMMIT,
        "Who committed it.",
        r#"{"name":"Bo","email":"bo@acme.example"}"#,
    )
    .repeated(),
    part("committer_email", Part::Email, COMMIT),
    field("authored_at", Kind::Time, COMMIT, "When it was written.", r#""2026-03-02T09:14:00Z""#),
    field("committed_at", Kind::Time, COMMIT, "When it was committed.", r#""2026-03-02T10:00:00+01:00""#),
    field("branch", Kind::Text, COMMIT, "The branch it was pushed to.", r#""main""#).repeated(),
    field("subject", Kind::Text, COMMIT, "The first line of its message.", r#""Round fees half up""#)
        .alias("title")
        .column("title"),
    field("co_authors", Kind::People, COMMIT, "People of Co-authored-by trailers.", r#"["cy"]"#).filled(),
    field("reviewers", Kind::People, COMMIT, "People of Reviewed-by and similar trailers.", r#"["dee"]"#)
        .filled(),
    field("tickets", Kind::Ids, COMMIT, "Tickets that it names.", r#"["API-7"]"#).filled(),
    field("change", Kind::Id, COMMIT, "The change that brought it in.", r#""482""#),
    field("additions", Kind::Count, COMMIT, "Lines added; absent means the sum over `files`.", "12")
        .unit("lines")
        .filled(),
    field("deletions", Kind::Count, COMMIT, "Lines deleted; absent means the sum over `files`.", "3")
        .unit("lines")
        .filled(),
    field("changed_files", Kind::Count, COMMIT, "Files changed; absent means the length of `files`.", "1")
        .unit("files")
        .filled(),
    field(
        "files",
        Kind::Files,
        COMMIT,
        "The files changed; without `additions` a file is binary.",
        FILE_EXAMPLE,
    )
    .filled(),
    field(
        "on_default",
        Kind::Bool,
        COMMIT,
        "Whether the branch is the repository's default one; absent means yes.",
        "true",
    ),
    field("repo_id", Kind::Id, COMMIT, REPO_ID, r#""9001""#).repeated(),
];

static REVIEWS: [Field; 21] = [
    field("repo", Kind::Id, CHANGE, "The repository, as its host names it.", r#""acme/api""#)
        .filled()
        .repeated(),
    field(
        "change",
        Kind::Id,
        CHANGE,
        "The change's id in its repository: pull or merge request, Gerrit change.",
        r#""482""#,
    )
    .filled(),
    field("author", Kind::Person, CHANGE, "Who wrote the change.", r#""ada""#).repeated(),
    field("title", Kind::Text, CHANGE, "Its title.", r#""Round fees half up""#),
    field("url", Kind::Text, CHANGE, "Where to read it.", r#""https://git.acme.example/api/482""#),
    field("draft", Kind::Bool, CHANGE, "Whether it is a draft; a draft waits for no review.", "false"),
    field("base", Kind::Text, CHANGE, "The branch it goes to.", r#""main""#).repeated(),
    field("head", Kind::Text, CHANGE, "The hash of its newest commit.", r#""9fceb02""#),
    field("additions", Kind::Count, CHANGE, "Lines added.", "120").unit("lines"),
    field("deletions", Kind::Count, CHANGE, "Lines deleted.", "8").unit("lines"),
    field("changed_files", Kind::Count, CHANGE, "Files changed.", "5").unit("files"),
    field("labels", Kind::Texts, CHANGE, "Its labels, all of them.", r#"["security"]"#),
    field("tickets", Kind::Ids, CHANGE, "The tickets it works on.", r#"["API-7"]"#),
    field("milestone", Kind::Id, CHANGE, "The milestone it belongs to.", r#""M3""#).repeated(),
    field("merged_by", Kind::Person, CHANGE, "Who merged it.", r#""bo""#).repeated(),
    field("reviewer", Kind::Person, CHANGE, "Whose review the event is about.", r#""bo""#).repeated(),
    field("team", Kind::Id, CHANGE, "The team whose review is asked for.", r#""payments""#).repeated(),
    field("by", Kind::Person, CHANGE, "Who did it, where that is not the reviewer or author.", r#""ada""#)
        .repeated(),
    field(
        "verdict",
        Kind::Choice(&["approved", "changes_requested", "commented"]),
        CHANGE,
        "What the review says.",
        r#""approved""#,
    ),
    field(
        "head_branch",
        Kind::Text,
        CHANGE,
        "The branch it comes from; some AI agents are known by it.",
        r#""fix/fees""#,
    ),
    field("repo_id", Kind::Id, CHANGE, REPO_ID, r#""9001""#).repeated(),
];

static TICKETS: [Field; 28] = [
    field(
        "ticket",
        Kind::Id,
        TICKET,
        "The ticket's id, for good: it survives renames and moves.",
        r#""10482""#,
    ),
    field("key", Kind::Text, TICKET | MILESTONE, "The key that people use.", r#""API-7""#),
    field("kind", Kind::Text, TICKET, "goal, epic, story, task, bug, incident, or your own.", r#""story""#)
        .repeated(),
    field("title", Kind::Text, TICKET | MILESTONE, "Its title.", r#""Charge in the customer's currency""#),
    field(
        "url",
        Kind::Text,
        TICKET | MILESTONE,
        "Where to read it.",
        r#""https://tickets.acme.example/API-7""#,
    ),
    field("status", Kind::Text, TICKET | MILESTONE, "Its status, as the tracker calls it.", r#""In review""#)
        .repeated(),
    field(
        "status_category",
        Kind::Choice(&["todo", "in_progress", "done"]),
        TICKET,
        "What the status means.",
        r#""in_progress""#,
    ),
    field("assignees", Kind::People, TICKET, "Who works on it, all of them.", r#"["ada"]"#),
    field("reporter", Kind::Person, TICKET, "Who reported it.", r#""bo""#).repeated(),
    field("points", Kind::Hundredths, TICKET, "The estimate.", "3.5")
        .unit("points")
        .column("points_hundredths"),
    field("due_on", Kind::Date, TICKET | MILESTONE, "The day at whose end it is due.", r#""2026-06-30""#),
    field(
        "start_on",
        Kind::Date,
        TICKET | MILESTONE,
        "The day on which work is to start.",
        r#""2026-04-01""#,
    ),
    field(
        "milestone",
        Kind::Id,
        TICKET | MILESTONE,
        "The milestone, or the milestone that the ticket belongs to.",
        r#""M3""#,
    )
    .repeated(),
    field("project", Kind::Text, TICKET | MILESTONE, "The project it stands under.", r#""payments""#)
        .repeated(),
    field("parent", Kind::Id, TICKET, "The ticket that it is part of.", r#""10400""#),
    field("priority", Kind::Text, TICKET | MILESTONE, "Its priority, as the tracker calls it.", r#""high""#)
        .repeated(),
    field("labels", Kind::Texts, TICKET | MILESTONE, "Its labels, all of them.", r#"["security"]"#),
    field("components", Kind::Texts, TICKET, "The parts of the product it is about.", r#"["checkout"]"#),
    field("owner", Kind::Person, TICKET | MILESTONE, "Who answers for it.", r#""ada""#).repeated(),
    field("goal", Kind::Id, TICKET | MILESTONE, "The goal that it serves.", r#""G1""#),
    field("depends_on", Kind::Ids, TICKET | MILESTONE, "What must be done before it.", r#"["M2"]"#),
    field("repo", Kind::Id, TICKET | MILESTONE, "The repository whose tracker holds it.", r#""acme/api""#)
        .repeated(),
    field(
        "changes",
        Kind::Json,
        TICKET | MILESTONE,
        "What this event changed, if the source says so.",
        r#"{"status":{"from":"To do","to":"In review"}}"#,
    ),
    field("team", Kind::Id, TICKET | MILESTONE, "The team that answers for it.", r#""payments""#).repeated(),
    field(
        "resolution",
        Kind::Text,
        TICKET,
        "Why it was closed, as the tracker calls it; names such as `Won't Do` tell the ending.",
        r#""Done""#,
    )
    .repeated(),
    field(
        "ending",
        Kind::Choice(&["done", "dropped", "duplicate", "moved"]),
        TICKET,
        "How it ended, where the source knows; else the names of resolution and status tell.",
        r#""done""#,
    ),
    field(
        "sprint",
        Kind::Id,
        TICKET,
        "The sprint that the ticket is in, itself a milestone, beside `milestone`.",
        r#""S12""#,
    )
    .repeated(),
    field("repo_id", Kind::Id, TICKET | MILESTONE, REPO_ID, r#""9001""#).repeated(),
];

static DIRECTORY: [Field; 23] = [
    field("kind", Kind::Text, CALENDAR, "The kind of leave.", r#""vacation""#).repeated(),
    field("status", Kind::Text, REPORT, "What the report's receiver said.", r#""200 OK""#).repeated(),
    field("parent", Kind::Id, TEAM, "The team that it is part of.", r#""product""#),
    field("person", Kind::Person, PERSON | TEAM | CALENDAR, "The person it is about.", r#""ada""#).repeated(),
    field("team", Kind::Id, PERSON | TEAM | CALENDAR, "The team it is about.", r#""payments""#).repeated(),
    field("name", Kind::Text, PERSON | TEAM | REPORT, "The name to show.", r#""Ada Lovelace""#),
    field(
        "role",
        Kind::Text,
        PERSON | TEAM,
        "The role of the member: member, lead, or your own.",
        r#""member""#,
    )
    .repeated(),
    field("lead", Kind::Person, TEAM, "Who leads the team.", r#""bo""#).repeated(),
    field(
        "identity",
        Kind::Person,
        PERSON,
        "Another login, e-mail or name of the same person.",
        r#""ada@acme.example""#,
    ),
    field("timezone", Kind::Text, PERSON | TEAM | CALENDAR, "The IANA time zone.", r#""Europe/Berlin""#)
        .repeated(),
    field(
        "since_at",
        Kind::Moment,
        PERSON | TEAM | CALENDAR,
        "From when it holds; absent means the event's time.",
        r#""2026-04-01""#,
    )
    .alias("since"),
    field(
        "until_at",
        Kind::Moment,
        PERSON | TEAM | CALENDAR,
        "Until when it holds, exclusive; absent means open.",
        r#""2026-04-15T12:00:00Z""#,
    )
    .alias("until"),
    field("capacity", Kind::Hundredths, PERSON | TEAM | CALENDAR, "Share of full time.", "0.8")
        .unit("share")
        .column("capacity_hundredths"),
    field("person_kind", Kind::Choice(&["human", "bot", "ai"]), PERSON, "What the person is.", r#""human""#),
    field(
        "hours",
        Kind::Json,
        PERSON | TEAM | CALENDAR,
        "Working hours of each weekday, in the time zone.",
        r#"{"mon":["09:00","17:00"]}"#,
    ),
    field(
        "areas",
        Kind::Texts,
        TEAM,
        "The path patterns that the team answers for, all of them.",
        r#"["/pay/"]"#,
    ),
    field(
        "working_agreement",
        Kind::Text,
        TEAM,
        "How the team agreed to work from now on; where it is another than before, signals take a new baseline.",
        r#""review rota: a first look within half a day""#,
    ),
    field(
        "delivery",
        Kind::Id,
        REPORT,
        "One report, period and receiver: the same three, the same delivery.",
        r#""4f1c0b7d2a9e""#,
    ),
    field("period", Kind::Text, REPORT, "What time the report is about.", r#""2026-W46""#),
    field("target", Kind::Text, REPORT, "The receiver's name in the configuration.", r#""leads""#).repeated(),
    field("repo", Kind::Id, REPOSITORY, "What the repository is called from now on.", r#""acme/core""#),
    field("was", Kind::Id, REPOSITORY, "What it was called before.", r#""acme/api""#),
    field("repo_id", Kind::Id, REPOSITORY, REPO_ID, r#""9001""#).repeated(),
];

/// Of `repo_id`.
const REPO_ID: &str = "The number by which its host knows the repository, whatever it is called.";

const fn field(
    name: &'static str,
    kind: Kind,
    entities: u16,
    help: &'static str,
    example: &'static str,
) -> Field {
    let (nullable, repeats) = (true, false);
    Field { name, alias: None, column: name, kind, unit: "", nullable, repeats, entities, help, example }
}

const fn part(column: &'static str, part: Part, entities: u16) -> Field {
    field("", Kind::PersonPart(part), entities, "", "").column(column).repeated()
}

impl Field {
    const fn column(mut self, column: &'static str) -> Field {
        self.column = column;
        self
    }

    const fn alias(mut self, alias: &'static str) -> Field {
        self.alias = Some(alias);
        self
    }

    const fn unit(mut self, unit: &'static str) -> Field {
        self.unit = unit;
        self
    }

    const fn filled(mut self) -> Field {
        self.nullable = false;
        self
    }

    const fn repeated(mut self) -> Field {
        self.repeats = true;
        self
    }
}
