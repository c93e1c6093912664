//! What others can learn of people: small teams whatever the metric, names in ids, subjects and links, what is left of
//! somebody after an erasure, and files that only their owner reads.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::harness::{Place, Server, wait_for};
use crate::story;

/// A name that nothing else contains.
const NAME: &str = "zqsecret";
/// What the ids of events hold, in hex, as binary columns are printed.
const NAME_HEX: &str = "7a71736563726574";

/// Two teams, core (three people) and web (one), with a ticket and a reviewed change a day for each person over
/// four weeks. Ids, subjects, links and sources hold logins, as those of code hosts do.
fn events() -> String {
    let mut lines = String::new();
    let mut say = |id: String, type_: &str, time: &str, data: Value| {
        let mut event: Value = serde_json::from_str(&story::event(&id, type_, time, data)).unwrap();
        event["subject"] = json!(format!("users/{NAME}/{id}"));
        event["source"] = json!(format!("github:{NAME}/api"));
        lines += &format!("{event}\n");
    };
    for (team, person) in [("core", "ada"), ("core", "bo"), ("core", "cy"), ("web", NAME)] {
        let since = "2026-01-01T00:00:00Z";
        say(format!("m-{person}"), "team.member_added", since, json!({"team": team, "person": person}));
    }
    let milestone = json!({"milestone": "M", "title": "M", "due": "2026-04-01"});
    say("ms".to_owned(), "milestone.created", "2026-01-02T00:00:00Z", milestone);
    for (number, person) in ["ada", "bo", "cy", NAME].into_iter().enumerate() {
        for day in 1..=28 {
            let at = |hour: u32| format!("2026-02-{day:02}T{hour:02}:00:00Z");
            let (change, author) =
                (format!("{}", number * 100 + day), if person == "ada" { "bo" } else { "ada" });
            let id = |what: &str| format!("github:acme/api/pull/{change}:{what}:{person}:{day}");
            let about = |more: Value| {
                let mut data = json!({"repo": "acme/api", "change": change, "url": format!("https://x.example/{person}/{change}")});
                data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                data
            };
            say(id("opened"), "change.opened", &at(8), about(json!({"author": author})));
            say(id("requested"), "review.requested", &at(9), about(json!({"reviewer": person})));
            if day % 2 == 0 {
                let given = about(json!({"reviewer": person, "verdict": "approved"}));
                say(id("review"), "review.submitted", &at(12), given);
                say(id("merged"), "change.merged", &at(13), about(json!({"by": person})));
            }
            let (ticket, key) = (format!("T-{change}"), format!("jira:{person}:{change}"));
            let new = json!({"ticket": ticket, "title": "t", "status_category": "in_progress", "assignees": [person],
                "points": 2, "milestone": "M", "url": format!("https://x.example/{person}")});
            say(format!("{key}:created"), "ticket.created", &at(8), new);
            if day % 3 != 0 {
                let done = json!({"ticket": ticket, "status_category": "done"});
                say(format!("{key}:done"), "ticket.updated", &at(16), done);
            }
        }
    }
    lines
}

