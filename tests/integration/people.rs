//! People over the command line: files as differences, merges that can be undone, suggestions.

use serde_json::{Value, json};

use crate::harness::Place;

fn event(id: &str, type_: &str, time: &str, data: Value) -> String {
    let event = json!({
        "specversion": "1.0", "id": id, "source": "test", "type": format!("dev.plimsoll.{type_}.v1"),
        "time": time, "data": data,
    });
    format!("{event}\n")
}

/// A team of three with reviews in the last quarter of 2025, some of them by Ada's other name.
fn quarter(place: &Place) {
    let mut text = String::new();
    for (index, person) in ["ada", "bo", "cy"].into_iter().enumerate() {
        let data = json!({"team": "core", "person": person, "since": "2025-01-01"});
        text += &event(&format!("m{index}"), "team.member_added", "2025-01-01T00:00:00Z", data);
    }
    for change in 0..12 {
        let reviewer = ["ada", "ada@home.example", "bo", "cy"][change % 4];
        let opened = format!("2025-11-{:02}T09:00:00Z", change + 1);
        let reviewed = format!("2025-11-{:02}T15:00:00Z", change + 1);
        let about = json!({"repo": "api", "change": change.to_string(), "author": "dee"});
        text += &event(&format!("o{change}"), "change.opened", &opened, about);
        let asked = json!({"repo": "api", "change": change.to_string(), "reviewer": reviewer});
        text += &event(&format!("q{change}"), "review.requested", &opened, asked);
        let given =
            json!({"repo": "api", "change": change.to_string(), "reviewer": reviewer, "verdict": "approved"});
        text += &event(&format!("r{change}"), "review.submitted", &reviewed, given);
    }
    place.write("events.ndjson", text);
    place.stdout(&["ingest", "events", "events.ndjson"]);
}

/// The rows of both metrics about reviews at the end of last quarter, as the bytes that are printed.
fn last_quarter(place: &Place) -> String {
    let rows = |metric: &str, more: &[&str]| {
        let asked = ["query", metric, "--as-of", "2025-12-31", "--format", "json"];
        let answer = place.stdout(&[&asked, more].concat());
        answer.split_once("\"rows\":").unwrap().1.to_owned()
    };
    rows("review_concentration", &["--param", "window_days=91"]) + &rows("reviewer_load", &[])
}

#[test]
fn a_merge_that_is_undone_leaves_no_trace_in_any_past_answer() {
    let place = Place::new();
    quarter(&place);
    let before = last_quarter(&place);
    place.stdout(&["people", "merge", "ada", "Ada@Home.example"]);
    let merged = last_quarter(&place);
    assert_ne!(before, merged);
    place.stdout(&["people", "unmerge", "ada", "ada@home.example"]);
    assert_eq!(before, last_quarter(&place));
    // Dated: the link holds from a day after the quarter, so the quarter does not change.
    place.stdout(&["people", "merge", "ada", "ada@home.example", "--since", "2026-01-15"]);
    assert_eq!(before, last_quarter(&place));
    place.stdout(&["people", "merge", "ada", "ada@home.example", "--since", "2025-10-01"]);
    let refused = place.run(&["people", "unmerge", "bo", "ada@home.example"]);
    assert_eq!(refused.status.code(), Some(1));
}

