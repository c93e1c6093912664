//! The PostgreSQL port, driven by psql, psycopg, JDBC and, for what no driver does, by bytes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::dashboards;
use crate::harness::{PATIENCE, Place, Server, did_not_run, free_port, tool, wait_for};
use crate::story;

const PASSWORD: &str = "open sesame";

/// A server with the story's events, and the port for SQL clients.
struct Db {
    place: Place,
    server: Server,
    port: u16,
}

/// `postgres` are further keys of its section, `rest` further sections.
fn db(postgres: &str, rest: &str) -> Db {
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(700)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place.write("password", PASSWORD);
    let port = free_port();
    let user = |name: &str, scope: &str| {
        format!(
            "[[postgres.users]]\nname = \"{name}\"\npassword = \"file:password\"\nscopes = [\"{scope}\"]\n"
        )
    };
    let users = user("reader", "read") + &user("analyst", "sql");
    let server =
        place.serve(&format!("[postgres]\nlisten = \"127.0.0.1:{port}\"\n{postgres}\n{users}\n{rest}"));
    Db { place, server, port }
}

impl Db {
    fn dsn(&self, user: &str) -> String {
        format!("host=127.0.0.1 port={} dbname=plimsoll user={user} password='{PASSWORD}'", self.port)
    }

    fn psql_with(&self, dsn: &str, arguments: &[&str]) -> Output {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-v", "VERBOSITY=verbose", "-d", dsn]).args(arguments);
        psql.env("PGCONNECT_TIMEOUT", "30").output().expect("psql is on the path: tests/run brings it")
    }

    /// What psql prints, its errors after it.
    fn psql(&self, user: &str, text: &str) -> String {
        let output = self.psql_with(&self.dsn(user), &["-c", text]);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }
}

