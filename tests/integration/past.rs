//! Questions about moments and about what did not happen: ranges, what-if, what changed.

use serde_json::{Value, json};

use crate::harness::Place;
use crate::story::{self, AS_OF};

/// By when everything is known: the log records the events while the test runs.
const KNOWN: &str = "2100-01-01T00:00:00Z";

fn place_with_events() -> Place {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(700)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

/// The text of a JSON answer's rows, without the brackets around them.
fn rows(answer: &str) -> &str {
    let (_, rows) = answer.split_once("\"rows\":[").unwrap();
    rows.trim_end().strip_suffix("]}").unwrap()
}

#[test]
fn a_range_is_its_single_queries_byte_for_byte() {
    let place = place_with_events();
    let server = place.serve("[people]\nvisibility = \"all\"\n");
    let moments = ["2026-01-19T12:00:00Z", "2026-02-02T12:00:00Z", "2026-02-16T12:00:00Z", AS_OF];
    let mut ranges = Vec::new();
    for metric in story::METRICS {
        let base = format!("/api/v1/metrics/{metric}");
        let singles = moments.map(|at| {
            let answer = server.get(&format!("{base}?as_of={at}&known_at={KNOWN}"));
            assert_eq!(answer.status, 200, "{}", answer.text());
            rows(&answer.text()).replace("{\"", &format!("{{\"as_of\":\"{at}\",\""))
        });
        let expect: Vec<String> = singles.into_iter().filter(|rows| !rows.is_empty()).collect();
        let query = format!("from={}&to={AS_OF}&step=14d&known_at={KNOWN}", moments[0]);
        let answer = server.get(&format!("{base}/range?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(rows(&answer.text()), expect.join(","), "{metric}");
        assert_eq!(answer.json()["steps"], 4);
        assert!(expect.len() == 4, "{metric} has rows at each moment");
        ranges.push(answer.text());
    }
    for (wrong, expect) in [
        ("to=2026-02-01", "'from': is missing"),
        ("from=2026-01-01&step=1m", "limits.range_steps_max"),
        ("from=2026-01-01&step=often", "give a duration"),
        ("from=2026-02-02&to=2026-01-01", "after 'to'"),
        ("from=2026-02-02&as_of=2026-01-01", "known are from, to, step"),
    ] {
        let answer = server.get(&format!("/api/v1/metrics/review_load/range?{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
        assert!(answer.text().contains(expect), "{wrong}: {}", answer.text());
    }
    drop(server);
    for (metric, of_http) in story::METRICS.into_iter().zip(ranges) {
        let from =
            ["query", metric, "--from", moments[0], "--to", AS_OF, "--step", "14d", "--known-at", KNOWN];
        let json = place.stdout(&[&from[..], &["--format", "json"]].concat());
        assert_eq!(rows(&json), rows(&of_http), "the command line prints what the route prints");
        let csv = place.stdout(&[&from[..], &["--format", "csv"]].concat());
        assert!(csv.starts_with("as_of,"), "{csv}");
    }
}

/// Ada is away, a milestone is put off, and ten tickets are to be done again.
fn assumed() -> String {
    let at = "2026-03-01T09:00:00Z";
    let put_off = json!({"milestone": "m1", "project": "acme", "title": "Release 1", "due_on": "2026-04-30"});
    let mut lines = story::event("if-due", "milestone.updated", at, put_off) + "\n";
    for ticket in (0..40).step_by(4) {
        let again = json!({"ticket": format!("T-{ticket}"), "status": "To do", "status_category": "todo"});
        lines += &story::event(&format!("if-again-{ticket}"), "ticket.reopened", at, again);
        lines += "\n";
    }
    let away = json!({"person": "ada", "since_at": "2026-03-01", "until_at": "2026-03-20"});
    lines + &story::event("if-leave", "calendar.leave_added", at, away) + "\n"
}

#[test]
fn a_what_if_changes_the_answer_and_nothing_else() {
    let place = place_with_events();
    place.write("if.ndjson", assumed());
    let server = place.serve("[people]\nvisibility = \"all\"\n[limits]\nwhat_if_events_max = 12\n");
    let path = format!("/api/v1/metrics/milestone_drift?as_of={AS_OF}&known_at={KNOWN}");
    let before = server.get(&path).text();
    let counts = || {
        let sql = "SELECT (SELECT count(*) FROM tickets) AS t, (SELECT count(*) FROM directory) AS p, \
                   (SELECT count(*) FROM dead_letters) AS d";
        server.sql(sql).json()["rows"].clone()
    };
    let counted = counts();
    let answer = server.post(&path, "application/x-ndjson", assumed());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-plimsoll-what-if"), "12");
    let json = answer.json();
    assert_eq!((&json["what_if"], &json["what_if_events"]), (&json!(true), &json!(12)));
    let due = |rows: &Value| {
        let m1 =
            rows["rows"].as_array().unwrap().iter().find(|row| row["milestone"] == "m1").unwrap().clone();
        m1["due_on"].as_str().unwrap().to_owned()
    };
    assert_eq!(due(&json), "2026-04-30");
    let scope = format!("/api/v1/metrics/goal_hygiene?as_of={AS_OF}");
    let open = |rows: &Value| rows["rows"][2]["open"].as_i64().unwrap();
    let (real, thought) =
        (server.get(&scope).json(), server.post(&scope, "application/x-ndjson", assumed()).json());
    assert!(open(&thought) > open(&real), "{thought} {real}");
    let range = format!("/api/v1/metrics/milestone_drift/range?from=2026-02-28T12:00:00Z&to={AS_OF}&step=1d");
    let steps = server.post(&range, "application/x-ndjson", assumed()).json();
    let dues: Vec<&Value> = steps["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["milestone"] == "m1")
        .map(|row| &row["due_on"])
        .collect();
    assert_eq!(dues, ["2026-03-05", "2026-04-30", "2026-04-30"], "an event counts from its own time on");

    assert_eq!(server.get(&path).text(), before, "the next to ask gets what happened");
    assert_eq!(counts(), counted);
    for (body, expect) in [
        (
            assumed() + &story::event("one-more", "ticket.deleted", AS_OF, json!({"ticket": "T-1"})),
            "limits.what_if_events_max",
        ),
        ("{}".to_owned(), "event 1"),
        (String::new(), "has no events"),
        (
            story::event("late", "ticket.deleted", "2026-05-01T00:00:00Z", json!({"ticket": "T-1"})),
            "after the moment asked",
        ),
    ] {
        let answer = server.post(&path, "application/x-ndjson", &body);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(expect), "{}", answer.text());
    }
    drop(server);
    let cli = ["query", "milestone_drift", "--as-of", AS_OF, "--known-at", KNOWN, "--format", "json"];
    assert_eq!(rows(&place.stdout(&cli)), rows(&before), "a restart finds nothing either");
    let cli = place.stdout(&[&cli[..], &["--what-if", "if.ndjson"]].concat());
    assert_eq!(rows(&cli), rows(&answer.text()));
    let table = place.stdout(&["query", "milestone_drift", "--as-of", AS_OF, "--what-if", "if.ndjson"]);
    assert!(table.contains("what if: with 12 events that did not happen"), "{table}");
}

/// A metric of somebody's own: open requests by repository.
const OWN: &str = "-- +++\n-- title = \"Requests\"\n-- help = \"Open requests of each repository.\"\n-- unit = \"reviews\"\n\
    -- labels = [\"repo\"]\n-- value = \"open\"\n-- section = \"Ours\"\n-- panel = \"stat\"\n-- +++\n\
    SELECT repo, COUNT(*) FILTER (WHERE is_open) AS open FROM review_episode GROUP BY repo ORDER BY repo\n";

/// A milestone whose plan changes on 3 March, and a repository with three requests of which one is answered.
fn a_week() -> String {
    let mut lines = String::new();
    let mut say = |type_: &str, day: &str, data: Value| {
        let at = format!("2026-03-{day}T10:00:00Z");
        lines += &format!("{}\n", story::event(&format!("week-{}", lines.len()), type_, &at, data));
    };
    let milestone = |due: &str| json!({"milestone": "m", "project": "p", "title": "Release", "due_on": due});
    let ticket = |id: usize, points: usize| {
        let status = json!({"status": "To do", "status_category": "todo"});
        json!({"ticket": format!("t{id}"), "kind": "story", "title": "T", "points": points, "milestone": "m",
            "status": status["status"], "status_category": status["status_category"]})
    };
    say("milestone.created", "01", milestone("2026-03-24"));
    (0..3).for_each(|id| say("ticket.created", "01", ticket(id, 1)));
    say("milestone.updated", "03", milestone("2026-03-31"));
    (3..9).for_each(|id| say("ticket.created", "03", ticket(id, 1)));
    (0..2).for_each(|id| say("ticket.updated", "04", ticket(id, 5)));
    say("change.opened", "01", json!({"repo": "api", "change": "1", "author": "zoe", "title": "C"}));
    for (day, reviewer) in [("01", "dee"), ("03", "ada"), ("03", "bo"), ("03", "cy")] {
        say("review.requested", day, json!({"repo": "api", "change": "1", "reviewer": reviewer}));
    }
    say(
        "review.submitted",
        "04",
        json!({"repo": "api", "change": "1", "reviewer": "bo", "verdict": "approved"}),
    );
    lines
}

#[test]
fn what_changed_is_said_in_sentences() {
    let place = Place::new();
    place.write("events.ndjson", a_week());
    place.write("own/metric/requests.sql", OWN);
    place.stdout(&["ingest", "events", "events.ndjson"]);
    let server = place.serve("[catalogue]\ndirs = [\"own\"]\n");
    let span = "from=2026-03-02&to=2026-03-08";
    let diff = |query: &str| {
        let answer = server.get(&format!("/api/v1/diff?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let drift = diff(&format!("metric=milestone_drift&{span}"));
    let row = &drift["rows"][0];
    assert_eq!(
        row["sentence"],
        "+7 days: 6 tickets added, 2 re-estimated, due date moved by 7 days on 3 March"
    );
    assert_eq!((&row["row"], &row["difference"]), (&json!("changed"), &json!(7.0)));
    let cell = row["cells"].as_array().unwrap().iter().find(|cell| cell["column"] == "due_on").unwrap();
    assert_eq!((&cell["before"], &cell["after"]), (&json!("2026-03-24"), &json!("2026-03-31")));
    assert!(row["causes"][0]["event_id"].as_str().unwrap().starts_with("local/"), "{row}");
    let own = diff(&format!("metric=requests&{span}"));
    assert_eq!(own["rows"][0]["sentence"], "+2 reviews: 3 reviews requested, 1 submitted");
    assert_eq!(own["rows"][0]["events"], 4);
    let appeared = diff("metric=requests&from=2026-02-01&to=2026-03-08");
    assert_eq!(
        appeared["rows"][0]["sentence"],
        "new: 3 reviews: 4 reviews requested, 1 change opened, 1 review submitted"
    );
    assert_eq!(diff("metric=requests&from=2026-03-05&to=2026-03-08")["rows"], json!([]));
    // One reviewer is too few where others look.
    let few = diff("metric=review_load&from=2026-02-01&to=2026-03-08");
    for row in few["rows"].as_array().unwrap() {
        let hidden = row["value_after"].is_null();
        assert_eq!(hidden, row["sentence"] == "too few people to show", "{row}");
        assert!(!hidden || (row["causes"] == json!([]) && row["events"] == 0), "{row}");
    }
    for (query, status, expect) in [
        ("from=2026-03-02", 400, "'metric': is missing"),
        ("metric=requests", 400, "'from': is missing"),
        ("metric=requests&from=2026-03-02&to=2026-03-01", 400, "must be before"),
        ("metric=requests&from=2026-03-02&colour=red", 400, "is not known here"),
        ("metric=request&from=2026-03-02", 404, "requests"),
        ("metric=reviewer_load&from=2026-03-02", 403, "single people"),
    ] {
        let answer = server.get(&format!("/api/v1/diff?{query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        assert!(answer.text().contains(expect), "{query}: {}", answer.text());
    }
    let all = server.get("/api/v1/metrics").json();
    for metric in all["metrics"].as_array().unwrap().iter().filter(|metric| metric["level"] == "team") {
        diff(&format!("metric={}&{span}", metric["name"].as_str().unwrap()));
    }
    drop(server);
    let told = place.stdout(&["diff", "requests", "--from", "2026-03-02", "--to", "2026-03-08"]);
    assert!(told.contains("api: +2 reviews: 3 reviews requested, 1 submitted\n"), "{told}");
    let json = place.stdout(&[
        "diff",
        "milestone_drift",
        "--from",
        "2026-03-02",
        "--to",
        "2026-03-08",
        "--format",
        "json",
    ]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["rows"][0]["sentence"], row["sentence"]);
}

#[test]
fn two_definitions_run_over_one_history() {
    let place = Place::new();
    place.write("events.ndjson", a_week());
    place.write("own/metric/requests.sql", OWN);
    place.write("plimsoll.toml", "[catalogue]\ndirs = [\"own\"]\n");
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place.write("same.sql", OWN);
    place.write("without_cy.sql", OWN.replace("GROUP BY", "WHERE reviewer <> 'cy' GROUP BY"));
    let views = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/view");
    let episodes = std::fs::read_to_string(views.join("review_episode.sql")).unwrap();
    let (before_last, _) = episodes.rsplit_once("FROM episode").unwrap();
    let fewer = format!("{before_last}FROM episode WHERE episode['reviewer'] NOT IN ('ada', 'cy')\n");
    place.write("fewer/view/review_episode.sql", fewer);
    let replay = |against: &str, more: &[&str]| -> Value {
        let arguments = [&["replay", "requests", "--against", against, "--format", "json"], more].concat();
        serde_json::from_str(&place.stdout(&arguments)).unwrap()
    };
    let same = replay("same.sql", &[]);
    assert_eq!((&same["differ"], &same["rows"][0]["row"]), (&json!(0), &json!("same")));
    assert_eq!(same["definition"], same["definition_against"]);
    for (against, open) in [("without_cy.sql", 2.0), ("fewer", 1.0)] {
        let other = replay(against, &["--as-of", "2026-03-08"]);
        let row = &other["rows"][0];
        assert_eq!(
            (&row["value"], &row["value_against"], &row["difference"]),
            (&json!(3.0), &json!(open), &json!(open - 3.0)),
            "{other}"
        );
        assert_eq!(
            (&row["definition"], &row["definition_against"]),
            (&other["definition"], &other["definition_against"])
        );
        assert_ne!(other["definition"], other["definition_against"]);
    }
    let range = ["--from", "2026-03-02", "--to", "2026-03-04", "--step", "1d"];
    let steps = replay("without_cy.sql", &range);
    let differences: Vec<&Value> =
        steps["rows"].as_array().unwrap().iter().map(|row| &row["difference"]).collect();
    assert_eq!(differences, [&json!(0.0), &json!(-1.0), &json!(-1.0)], "{steps}");
    place.write("broken.sql", OWN.replace("is_open", "is_opened"));
    for (against, code, expect) in
        [("broken.sql", 1, "broken.sql:10"), ("gone.sql", 2, "gone.sql does not exist")]
    {
        let output = place.run(&["replay", "requests", "--against", against]);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expect), "{said}");
    }
}
