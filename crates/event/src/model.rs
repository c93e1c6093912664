//! The event model as data: tables, event types and fields.
//!
//! One row of [`TYPES`] is an event type, one row of a table's field list is a data field. The decoder,
//! the Arrow schemas, the JSON Schema and the tables of `docs/events.md` all read these rows.
//! Invariant: a field's place in its list is its column's place in the schema.
//! Deliberately absent: how a field is parsed (`value`) and stored (`columns`).

mod fields;
mod names;
mod types;

pub(crate) use fields::SLOTS;
pub use fields::fields;
pub(crate) use names::{slot_of, slots_by_column, type_of};
pub use types::TYPES;

/// What every type name starts with; `<PREFIX><name><SUFFIX>` is the CloudEvents `type`.
pub const PREFIX: &str = "dev.plimsoll.";
/// The schema version that every type name ends with.
pub const SUFFIX: &str = ".v1";

/// A table of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Commits,
    Reviews,
    Tickets,
    /// People, teams, calendars and reports.
    Directory,
    DeadLetters,
}

impl Table {
    /// Every table, in the order of `NAMES`.
    pub const ALL: [Table; 5] =
        [Table::Commits, Table::Reviews, Table::Tickets, Table::Directory, Table::DeadLetters];
    /// The names that SQL uses.
    pub const NAMES: [&'static str; 5] = ["commits", "reviews", "tickets", "directory", "dead_letters"];

    pub const fn name(self) -> &'static str {
        Table::NAMES[self as usize]
    }

    /// Whether its rows are about several kinds of entities, so that two columns say which and what.
    pub const fn is_mixed(self) -> bool {
        matches!(self, Table::Tickets | Table::Directory)
    }

    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What an event is about: the part of its type before the dot, with `review` under `change`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    Commit,
    Change,
    Ticket,
    Milestone,
    Person,
    Team,
    Calendar,
    /// One report to one receiver.
    Report,
    Repository,
}

impl Entity {
    /// Every entity, in declaration order.
    pub const ALL: [Entity; 9] = [
        Entity::Commit,
        Entity::Change,
        Entity::Ticket,
        Entity::Milestone,
        Entity::Person,
        Entity::Team,
        Entity::Calendar,
        Entity::Report,
        Entity::Repository,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Entity::Commit => "commit",
            Entity::Change => "change",
            Entity::Ticket => "ticket",
            Entity::Milestone => "milestone",
            Entity::Person => "person",
            Entity::Team => "team",
            Entity::Calendar => "calendar",
            Entity::Report => "report",
            Entity::Repository => "repository",
        }
    }

    pub const fn table(self) -> Table {
        match self {
            Entity::Commit => Table::Commits,
            Entity::Change => Table::Reviews,
            Entity::Ticket | Entity::Milestone => Table::Tickets,
            Entity::Person | Entity::Team | Entity::Calendar | Entity::Report | Entity::Repository => {
                Table::Directory
            }
        }
    }

    /// The data field that identifies one of these among the rows of its table.
    pub(crate) const fn id_field(self) -> &'static str {
        match self {
            Entity::Commit => "sha",
            Entity::Change => "change",
            Entity::Ticket => "ticket",
            Entity::Milestone => "milestone",
            Entity::Person | Entity::Calendar => "person",
            Entity::Team => "team",
            Entity::Report => "delivery",
            Entity::Repository => "repo",
        }
    }

    pub(crate) const fn bit(self) -> u16 {
        1 << self as u8
    }
}

/// One event type.
#[derive(Debug)]
pub struct EventType {
    /// The short name, as in the column `type`: `change.opened`.
    pub name: &'static str,
    pub entity: Entity,
    /// Data fields that must be present and not null.
    pub required: &'static [&'static str],
    /// Data fields of which at least one must be present and not null; empty when there is no such rule.
    pub one_of: &'static [&'static str],
    /// When to send it.
    pub help: &'static str,
    /// A complete `data` object, as JSON.
    pub example: &'static str,
}

impl EventType {
    /// The CloudEvents `type`.
    pub fn full_name(&self) -> String {
        format!("{PREFIX}{}{SUFFIX}", self.name)
    }
}

/// What a JSON value of a field may be, and what it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A non-empty string; an integer is accepted and printed.
    Id,
    /// One of a closed list of strings.
    Choice(&'static [&'static str]),
    /// A string or `{name, email, login}`: the login, else the e-mail in lower case, else the name.
    Person,
    /// A column filled from the object of the [`Kind::Person`] field before it.
    PersonPart(Part),
    Texts,
    Ids,
    People,
    Bool,
    /// An integer from 0 to 2^63 - 1.
    Count,
    /// A number, stored times 100, rounded half away from zero.
    Hundredths,
    /// `YYYY-MM-DD`.
    Date,
    /// An RFC 3339 time, stored as microseconds UTC.
    Time,
    /// An RFC 3339 time, or a date that means its midnight UTC.
    Moment,
    /// An object, stored as canonical JSON text.
    Json,
    /// The files that a commit changed.
    Files,
}

/// A member of a person object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Name,
    Email,
    Login,
}

/// One data field: its JSON form, its column and its documentation.
#[derive(Debug)]
pub struct Field {
    /// The JSON name; empty for a column that another field fills.
    pub name: &'static str,
    /// A second JSON name that is understood.
    pub alias: Option<&'static str>,
    pub column: &'static str,
    pub kind: Kind,
    /// What a number counts; empty where nothing is counted.
    pub unit: &'static str,
    /// False where the column holds a value in every row.
    pub nullable: bool,
    /// Few distinct values in many rows, so equal strings share their bytes.
    pub repeats: bool,
    /// Which entities' events carry it: a set of [`Entity`] bits.
    pub(crate) entities: u16,
    #[cfg_attr(not(test), expect(dead_code, reason = "the documents are made of it, by their tests"))]
    pub help: &'static str,
    /// An example value, as JSON.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documents are made of it, by their tests"))]
    pub example: &'static str,
}

impl Field {
    /// Whether events about `entity` carry this field.
    pub fn belongs_to(&self, entity: Entity) -> bool {
        self.entities & entity.bit() != 0
    }
}