const PEOPLE: &str = r#"
[[person]]
id = "ada"
name = "Ada Lovelace"
timezone = "Europe/Berlin"
identities = ["ada@home.example"]
capacity = 0.8
[bots]
patterns = ["c*"]
"#;
const TEAMS: &str = r#"
[[team]]
id = "web"
lead = "ada"
members = ["ada", { person = "bo", since = "2025-06-01", until = "2025-12-01" }]
"#;
const CALENDARS: &str = r#"
[[calendar]]
person = "ada"
timezone = "Europe/Berlin"
hours = { mon = ["09:00", "17:00"] }
leave = [{ since = "2026-08-03", until = "2026-08-17" }]
capacity = [{ share = 0.5, since = "2026-03-01", until = "2026-04-01" }]
[[calendar]]
team = "web"
holidays = ["2025-10-03", "2026-12-25"]
"#;
const ICS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n\
DTSTART;VALUE=DATE:20260501\r\nDTEND;VALUE=DATE:20260502\r\nSUMMARY:Labour Day\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn files_are_said_once_and_taken_back_when_a_line_goes() {
    let place = Place::new();
    quarter(&place);
    place.write("people.toml", PEOPLE);
    place.write("teams.toml", TEAMS);
    place.write("calendars.toml", CALENDARS);
    place.write(".mailmap", "Ada L. <ada@home.example> <ada@old.example>\n");
    place.write("CODEOWNERS", "/web/ @acme/web\n");
    place.write("holidays.ics", ICS);
    let import = |dry: bool| {
        let mut arguments =
            vec!["people", "import", "holidays.ics", "--team", "web", "calendars.toml", ".mailmap"];
        arguments.extend(["teams.toml", "people.toml", "CODEOWNERS"]);
        if dry {
            arguments.push("--dry-run");
        }
        place.stdout(&arguments)
    };
    let first = import(false);
    assert!(!first.contains("nothing new"), "{first}");
    let second = import(false);
    assert_eq!(second.matches("nothing new").count(), 6, "{second}");
    assert_eq!(import(true), "");

    let rows = |sql: &str| -> Value {
        serde_json::from_str::<Value>(&place.stdout(&["sql", sql, "--format", "json"])).unwrap()["rows"]
            .clone()
    };
    assert_eq!(
        rows("SELECT identity, person FROM person_of ORDER BY identity"),
        json!([
            {"identity": "ada@home.example", "person": "ada"},
            {"identity": "ada@old.example", "person": "ada"}
        ])
    );
    assert_eq!(rows("SELECT person FROM person WHERE kind = 'bot'"), json!([{"person": "cy"}]));
    assert_eq!(rows("SELECT areas FROM team WHERE team = 'web'"), json!([{"areas": ["/web/"]}]));
    let calendar = rows("SELECT away FROM person_calendar WHERE person = 'ada'");
    assert_eq!(calendar[0]["away"].as_array().unwrap().len(), 4, "{calendar}");
    let bo = rows("SELECT away FROM person_calendar WHERE person = 'bo'");
    assert_eq!(bo[0]["away"].as_array().unwrap().len(), 1, "bo was in the team in October 2025: {bo}");

    place.write("people.toml", "[[person]]\nid = \"ada\"\nname = \"Ada Lovelace\"\n");
    place.write("teams.toml", TEAMS.replace("\"ada\", {", "{"));
    place.stdout(&["people", "import", "people.toml", "teams.toml"]);
    assert_eq!(
        rows("SELECT count(*) AS n FROM person_of WHERE identity = 'ada@home.example'"),
        json!([{"n": 0}])
    );
    assert_eq!(rows("SELECT count(*) AS n FROM person WHERE kind = 'bot'"), json!([{"n": 0}]));
    let open = "SELECT count(*) AS n FROM membership WHERE team = 'web' AND to_at IS NULL";
    assert_eq!(rows(open), json!([{"n": 0}]));
    let again = place.stdout(&["people", "import", "people.toml", "teams.toml"]);
    assert_eq!(again.matches("nothing new").count(), 2, "{again}");
}

#[test]
fn wrong_files_are_refused_with_file_and_line() {
    let place = Place::new();
    for (name, text, expect) in [
        ("people.toml", "[[person]]\nid = \"ada\"\nnick = \"a\"\n", "people.toml:3"),
        ("calendars.toml", "[[calendar]]\nperson = \"ada\"\ntimezone = \"Berlin\"\n", "calendars.toml:1"),
        ("notes.txt", "", "people.toml"),
        ("ada.ics", ICS, "--person"),
    ] {
        place.write(name, text);
        let output = place.run(&["people", "import", name]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains(expect), "{name}: {stderr}");
        assert!(!place.data().exists(), "{name} made a data directory");
    }
}

