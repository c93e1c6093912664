//! SQL that would take all memory or all time, over HTTP and over the PostgreSQL port, and whether the server lives on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server};
use crate::http_client;
use crate::story;

/// What the server may take at most, at the default of `limits.sql_memory_bytes` (512 MiB).
const MEMORY_KIB_MAX: u64 = 2 << 20;

fn served(config: &str) -> (Place, Server) {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(700)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    let server = place.serve(config);
    (place, server)
}

/// The most memory that the process had, in KiB.
fn peak_kib(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.running.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// An expression put into itself, so often.
fn nested(call: impl Fn(&str) -> String, times: usize, first: &str) -> String {
    (0..times).fold(first.to_owned(), |inner, _| call(&inner))
}

fn doubled(expression: &str, times: usize, first: &str) -> String {
    let from = "tickets CROSS JOIN (SELECT 1 FROM tickets LIMIT 20)";
    let start = format!("SELECT {first} AS x FROM {from}");
    let inner = nested(|inner| format!("SELECT {expression} AS x FROM ({inner})"), times, &start);
    format!("SELECT x FROM ({inner})")
}

fn bombs() -> Vec<String> {
    let replaced = nested(|x| format!("replace({x}, 'a', 'aaaaaaaaaaaaaaaa')"), 12, "'a'");
    let matched = nested(|x| format!("regexp_replace({x}, '.', 'aaaaaaaaaaaaaaaaaaaaaaaa', 'g')"), 8, "'a'");
    let text = "left(concat(a.event_id, b.event_id, a.event_id, b.event_id), 200)";
    let relations = vec!["tickets"; 150].join(", ");
    let named: String = (0..150).map(|n| format!("{}commits t{n}", if n > 0 { ", " } else { "" })).collect();
    vec![
        "SELECT list_resize(make_array(1), 400000000)".to_owned(),
        format!("SELECT length({replaced})"),
        format!("SELECT length({matched})"),
        doubled("replace(x, 'e', 'eeeeeeeeeeeeeeee')", 12, "event_id"),
        doubled("x || x", 30, "event_id"),
        doubled("concat(x, x)", 30, "event_id"),
        doubled("[x, x]", 30, "seq"),
        "SELECT string_agg(a.event_id || b.event_id, '') FROM tickets a, tickets b, tickets c".to_owned(),
        "SELECT array_agg(a.event_id) FROM tickets a, tickets b, tickets c".to_owned(),
        "SELECT count(*) FROM (SELECT DISTINCT a.event_id, b.event_id AS e, c.seq FROM tickets a, tickets b, tickets c)".to_owned(),
        format!("SELECT sum(levenshtein({text}, reverse({text}))) FROM tickets a, tickets b, tickets c"),
        format!("SELECT count(*) FROM tickets a, tickets b WHERE {text} ~ '(a|b|ab)*(x+x+)+y$'"),
        format!("SELECT count(*) FROM {relations}"),
        format!("SELECT * FROM {named}"),
        "SELECT 1 AS a WHERE 2 BETWEEN 1 AND 3 BETWEEN 1 AND 3".to_owned(),
        "SELECT business_ms(to_timestamp_micros(8210266876799999999 - 86400000000), to_timestamp_micros(8210266876799999999), 'Pacific/Kiritimati', NULL, NULL)".to_owned(),
    ]
}

/// Whether the process answers within a second, for as long as `work` takes.
fn while_healthy(port: u16, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let answer = http_client::send(port, "GET", "/healthz", &[], b"");
                slowest = slowest.max(begun.elapsed());
                assert_eq!(answer.map(|answer| answer.status).ok(), Some(200), "the process answers");
                thread::park_timeout(Duration::from_millis(50));
            }
            slowest
        });
        work();
        done.store(true, Ordering::Relaxed);
        probe.join().unwrap()
    });
    println!("/healthz took {slowest:?} at most");
    assert!(slowest < Duration::from_secs(1), "/healthz took {slowest:?}");
}

#[test]
fn hostile_sql_neither_ends_the_server_nor_holds_it_up() {
    let (_place, mut server) = served("[limits]\nsql_timeout_ms = 3000\n");
    while_healthy(server.port, || {
        for sql in bombs() {
            let shown = &sql[..sql.len().min(90)];
            let begun = Instant::now();
            thread::scope(|scope| {
                // More at once than there are processors.
                let all: Vec<_> = (0..4).map(|_| scope.spawn(|| server.sql(&sql))).collect();
                for answer in all {
                    let answer = answer.join().unwrap();
                    let ended = matches!(answer.status, 200 | 400 | 408 | 507);
                    assert!(ended, "{shown}: {} {}", answer.status, answer.text());
                }
            });
            println!("{:>5} ms, {} MiB: {shown}", begun.elapsed().as_millis(), peak_kib(&server) >> 10);
            let begun = Instant::now();
            assert_eq!(server.sql("SELECT 1").status, 200, "after {shown}");
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "SELECT 1 took {:?} after {shown}",
                begun.elapsed()
            );
            assert!(peak_kib(&server) < MEMORY_KIB_MAX, "{} KiB after {shown}", peak_kib(&server));
        }
    });
    server.assert_alive();
    assert!(!server.running.log().contains("was held there"), "no statement got as far as the hard limit");
}

#[test]
fn answers_that_nobody_reads_are_held_within_the_limit() {
    let limits = "[limits]\nsql_timeout_ms = 2000\nsql_memory_bytes = 134217728\nsql_rows_max = 1000000\n";
    let (_place, mut server) = served(limits);
    let sql = "SELECT a.event_id AS first_of_the_two, b.event_id AS second_of_the_two, a.title FROM tickets a \
               CROSS JOIN tickets b LIMIT 100000";
    let body = serde_json::json!({ "sql": sql }).to_string();
    let request = format!(
        "POST /api/v1/sql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    while_healthy(server.port, || {
        let mut accepted = 0;
        let silent: Vec<TcpStream> = (0..24)
            .map(|_| {
                let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                socket.write_all(request.as_bytes()).unwrap();
                // The head of the answer comes; the rest stays where it is.
                let mut head = [0; 12];
                socket.read_exact(&mut head).unwrap();
                accepted += usize::from(head.ends_with(b"200"));
                socket
            })
            .collect();
        assert!(accepted > 0, "the first of them have their answers");
        let peak = peak_kib(&server);
        assert!(peak < 900 << 10, "24 answers that nobody reads hold {peak} KiB");
        let refused = server.sql(sql);
        assert!(matches!(refused.status, 408 | 507), "there is no room for one more: {}", refused.status);
        drop(silent);
        let begun = Instant::now();
        while server.sql("SELECT 1").status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(20), "the room never came back");
        }
    });
    server.assert_alive();
}
