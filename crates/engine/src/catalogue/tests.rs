//! Catalogue files that load, and every way in which one does not.

use std::path::Path;

use super::*;
use crate::sql::relations;

const METRIC: &str = r#"-- +++
-- title = "Things"
-- help = "Counts things."
-- unit = "things"
-- labels = ["team"]
-- value = "n"
-- section = "Tests"
-- panel = "stat"
-- params = { days = { type = "int", default = 28, min = 1, max = 365 }, who = { type = "text", default = "it's" } }
-- +++
-- $not_a_parameter in a comment, '$nor_here'
SELECT $who AS team, '$nor_here' AS text, $days AS n
FROM ticket
WHERE created_at < $as_of AND $known_at IS NOT NULL
"#;

/// A user directory with these files, `view/x.sql` or `metric/x.sql`.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["view", "metric"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn load(files: &[(&str, &str)]) -> Result<Catalogue, Vec<Problem>> {
    let dir = directory(files);
    Catalogue::load(&[dir.path().to_owned()])
}

/// `line: message` of each problem of a directory, with file names.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let short = |problem: Problem| {
        let file = Path::new(&problem.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{file}:{}: {}", problem.line, problem.message)
    };
    load(files).map(|_| Vec::new()).unwrap_or_else(|problems| problems.into_iter().map(short).collect())
}

