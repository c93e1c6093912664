//! The generated history holds together, decodes, and contains its stories.

use super::people::{PEOPLE, Person, TEAMS};
use super::{DemoEvent, generate, stories};
use chrono::{DateTime, Datelike, Duration, Timelike, Utc, Weekday};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

const NOW: &str = "2026-11-21T12:00:00Z";

/// An event as the tests look at it.
struct Fact {
    kind: String,
    at: DateTime<Utc>,
    observed_at: DateTime<Utc>,
    subject: String,
    data: Value,
}

impl Fact {
    fn text(&self, field: &str) -> &str {
        self.data[field].as_str().unwrap_or_default()
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn parse(event: &DemoEvent) -> Fact {
    let value: Value = serde_json::from_str(&event.json).unwrap();
    let kind = value["type"].as_str().unwrap();
    assert_eq!(value["source"], "example:harbour");
    assert_eq!(value["subject"], event.key);
    Fact {
        kind: kind.strip_prefix("dev.plimsoll.").unwrap().strip_suffix(".v1").unwrap().to_owned(),
        at: time(value["time"].as_str().unwrap()),
        observed_at: time(value["observedat"].as_str().unwrap()),
        subject: event.key.clone(),
        data: value["data"].clone(),
    }
}

/// All facts in the order in which they happened.
fn history(seed: u64, now: &str) -> Vec<Fact> {
    let mut facts: Vec<Fact> = generate(seed, time(now)).map(|event| parse(&event)).collect();
    facts.sort_by_key(|fact| fact.at);
    facts
}

fn person(login: &str) -> Option<&'static Person> {
    PEOPLE.iter().find(|person| person.login == login)
}

#[test]
fn seed_and_date_decide_every_byte() {
    let bytes = |seed, now| -> Vec<String> {
        generate(seed, time(now)).map(|e| e.topic.to_owned() + &e.json).collect()
    };
    let first = bytes(7, NOW);
    assert!(first == bytes(7, "2026-11-21T23:59:59Z"), "the time of day must not matter");
    assert!(first != bytes(8, NOW));
    assert!(first != bytes(7, "2026-11-22T12:00:00Z"));
}

#[test]
fn every_event_decodes() {
    let mut ids = HashSet::new();
    for (offset, event) in generate(7, time(NOW)).enumerate() {
        let record = event::Record {
            topic: event.topic,
            partition: 0,
            offset: offset as i64,
            timestamp_us: time(NOW).timestamp_micros(),
            key: Some(event.key.as_bytes()),
            headers: &[],
            value: Some(event.json.as_bytes()),
        };
        match event::decode(&record) {
            Ok(event::Decoded::Event(_)) => {}
            Ok(_) => panic!("not an event of a known type: {}", event.json),
            Err(reject) => panic!("{reject:?}: {}", event.json),
        }
        let value: Value = serde_json::from_str(&event.json).unwrap();
        assert!(ids.insert(value["id"].as_str().unwrap().to_owned()));
    }
}

#[test]
fn there_is_a_plausible_number_of_each_type() {
    for (seed, now) in [(7, NOW), (1, "2026-03-01T00:00:00Z")] {
        let facts = history(seed, now);
        assert!((25_000..=40_000).contains(&facts.len()), "{} events", facts.len());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for fact in &facts {
            *counts.entry(&fact.kind).or_default() += 1;
        }
        for (kind, min, max) in [
            ("commit.pushed", 5_000, 10_000),
            ("change.opened", 1_800, 3_200),
            ("change.merged", 1_700, 3_100),
            ("change.closed", 30, 250),
            ("change.reopened", 3, 80),
            ("change.drafted", 10, 150),
            ("change.ready", 100, 600),
            ("review.requested", 4_000, 9_000),
            ("review.submitted", 3_000, 7_000),
            ("review.dismissed", 20, 400),
            ("review.request_removed", 5, 400),
            ("review.commented", 500, 2_500),
            ("ticket.created", 1_800, 3_200),
            ("ticket.closed", 1_600, 3_000),
            ("milestone.created", 57, 57),
            ("milestone.baselined", 15, 45),
            ("team.created", 4, 4),
            ("team.updated", 1, 1),
            ("team.member_added", 31, 31),
            ("team.member_removed", 2, 2),
            ("calendar.leave_added", 80, 250),
            ("calendar.capacity_set", 2, 2),
            ("person.linked", 31, 31),
        ] {
            let count = counts.get(kind).copied().unwrap_or_default();
            assert!((min..=max).contains(&count), "{count} events of type {kind}");
        }
    }
}

#[test]
fn events_become_known_in_order_and_a_few_of_them_late() {
    let facts: Vec<Fact> = generate(7, time(NOW)).map(|event| parse(&event)).collect();
    assert!(facts.is_sorted_by_key(|fact| fact.observed_at));
    assert!(
        facts
            .iter()
            .all(|fact| fact.observed_at >= fact.at && fact.observed_at < time("2026-11-21T00:00:00Z"))
    );
    let late = facts.iter().filter(|fact| fact.observed_at - fact.at > Duration::hours(12)).count();
    assert!((80..=250).contains(&late), "{late} late events");
    let first = facts.iter().map(|fact| fact.at).min().unwrap();
    let last = facts.iter().map(|fact| fact.at).max().unwrap();
    assert_eq!(
        (first.date_naive().to_string(), last.date_naive().to_string()),
        ("2025-05-20".into(), "2026-11-20".into())
    );
}

/// One pass in time order: whatever an event mentions must exist and be in the right state.
#[test]
fn causes_come_before_effects() {
    let facts = history(7, NOW);
    let mut open: HashMap<String, bool> = HashMap::new();
    let mut totals: HashMap<String, (i64, i64)> = HashMap::new();
    let (mut tickets, mut milestones, mut shas) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut members: HashSet<String> = HashSet::from(["tugboat".to_owned()]);
    for fact in &facts {
        let context = format!("{} {} {}", fact.kind, fact.at, fact.subject);
        match fact.kind.split_once('.').unwrap() {
            ("change", "opened") => assert!(open.insert(fact.subject.clone(), true).is_none(), "{context}"),
            ("change", "reopened") => {
                assert_eq!(open.insert(fact.subject.clone(), true), Some(false), "{context}")
            }
            ("change", "merged" | "closed") => {
                assert_eq!(open.insert(fact.subject.clone(), false), Some(true), "{context}");
            }
            ("change" | "review", _) => assert_eq!(open.get(&fact.subject), Some(&true), "{context}"),
            ("commit", _) => {
                if !fact.text("change").is_empty() {
                    assert!(open.contains_key(&fact.subject), "{context}");
                }
                for parent in fact.data["parents"].as_array().unwrap() {
                    assert!(shas.contains(parent.as_str().unwrap()), "{context}: parent {parent}");
                }
                assert!(shas.insert(fact.text("sha").to_owned()), "{context}");
                for file in fact.data["files"].as_array().unwrap() {
                    let total = totals.entry(fact.subject.clone()).or_default();
                    total.0 += file["additions"].as_i64().unwrap();
                    total.1 += file["deletions"].as_i64().unwrap();
                }
            }
            ("ticket", "created") => assert!(tickets.insert(fact.subject.clone()), "{context}"),
            ("ticket", _) => assert!(tickets.contains(&fact.subject), "{context}"),
            ("milestone", "created") => assert!(milestones.insert(fact.subject.clone()), "{context}"),
            ("milestone", _) => assert!(milestones.contains(&fact.subject), "{context}"),
            ("team", "member_added") => assert!(members.insert(fact.text("person").to_owned()), "{context}"),
            ("team", "member_removed") => assert!(members.remove(fact.text("person")), "{context}"),
            _ => {}
        }
        check_references(fact, &tickets, &milestones, &members, &context);
    }
    for fact in facts.iter().filter(|fact| fact.kind == "change.updated") {
        let so_far = (fact.data["additions"].as_i64().unwrap(), fact.data["deletions"].as_i64().unwrap());
        let total = totals[&fact.subject];
        assert!(so_far.0 <= total.0 && so_far.1 <= total.1, "{}", fact.subject);
    }
}

fn check_references(
    fact: &Fact,
    tickets: &HashSet<String>,
    milestones: &HashSet<String>,
    members: &HashSet<String>,
    context: &str,
) {
    for ticket in fact.data["tickets"].as_array().into_iter().flatten() {
        assert!(tickets.contains(ticket.as_str().unwrap()), "{context}: {ticket}");
    }
    for name in ["parent", "goal"] {
        if let Some(ticket) = fact.data[name].as_str() {
            assert!(tickets.contains(ticket), "{context}: {ticket}");
        }
    }
    for milestone in fact.data["milestone"]
        .as_str()
        .into_iter()
        .chain(fact.data["depends_on"].as_array().into_iter().flatten().filter_map(Value::as_str))
    {
        assert!(milestones.contains(milestone), "{context}: {milestone}");
    }
    // Who acts is a member of some team at that moment.
    let by = if fact.kind == "review.submitted" { "reviewer" } else { "by" };
    for name in [by, "merged_by"] {
        if let Some(login) = fact.data[name].as_str() {
            assert!(members.contains(login), "{context}: {login}");
        }
    }
    if matches!(fact.kind.as_str(), "review.requested" | "review.submitted") {
        assert_ne!(fact.data["reviewer"], fact.data["by"], "{context}: a self-review");
    }
}

#[test]
fn people_act_in_their_own_working_hours() {
    for fact in history(7, NOW) {
        let login = match fact.kind.as_str() {
            "review.submitted" => fact.text("reviewer"),
            "change.merged" => fact.text("merged_by"),
            "change.opened" => fact.text("author"),
            _ => continue,
        };
        let Some(person) = person(login) else { continue };
        let local = fact.at.with_timezone(&person.zone);
        assert!((9..17).contains(&local.hour()), "{login} at {local}");
        assert!(!matches!(local.weekday(), Weekday::Sat | Weekday::Sun), "{login} at {local}");
    }
}

/// What is open after the facts up to `until`: (change, reviewer) -> asked at.
fn open_requests(facts: &[Fact], until: DateTime<Utc>) -> BTreeMap<(String, String), DateTime<Utc>> {
    let mut open = BTreeMap::new();
    let about_changes = |fact: &&Fact| fact.kind.starts_with("review.") || fact.kind.starts_with("change.");
    for fact in facts.iter().take_while(|fact| fact.at < until).filter(about_changes) {
        let key = (fact.subject.clone(), fact.text("reviewer").to_owned());
        match fact.kind.as_str() {
            "review.requested" if !key.1.is_empty() => {
                open.entry(key).or_insert(fact.at);
            }
            "review.submitted" | "review.request_removed" => {
                open.remove(&key);
            }
            "change.merged" | "change.closed" => open.retain(|(change, _), _| *change != fact.subject),
            _ => {}
        }
    }
    open
}

fn per_reviewer(open: &BTreeMap<(String, String), DateTime<Utc>>, login: &str) -> usize {
    open.keys().filter(|(_, reviewer)| reviewer == login).count()
}

fn members(team: &str, ago: i64) -> Vec<&'static str> {
    let id = TEAMS.iter().position(|t| t.id == team);
    PEOPLE.iter().filter(|person| person.team(ago) == id).map(|person| person.login).collect()
}

