//! The example organisation: says what it is on every surface, tells its stories, and is the same each time.

use serde_json::Value;

use crate::harness::Place;

const AS_OF: &str = "2026-06-30";
const EXAMPLE: &str = "example data";

fn loaded() -> (Place, String) {
    let place = Place::new();
    let summary = place.stdout(&["demo", "--once", "--seed", "1", "--as-of", AS_OF]);
    (place, summary)
}

fn rows(place: &Place, metric: &str) -> Vec<Value> {
    let text = place.stdout(&["query", metric, "--as-of", AS_OF, "--format", "json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(text.contains(EXAMPLE), "{metric} does not say that this is {EXAMPLE}: {text}");
    json["rows"].as_array().unwrap().clone()
}

#[test]
fn the_summary_says_what_it_is_and_what_to_try_next() {
    let (_place, summary) = loaded();
    assert!(summary.contains(EXAMPLE), "{summary}");
    assert!(summary.contains("plimsoll query"), "{summary}");
    assert!(summary.lines().count() < 60, "the headline findings fit a screen: {summary}");
}

#[test]
fn the_stories_are_found() {
    let (place, _) = loaded();
    let overloaded = |row: &&Value| row["overloaded"] == true;
    assert!(rows(&place, "reviewer_load").iter().filter(overloaded).count() >= 1, "an overloaded reviewer");

    let drift = rows(&place, "milestone_drift");
    let most = drift.iter().filter_map(|row| row["replans"].as_i64()).max();
    assert_eq!(most, Some(4), "one milestone was re-planned four times");

    let balance = rows(&place, "delegation_balance");
    let shares: Vec<f64> = balance.iter().filter_map(|row| row["lead_critical_share"].as_f64()).collect();
    assert!(shares.iter().any(|share| *share >= 0.5), "a lead keeps the critical work: {shares:?}");

    for metric in ["review_load", "review_concentration", "assignee_load", "goal_hygiene"] {
        assert!(!rows(&place, metric).is_empty(), "{metric}");
    }
}

/// Booking agreed on a review rota on 20 February; platform works as ever.
#[test]
fn the_review_rota_is_called_out_and_nothing_where_nothing_changed() {
    let (place, _) = loaded();
    let weeks = ["--from", "2025-04-07", "--to", "2026-06-29", "--step", "7d", "--format", "json"];
    let text = place.stdout(&[&["query", "signals"], &weeks[..]].concat());
    let json: Value = serde_json::from_str(&text).unwrap();
    let rows = json["rows"].as_array().unwrap();
    let of_team = |team: &'static str| rows.iter().filter(move |row| row["team"] == team);
    let called_out = |team| {
        let told = of_team(team).filter(|row| row["called_out"] == true);
        told.map(|row| {
            let on = &row["as_of"].as_str().unwrap()[..10];
            format!("{on} {}: {}", row["series"].as_str().unwrap(), row["meaning"].as_str().unwrap())
        })
        .collect::<Vec<String>>()
    };
    let hours: Vec<String> =
        called_out("booking").into_iter().filter(|told| told.contains("response_hours")).collect();
    let (rota, before): (Vec<&String>, Vec<&String>) =
        hours.iter().partition(|told| told.as_str() > "2026-02-20");
    assert!(rota.len() >= 4, "the rota is called out: {hours:?}");
    assert!(before.len() <= 3, "before it, that waiting got worse for a while: {hours:?}");
    let sooner = |told: &str| told.contains("below") || told.contains("lower");
    assert!(rota.iter().all(|told| sooner(told)), "answers come sooner since: {hours:?}");
    assert!(!before.iter().any(|told| sooner(told)), "and not before: {hours:?}");
    assert_eq!(of_team("platform").count(), 65 * 6, "platform has six series in each of 65 weeks");
    assert_eq!(called_out("platform"), Vec::<String>::new());
}

#[test]
fn the_same_seed_gives_the_same_organisation() {
    let (first, second) = (loaded(), loaded());
    for metric in ["review_load", "milestone_drift", "delegation_balance"] {
        assert_eq!(rows(&first.0, metric), rows(&second.0, metric), "{metric}");
    }
}

#[test]
fn it_is_served_and_every_surface_says_example_data() {
    let place = Place::new();
    let server = place.start_server(&["demo"]);
    for path in ["/api/v1/metrics", "/api/v1/metrics/review_load", "/metrics"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains(EXAMPLE), "{path} does not say {EXAMPLE}");
    }
    assert!(!server.rows("review_load").as_array().unwrap().is_empty());
}
