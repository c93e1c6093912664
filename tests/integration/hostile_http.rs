//! Clients that mean harm: whatever they send, announce or leave unread, `/healthz` answers within a second, and others
//! are served.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ring::hmac;
use serde_json::json;

use crate::harness::{Place, Server, wait_for};
use crate::http_client;
use crate::story;

const SECRET: &str = "it is a secret";
/// The longest that `/healthz` may take, whatever else happens.
const HEALTH_MAX: Duration = Duration::from_secs(1);

fn with_webhooks(place: &Place, more: &str) -> Server {
    place.write("secret", SECRET);
    place.serve(&format!(
        "[webhooks.gitlab]\nsecret = \"file:secret\"\n[webhooks.github]\nsecret = \"file:secret\"\n{more}"
    ))
}

/// Sends these bytes and leaves the connection open.
fn open(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // A server that has had enough closes before all is sent.
    let _ = stream.write_all(bytes);
    stream
}

fn post_head(path: &str, length: usize, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
    )
}

/// The status of what comes back; 0 where the connection ends without an answer.
fn status(mut stream: TcpStream) -> u16 {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn deliver(server: &Server, body: &[u8]) -> http_client::Response {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = format!("sha256={}", hex::encode(hmac::sign(&key, body)));
    let headers = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", "ping"),
        ("X-Hub-Signature-256", signature.as_str()),
    ];
    server.send("POST", "/webhooks/github", &headers, body)
}

fn assert_healthy(server: &Server) {
    let began = Instant::now();
    assert_eq!(server.get("/healthz").status, 200);
    assert!(began.elapsed() < HEALTH_MAX, "/healthz took {:?}", began.elapsed());
}

/// Runs `harm` while `/healthz` is asked again and again.
fn healthy_during(server: &Server, harm: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asker = scope.spawn(|| {
            let mut asked = 0;
            while !over.load(Ordering::Relaxed) || asked < 3 {
                assert_healthy(server);
                asked += 1;
            }
        });
        // Whoever asks stops when the harm fails as well.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(harm));
        over.store(true, Ordering::Relaxed);
        asker.join().unwrap();
        if let Err(failure) = done {
            std::panic::resume_unwind(failure);
        }
    });
}

#[test]
fn many_signatures_cost_one() {
    let place = Place::new();
    let server = with_webhooks(&place, "");
    let now = chrono::Utc::now().timestamp();
    let signatures = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ".repeat(1_000);
    let proof = format!(
        "webhook-id: 1\r\nwebhook-timestamp: {now}\r\nwebhook-signature: {signatures}\r\nConnection: close\r\n"
    );
    let body = vec![b' '; 25 << 20];
    let request = [post_head("/webhooks/gitlab", body.len(), &proof).as_bytes(), &body].concat();
    let began = Instant::now();
    healthy_during(&server, || {
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..4).map(|_| scope.spawn(|| status(open(&server, &request)))).collect();
            for sender in senders {
                assert_eq!(sender.join().unwrap(), 401);
            }
        });
    });
    assert!(began.elapsed() < Duration::from_secs(20), "four bodies took {:?}", began.elapsed());
    // A header that holds tens of thousands of signatures is refused as such.
    let proof = format!("webhook-signature: {}\r\n", "v1,AAAA ".repeat(40_000));
    let refused = status(open(&server, post_head("/webhooks/gitlab", 0, &proof).as_bytes()));
    assert!([0, 431].contains(&refused), "{refused}");
}

#[test]
fn what_takes_long_keeps_nobody_from_health() {
    let place = Place::new();
    let server = with_webhooks(&place, "");
    let event = |n: usize| {
        let data = json!({"ticket": n.to_string(), "title": "T".repeat(500), "status_category": "todo"});
        story::event(&format!("big-{n}"), "ticket.created", "2026-02-01T10:00:00Z", data)
    };
    let events: Vec<String> = (0..8_000).map(event).collect();
    let batch = format!("[{}]", events.join(","));
    healthy_during(&server, || {
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let kind = "application/cloudevents-batch+json";
                    let status = server.post("/api/v1/events", kind, &batch).status;
                    assert!([202, 503].contains(&status), "{status}"); // a busy log may take too long
                });
            }
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(server.get("/metrics").status, 200));
                scope.spawn(|| assert_eq!(server.get("/report/weekly").status, 200));
            }
        });
        for format in ["json", "csv", "arrow", "parquet"] {
            let headers = [("Content-Type", "text/plain")];
            let sql = b"SELECT a.* FROM tickets a CROSS JOIN (VALUES (1), (2), (3)) b LIMIT 90000";
            let answer = server.send("POST", &format!("/api/v1/sql?format={format}"), &headers, sql);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    });
}

#[test]
fn nothing_is_reserved_by_what_is_announced() {
    let place = Place::new();
    let server = with_webhooks(&place, "[limits]\nrequests_max = 20\n");
    let head = post_head("/webhooks/github", 25 << 20, "");
    // As many as there are places, and more than there is room for, if an announcement took either.
    let announced: Vec<_> = (0..40).map(|_| open(&server, head.as_bytes())).collect();
    let began = Instant::now();
    assert_eq!(deliver(&server, b"{}").status, 202);
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    drop(announced);
    // And with bodies that come, but never end: the largest gives way.
    let most = vec![b' '; (25 << 20) - 1];
    let unfinished: Vec<_> = (0..12)
        .map(|_| {
            let mut stream = open(&server, head.as_bytes());
            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            let _ = stream.write_all(&most);
            stream
        })
        .collect();
    let began = Instant::now();
    assert_eq!(deliver(&server, b"{ }").status, 202);
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    assert_healthy(&server);
    drop(unfinished);
}