fn one_problem(text: &str) -> String {
    let problems = problems(&[("metric/things.sql", text)]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[tokio::test]
async fn the_shipped_catalogue_loads_and_plans() {
    let catalogue = Catalogue::shipped().unwrap_or_else(|problems| panic!("{problems:?}"));
    let problems = catalogue.check_plans().await;
    assert!(
        problems.is_empty(),
        "{}",
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    );
    assert!(catalogue.metrics.is_sorted_by_key(|metric| &metric.name));
}

#[test]
fn views_come_after_what_they_read() {
    let catalogue = Catalogue::shipped().unwrap();
    for (index, view) in catalogue.views.iter().enumerate() {
        for name in &view.from {
            let table = graph::TABLES.contains(&name.as_str());
            assert!(
                table || catalogue.views[..index].iter().any(|earlier| earlier.name == *name),
                "{} before {name}",
                view.name
            );
        }
    }
}

#[test]
fn values_take_the_place_of_parameters_and_of_nothing_else() {
    let catalogue = load(&[("metric/things.sql", METRIC)]).unwrap();
    let metric = catalogue.metric("things").unwrap();
    let params = BTreeMap::from([
        ("days".to_owned(), "7".to_owned()),
        ("who".to_owned(), "x'; DROP $days --".to_owned()),
    ]);
    let sql = catalogue.bound_text(metric, 5, 6, &params).unwrap();
    let lines: Vec<&str> = sql.lines().collect();
    assert_eq!(lines[0], "-- $not_a_parameter in a comment, '$nor_here'");
    assert_eq!(lines[1], "SELECT 'x''; DROP $days --' AS team, '$nor_here' AS text, 7 AS n");
    assert!(lines[3].starts_with(
        "WHERE created_at < arrow_cast(5, 'Timestamp(Microsecond, Some(\"UTC\"))') AND arrow_cast(6, "
    ));
    assert_eq!(lines.len(), metric.sql.lines().count());
    assert_eq!((metric.sql_line, metric.reads.clone()), (11, vec!["ticket".to_owned()]));
}

#[test]
fn bad_parameters_name_the_allowed_range() {
    let catalogue = load(&[("metric/things.sql", METRIC)]).unwrap();
    let metric = catalogue.metric("things").unwrap();
    for (name, value, want) in [
        ("days", "0", "\"0\" is not allowed; give an integer from 1 to 365"),
        ("days", "366", "\"366\" is not allowed; give an integer from 1 to 365"),
        ("days", "7 ", "\"7 \" is not allowed; give an integer from 1 to 365"),
        (
            "days",
            "18446744073709551616",
            "\"18446744073709551616\" is not allowed; give an integer from 1 to 365",
        ),
        ("who", "a\u{0}b", "\"ab...\" is not allowed; give a text without control characters"),
        ("as_of", "7", "is not known; this metric has: days, who"),
    ] {
        let error =
            catalogue.bind(metric, 0, 0, &BTreeMap::from([(name.to_owned(), value.to_owned())])).unwrap_err();
        assert_eq!(error.to_string(), format!("parameter {name} of things: {want}"));
    }
}

#[test]
fn all_problems_of_all_files_are_reported_with_lines() {
    let view = "-- +++\n-- help = \"x\"\n-- key = [\"ticket\"]\n-- from = [\"ticket\"]\n-- +++\nSELECT key_hash, ticket\nFROM milestone\nWHERE $as_of IS NULL\n";
    let got = problems(&[
        ("metric/Bad.sql", METRIC),
        ("metric/broken.sql", &METRIC.replace("FROM ticket", "FORM ticket")),
        ("metric/change.sql", METRIC),
        ("metric/commits.sql", METRIC),
        ("metric/missing.sql", &METRIC.replace("FROM ticket", "FROM nowhere")),
        ("metric/undeclared.sql", &METRIC.replace("$days", "$weeks")),
        ("metric/unknown.sql", &METRIC.replace("-- unit", "-- units")),
        ("view/wrong.sql", view),
    ]);
    let starts = [
        "Bad.sql:1: name \"Bad\" must be lower-case letters",
        "broken.sql:13: ",
        "change.sql:1: change is already defined in queries/view/change.sql",
        "commits.sql:1: commits is the name of a table",
        "missing.sql:13: nowhere is neither a table nor a view",
        "undeclared.sql:9: parameter days is declared and not used",
        "undeclared.sql:12: $weeks is not declared in params",
        "unknown.sql:4: front matter: unknown field `units`",
        "wrong.sql:4: from lists ticket, which the SQL does not read",
        "wrong.sql:4: the SQL reads milestone; add it to from",
        "wrong.sql:8: a view with a key cannot use $as_of",
    ];
    assert_eq!(got.len(), starts.len(), "{got:#?}");
    for (got, start) in got.iter().zip(starts) {
        assert!(got.starts_with(start), "{got}\n{start}");
    }
}

#[test]
fn front_matter_is_strict() {
    for (from, to, want) in [
        (
            "-- +++\n-- title",
            "-- title",
            "things.sql:1: front matter is missing: the first line must be `-- +++`",
        ),
        ("-- title", "title", "things.sql:2: a line of front matter must start with `-- `"),
        ("\"stat\"", "\"pie\"", "things.sql:8: panel \"pie\" must be one of "),
        (
            "default = 28",
            "default = 0",
            "things.sql:9: parameter days: default is out of range: an integer from 1 to 365",
        ),
        ("default = 28", "default = \"28\"", "things.sql:9: parameter days: default is not of type int"),
        ("\"text\", default", "\"texts\", default", "things.sql:9: front matter: unknown variant `texts`"),
        ("SELECT $who", "DELETE FROM ticket; SELECT $who", "things.sql:11: must hold exactly one SELECT"),
        ("SELECT $who", "EXPLAIN SELECT $who", "things.sql:11: must hold exactly one SELECT"),
    ] {
        let got = one_problem(&METRIC.replacen(from, to, 1));
        assert!(got.starts_with(want), "{got}\n{want}");
    }
}

#[test]
fn cycles_of_views_are_found() {
    let view = |from: &str| {
        format!(
            "-- +++\n-- help = \"x\"\n-- key = [\"ticket\"]\n-- from = [\"{from}\"]\n-- +++\nSELECT key_hash, ticket FROM {from}\n"
        )
    };
    let got = problems(&[("view/one.sql", &view("two")), ("view/two.sql", &view("one"))]);
    assert_eq!(
        got,
        [
            "one.sql:1: view one is part of a cycle through two",
            "two.sql:1: view two is part of a cycle through one"
        ]
    );
}

#[test]
fn links_and_missing_directories_are_refused() {
    let dir = directory(&[]);
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("metric/linked.sql")).unwrap();
    std::fs::create_dir(dir.path().join("metric/folder.sql")).unwrap();
    let problems = Catalogue::load(&[dir.path().to_owned(), dir.path().join("nowhere")]).unwrap_err();
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages.len(), 3, "{problems:?}");
    assert!(messages.iter().filter(|message| message.starts_with("is not a plain file")).count() == 2);
    assert!(messages.iter().any(|message| message.starts_with("is not a directory")));
}