fn place() -> Place {
    let place = Place::new();
    place.write("events.ndjson", events());
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

/// Metrics of a level, with their labels.
fn metrics(server: &Server, level: &str) -> Vec<(String, Vec<String>)> {
    let listed = server.get("/api/v1/metrics").json();
    let of_level = listed["metrics"].as_array().unwrap().iter().filter(|metric| metric["level"] == level);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of_level.map(|m| (text(&m["name"]), m["labels"].as_array().unwrap().iter().map(text).collect())).collect()
}

const PEOPLE: [&str; 6] = ["people", "reviewers", "assignees", "authors", "contributors", "members"];
const AT: &str = "as_of=2026-03-01T00:00:00Z";

/// Rows of a team that say more than which row it is and over how many people.
fn telling(rows: &Value, team: &str, labels: &[String]) -> usize {
    let says = |row: &&Value| {
        row.as_object().unwrap().iter().any(|(name, value)| {
            !labels.contains(name) && !PEOPLE.contains(&name.as_str()) && name != "as_of" && !value.is_null()
        })
    };
    rows.as_array().unwrap().iter().filter(|row| row["team"] == team).filter(says).count()
}

#[test]
fn a_team_of_one_has_no_number_in_any_metric() {
    let place = place();
    let server = place.serve("");
    let mut of_core = 0;
    for (name, labels) in metrics(&server, "team") {
        let rows = server.rows(&format!("{name}?{AT}"));
        let range = server.rows(&format!("{name}/range?from=2026-02-27&to=2026-03-01&step=1d"));
        for rows in [&rows, &range] {
            assert_eq!(telling(rows, "web", &labels), 0, "{name}: {rows}");
        }
        of_core += usize::from(telling(&rows, "core", &labels) > 0);
        if !labels.contains(&"team".to_owned()) {
            continue;
        }
        let explained = server.get(&format!("/api/v1/metrics/{name}/explain?{AT}&team=web")).json();
        assert_eq!(telling(&explained["explained"], "web", &labels), 0, "{name}: {explained}");
        assert_eq!(explained["events"], 0, "what is not shown has no events: {name}: {explained}");
        for parameter in ["p50_n_min", "p85_n_min", "p95_n_min"] {
            let answer = server.get(&format!("/api/v1/metrics/{name}?{AT}&{parameter}=1"));
            let why = answer.text();
            assert!(answer.status == 400, "{name} {parameter}: {why}");
        }
    }
    assert!(of_core >= 15, "a team of three has numbers: {of_core}");
    let answer = server.get("/api/v1/metrics/flow_time?p50_n_min=1");
    assert!(answer.text().contains("cannot be less than 5 here"), "{}", answer.text());
    assert_eq!(server.get("/api/v1/metrics/flow_time?p50_n_min=6").status, 200);
    for path in ["range?from=2026-02-27&p50_n_min=4", "explain?p50_n_min=4"] {
        assert_eq!(server.get(&format!("/api/v1/metrics/flow_time/{path}")).status, 400, "{path}");
    }
    assert_eq!(server.get("/api/v1/diff?metric=flow_time&from=2026-02-27&p50_n_min=4").status, 400);

    let page = wait_for("the first evaluation", || {
        let text = server.get("/metrics").text();
        text.contains("\nplimsoll_review_load{").then_some(text)
    });
    // How many people a number is over is told, as everywhere.
    let counts = |line: &&str| {
        let name = line.split('{').next().unwrap_or_default();
        PEOPLE.iter().any(|people| name.ends_with(&format!("_{people}")))
    };
    let of_web =
        page.lines().filter(|line| line.contains("team=\"web\"") && !counts(line)).collect::<Vec<_>>();
    assert!(of_web.is_empty(), "{of_web:?}");
    let report = server.get("/report/weekly?week=2026-W08&format=json").json();
    for detail in report["detail"].as_array().unwrap() {
        let Some(rows) = detail["rows"].as_array() else { continue };
        let web = rows.iter().filter(|row| row["team"] == "web").collect::<Vec<_>>();
        for row in web {
            let numbers = row.as_object().unwrap().iter();
            let numbers = numbers.filter(|(name, value)| {
                !PEOPLE.contains(&name.as_str()) && (value.is_number() || value.is_boolean())
            });
            assert_eq!(numbers.count(), 0, "{row}");
        }
    }
    drop(server);

    // Who may see them sees the same numbers as before.
    let own = place.stdout(&["query", "throughput", "--as-of", "2026-03-01T00:00:00Z", "--format", "json"]);
    let own = serde_json::from_str::<Value>(&own).unwrap()["rows"].clone();
    assert!(telling(&own, "web", &["team".to_owned(), "week".to_owned()]) > 0);
    let server = place.serve("[people]\ngroup_min = 1\n");
    assert_eq!(server.rows(&format!("throughput?{AT}")), own);
}

#[test]
fn no_event_that_is_listed_names_anybody() {
    let place = place();
    let server = place.serve("");
    assert_eq!(server.get("/api/v1/metrics/reviewer_load").status, 403, "this caller may not see people");
    let mut listed = 0;
    for (name, _) in metrics(&server, "team") {
        for path in [
            format!("/api/v1/metrics/{name}?{AT}"),
            format!("/api/v1/metrics/{name}/explain?{AT}&limit=10000"),
            format!("/api/v1/metrics/{name}/explain?{AT}&limit=10000&format=csv"),
            format!("/metric/{name}/explain?{AT}"),
            format!("/api/v1/diff?metric={name}&from=2026-02-10&to=2026-03-01"),
        ] {
            let answer = server.get(&path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            // A source is the name of a source: its own metric shows it.
            let text = if name == "source_silence" { String::new() } else { answer.text() };
            let found = text.find(NAME).map(|at| &text[at.saturating_sub(120)..(at + 60).min(text.len())]);
            assert_eq!(found, None, "{path}");
            listed += text.matches("\"review.requested\"").count();
        }
    }
    assert!(listed > 100, "events are listed without what names somebody: {listed}");
    drop(server);
    let own = place.stdout(&["explain", "review_load", "--as-of", "2026-03-01", "--format", "json"]);
    assert!(own.contains(NAME), "on ones own data everything is there");
    let server = place.serve("[people]\nvisibility = \"all\"\n");
    let all = server.get(&format!("/api/v1/metrics/review_load/explain?{AT}&limit=10000")).text();
    assert!(all.contains(NAME), "where all may see people, so do ids");
}

#[test]
fn an_erased_person_is_in_no_bytes_that_nobody_can_read() {
    let place = Place::new();
    let mut lines = events().into_bytes();
    let escaped: String = NAME.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    for bad in [
        format!("{{\"by\":\"{escaped}\"").into_bytes(),
        format!("{{\"specversion\":\"1.0\",\"by\":\"{escaped}\",\"by\":\"bo\"}}").into_bytes(),
        format!("{{\"by\":\"{NAME}\",\"by\":\"bo\"}}").into_bytes(),
        [b"\xff\xfe by ", NAME.as_bytes(), b" \xff"].concat(),
        b"\xff by somebody else".to_vec(),
    ] {
        lines.extend(bad);
        lines.push(b'\n');
    }
    place.write("events.ndjson", lines);
    place.stdout(&["ingest", "events", "events.ndjson"]);
    // What a write that was killed left behind.
    let table = place.data().join("events/table=reviews");
    let table = if table.is_dir() { table } else { place.data().join("events") };
    let staged = table.join("part-00000.snappy.parquet#4711");
    std::fs::write(&staged, NAME).unwrap();
    let letters = |place: &Place| {
        place.stdout(&[
            "sql",
            "SELECT reason, value FROM dead_letters ORDER BY \"offset\"",
            "--format",
            "json",
        ])
    };
    let before = letters(&place);
    assert!(before.contains(NAME_HEX), "{before}");
    assert!(!staged.exists(), "opening the store removes it");
    std::fs::write(&staged, NAME).unwrap();

    place.stdout(&["people", "erase", NAME, "--yes"]);
    assert!(!staged.exists());
    let after = letters(&place);
    let count = |text: &str| serde_json::from_str::<Value>(text).unwrap()["rows"].as_array().unwrap().len();
    assert_eq!(count(&before), count(&after));
    let hex = |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02x}")).collect() };
    for text in [NAME, escaped.as_str()] {
        assert!(!after.contains(&hex(text)), "{after}");
    }
    assert!(after.contains(&hex(" by somebody else")), "bytes without the name stay: {after}");

    // The log says the same once more, from nothing.
    let again = Place::new();
    std::fs::create_dir_all(again.data().join("log")).unwrap();
    std::fs::copy(place.data().join("log/log.redb"), again.data().join("log/log.redb")).unwrap();
    let values = |text: &str| -> Vec<Value> {
        let json: Value = serde_json::from_str(text).unwrap();
        json["rows"].as_array().unwrap().iter().map(|row| row["value"].clone()).collect()
    };
    assert_eq!(values(&letters(&again)), values(&after));
}

#[test]
fn an_erasure_that_was_cut_short_is_finished_with_one_pseudonym() {
    let place = place();
    // As after a crash before anything was rewritten.
    let begun = json!({"names": [NAME], "whole": [], "pseudonym": "erased-00c0ffee"});
    place.write("data/erasing.json", begun.to_string());
    let output = place.run(&["sql", "SELECT count(*) AS n FROM reviews WHERE reviewer = 'erased-00c0ffee'"]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("finished an erasure that was cut short: erased-00c0ffee"), "{said}");
    assert!(!place.data().join("erasing.json").exists());
    let text = place.stdout(&["sql", "SELECT * FROM reviews", "--format", "json"]);
    assert!(!text.contains(NAME) && text.contains("erased-00c0ffee"));
    assert!(!place.run(&["people", "erase", NAME]).status.success(), "nobody of that name is left");
}

#[test]
fn data_is_for_its_owner_alone() {
    let place = place();
    let server = place.serve("");
    drop(server);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut paths = vec![place.data()];
    while let Some(path) = paths.pop() {
        let expect = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expect, "{}", path.display());
        if path.is_dir() {
            paths.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    // A report is for whom its reader likes.
    place.stdout(&["report", "weekly", "--week", "2026-W08", "-o", "report.html"]);
    assert_eq!(mode(&place.path().join("report.html")) & 0o600, 0o600);
    assert_ne!(mode(&place.path().join("report.html")), 0o600, "as any program makes it, by the umask");
}

#[test]
fn a_report_replaces_plain_files_only() {
    let place = place();
    let report = |output: &str| place.run(&["report", "weekly", "--week", "2026-W08", "-o", output]);
    let target = place.write("target.md", "old");
    std::os::unix::fs::symlink(&target, place.path().join("link.md")).unwrap();
    assert!(report("link.md").status.success());
    assert!(std::fs::symlink_metadata(place.path().join("link.md")).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&target).unwrap().contains("2026"));
    assert!(report("/dev/null").status.success());
    let full = report("/dev/full");
    assert!(!full.status.success(), "what could not be written is no success");
    for device in ["/dev/null", "/dev/full"] {
        assert!(!std::fs::metadata(device).unwrap().is_file(), "{device} is still a device");
    }
}

#[test]
fn a_configuration_that_serve_refuses_is_refused_by_all() {
    let place = Place::new();
    for (text, expect) in [
        (
            "[[postgres.users]]\nname = \"g\"\npassword = \"hunter2\"\nscopes = [\"read\"]\n",
            "env:NAME or file:PATH",
        ),
        ("[webhooks.github]\nsecret = \"hunter2\"\n", "webhooks.github.secret takes env:NAME"),
        ("[people]\npseudonyms = \"hunter2\"\n", "people.pseudonyms takes env:NAME"),
        ("[limits]\nsql_memory_bytes = 9223372036854775808\n", "plimsoll.toml:2"),
    ] {
        place.write("plimsoll.toml", text);
        for command in ["check", "config"] {
            let output = place.run(&[command]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{command}: {said}");
            assert!(said.contains(expect) && !said.contains("hunter2"), "{command}: {said}");
        }
    }
    place.write("plimsoll.toml", "");
    place.write("data", "a file");
    for command in [&["check"][..], &["query", "review_load"], &["sql", "SELECT 1"], &["people", "list"]] {
        let output = place.run(command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("is a file"), "{command:?}: {said}");
    }
}
