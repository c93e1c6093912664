//! Good records end as rows: what each JSON form becomes in which column.

use super::{LOGGED_US, cell, check, event, push, record};
use crate::model::TYPES;
use crate::{Batch, Record, Span, Table, key_hash};

#[track_caller]
fn row(name: &str, data: &str, table: Table, columns: &[(&str, &str)]) {
    check(&record(&[], event(name, data).as_bytes()), &format!("row {table}"), columns);
}

fn hashes(batch: &Batch) -> (String, String) {
    let rows = Table::ALL.iter().map(|table| batch.table(*table)).find(|rows| rows.num_rows() == 1).unwrap();
    (cell(rows, "payload_hash"), cell(rows, "key_hash"))
}

#[test]
fn every_example_is_an_event_of_its_type_in_both_modes() {
    for kind in &TYPES {
        let full_name = kind.full_name();
        let table = kind.entity.table();
        let headers: [(&str, &[u8]); 5] = [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"e1"),
            ("ce_source", b"s"),
            ("ce_type", full_name.as_bytes()),
            ("ce_time", b"2026-03-02T09:14:00Z"),
        ];
        let structured = event(kind.name, kind.example);
        let columns = [("type", kind.name), ("flags", "-"), ("extra", "-"), ("cleared", "-")];
        row(kind.name, kind.example, table, &columns);
        check(&record(&headers, kind.example.as_bytes()), &format!("row {table}"), &columns);
        let (_, one) = push(&record(&[], structured.as_bytes()));
        let (_, other) = push(&record(&headers, kind.example.as_bytes()));
        assert_eq!(one.table(table), other.table(table), "{}", kind.name);
    }
}

#[test]
fn data_as_base64_is_read_like_data() {
    use base64::Engine as _;
    for kind in &TYPES {
        let plain = event(kind.name, kind.example);
        let mut members: serde_json::Value = serde_json::from_str(&plain).unwrap();
        let members = members.as_object_mut().unwrap();
        members.remove("data");
        let encoded = base64::engine::general_purpose::STANDARD.encode(kind.example);
        members.insert("data_base64".into(), encoded.into());
        let table = kind.entity.table();
        let (_, one) = push(&record(&[], plain.as_bytes()));
        let (_, other) = push(&record(&[], serde_json::to_string(members).unwrap().as_bytes()));
        assert_eq!(one.table(table), other.table(table), "{}", kind.name);
    }
}

#[test]
fn attributes_fill_the_common_columns() {
    let value = r#"{"data":{"repo":"r","change":7},"sourceversion":"3","sequence":5,"observedat":"2026-03-02T09:00:00+00:00",
        "subject":"r#7","time":"2026-03-02T10:14:00.25+01:00","type":"dev.plimsoll.change.ready.v1","source":"s","id":"e\u0031",
        "traceparent":"00-x","specversion":"1.0"}"#;
    let columns = [
        ("event_id", "e1"),
        ("type", "change.ready"),
        ("source", "s"),
        ("subject", "r#7"),
        ("occurred_at", "2026-03-02T09:14:00.250Z"),
        ("observed_at", "2026-03-02T09:00:00Z"),
        ("effective_at", "2026-03-02T09:00:00Z"),
        ("seq", "5"),
        ("source_version", "3"),
        ("topic", "plimsoll.reviews"),
        ("partition", "3"),
        ("offset", "42"),
        ("extra", "-"),
        ("repo", "r"),
        ("change", "7"),
    ];
    check(&record(&[], value.as_bytes()), "row reviews", &columns);
    // Without `observedat` the log's time counts, and without that the event's own.
    let value = event("change.ready", r#"{"repo":"r","change":7}"#);
    let logged =
        [("observed_at", "2026-03-02T10:00:00Z"), ("effective_at", "2026-03-02T09:14:00Z"), ("seq", "0")];
    check(&record(&[], value.as_bytes()), "row reviews", &logged);
    for timestamp_us in [-1, i64::MIN, i64::MAX] {
        let untimed = Record { timestamp_us, ..record(&[], value.as_bytes()) };
        check(&untimed, "row reviews", &[("observed_at", "2026-03-02T09:14:00Z"), ("flags", "-")]);
    }
}