#[test]
fn unfinished_headers_give_way() {
    let place = Place::new();
    let server = place.serve("[limits]\nconnections_max = 20\n");
    let began = Instant::now();
    let strangers: Vec<_> = (0..200).map(|_| open(&server, b"GET / HTTP/1.1\r\nHost: local")).collect();
    assert_healthy(&server);
    // The oldest ones have been closed for newer ones; the last ones when their time was over.
    for stranger in strangers {
        assert!([0, 408].contains(&status(stranger)));
    }
    assert!(began.elapsed() < Duration::from_secs(20), "they stayed for {:?}", began.elapsed());
    // A header that never ends is cut off by its size.
    let endless =
        [b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ".to_vec(), vec![b'a'; 1 << 20]].concat();
    let cut = status(open(&server, &endless));
    assert!([0, 431].contains(&cut), "{cut}");
    assert_healthy(&server);
}

/// Rows of some tens of megabytes in an answer.
fn place_with_rows() -> Place {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(1_400)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place
}

const MANY_ROWS: &str = "SELECT a.*, b.* FROM tickets a CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), \
                         (10), (11), (12), (13), (14), (15), (16), (17), (18), (19), (20)) AS b(n) LIMIT 20000";

#[test]
fn an_answer_that_nobody_reads_holds_its_place_and_then_ends() {
    let place = place_with_rows();
    let server = place.serve("[limits]\nrequests_max = 2\n");
    let body = json!({ "sql": MANY_ROWS }).to_string();
    let size = server.sql(MANY_ROWS).body.len();
    assert!(size > 4 << 20, "the kernel would take {size} bytes");
    let request = format!("{}{body}", post_head("/api/v1/sql", body.len(), ""));
    let mut silent: Vec<_> = (0..2).map(|_| open(&server, request.as_bytes())).collect();
    for stream in &mut silent {
        stream.read_exact(&mut [0; 12]).unwrap(); // the answer has begun
    }
    let refused = server.sql("SELECT 1");
    assert_eq!(refused.status, 503, "both places are held until the last byte: {}", refused.text());
    assert_healthy(&server);
    wait_for("the places of those who do not read", || (server.sql("SELECT 1").status == 200).then_some(()));
    drop(silent);
}

#[test]
fn an_answer_has_a_limit() {
    let place = place_with_rows();
    let server = place.serve("[limits]\nanswer_bytes_max = 65536\n");
    for format in ["json", "csv", "arrow"] {
        let headers = [("Content-Type", "text/plain")];
        let path = format!("/api/v1/sql?format={format}");
        let answer = server.send("POST", &path, &headers, MANY_ROWS.as_bytes());
        assert!([422, 507].contains(&answer.status), "{format}: {} {}", answer.status, answer.text());
        assert!(answer.text().contains("limits.answer_bytes_max"), "{}", answer.text());
    }
    // One short name in every row of JSON is a long answer.
    let name = "n".repeat(10_000);
    let answer = server.sql(&format!("SELECT event_id AS {name} FROM tickets LIMIT 100"));
    assert!([422, 507].contains(&answer.status), "{} {}", answer.status, answer.text());
    assert_eq!(server.sql("SELECT 1").status, 200);
}

#[test]
fn a_request_says_clearly_where_it_goes_and_comes_from() {
    let place = Place::new();
    let server = place.serve("[http]\nhosts = [\"plimsoll.example.com\"]\n");
    let ask = |text: &str| status(open(&server, text.as_bytes()));
    let end = "Connection: close\r\n\r\n";
    assert_eq!(ask(&format!("GET /readyz HTTP/1.1\r\nHost: localhost\r\n{end}")), 200);
    assert_eq!(ask(&format!("GET /readyz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n{end}")), 400);
    assert_eq!(ask(&format!("GET /readyz HTTP/1.1\r\n{end}")), 400);
    assert_eq!(ask(&format!("GET http://localhost/readyz HTTP/1.1\r\nHost: localhost\r\n{end}")), 400);
    let sql = |more: &[(&str, &str)]| {
        let plain = [("Content-Type", "text/plain")];
        server.send("POST", "/api/v1/sql", &[&plain[..], more].concat(), b"SELECT 1").status
    };
    let own = format!("http://127.0.0.1:{}", server.port);
    assert_eq!(sql(&[]), 200);
    assert_eq!(sql(&[("Origin", &own)]), 200);
    assert_eq!(sql(&[("Origin", "http://127.0.0.1:1")]), 403);
    assert_eq!(sql(&[("Origin", "https://evil.example")]), 403);
    assert_eq!(sql(&[("Origin", "null")]), 403);
    assert_eq!(sql(&[("Sec-Fetch-Site", "same-site")]), 403);
    assert_eq!(sql(&[("Sec-Fetch-Site", "same-origin"), ("Origin", &own)]), 200);
    // Without tokens, what a proxy passes on is refused, and says so.
    for passed_on in
        [("Host", "plimsoll.example.com"), ("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=x")]
    {
        assert_eq!(sql(&[passed_on]), 403, "{passed_on:?}");
        let page = server.send("GET", "/", &[passed_on], b"");
        assert_eq!(page.status, 403, "{passed_on:?}");
        assert!(page.text().contains("plimsoll token new"), "{}", page.text());
    }
}