/// A first packet: a user's name.
fn startup(user: &str) -> Vec<u8> {
    let body = [&196_608_u32.to_be_bytes()[..], b"user\0", user.as_bytes(), b"\0\0"].concat();
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

fn message(kind: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// Everything until the other side closes.
fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too: the other side closed with something of ours unread.
    let _ = socket.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn psql_looks_around() {
    let db = db("", "");
    for (command, expect) in [
        (r"\dt", "public|commits|table"),
        (r"\dv", "public|review_load|view"),
        (r"\d", "public|change|view"),
        (r"\d review_load", "open_reviews|bigint"),
        (r"\d commits", "occurred_at|timestamp with time zone"),
        (r"\d+ review_load", "open_reviews|bigint"),
        (r"\dn", "public|analyst"),
        (r"\dn+", "public|analyst"),
        (r"\dp", "public|commits|table"),
        (r"\du", ""),
        (r"\df", ""),
        (r"\dT", ""),
        (
            "SELECT column_name, data_type, udt_name FROM information_schema.columns WHERE table_name = 'review_load'",
            "team|text|text\nopen_reviews|bigint|int8\n",
        ),
        (
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'commits' AND column_name = 'co_authors'",
            "ARRAY",
        ),
        (
            // A list of structures is a JSON text.
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'commits' AND column_name = 'files'",
            "text",
        ),
        ("SELECT table_type FROM information_schema.tables WHERE table_name = 'change'", "VIEW"),
        ("SELECT count(*) FROM information_schema.table_constraints", "0"),
        (r"\l", "plimsoll|analyst"),
        (r"\conninfo", "database \"plimsoll\""),
        ("SELECT version()", "PostgreSQL 16.6 (Plimsoll"),
        ("SELECT current_user, current_database(), current_schema()", "analyst|plimsoll|public"),
        ("SHOW server_version_num", "160006"),
        ("BEGIN; SELECT 1; COMMIT", "COMMIT"),
        ("SET statement_timeout = '5s'; SHOW statement_timeout", "5s"),
    ] {
        let said = db.psql("analyst", command);
        assert!(said.contains(expect), "{command}: {said}");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/grafana.sql");
    let output = db.psql_with(&db.dsn("analyst"), &["-f", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for expect in ["1600\n", "public.review_load\n", "open_reviews|", "2026-02-15 00:00:00"] {
        assert!(said.contains(expect), "{expect}: {said}");
    }
}

#[test]
fn a_question_means_what_it_means_to_postgresql() {
    let db = db("", "");
    for (text, expect) in [
        (
            "SELECT x.n, (SELECT count(*) FROM (VALUES (1), (1), (2)) AS y (n) WHERE y.n = x.n) FROM (VALUES (1), (2)) AS x (n) ORDER BY 1",
            "1|2\n2|1\n",
        ),
        (
            "SELECT m.repo, (SELECT count(*) FROM change c WHERE c.repo = m.repo) > 0 FROM change m LIMIT 1",
            "|t\n",
        ),
        ("SELECT to_char(TIMESTAMP '2026-03-09 14:05:06', 'YYYY-MM-DD HH24:MI')", "2026-03-09 14:05\n"),
        (
            "SELECT to_char(TIMESTAMP '2026-03-09 14:05:06', 'DD Month')",
            "ERROR:  0A000: to_char cannot write 'Month'",
        ),
    ] {
        let said = db.psql("analyst", text);
        assert!(said.contains(expect), "{text}: {said}");
    }
}

#[test]
fn what_is_not_a_query_is_refused() {
    let db = db("", "");
    for (user, text, code) in [
        ("analyst", "COPY commits TO '/tmp/x'", "42501"),
        ("analyst", "COPY (SELECT 1) TO STDOUT", "42501"),
        ("analyst", "SET datafusion.execution.batch_size = 1", "42704"),
        ("analyst", "EXPLAIN ANALYZE INSERT INTO commits VALUES (1)", "25006"),
        ("analyst", "INSERT INTO commits VALUES (1)", "25006"),
        ("analyst", "SELECT 'first'; DROP TABLE commits", "25006"),
        ("analyst", "PREPARE p AS INSERT INTO commits VALUES (1)", "0A000"),
        ("analyst", "SELECT * FROM '/etc/passwd'", "42P01"),
        ("analyst", "SELECT repeat('x', 1500000000)", "42601"),
        ("analyst", "SET TimeZone = 'Europe/Berlin'", "22023"),
        ("analyst", "SELECT 1 / 0", "22012"),
        ("analyst", "SELECT nothing FROM commits", "42703"),
        ("analyst", "SELECT * FROM nothing", "42P01"),
        ("analyst", "SELECT * FROM review_load(as_of => 'soon')", "22023"),
        ("analyst", "SELECT * FROM review_load(moment => '2026-02-01')", "42883"),
        ("reader", "SELECT * FROM commits", "42501"),
        ("reader", "SELECT * FROM change", "42501"),
        ("reader", "SELECT * FROM reviewer_load", "42501"),
        ("reader", "SELECT * FROM reviewer_load(as_of => '2026-02-01')", "42501"),
    ] {
        let said = db.psql(user, text);
        assert!(said.contains(&format!("ERROR:  {code}:")), "{text}: {said}");
        assert!(!said.contains("first"), "nothing of a refused text runs: {said}");
    }
    assert!(db.psql("reader", "SELECT count(*) FROM review_load").trim().parse::<u32>().is_ok());
    let listed = db.psql("reader", r"\d");
    assert!(listed.contains("review_load") && !listed.contains("commits"), "{listed}");
    assert!(!listed.contains("reviewer_load"), "{listed}");
}

#[test]
fn metrics_are_those_of_http_and_drivers_work() {
    let Some(python) = std::env::var_os("PLIMSOLL_TEST_PSYCOPG") else {
        return did_not_run("metrics_are_those_of_http_and_drivers_work", "PLIMSOLL_TEST_PSYCOPG is not set");
    };
    let db = db("statements_max = 100", "[people]\nvisibility = \"all\"\n[limits]\nsql_timeout_ms = 60000\n");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres");
    let port = db.server.port.to_string();
    let compared =
        tool(Command::new(&python).arg(scripts.join("metrics.py")).args([&port, &db.dsn("reader")]));
    assert!(compared.contains("metrics, "), "{compared}");
    let driven = tool(Command::new(&python).arg(scripts.join("driver.py")).arg(db.dsn("analyst")));
    assert!(driven.contains("cancelled after"), "{driven}");
    let server = format!("127.0.0.1:{}", db.port);
    let reflected = tool(
        Command::new(&python)
            .arg(scripts.join("reflection.py"))
            .args([&server, "analyst", PASSWORD, "plimsoll"]),
    );
    assert!(
        reflected.contains("psycopg2: SQLAlchemy") && reflected.contains("asyncpg: pooled"),
        "{reflected}"
    );
}

#[test]
fn jdbc_works() {
    let Some(jar) = std::env::var_os("PLIMSOLL_TEST_JDBC") else {
        return did_not_run("jdbc_works", "PLIMSOLL_TEST_JDBC is not set");
    };
    let db = db("", "");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/Driver.java");
    let url = format!("jdbc:postgresql://127.0.0.1:{}/plimsoll", db.port);
    let said = tool(Command::new("java").arg("-cp").arg(jar).arg(source).args([&url, "analyst", PASSWORD]));
    assert!(said.contains("seven at a time"), "{said}");
}

/// What Grafana asks by itself, and bound values, by the driver that Grafana has.
#[test]
fn pgx_works() {
    let db = db("", "[people]\nvisibility = \"all\"\n[limits]\nsql_timeout_ms = 60000\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/grafana.sql");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("--") && !line.starts_with('\\'));
    let statements = lines.collect::<Vec<_>>().join("\n");
    let questions: Vec<(String, String)> = statements
        .split(';')
        .map(str::trim)
        .filter(|query| !query.is_empty())
        .map(|query| (query.to_owned(), "table".to_owned()))
        .collect();
    let Some(answers) = dashboards::asked("pgx_works", &db.place, &db.dsn("analyst"), &questions) else {
        return;
    };
    let prepared = |answer: &&Value| answer["way"] == "prepared";
    let bound = answers.iter().filter(prepared).filter(|answer| answer["query"].to_string().contains("$1"));
    assert!(bound.count() > 20 && answers.len() > 150, "{} answers", answers.len());
}

#[test]
fn a_query_that_is_over_its_time_really_stops() {
    let mut db = db("", "[limits]\nsql_timeout_ms = 1000\n");
    // However few rows there are and however fast the machine is, 8 of them in each other do not come to an end.
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let from = names.map(|name| format!("commits {name}")).join(", ");
    let cross = format!("SELECT count(*) FROM {from} WHERE a.seq + {}.seq = 1", names[1..].join(".seq + "));
    let said = db.psql("analyst", &cross);
    assert!(said.contains("ERROR:  57014:"), "{said}");
    let spent = |server: &Server| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.running.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    // Idle is less than a tenth of one processor, over a while.
    let (mut since, mut ticks) = (Instant::now(), spent(&db.server));
    wait_for("the processor to be idle again", || {
        if since.elapsed() < Duration::from_millis(500) {
            return None;
        }
        let idle = (spent(&db.server) - ticks) * 10 < since.elapsed().as_millis() as u64 / 10;
        (since, ticks) = (Instant::now(), spent(&db.server));
        idle.then_some(())
    });
    db.server.assert_alive();
    assert!(db.psql("analyst", "SELECT 'alive'").contains("alive"));
    let memory = "SELECT string_agg(a.event_id || b.event_id, '') FROM commits a, commits b, reviews c";
    let said = db.psql("analyst", memory);
    assert!(said.contains("ERROR:  57014:") || said.contains("ERROR:  53200:"), "{said}");
}

#[test]
fn there_is_no_way_in_without_the_password() {
    let db = db("startup_timeout_ms = 2000", "");
    for (user, password) in [("analyst", "wrong"), ("analyst", ""), ("nobody", PASSWORD)] {
        let dsn =
            format!("host=127.0.0.1 port={} dbname=plimsoll user={user} password='{password}'", db.port);
        let output = db.psql_with(&dsn, &["-c", "SELECT 1", "-w"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{user}");
        assert!(
            said.contains("password authentication failed") || said.contains("no password supplied"),
            "{said}"
        );
    }
    // A query before the proof, and after one that failed.
    for wrong in [message(b'Q', 13, b"SELECT 1\0"), message(b'p', 9, b"nope\0")] {
        let mut socket = db.connect();
        socket.write_all(&startup("analyst")).unwrap();
        socket.write_all(&wrong).unwrap();
        let _ = socket.write_all(&message(b'Q', 16, b"SELECT 'in'\0"));
        let said = rest(&mut socket);
        assert!(said.contains("FATAL") && !said.contains("SELECT 1\0"), "{said}");
        assert!(!said.contains("\0in"), "{said}");
    }
    // Saying nothing at all, or asking for TLS again and again, ends too.
    let mut silent = db.connect();
    assert_eq!(rest(&mut silent), "");
    let mut flood = db.connect();
    let ask = [&8_u32.to_be_bytes()[..], &80_877_103_u32.to_be_bytes()].concat();
    let _ = flood.write_all(&ask.repeat(1_000));
    let said = rest(&mut flood);
    assert_eq!(said.matches('N').count(), said.chars().take_while(|c| *c == 'N').count(), "{said}");
    assert!(said.chars().take_while(|c| *c == 'N').count() <= 1, "{said}");
}

#[test]
fn messages_and_connections_are_bounded() {
    let db = db("connections_max = 3", "");
    let psql = |text: &str| db.psql("analyst", text);
    let mut long = db.connect();
    long.write_all(&startup("analyst")).unwrap();
    long.write_all(&message(b'p', 1 << 30, b"")).unwrap();
    let said = rest(&mut long);
    assert!(said.contains("54000") && said.contains("1073741824 bytes"), "{said}");
    let mut first = db.connect();
    first.write_all(&(64_u32 << 20).to_be_bytes()).unwrap();
    first.write_all(&[0; 4]).unwrap();
    assert!(rest(&mut first).contains("54000"));
    // A cancel request with another key stops nobody, and is not answered.
    let mut cancel = db.connect();
    let body =
        [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &100_000_u32.to_be_bytes(), &[7; 4]];
    cancel.write_all(&body.concat()).unwrap();
    assert_eq!(rest(&mut cancel), "");
    assert!(psql("SELECT 'alive'").contains("alive"));
    // Those who have not logged in hold no place, however many they are.
    let strangers: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut socket = db.connect();
            socket.write_all(&startup("analyst")).unwrap();
            socket
        })
        .collect();
    for _ in 0..3 {
        assert!(psql("SELECT 'alive'").contains("alive"));
    }
    drop(strangers);
    let logged_in = || {
        let mut psql = Command::new("psql")
            .args(["-X", "-A", "-t", "-d", &db.dsn("analyst")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(psql.stdin.as_mut().unwrap(), "SELECT 'in';").unwrap();
        let mut said = [0; 2];
        psql.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(&said, b"in");
        psql
    };
    let mut held = [0; 3].map(|_| logged_in());
    let said = psql("SELECT 'alive'");
    assert!(said.contains("there are 3 connections already"), "{said}");
    held.iter_mut().for_each(|psql| drop(psql.kill()));
    wait_for("a place", || psql("SELECT 'alive'").contains("alive").then_some(()));
    held.iter_mut().for_each(|psql| drop(psql.wait()));
}

/// What the codec would panic at, or take for something else.
#[test]
fn messages_that_are_none_end_their_connection() {
    let db = db("startup_timeout_ms = 2000", "");
    let short = message(b'p', 8, b"SCRA");
    let lying = message(b'p', 22, b"SCRAM-SHA-256\0\x7f\xff\xff\xff");
    for (wrong, code) in [(&short, "08P01"), (&lying, "08P01")] {
        let mut socket = db.connect();
        socket.write_all(&startup("analyst")).unwrap();
        socket.write_all(wrong).unwrap();
        let said = rest(&mut socket);
        assert!(said.contains("FATAL") && said.contains(code), "{said}");
    }
    let mut latin = db.connect();
    let body = [&196_608_u32.to_be_bytes()[..], b"user\0m\xfcller\0\0"].concat();
    latin.write_all(&[&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()).unwrap();
    assert!(rest(&mut latin).contains("22021"));
    assert!(db.psql("analyst", "SELECT 'alive'").contains("alive"));
}

/// A reader's statements are bounded as those over HTTP.
#[test]
fn a_reader_takes_no_more_memory_than_statements_have() {
    let mut db = db("", "[limits]\nsql_timeout_ms = 3000\n");
    let constant = (0..12).fold("'a'".to_owned(), |x, _| format!("replace({x}, 'a', 'aaaaaaaaaaaaaaaa')"));
    let quoted = (0..40).fold("'\"'".to_owned(), |x, _| format!("quote_ident({x})"));
    for text in [
        format!("SELECT length({constant})"),
        format!("SELECT length({quoted})"),
        "SELECT array_resize(ARRAY[1], 400000000)".to_owned(),
        "SELECT string_agg(a.team || b.team, '') FROM review_load a, review_load b, pg_class c, pg_class d, pg_attribute e, pg_attribute f".to_owned(),
    ] {
        let said = db.psql("reader", &text);
        let code = ["53200", "42601", "57014"].iter().any(|code| said.contains(code));
        assert!(code, "{text}: {said}");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", db.server.running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak_kib < 2 << 20, "{peak_kib} KiB");
    db.server.assert_alive();
}

#[test]
fn with_a_certificate_nobody_talks_in_the_clear() {
    let place = Place::new();
    let (certificate, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key);
    tool(&mut openssl);
    let keys = format!("tls_certificate = \"{}\"\ntls_key = \"{}\"\n", certificate.display(), key.display());
    let db = db(&keys, "");
    let with = |mode: &str| db.psql_with(&format!("{} {mode}", db.dsn("analyst")), &["-c", "SELECT 'in'"]);
    let verified = with(&format!("sslmode=verify-full sslrootcert={}", certificate.display()));
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let bound = with("sslmode=require channel_binding=require");
    assert!(bound.status.success(), "{}", String::from_utf8_lossy(&bound.stderr));
    let plain = with("sslmode=disable");
    let said = String::from_utf8_lossy(&plain.stderr);
    assert!(!plain.status.success() && said.contains("connections without TLS are refused"), "{said}");

    // A certificate that cannot be used ends the start.
    let missing = keys.replace("cert.pem", "missing.pem");
    place.write("password", PASSWORD);
    place.write(
        "plimsoll.toml",
        format!(
            "[postgres]\nlisten = \"127.0.0.1:{}\"\n{missing}\n[[postgres.users]]\nname = \"a\"\n\
             password = \"file:password\"\nscopes = [\"read\"]\n",
            free_port()
        ),
    );
    let output = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("missing.pem"), "{:?} {said}", output.status);
}