/// The newest state of each ticket or milestone.
fn newest<'a>(facts: &'a [Fact], entity: &str) -> BTreeMap<&'a str, &'a Fact> {
    let of_entity = facts.iter().filter(|fact| fact.kind.starts_with(entity));
    of_entity.map(|fact| (fact.subject.as_str(), fact)).collect()
}

/// The stories must be there whatever the seed and the day of the week.
#[test]
fn the_stories_are_in_the_data() {
    for (seed, now) in
        [(7, NOW), (1, "2026-11-23T06:00:00Z"), (2, "2026-01-02T12:00:00Z"), (3, "2027-08-11T12:00:00Z")]
    {
        let facts = history(seed, now);
        one_reviewer_is_overloaded(&facts, time(now));
        one_milestone_was_replanned_four_times(&facts);
        one_lead_keeps_critical_work(&facts);
        one_team_recovered(&facts, time(now));
        every_team_has_open_work(&facts);
        assert_eq!(stories(time(now)).len(), 4);
    }
}

fn one_reviewer_is_overloaded(facts: &[Fact], now: DateTime<Utc>) {
    let lines: HashMap<&str, i64> = facts
        .iter()
        .filter_map(|fact| {
            Some((fact.subject.as_str(), fact.data["additions"].as_i64()? + fact.data["deletions"].as_i64()?))
        })
        .collect();
    // Today and for more than three working days, even over a week-end and a holiday.
    for days in 0..6 {
        let open = open_requests(facts, now - Duration::days(days));
        let hers: Vec<_> = open.iter().filter(|((_, reviewer), _)| reviewer == "leila").collect();
        let hours: f64 =
            hers.iter().map(|((change, _), _)| (lines[change.as_str()] as f64 / 400.0).clamp(0.1, 4.0)).sum();
        let oldest = hers.iter().map(|(_, at)| now - **at).max().unwrap();
        assert!(
            hers.len() >= 6 && hours > 3.2 && oldest > Duration::days(14),
            "{} open, {hours} h",
            hers.len()
        );
        for other in members("payments", 0).into_iter().filter(|other| *other != "leila") {
            assert!(per_reviewer(&open, other) * 2 <= hers.len(), "{other}");
        }
    }
    let open = open_requests(facts, now);
    for calm in members("platform", 0) {
        assert!(per_reviewer(&open, calm) < 5, "{calm} of the calm team");
    }
}