#[test]
fn people_are_called_by_login_else_email_else_name() {
    for (author, expected) in [
        (r#""Ada""#, "Ada"),
        (r#""Ada@Acme.Example""#, "ada@acme.example"),
        (r#""Ada L <Ada@Acme.Example>""#, "Ada L <Ada@Acme.Example>"),
        (r#"{"name":"Ada L","email":"Ada@Acme.Example","login":"ada"}"#, "ada"),
        (r#"{"name":"Ada L","email":"Ada@Acme.Example","login":""}"#, "ada@acme.example"),
        (r#"{"name":"Ada L","email":null}"#, "Ada L"),
    ] {
        let data = format!(r#"{{"repo":"r","change":1,"author":{author}}}"#);
        row("change.opened", &data, Table::Reviews, &[("author", expected)]);
    }
    let data = r#"{"repo":"r","change":1,"author":{"login":"ada","avatar":"u"}}"#;
    row("change.opened", data, Table::Reviews, &[("author", "ada"), ("extra", r#"{"author.avatar":"u"}"#)]);
}

#[test]
fn commits_sum_their_files() {
    let commit =
        |members: &str| format!(r#"{{"repo":"r","sha":"a","author":{{"name":"A","email":"A@x"}}{members}}}"#);
    let files = r#","files":[{"path":"a","change":"added","additions":2,"deletions":0},{"path":"b","old_path":"c","change":"renamed","additions":3,"deletions":4},{"path":"d","change":"modified"}]"#;
    let columns = [
        ("additions", "5"),
        ("deletions", "4"),
        ("changed_files", "3"),
        ("author", "a@x"),
        ("author_name", "A"),
        ("author_email", "A@x"),
        ("author_login", "-"),
    ];
    row("commit.pushed", &commit(files), Table::Commits, &columns);
    let shown = "[{path: a, old_path: -, change: added, additions: 2, deletions: 0}, {path: b, old_path: c, change: renamed, additions: 3, deletions: 4}, {path: d, old_path: -, change: modified, additions: -, deletions: -}]";
    row("commit.pushed", &commit(files), Table::Commits, &[("files", shown)]);
    let stated = format!(r#"{files},"additions":9,"changed_files":8"#);
    row(
        "commit.pushed",
        &commit(&stated),
        Table::Commits,
        &[("additions", "9"), ("deletions", "4"), ("changed_files", "8")],
    );
    let none = [
        ("additions", "0"),
        ("files", "[]"),
        ("parents", "[]"),
        ("reviewers", "[]"),
        ("title", "-"),
        ("cleared", "-"),
    ];
    row("commit.pushed", &commit(""), Table::Commits, &none);
    row(
        "commit.pushed",
        &commit(r#","parents":null,"title":"t""#),
        Table::Commits,
        &[("parents", "[]"), ("cleared", "[parents]"), ("title", "t")],
    );
}

#[test]
fn absent_null_and_empty_differ() {
    let columns = [
        ("labels", "[]"),
        ("tickets", "-"),
        ("milestone", "-"),
        ("title", "-"),
        ("cleared", "[title, milestone]"),
    ];
    let data = r#"{"repo":"r","change":1,"milestone":null,"labels":[],"title":null}"#;
    row("change.updated", data, Table::Reviews, &columns);
    row(
        "ticket.updated",
        r#"{"ticket":1,"points":null}"#,
        Table::Tickets,
        &[("points_hundredths", "-"), ("cleared", "[points]")],
    );
}

#[test]
fn ticket_fields_take_their_types() {
    let data = r#"{"ticket":10482,"points":2.675,"due_on":"2024-02-29","assignees":["a",{"email":"B@x"}],"depends_on":[1,"2"],
        "parent":18446744073709551615,"changes":{"b":{"to":1,"from":null},"a":[]},"milestone":3}"#;
    let columns = [
        ("entity", "ticket"),
        ("entity_id", "10482"),
        ("ticket", "10482"),
        ("points_hundredths", "268"),
        ("due_on", "2024-02-29"),
        ("assignees", "[a, b@x]"),
        ("depends_on", "[1, 2]"),
        ("parent", "18446744073709551615"),
        ("changes", r#"{"a":[],"b":{"from":null,"to":1}}"#),
        ("milestone", "3"),
    ];
    row("ticket.updated", data, Table::Tickets, &columns);
    let data = r#"{"person":{"login":"ada"},"capacity":0.8,"since":"2026-04-01","until_at":"2026-05-01T12:00:00+02:00"}"#;
    let columns = [
        ("entity", "calendar"),
        ("entity_id", "ada"),
        ("capacity_hundredths", "80"),
        ("since_at", "2026-04-01T00:00:00Z"),
        ("until_at", "2026-05-01T10:00:00Z"),
    ];
    row("calendar.capacity_set", data, Table::Directory, &columns);
    // A field of another entity is unknown here.
    row(
        "person.updated",
        r#"{"person":"a","points":1}"#,
        Table::Directory,
        &[("entity", "person"), ("extra", r#"{"points":1}"#)],
    );
}

#[test]
fn keys_cluster_a_subject() {
    let key = |name: &str, data: &str| hashes(&push(&record(&[], event(name, data).as_bytes())).1).1;
    let change = key_hash(&["change", "r", "1"]).to_string();
    assert_eq!(key("change.opened", r#"{"repo":"r","change":"1"}"#), change);
    assert_eq!(key("review.commented", r#"{"repo":"r","change":1,"by":"a"}"#), change);
    assert_eq!(key("commit.pushed", r#"{"repo":"r","sha":"a","author":"a","change":1}"#), change);
    let sha = key_hash(&["change", "r", "a"]).to_string();
    assert_eq!(key("commit.pushed", r#"{"repo":"r","sha":"a","author":"a"}"#), sha);
    assert_eq!(key("ticket.deleted", r#"{"ticket":1}"#), key_hash(&["ticket", "1"]).to_string());
    assert_eq!(
        key("team.member_added", r#"{"team":"t","person":"p"}"#),
        key_hash(&["team", "t"]).to_string()
    );
    assert_eq!(key("calendar.hours_set", r#"{"person":"p"}"#), key_hash(&["calendar", "p"]).to_string());
}

#[test]
fn payload_hash_is_of_the_content() {
    let base = r#"{"specversion":"1.0","id":"e1","source":"s","type":"dev.plimsoll.ticket.updated.v1","time":"2026-03-02T09:14:00Z",
        "data":{"ticket":1,"title":"a\/b","new":{"x":1,"y":[2]},"labels":["a","b"]}}"#;
    let hash = |value: &str| hashes(&push(&record(&[], value.as_bytes())).1).0;
    let same = [
        r#"{"data":{"new":{"y":[ 2 ],"x":1},"labels":["a","b"],"title":"a/b","ticket":"1"},"time":"2026-03-02T10:14:00+01:00","type":"dev.plimsoll.ticket.updated.v1","source":"s","id":"e2","specversion":"1.0"}"#,
        &base.replace(
            "\"id\"",
            "\"observedat\":\"2027-01-01T00:00:00Z\",\"sourceversion\":4,\"ext\":\"x\",\"id\"",
        ),
    ];
    for value in same {
        assert_eq!(hash(value), hash(base), "{value}");
    }
    for (from, to) in [
        ("09:14", "09:15"),
        ("\"s\"", "\"t\""),
        ("updated", "created"),
        ("\"id\"", "\"sequence\":1,\"id\""),
        ("\"id\"", "\"subject\":\"x\",\"id\""),
        ("\"x\":1", "\"x\":2"),
        (r#"["a","b"]"#, r#"["b","a"]"#),
        (r#"["a","b"]"#, r#"["ab"]"#),
        (r#"["a","b"]"#, "null"),
        (r#","labels":["a","b"]"#, ""),
    ] {
        assert_ne!(hash(&base.replace(from, to)), hash(base), "{from} -> {to}");
    }
    // Pinned: stored hashes must mean the same in every later version.
    assert_eq!(hash(base), "7011141200878376591");
}

#[test]
fn spans_name_their_partition() {
    let span = Span {
        log: "kafka:c1/t1".into(),
        topic: "plimsoll.commits".into(),
        partition: 2,
        base: 0,
        next: 9,
        was: None,
    };
    assert_eq!(span.app_id(), "plimsoll:kafka:c1/t1:plimsoll.commits:2");
    assert_eq!(Span::parts_of(&span.app_id()), Some(("kafka:c1/t1", "plimsoll.commits", 2)));
    assert_eq!(Span::parts_of("plimsoll:local:0"), None);
    assert_eq!(LOGGED_US, crate::parse_time("2026-03-02T10:00:00Z").unwrap());
}