#[test]
fn a_definition_changes_with_meaning_and_not_with_layout() {
    let definition = |text: &str| {
        let catalogue = load(&[("metric/things.sql", text)]).unwrap();
        catalogue.definition(catalogue.metric("things").unwrap())
    };
    let plain = definition(METRIC);
    assert_eq!(plain.len(), 16);
    assert_eq!(
        plain,
        definition(
            &METRIC.replace("Counts things.", "Counts all things.").replace("\nFROM", "\n  -- note\n  FROM")
        )
    );
    assert_ne!(plain, definition(&METRIC.replace("created_at <", "created_at <=")));
    assert_ne!(plain, definition(&METRIC.replace("default = 28", "default = 27")));
}

const SHARED: &str = r#"-- +++
-- help = "Tickets created lately."
-- from = ["ticket"]
-- params = { days = { type = "int", default = 7, min = 1, max = 365 } }
-- +++
SELECT ticket, created_at, '$definition' AS text, $definition AS definition
FROM ticket
WHERE created_at > days_before($as_of, $days)
"#;

const ABOVE: &str = r#"-- +++
-- help = "The first of them."
-- from = ["recent"]
-- once = true
-- +++
SELECT MIN(ticket) AS ticket FROM recent
"#;

fn reader(params: &str, sql: &str) -> String {
    let front = "-- +++\n-- title = \"T\"\n-- help = \"H\"\n-- unit = \"things\"\n-- labels = []\n-- value = \"n\"\n-- section = \"Tests\"\n-- panel = \"stat\"\n";
    format!("{front}{params}-- +++\n{sql}\n")
}

#[tokio::test]
async fn a_metric_has_the_parameters_of_the_shared_views_it_reads() {
    let sql = "SELECT COUNT(*) AS n FROM first_recent AS f, recent AS r";
    let files = |reader: &str| {
        let files =
            [("view/recent.sql", SHARED), ("view/first_recent.sql", ABOVE), ("metric/things.sql", reader)];
        load(&files).unwrap_or_else(|problems| panic!("{problems:?}"))
    };
    let catalogue = files(&reader("", sql));
    let metric = catalogue.metric("things").unwrap();
    let bound = |days: &[(&str, &str)]| {
        let given = days.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        catalogue.bound_text(metric, 0, 0, &given)
    };
    assert_eq!(bound(&[]).unwrap().trim(), sql);
    assert_eq!(bound(&[("days", "7")]).unwrap().trim(), sql);
    let changed = bound(&[("days", "9")]).unwrap();
    assert!(changed.starts_with("WITH recent AS (SELECT"), "{changed}");
    assert!(changed.contains(", 9)), first_recent AS (SELECT MIN(ticket)"), "{changed}");
    assert!(changed.contains("'$definition' AS text, '"), "{changed}");
    assert!(bound(&[("days", "0")]).is_err() && bound(&[("weeks", "1")]).is_err());
    assert!(catalogue.check_plans().await.is_empty());

    let own = reader("-- params = { days = { type = \"int\", default = 9 } }\n", sql);
    let catalogue = files(&own);
    let metric = catalogue.metric("things").unwrap();
    assert_eq!(catalogue.bound_text(metric, 0, 0, &BTreeMap::new()).unwrap(), changed);
    let reads = catalogue.reads(relations(&catalogue.bind(metric, 0, 0, &BTreeMap::new()).unwrap().query));
    assert!(reads.contains("ticket") && !reads.contains("recent") && !reads.contains("first_recent"));
}

