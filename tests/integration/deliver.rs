//! Reports delivered to a real mail server, a chat and a folder, also when the server is killed at the worst moment.
//!
//! The mail server is aiosmtpd (tests/mail/server), in the Python that PLIMSOLL_TEST_PYTHON names; tests/run brings it. It keeps a
//! message on disk before it answers, so that "accepted" is a fact of the other side.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::harness::{Place, Server, did_not_run, tool, wait_for};
use crate::report::{KNOWN_AT, WEEK, shop};

/// Stops it; its data directory is free again.
fn server_stopped(mut server: Server) -> bool {
    server.running.stop().success()
}

/// A mail server of its own, and the folder that it keeps messages in.
struct Mailbox {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Mailbox {
    fn new(test: &str, place: &Place, arguments: &[&str]) -> Option<Mailbox> {
        let Some(python) = std::env::var_os("PLIMSOLL_TEST_PYTHON") else {
            did_not_run(test, "PLIMSOLL_TEST_PYTHON names no Python with aiosmtpd");
            return None;
        };
        let folder = place.path().join("mailbox");
        std::fs::create_dir_all(&folder).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/server");
        let mut server = Command::new(python)
            .arg(script)
            .arg(&folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the mail server prints its port");
        Some(Mailbox { server, folder, port })
    }

    fn messages(&self) -> Vec<String> {
        let number = |path: &PathBuf| path.file_stem().and_then(|n| n.to_str()?.parse::<u32>().ok());
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
            .collect();
        files.sort_by_key(number);
        files.iter().map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
    }

    fn entry(&self, more: &str) -> String {
        format!(
            "[[report.to]]\nvia = \"mail\"\nname = \"leads\"\nserver = \"localhost:{}\"\nfrom = \"Plimsoll <plimsoll@shop.test>\"\n\
             to = [\"ada@shop.test\", \"gus@shop.test\"]\n{more}\n",
            self.port
        )
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A weekly report that is always just due: its last time was at most a week ago.
const DUE: &str = "[delivery]\nlate_hours_max = 744\nbackoff_ms = 20\n[[report]]\nname = \"monday\"\nkind = \"weekly\"\nschedule = \"0 8 * * MON\"\n";
/// Sent when asked only.
const ASKED: &str = "[delivery]\nbackoff_ms = 20\n[[report]]\nname = \"monday\"\nkind = \"weekly\"\n";

/// The words of the log about deliveries, in order.
fn said(place: &Place) -> Vec<String> {
    let sql = "SELECT type FROM directory WHERE entity = 'report' ORDER BY seq";
    let answer = place.stdout(&["sql", sql, "--format", "csv"]);
    answer.lines().skip(1).map(str::to_owned).collect()
}

fn deliver(place: &Place, more: &[&str]) -> std::process::Output {
    place.run(
        &[&["report", "weekly", "--week", WEEK, "--known-at", KNOWN_AT, "--deliver", "monday"][..], more]
            .concat(),
    )
}

#[test]
fn a_mail_is_sent_encrypted_once() {
    let place = shop();
    let (cert, key) = certificate(&place);
    let login = ["--login", "plimsoll:s3cret", "--cert", &cert, "--key", &key, "--refuse", "2"];
    let Some(mailbox) = Mailbox::new("a_mail_is_sent_encrypted_once", &place, &login) else { return };
    let password = place.write("password", "s3cret\n");
    let more = format!(
        "user = \"plimsoll\"\npassword = \"file:{}\"\nca = \"{cert}\"\nattach = [\"json\"]",
        password.display()
    );
    place.write("plimsoll.toml", format!("{ASKED}{}", mailbox.entry(&more)));
    let sent = deliver(&place, &[]);
    assert!(sent.status.success(), "{sent:?}");
    assert!(String::from_utf8_lossy(&sent.stdout).starts_with("leads: delivered (250"), "{sent:?}");
    let again = deliver(&place, &[]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("has it already"), "{again:?}");

    let messages = mailbox.messages();
    assert_eq!(messages.len(), 1, "refused twice, taken once, not sent again");
    let mail = &messages[0];
    for expect in [
        "Subject: Weekly report, week 15: 6 to 12 April 2026",
        "X-Envelope-To: ada@shop.test, gus@shop.test",
        "@shop.test>",
        "Auto-Submitted: auto-generated",
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "filename=\"monday-2026-W15.json\"",
    ] {
        assert!(mail.contains(expect), "the mail lacks {expect}:\n{}", &mail[..mail.len().min(3000)]);
    }
    let twice_refused = [
        "report.sending",
        "report.refused",
        "report.sending",
        "report.refused",
        "report.sending",
        "report.delivered",
    ];
    assert_eq!(said(&place), twice_refused);

    let asked_again = deliver(&place, &["--again"]);
    assert!(asked_again.status.success());
    let id = |mail: &str| mail.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    let messages = mailbox.messages();
    assert_eq!(
        (messages.len(), id(&messages[0])),
        (2, id(&messages[1])),
        "by hand, under the same Message-ID"
    );
}

#[test]
fn a_wrong_password_and_a_server_without_tls_get_nothing() {
    let place = shop();
    let (cert, key) = certificate(&place);
    let login = ["--login", "plimsoll:s3cret", "--cert", &cert, "--key", &key];
    let test = "a_wrong_password_and_a_server_without_tls_get_nothing";
    let Some(mailbox) = Mailbox::new(test, &place, &login) else { return };
    let password = place.write("password", "guess\n");
    let user = format!("user = \"plimsoll\"\npassword = \"file:{}\"\n", password.display());
    for (more, expect) in [
        (format!("{user}ca = \"{cert}\""), "535"),
        (user.clone(), "certificate"), // nobody vouches for it
    ] {
        place.write(
            "plimsoll.toml",
            format!(
                "{}attempts_max = 2\n{}{}",
                "[delivery]\nbackoff_ms = 5\n",
                &ASKED["[delivery]\nbackoff_ms = 20\n".len()..],
                mailbox.entry(&more)
            ),
        );
        let sent = deliver(&place, &[]);
        let told =
            format!("{}{}", String::from_utf8_lossy(&sent.stdout), String::from_utf8_lossy(&sent.stderr));
        assert_eq!(sent.status.code(), Some(1), "{told}");
        assert!(told.to_lowercase().contains(expect), "{told} lacks {expect}");
        assert!(!told.contains("guess"), "{told}");
    }
    drop(mailbox);
    let plain = Mailbox::new(test, &place, &[]).unwrap();
    place.write("plimsoll.toml", format!("{ASKED}{}", plain.entry("")));
    let sent = deliver(&place, &[]);
    assert!(String::from_utf8_lossy(&sent.stdout).contains("does not offer STARTTLS"), "{sent:?}");
    assert!(plain.messages().is_empty() && said(&place).is_empty(), "nothing was handed over");
}

#[test]
fn killed_between_acceptance_and_acknowledgement_a_mail_is_there_once() {
    let place = shop();
    let test = "killed_between_acceptance_and_acknowledgement_a_mail_is_there_once";
    let Some(mailbox) = Mailbox::new(test, &place, &["--hold"]) else { return };
    let config = format!("{DUE}{}", mailbox.entry("tls = \"none\""));
    let mut server = place.serve(&config);
    wait_for("the mail server to keep the message", || (mailbox.messages().len() == 1).then_some(()));
    server.running.kill(); // it has the message, and nobody has heard so
    std::fs::write(mailbox.folder.join("answer"), "").unwrap();

    let server = place.serve(&config);
    wait_for("the server to own up", || {
        server.running.log().contains("may or may not have it").then_some(())
    });
    assert!(server_stopped(server));
    assert_eq!(said(&place), ["report.sending", "report.unconfirmed"]);
    let server = place.serve(&config); // and once more
    wait_for("the server to leave it alone", || {
        (server.running.log().matches("may or may not have it").count() > 1).then_some(())
    });
    assert!(server_stopped(server));
    assert_eq!(mailbox.messages().len(), 1);
    assert_eq!(said(&place), ["report.sending", "report.unconfirmed"]);
}

#[test]
fn killed_before_anything_was_handed_over_a_mail_is_sent_later() {
    let place = shop();
    let test = "killed_before_anything_was_handed_over_a_mail_is_sent_later";
    // A port where nobody answers the greeting.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let Some(mut mailbox) = Mailbox::new(test, &place, &[]) else { return };
    let port = std::mem::replace(&mut mailbox.port, silent.local_addr().unwrap().port());
    let config = |mailbox: &Mailbox| format!("{DUE}{}", mailbox.entry("tls = \"none\""));
    let mut server = place.serve(&config(&mailbox));
    let (connection, _) = silent.accept().unwrap();
    server.running.kill();
    drop(connection);
    mailbox.port = port;
    let server = place.serve(&config(&mailbox));
    wait_for("the mail to arrive", || (mailbox.messages().len() == 1).then_some(()));
    wait_for("the delivery to be logged", || server.running.log().contains("delivered (250").then_some(()));
    assert!(server_stopped(server));
    assert_eq!(said(&place), ["report.sending", "report.delivered"]);
    let mail = &mailbox.messages()[0];
    assert!(mail.contains("Auto-Submitted"), "{mail}");
}

/// A chat: answers each POST with the next of these statuses, and counts those that it took.
struct Chat {
    port: u16,
    taken: Arc<AtomicUsize>,
    bodies: Arc<Mutex<Vec<String>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Chat {
    /// 0 takes the request and never answers.
    fn answering(statuses: &'static [u16]) -> Chat {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let chat = Chat { port, taken: Arc::default(), bodies: Arc::default(), heads: Arc::default() };
        let (taken, bodies, heads) =
            (Arc::clone(&chat.taken), Arc::clone(&chat.bodies), Arc::clone(&chat.heads));
        thread::spawn(move || {
            let mut open = Vec::new();
            for (stream, status) in
                listener.incoming().zip(statuses.iter().copied().chain(std::iter::repeat(200)))
            {
                let mut stream = stream.unwrap();
                let (head, body) = request(&mut stream);
                heads.lock().unwrap().push(head);
                bodies.lock().unwrap().push(body);
                if status == 0 || status == 200 {
                    taken.fetch_add(1, Ordering::SeqCst);
                }
                if status == 0 {
                    open.push(stream); // held until the other side gives up
                } else {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} So\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                }
            }
        });
        chat
    }

    fn entry(&self, place: &Place, more: &str) -> String {
        let url = place.write("chat-url", format!("http://127.0.0.1:{}/services/secret\n", self.port));
        format!(
            "[[report.to]]\nvia = \"webhook\"\nname = \"chat\"\nurl = \"file:{}\"\n{more}\n",
            url.display()
        )
    }
}

fn request(stream: &mut TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn a_chat_gets_a_report_after_refusals_once() {
    let place = shop();
    let chat = Chat::answering(&[503, 429]);
    place.write(
        "plimsoll.toml",
        format!("{ASKED}{}", chat.entry(&place, "link = \"https://plimsoll.shop.test/report/weekly\"")),
    );
    let sent = deliver(&place, &[]);
    assert!(sent.status.success(), "{sent:?}");
    assert!(String::from_utf8_lossy(&deliver(&place, &[]).stdout).contains("has it already"));
    assert_eq!(chat.taken.load(Ordering::SeqCst), 1);
    let bodies = chat.bodies.lock().unwrap();
    assert_eq!(bodies.len(), 3);
    let text = serde_json::from_str::<Value>(&bodies[2]).unwrap()["text"].as_str().unwrap().to_owned();
    for expect in
        ["*Weekly report, week 15*", "*Decisions to take*", "<https://plimsoll.shop.test/report/weekly|"]
    {
        assert!(text.contains(expect), "{text}");
    }
    let keys: Vec<String> = chat
        .heads
        .lock()
        .unwrap()
        .iter()
        .map(|head| head.lines().find(|line| line.starts_with("idempotency-key:")).unwrap().to_owned())
        .collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
}

#[test]
fn killed_while_a_chat_holds_its_answer_back_a_report_is_there_once() {
    let place = shop();
    let chat = Chat::answering(&[0]);
    let config = format!("{DUE}{}", chat.entry(&place, "style = \"teams\""));
    let mut server = place.serve(&config);
    wait_for("the chat to have the report", || (chat.taken.load(Ordering::SeqCst) == 1).then_some(()));
    server.running.kill();
    let server = place.serve(&config);
    wait_for("the server to own up", || {
        server.running.log().contains("may or may not have it").then_some(())
    });
    assert!(server_stopped(server));
    assert_eq!(chat.taken.load(Ordering::SeqCst), 1);
    assert_eq!(said(&place), ["report.sending", "report.unconfirmed"]);
    assert!(chat.bodies.lock().unwrap()[0].contains("AdaptiveCard"));
}

#[test]
fn a_folder_has_each_report_once_whoever_wrote_it() {
    let place = shop();
    let folder = place.path().join("reports");
    let to = format!(
        "[[report.to]]\nvia = \"folder\"\nname = \"files\"\npath = {folder:?}\nformats = [\"html\", \"md\", \"json\"]\n"
    );
    place.write("plimsoll.toml", format!("{ASKED}{to}"));
    assert!(deliver(&place, &[]).status.success());
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["monday-2026-W15.html", "monday-2026-W15.json", "monday-2026-W15.md"]);
    assert_eq!(said(&place), ["report.sending", "report.delivered"]);
    // A receiver that fails is told, and named.
    std::fs::write(place.path().join("file"), "").unwrap();
    let to = to.replace("reports", "file/below").replace("name = \"files\"", "name = \"broken\"");
    place.write(
        "plimsoll.toml",
        format!(
            "{}attempts_max = 2\n{}{to}",
            "[delivery]\nbackoff_ms = 5\n",
            &ASKED["[delivery]\nbackoff_ms = 20\n".len()..]
        ),
    );
    let failed = deliver(&place, &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&failed.stdout).contains("broken: not delivered: could not write"),
        "{failed:?}"
    );
}

#[test]
fn delivering_needs_a_report_that_is_configured() {
    let place = shop();
    place.write(
        "plimsoll.toml",
        format!("{ASKED}[[report.to]]\nvia = \"folder\"\nname = \"f\"\npath = \"x\"\n"),
    );
    for (arguments, expect) in [
        (&["report", "weekly", "--deliver", "mondy"][..], "did you mean monday"),
        (&["report", "roadmap", "--deliver", "monday"], "report weekly --deliver monday"),
        (&["report", "weekly", "--again"], "--deliver"),
        (&["report", "weekly", "--week", "15"], "2026-W46"),
        (&["report", "weekly", "--team", "a", "--deliver", "monday"], "cannot be used with"),
    ] {
        let output = place.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expect), "{arguments:?}: {stderr}");
    }
}

/// A certificate for localhost, and its key.
fn certificate(place: &Place) -> (String, String) {
    let (cert, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]);
    command.args([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&cert);
    tool(&mut command);
    (cert.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
}
