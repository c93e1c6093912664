//! The command line: what is wrong gets one clear line and an exit code, and nothing on stdout.

use std::process::Output;

use crate::harness::Place;

/// Misuse ends with 2, what could not be done with 1; either way stderr is one line that holds `expect`.
fn check_refused(place: &Place, arguments: &[&str], code: i32, expect: &str) {
    let Output { status, stdout, stderr } = place.run(arguments);
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{arguments:?}: {stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{arguments:?} must get one line: {stderr}");
    assert!(stderr.contains(expect), "{arguments:?}: {stderr:?} lacks {expect:?}");
    assert!(stdout.is_empty(), "{arguments:?} printed {:?}", String::from_utf8_lossy(&stdout));
}

#[test]
fn wrong_flags_names_and_parameters_get_one_line() {
    let place = Place::new();
    for (arguments, expect) in [
        (&["query", "review_load", "--fromat", "json"][..], "--fromat"),
        (&["query", "review_load", "--format", "xml"], "xml"),
        (&["query", "review_load", "--as-of", "yesterday"], "yesterday"),
        (&["query", "review_load", "--as-of", "2026-02-30"], "2026-02-30"),
        (&["query", "reviw_load"], "review_load"),
        (&["query", "review_load", "--param", "no_such=1"], "no_such"),
        (&["query", "review_concentration", "--param", "window_days=zero"], "window_days"),
        (&["query", "review_concentration", "--param", "window_days=-5"], "window_days"),
        (&["query", "review_load", "--param", "membership=past"], "dated or current"),
        (&["ingest", "git"], "PATH"),
        (&["serve", "--listen", "no-port"], "no-port"),
        (&["frobnicate"], "frobnicate"),
        (&["sql", "DROP TABLE commits"], ""),
        (&["sql", "SELECT * FROM no_such_table"], "no_such_table"),
        (&["sql", "SELECT 1; SELECT 2"], ""),
    ] {
        check_refused(&place, arguments, 2, expect);
    }
}

#[test]
fn broken_and_missing_files_get_one_line() {
    let place = Place::new();
    place.write("broken.ndjson.gz", b"\x1f\x8b\x08\x00 this is no gzip stream");
    place.write("broken.ndjson.zst", b"\x28\xb5\x2f\xfd this is no zstd frame");
    std::fs::create_dir(place.path().join("empty")).unwrap();
    for (arguments, expect) in [
        (&["ingest", "events", "missing.ndjson"][..], "missing.ndjson"),
        (&["ingest", "events", "broken.ndjson.gz"], "broken.ndjson.gz"),
        (&["ingest", "events", "broken.ndjson.zst"], "broken.ndjson.zst"),
        (&["ingest", "git", "no-such-repository"], "no-such-repository"),
        (&["ingest", "git", "empty"], "empty"),
    ] {
        check_refused(&place, arguments, 1, expect);
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_file_and_line() {
    for (config, expect) in
        [("[http]\nlissten = \"127.0.0.1:0\"\n", "plimsoll.toml:2"), ("this is not toml", "plimsoll.toml:1")]
    {
        let place = Place::new();
        place.write("plimsoll.toml", config);
        check_refused(&place, &["config"], 2, expect);
    }
}

#[test]
fn check_reports_every_problem_as_file_and_line() {
    let place = Place::new();
    let head = "-- +++\n-- title = \"T\"\n-- help = \"H.\"\n-- unit = \"things\"\n-- level = \"team\"\n-- labels = []\n\
                -- value = \"n\"\n-- section = \"S\"\n-- panel = \"stat\"\n-- +++\n";
    let broken = |column: &str| format!("{head}SELECT\n  {column} AS n\nFROM reviews\n");
    let unknown_key = "-- +++\n-- title = \"T\"\n-- tittle = \"T\"\n-- +++\nSELECT 1 AS n\n";
    place.write("planned/metric/first.sql", broken("no_such_column"));
    place.write("planned/metric/second.sql", broken("no_such_function(1)"));
    place.write("read/metric/third.sql", unknown_key);
    place.write("read/metric/fourth.sql", "SELECT 1 AS n\n");
    for (folder, expect) in [
        (
            "planned",
            [
                "first.sql:12: no field named no_such_column",
                " 12 |   no_such_column AS n\n    |   ^^^^^^^^^^^^^^\n",
                "second.sql:12: invalid function 'no_such_function'",
                " 12 |   no_such_function(1) AS n\n    |   ^^^^^^^^^^^^^^^^\n",
            ],
        ),
        ("read", ["third.sql:3", " 3 | -- tittle = \"T\"\n   |    ^^^^^^\n", "fourth.sql:1", "front matter"]),
    ] {
        let output = place.run(&["check", folder]);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in expect {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
    assert!(place.run(&["check"]).status.success(), "the shipped files have no problems");
}

#[test]
fn help_and_version_are_results() {
    let place = Place::new();
    for arguments in [&["--help"][..], &["--version"], &["query", "--help"]] {
        let output = place.run(arguments);
        assert!(output.status.success());
        assert!(!output.stdout.is_empty());
        assert!(output.stderr.is_empty());
    }
}