fn one_milestone_was_replanned_four_times(facts: &[Fact]) {
    let mut due: HashMap<&str, &str> = HashMap::new();
    let mut moves: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.kind.starts_with("milestone.")) {
        let before = due.insert(&fact.subject, fact.text("due_on"));
        if let Some(before) = before.filter(|before| *before != fact.text("due_on")) {
            moves.entry(&fact.subject).or_default().push(*fact.at.date_naive().to_string() > *before);
        }
    }
    assert_eq!(moves.remove("fleet-night"), Some(vec![false, false, true, false]));
    assert!(moves.values().all(|moves| moves.len() == 1), "ordinary milestones move at most once");
    assert_eq!(newest(facts, "milestone.")["fleet-night"].text("status"), "open");
}

fn one_lead_keeps_critical_work(facts: &[Fact]) {
    let mut holders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for fact in newest(facts, "ticket.").into_values() {
        let open = fact.text("status_category") != "done";
        if let Some(assignee) = fact.data["assignees"][0].as_str()
            && open
            && fact.text("priority") == "critical"
        {
            holders.entry(fact.text("team")).or_default().push(assignee);
        }
    }
    let fleet = &holders["fleet"];
    let kept = fleet.iter().filter(|holder| **holder == "arjun").count();
    assert!(kept >= 4 && kept * 10 >= fleet.len() * 7, "{kept} of {}", fleet.len());
}