#[test]
fn suggestions_have_reasons_and_commands() {
    let place = Place::new();
    let commit = |id: &str, author: Value| {
        event(
            id,
            "commit.pushed",
            "2026-01-05T09:00:00Z",
            json!({"repo": "api", "sha": id, "author": author}),
        )
    };
    let text = commit("c1", json!({"name": "Ada Lovelace", "email": "ada@acme.example"}))
        + &commit("c2", json!({"name": "Ada Lovelace", "email": "al@home.example"}))
        + &commit("c3", json!({"name": "Bo", "email": "bo@acme.example"}));
    place.write("events.ndjson", text);
    place.stdout(&["ingest", "events", "events.ndjson"]);
    let answer: Value =
        serde_json::from_str(&place.stdout(&["people", "suggest", "--format", "json"])).unwrap();
    let found = answer["suggestions"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{answer}");
    assert_eq!(found[0]["command"], "plimsoll people merge ada@acme.example al@home.example");
    place.stdout(&["people", "merge", "ada@acme.example", "al@home.example"]);
    let list = place.stdout(&["people", "list", "--format", "csv"]);
    assert!(list.contains("ada@acme.example,,human,2,"), "{list}");
    let shown = place.stdout(&["people", "show", "al@home.example"]);
    assert!(shown.contains("identity"), "{shown}");
}

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Every cell of a Parquet file as text.
fn parquet_text(path: &std::path::Path) -> String {
    let file = std::fs::File::open(path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
}

/// Every cell of every table as text.
fn everything(place: &Place) -> String {
    ["commits", "reviews", "tickets", "directory", "dead_letters", "name_seen", "identity", "membership"]
        .map(|table| place.stdout(&["sql", &format!("SELECT * FROM {table}"), "--format", "json"]))
        .concat()
}

#[test]
fn an_erased_person_is_nowhere_and_every_count_stays() {
    let place = Place::new();
    quarter(&place);
    let author = json!({"name": "Ada Lovelace", "email": "Ada@Work.example"});
    let commit =
        json!({"repo": "ada/tools", "sha": "c1", "author": author, "subject": "Say hello to Ada Lovelace"});
    let ticket = json!({"ticket": "T1", "assignees": ["ada"], "title": "for ada", "note": {"by": "ada"},
        "changes": {"assignees": {"from": ["ada"], "to": ["bo"]}}});
    let text = event("gh-ada-1", "commit.pushed", "2025-11-20T09:00:00Z", commit)
        + &event("t1", "ticket.created", "2025-11-20T10:00:00Z", ticket)
        + "no event, by ada@home.example\n";
    place.write("more.ndjson", text);
    place.stdout(&["ingest", "events", "more.ndjson"]);
    place.stdout(&["people", "merge", "ada", "ada@home.example", "ada@work.example"]);
    let counts = |place: &Place| {
        let count = |table: &str| format!("(SELECT count(*) FROM {table}) AS {table}");
        let sum = ["commits", "reviews", "tickets", "directory", "dead_letters", "review_episode", "change"]
            .map(count);
        place.stdout(&["sql", &format!("SELECT {}", sum.join(", ")), "--format", "csv"])
    };
    let team = |place: &Place| {
        let asked = ["query", "review_concentration", "--as-of", "2025-12-31", "--param", "window_days=91"];
        place.stdout(&[&asked[..], &["--format", "csv"]].concat())
    };
    let (before, team_before) = (counts(&place), team(&place));
    place.stdout(&["people", "erase", "ada@work.example"]);
    assert!(everything(&place).contains("ada@home.example"), "without --yes nothing is erased");
    let said = place.stdout(&["people", "erase", "ada@work.example", "--yes"]);
    assert!(said.contains("erased-"), "{said}");

    let names = [
        "ada@home.example",
        "ada@work.example",
        "ada lovelace",
        "\"ada\"",
        "ada/tools",
        "gh-ada-1",
        "for ada",
    ];
    let absent = |text: &str, place: &str| {
        let text = text.to_lowercase();
        for name in names {
            assert!(!text.contains(name), "{name} is still in {place}");
        }
    };
    for path in files(&place.data()) {
        absent(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()), &path.display().to_string());
        if path.extension().is_some_and(|extension| extension == "parquet") {
            absent(&parquet_text(&path), &path.display().to_string());
        }
    }
    absent(&everything(&place), "the tables");
    assert_eq!(counts(&place), before);
    assert_eq!(team(&place), team_before);

    // What the log holds gives the same again, and no name either.
    let again = Place::new();
    std::fs::create_dir_all(again.data().join("log")).unwrap();
    std::fs::copy(place.data().join("log/log.redb"), again.data().join("log/log.redb")).unwrap();
    absent(&everything(&again), "the log");
    assert_eq!(counts(&again), before);
    assert_eq!(team(&again), team_before);
}