/// `first_recent` by way of `later`, over another relation than `recent`.
const LATER: &str = r#"-- +++
-- help = "Those of them with a name."
-- from = ["recent", "ticket"]
-- +++
SELECT recent.ticket, recent.created_at FROM recent INNER JOIN ticket ON ticket.ticket = recent.ticket
"#;

const OVER: &str = r#"-- +++
-- help = "The first of them."
-- from = ["later", "recent"]
-- over = "recent"
-- +++
WITH found AS (SELECT ticket FROM later UNION ALL SELECT ticket FROM recent)
SELECT MIN(found.ticket) AS ticket FROM found
"#;

fn with_over(reader: &str) -> [(&'static str, String); 4] {
    [
        ("view/recent.sql", SHARED.to_owned()),
        ("view/later.sql", LATER.to_owned()),
        ("view/first_recent.sql", OVER.to_owned()),
        ("metric/things.sql", reader.to_owned()),
    ]
}

#[tokio::test]
async fn a_view_is_asked_of_another_relation() {
    let bound = async |params: &str, sql: &str, given: &[(&str, &str)]| {
        let files = with_over(&reader(params, sql));
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let catalogue = load(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(catalogue.check_plans().await, [], "{sql}");
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        catalogue.bound_text(catalogue.metric("things").unwrap(), 0, 0, &given).unwrap()
    };
    let old = "WITH old AS (SELECT ticket, created_at FROM ticket), x AS (SELECT 1 AS one) ";
    let read = "SELECT COUNT(*) AS n FROM first_recent(old), first_recent AS f, recent, x";
    assert_eq!(
        bound("", &format!("{old}{read}"), &[]).await,
        "WITH old AS (SELECT ticket, created_at FROM ticket), \
         \"later(old)\" AS (SELECT recent.ticket, recent.created_at FROM old AS recent INNER JOIN ticket ON ticket.ticket = recent.ticket), \
         \"first_recent(old)\" AS (WITH found AS (SELECT ticket FROM \"later(old)\" AS later UNION ALL SELECT ticket FROM old AS recent) \
         SELECT MIN(found.ticket) AS ticket FROM found), \
         x AS (SELECT 1 AS one) \
         SELECT COUNT(*) AS n FROM \"first_recent(old)\" AS first_recent, first_recent AS f, recent, x"
    );
    // A value changes what is read by its own name, and not what is asked of another relation.
    let changed = bound("", &format!("{old}{read}"), &[("days", "9")]).await;
    assert!(changed.starts_with("WITH recent AS (SELECT"), "{changed}");
    assert!(
        changed.contains(", first_recent AS (WITH found")
            && changed.contains("\"first_recent(old)\" AS (WITH")
    );
    assert!(
        !bound("", &format!("{old}SELECT COUNT(*) AS n FROM first_recent(old)"), &[("days", "9")])
            .await
            .contains("recent AS (SELECT")
    );
    // A call with what it reads by itself is that; any table or view can be asked of.
    let plain = bound("", "SELECT COUNT(*) AS n FROM first_recent(recent)", &[]).await;
    assert_eq!(plain, "SELECT COUNT(*) AS n FROM first_recent");
    assert!(
        bound("", "SELECT COUNT(*) AS n FROM first_recent(ticket) AS t", &[])
            .await
            .starts_with("WITH \"later(ticket)\" AS (SELECT")
    );
}

#[test]
fn a_call_that_would_mean_something_else_is_refused() {
    for (sql, want) in [
        (
            "WITH recent AS (SELECT ticket FROM ticket) SELECT COUNT(*) AS n FROM recent",
            "the CTE recent has the name of a shared view; rename it, and ask a view of its rows by view(cte)",
        ),
        (
            "SELECT COUNT(*) AS n FROM (WITH \"recent\" AS (SELECT 1) SELECT * FROM recent) AS x, ticket",
            "the CTE recent has the name of a shared view; rename it, and ask a view of its rows by view(cte)",
        ),
        ("SELECT COUNT(*) AS n FROM later(ticket)", "later takes no relation: its front matter has no over"),
        ("SELECT COUNT(*) AS n FROM ticket(later)", "ticket takes no relation: its front matter has no over"),
        (
            "SELECT COUNT(*) AS n FROM first_recent()",
            "first_recent takes the name of one relation, in the place of recent",
        ),
        (
            "SELECT COUNT(*) AS n FROM first_recent(1 + 1)",
            "first_recent takes the name of one relation, in the place of recent",
        ),
        (
            "SELECT COUNT(*) AS n FROM first_recent(nothing)",
            "nothing is neither a table or view nor a CTE that this query begins with",
        ),
        (
            "WITH found AS (SELECT 1 AS ticket) SELECT COUNT(*) AS n FROM first_recent(found)",
            "first_recent has a CTE found of its own; rename this one",
        ),
        (
            "WITH ticket AS (SELECT 1 AS ticket), old AS (SELECT ticket FROM ticket) SELECT COUNT(*) AS n FROM first_recent(old)",
            "the CTE ticket hides what later reads; rename it",
        ),
        (
            "SELECT COUNT(*) AS n FROM elsewhere(ticket)",
            "elsewhere is neither a table nor a view that loaded",
        ),
    ] {
        let files = with_over(&reader("", sql));
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(problems(&files), [format!("things.sql:10: {want}")], "{sql}");
    }
    let wrong = OVER.replace("over = \"recent\"", "over = \"ticket\"");
    let found = problems(&[
        ("view/recent.sql", SHARED),
        ("view/later.sql", LATER),
        ("view/first_recent.sql", &wrong),
    ]);
    assert_eq!(
        found,
        ["first_recent.sql:1: over names ticket, which is not a shared view that first_recent reads"]
    );
}

#[test]
fn a_view_with_the_name_of_a_shipped_cte_is_what_is_wrong() {
    let found = problems(&[("view/item.sql", SHARED)]);
    assert_eq!(found, ["item.sql:1: the CTEs of Plimsoll's own files have the name item; rename the file"]);
}

#[test]
fn a_relation_that_is_given_to_a_view_is_read() {
    let mut files = with_over(&reader("", "SELECT COUNT(*) AS n FROM first_recent(old)")).to_vec();
    files.push(("view/old.sql", SHARED.replace("{ days", "{ old_days").replace("$days", "$old_days")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let catalogue = load(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
    let things = catalogue.metric("things").unwrap();
    assert!(things.reads.contains(&"old".to_owned()), "{:?}", things.reads);
    assert!(things.params.iter().any(|param| param.name == "old_days"), "{:?}", things.params);
}

#[test]
fn a_value_stands_where_an_expression_can() {
    let text = METRIC.replace("created_at < $as_of", "created_at < DATE $who");
    assert_eq!(
        one_problem(&text),
        "things.sql:12: a $name stands where SQL takes no value; write it where an expression can be"
    );
}

#[test]
fn parameters_of_views_must_agree() {
    let other = SHARED.replace("default = 7", "default = 8");
    let sql = "SELECT COUNT(*) AS n FROM recent AS a, later AS b";
    let found = |reader: &str| {
        problems(&[("view/recent.sql", SHARED), ("view/later.sql", &other), ("metric/things.sql", reader)])
    };
    assert_eq!(
        found(&reader("", sql)),
        ["things.sql:1: later and recent differ in the parameter days; declare it here"]
    );
    let float = "-- params = { days = { type = \"float\", default = 1.0 } }\n";
    assert_eq!(
        found(&reader(float, "SELECT COUNT(*) AS n FROM recent")),
        ["things.sql:9: parameter days is of type int in recent, which this metric reads"]
    );
    let int = "-- params = { days = { type = \"int\", default = 9 } }\n";
    assert_eq!(found(&reader(int, sql)), [""; 0]);
    assert_eq!(
        found(&reader(int, "SELECT COUNT(*) AS n FROM ticket")),
        ["things.sql:9: parameter days is declared and not used"]
    );
}

#[test]
fn shared_parameters_are_declared_once_and_listed_where_they_are_used() {
    let head = METRIC.split("-- params").next().unwrap();
    let metric =
        |params: &str| format!("{head}{params}\n-- +++\nSELECT 'a' AS team, $days + $weeks AS n FROM ticket");
    let days = "days = { type = \"int\", default = 28, min = 1, max = 365, help = \"days up to as_of\" }\n";
    let good = metric("-- shared_params = [\"days\", \"weeks\"]");
    let catalogue = load(&[("metric/things.sql", &good), ("params.toml", days)]).unwrap();
    let things = catalogue.metric("things").unwrap();
    let params: Vec<_> =
        things.params.iter().map(|param| (param.name.as_str(), param.default.to_string())).collect();
    assert_eq!(params, [("days", "28".to_owned()), ("weeks", "12".to_owned())]);
    let own =
        metric("-- shared_params = [\"weeks\"]\n-- params = { days = { type = \"int\", default = 28 } }");
    let own = load(&[("metric/things.sql", &own)]).unwrap();
    assert_eq!(
        own.definition(own.metric("things").unwrap()),
        catalogue.definition(things),
        "where it stands does not count"
    );
    for (params, file, problem) in [
        (
            "-- shared_params = [\"days\", \"week\"]",
            days,
            "things.sql:9: no shared parameter week; did you mean weeks?",
        ),
        ("-- shared_params = [\"weeks\"]", days, "things.sql:11: $days is not declared in params"),
        (
            "-- shared_params = [\"days\", \"weeks\", \"trials\"]",
            days,
            "things.sql:9: parameter trials is declared and not used",
        ),
        (
            "-- shared_params = [\"days\", \"weeks\"]\n-- params = { days = { type = \"int\", default = 1 } }",
            days,
            "things.sql:9: parameter days is declared twice; take it out of shared_params or of params",
        ),
        (
            "-- shared_params = [\"weeks\"]\n-- params = { days = { type = \"int\", default = 1 } }",
            "\nweeks = { type = \"int\", default = 3 }\n",
            "params.toml:2: parameter weeks is declared differently in queries/params.toml; give it another name",
        ),
    ] {
        let found = problems(&[("metric/things.sql", &metric(params)), ("params.toml", file)]);
        assert_eq!(found, [problem], "{params}");
    }
    let broken = problems(&[("params.toml", "days = { type = \"int\" }")]);
    assert!(broken.len() == 1 && broken[0].starts_with("params.toml:1: missing field"), "{broken:?}");
}

#[test]
fn durations_are_read_and_written() {
    for (text, ms) in [
        ("90s", 90_000),
        ("90m", 5_400_000),
        ("12h", 43_200_000),
        ("28d", 2_419_200_000),
        ("2w", 1_209_600_000),
    ] {
        assert_eq!(value::parse(ParamType::Duration, text), Some(Value::Duration(ms)));
    }
    assert_eq!(Value::Duration(1_209_600_000).to_string(), "14d");
    for text in ["", "d", "-1d", "1.5h", "1 d", "9223372036854775807w", "1y"] {
        assert_eq!(value::parse(ParamType::Duration, text), None, "{text}");
    }
}