fn one_team_recovered(facts: &[Fact], now: DateTime<Utc>) {
    let change = facts.iter().find(|fact| fact.kind == "team.updated").unwrap();
    assert_eq!(change.subject, "booking");
    let median_hours = |team: &str, from: DateTime<Utc>, to: DateTime<Utc>| {
        let booking: BTreeSet<&str> = members(team, 0).into_iter().collect();
        let mut asked: HashMap<(&str, &str), DateTime<Utc>> = HashMap::new();
        let mut hours = Vec::new();
        for fact in facts.iter().filter(|fact| fact.at >= from && fact.at < to) {
            let key = (fact.subject.as_str(), fact.text("reviewer"));
            if fact.kind == "review.requested" {
                asked.entry(key).or_insert(fact.at);
            } else if fact.kind == "review.submitted"
                && let Some(at) = asked.remove(&key)
                && booking.contains(key.1)
            {
                hours.push((fact.at - at).num_hours());
            }
        }
        hours.sort_unstable();
        hours[hours.len() / 2]
    };
    let before = median_hours("booking", change.at - Duration::days(120), change.at);
    let after = median_hours("booking", now - Duration::days(60), now);
    assert!(before > 48 && after < 30, "{before} h before, {after} h after");
    let calm = median_hours("platform", change.at - Duration::days(120), change.at);
    assert!(calm < 30, "{calm} h in the calm team");
    let load = |at| {
        let open = open_requests(facts, at);
        members("booking", 130).iter().map(|login| per_reviewer(&open, login)).sum::<usize>()
    };
    let (then, today) = (load(change.at - Duration::days(14)), load(now));
    assert!(then >= today + 4, "{then} open requests before the rota, {today} now");
}

fn every_team_has_open_work(facts: &[Fact]) {
    let tickets = newest(facts, "ticket.");
    for team in TEAMS {
        let open =
            |fact: &&&Fact| fact.text("team") == team.id && fact.text("status_category") == "in_progress";
        let work: Vec<_> =
            tickets.values().filter(open).filter(|fact| !fact.data["points"].is_null()).collect();
        assert!(work.len() >= 3, "{} has {} tickets in progress", team.id, work.len());
    }
    let goals: Vec<_> = tickets
        .values()
        .filter(|fact| fact.text("kind") == "goal" && fact.text("status_category") != "done")
        .collect();
    let without_owner = goals.iter().filter(|goal| goal.data["assignees"][0].is_null()).count();
    let without_date = goals.iter().filter(|goal| goal.data["due_on"].is_null()).count();
    assert!(without_owner >= 2 && without_date >= 3 && goals.len() >= 8, "{} open goals", goals.len());
}
