//! Events to feed in: the same number gives the same events, byte for byte.
//!
//! Two teams of six, milestones that move, and for each change a commit, a request, mostly a review and a
//! merge, and a ticket that mostly gets done; all between 2026-01-05 and `AS_OF`. Everything that a metric
//! orders by is distinct, so that each answer is the only right one.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

/// A moment after the last event.
pub const AS_OF: &str = "2026-03-02T12:00:00Z";
pub const COMMITS: &str = "plimsoll.commits";
pub const REVIEWS: &str = "plimsoll.reviews";
pub const TICKETS: &str = "plimsoll.tickets";

/// The metrics that every comparison of two runs looks at.
pub const METRICS: [&str; 7] = [
    "review_load",
    "reviewer_load",
    "review_concentration",
    "milestone_drift",
    "delegation_balance",
    "assignee_load",
    "goal_hygiene",
];

const TEAMS: [(&str, [&str; 6]); 2] = [
    ("core", ["ada", "bo", "cleo", "dan", "eva", "finn"]),
    ("web", ["gus", "hana", "ivo", "june", "kim", "lea"]),
];
const EVENTS_PER_CHANGE: i64 = 7;
const STORY_MINUTES: i64 = 55 * 24 * 60;

pub struct Fact {
    /// The topic it belongs to, without a prefix.
    pub topic: &'static str,
    pub key: String,
    pub json: String,
}

/// At least `count` events, and at most a few dozen more.
pub fn story(count: i64) -> Vec<Fact> {
    let mut writer = Writer { facts: Vec::new(), state: 0x9e37_79b9_7f4a_7c15 };
    writer.teams();
    writer.milestones();
    let changes = count / EVENTS_PER_CHANGE + 1;
    for change in 0..changes {
        writer.change(change, start() + Duration::minutes(change * STORY_MINUTES / changes));
    }
    writer.facts
}

/// The events as the lines of a file.
pub fn lines(facts: &[Fact]) -> String {
    facts.iter().map(|fact| format!("{}\n", fact.json)).collect()
}

/// The same events, most of them twice, in another order.
pub fn shuffled_and_doubled(facts: &[Fact]) -> Vec<&Fact> {
    let mut random = Writer { facts: Vec::new(), state: 0x0123_4567_89ab_cdef };
    let mut order: Vec<(u64, &Fact)> = facts
        .iter()
        .chain(facts.iter().filter(|fact| fact.json.len() % 8 != 0))
        .map(|fact| (random.next(), fact))
        .collect();
    order.sort_by_key(|(position, _)| *position);
    order.into_iter().map(|(_, fact)| fact).collect()
}

/// One event with an id, so that a test can write its own.
pub fn event(id: &str, type_: &str, time: &str, data: Value) -> String {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "test:story",
        "type": format!("dev.plimsoll.{type_}.v1"),
        "time": time,
        "data": data,
    })
    .to_string()
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_600_000, 0).unwrap() // 2026-01-05T08:00:00Z
}

fn rfc3339(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

struct Writer {
    facts: Vec<Fact>,
    state: u64,
}

impl Writer {
    /// xorshift64*: plenty for choosing among six people.
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    fn push(&mut self, topic: &'static str, key: &str, type_: &str, at: DateTime<Utc>, data: Value) {
        let id = format!("{type_}-{key}-{}", at.timestamp());
        let json = event(&id, type_, &rfc3339(at), data);
        self.facts.push(Fact { topic, key: key.to_owned(), json });
    }

    fn teams(&mut self) {
        for (team, people) in TEAMS {
            let data = json!({"team": team, "name": team, "lead": people[0]});
            self.push(TICKETS, team, "team.created", start(), data);
            for (i, person) in people.into_iter().enumerate() {
                let at = start() + Duration::seconds(i as i64 + 1);
                let data = json!({"team": team, "person": person, "role": "member"});
                self.push(TICKETS, team, "team.member_added", at, data);
            }
        }
    }

    fn milestones(&mut self) {
        for number in 1..=4 {
            let id = format!("m{number}");
            let mut at = start() + Duration::hours(number);
            let mut data = json!({"milestone": id, "project": "acme", "title": format!("Release {number}"),
                "start_on": "2026-01-05", "due_on": format!("2026-02-1{number}"), "owner": "ada"});
            self.push(TICKETS, &id, "milestone.created", at, data.clone());
            at += Duration::hours(1);
            self.push(TICKETS, &id, "milestone.baselined", at, data.clone());
            for replan in 1..=number {
                at += Duration::days(8);
                data["due_on"] = json!(format!("2026-03-{:02}", replan * 5));
                self.push(TICKETS, &id, "milestone.updated", at, data.clone());
            }
        }
    }

    fn change(&mut self, number: i64, at: DateTime<Utc>) {
        let (team, people) = TEAMS[(number % 2) as usize];
        let author = people[self.next() as usize % 6];
        let mut reviewer = people[self.next() as usize % 3]; // half of the team gets all the reviews
        if reviewer == author {
            reviewer = people[3 + self.next() as usize % 3];
        }
        if reviewer == author {
            reviewer = people[0];
        }
        let repo = format!("acme/{team}");
        let change = number.to_string();
        let key = format!("{repo}/{change}");
        let after = |minutes: i64| at + Duration::minutes(minutes);
        let lines = self.next() % 900;

        let commit = json!({"repo": repo, "sha": format!("{number:040x}"), "change": change, "branch": "main",
            "author": {"name": author, "email": format!("{author}@example.org"), "login": author},
            "authored_at": rfc3339(at), "committed_at": rfc3339(at), "subject": format!("Change {number}"),
            "files": [{"path": format!("src/f{}.rs", number % 50), "change": "modified",
                "additions": lines, "deletions": number % 40}]});
        self.push(COMMITS, &key, "commit.pushed", at, commit);
        let opened = json!({"repo": repo, "change": change, "author": author, "title": format!("Change {number}"),
            "draft": false, "additions": lines, "deletions": number % 40, "changed_files": 1,
            "tickets": [format!("T-{number}")]});
        self.push(REVIEWS, &key, "change.opened", after(1), opened);
        let of_change = json!({"repo": repo, "change": change, "reviewer": reviewer, "by": author});
        self.push(REVIEWS, &key, "review.requested", after(2), of_change);
        if !self.one_in(9) {
            let verdict =
                json!({"repo": repo, "change": change, "reviewer": reviewer, "verdict": "approved"});
            self.push(REVIEWS, &key, "review.submitted", after(90), verdict);
            let merged = json!({"repo": repo, "change": change, "merged_by": author});
            self.push(REVIEWS, &key, "change.merged", after(120), merged);
        }
        self.ticket(number, author, at);
    }

    fn ticket(&mut self, number: i64, assignee: &str, at: DateTime<Utc>) {
        let id = format!("T-{number}");
        let mut data = json!({"ticket": id, "key": id, "kind": "story", "title": format!("Story {number}"),
            "status": "To do", "status_category": "todo", "assignees": [assignee], "reporter": "ada",
            "points": 1 + number % 8, "milestone": format!("m{}", 1 + number % 4), "project": "acme"});
        self.push(TICKETS, &id, "ticket.created", at, data.clone());
        if !self.one_in(7) {
            data["status"] = json!("Done");
            data["status_category"] = json!("done");
            self.push(TICKETS, &id, "ticket.closed", at + Duration::minutes(200), data);
        }
    }
}
