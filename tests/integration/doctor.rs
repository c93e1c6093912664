//! `plimsoll doctor`, `health`, `completions` and `man`: what somebody who sets Plimsoll up meets first.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::broker::{Log, Raw};
use crate::harness::{Place, free_port, tool};
use crate::story::COMMITS;

/// The findings by name, of a run that must end with `code`.
fn findings(place: &Place, code: i32) -> Vec<Value> {
    let output = place.run(&["doctor", "--format", "json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], code == 0);
    report["checks"].as_array().unwrap().clone()
}

/// The verdict on `name`, whose detail or remedy must contain `expect`.
fn verdict(findings: &[Value], name: &str, expect: &str) -> String {
    let found = findings.iter().find(|finding| finding["name"] == name);
    let found = found.unwrap_or_else(|| panic!("{name} is not among {findings:?}"));
    assert!(found.to_string().contains(expect), "{found} lacks {expect:?}");
    assert_eq!(found["verdict"] == "ok", found.get("remedy").is_none(), "{found}");
    found["verdict"].as_str().unwrap().to_owned()
}

/// A configuration with a port that nobody else has.
fn config(rest: &str) -> String {
    format!("[http]\nlisten = \"127.0.0.1:{}\"\n{rest}", free_port())
}

#[test]
fn a_new_installation_is_sound_and_stays_untouched() {
    let place = Place::new();
    place.write("plimsoll.toml", config(""));
    let findings = findings(&place, 0);
    for (name, expect) in [
        ("configuration", "valid"),
        ("data directory", "can be created"),
        ("disk", "GiB free"),
        ("lock", "no process"),
        ("http address", "is free"),
        ("catalogue", "metrics"),
        ("kafka", "not configured"),
    ] {
        assert_eq!(verdict(&findings, name, expect), "ok", "{name}");
    }
    assert!(!place.data().exists(), "looking makes no data directory");
    let text = place.stdout(&["doctor"]);
    assert!(text.lines().all(|line| line.starts_with("ok ")), "{text}");
}

#[test]
fn a_running_server_is_no_trouble() {
    let place = Place::new();
    let server = place.serve("");
    let listen = format!("127.0.0.1:{}", server.port);
    place.write("plimsoll.toml", format!("[http]\nlisten = {listen:?}\n"));
    let found = findings(&place, 0);
    assert_eq!(verdict(&found, "lock", "held"), "ok");
    assert_eq!(verdict(&found, "http address", "answers"), "ok");
    assert_eq!(place.stdout(&["health"]), "ok\n");
    assert!(place.stdout(&["health", "--ready"]).starts_with("ready"));
    drop(server);
    let output = place.run(&["health"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&listen), "{output:?}");
}

#[test]
fn each_broken_part_is_named_with_its_remedy() {
    let place = Place::new();
    place.write("plimsoll.toml", "[http]\nlissten = \"127.0.0.1:0\"\n");
    assert_eq!(verdict(&findings(&place, 1), "configuration", "plimsoll.toml:2"), "fail");

    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let broken = format!(
        "[http]\nlisten = \"{}\"\n[catalogue]\ndirs = [\"own\"]\n[webhooks.github]\nsecret = \"env:NO_SUCH_SECRET\"\n\
         [webhooks.jira]\nsecret = \"file:secret\"\n[people]\npseudonyms = \"file:secret\"\n",
        busy.local_addr().unwrap()
    );
    place.write("plimsoll.toml", broken);
    place.write("own/metric/broken.sql", "SELECT 1 AS n\n");
    place.write("secret", "s3cret\n");
    std::fs::set_permissions(
        place.path().join("secret"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    std::fs::write(place.data(), "a file where the directory should be").unwrap();
    let found = findings(&place, 1);
    assert_eq!(verdict(&found, "data directory", "--data"), "fail");
    assert_eq!(verdict(&found, "http address", "--listen"), "fail");
    assert_eq!(verdict(&found, "catalogue", "plimsoll check"), "fail");
    assert_eq!(verdict(&found, "webhooks.github.secret", "NO_SUCH_SECRET"), "fail");
    assert_eq!(verdict(&found, "webhooks.jira.secret", "chmod 600"), "warn");
    assert!(found.iter().all(|finding| !finding.to_string().contains("s3cret")));
    let output = place.run(&["doctor"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("4 checks failed"), "{output:?}");
}

#[test]
fn a_missing_broker_is_told_within_seconds() {
    let place = Place::new();
    let port = free_port();
    place.write("plimsoll.toml", config(&format!("[kafka]\nbrokers = [\"127.0.0.1:{port}\"]\n")));
    assert_eq!(verdict(&findings(&place, 1), "kafka", "kafka.brokers"), "fail");
}

#[test]
fn a_real_broker_and_its_topics_are_looked_at() {
    let Some(log) = Log::create("doctor_real_broker", 2) else { return };
    let place = Place::new();
    let absent = log.topic("absent");
    let [commits, ..] = log.topics();
    let topics = format!("topics = [{commits:?}, {absent:?}]\n");
    let with_topics = |topics: &str| {
        let kafka = log.config("doctor");
        let kept = kafka.lines().filter(|line| !line.starts_with("topics ="));
        let kafka: String = kept.map(|line| format!("{line}\n")).collect();
        config(&kafka.replacen("[kafka]\n", &format!("[kafka]\n{topics}"), 1))
    };
    place.write("plimsoll.toml", with_topics(&topics));
    let found = findings(&place, 1);
    assert_eq!(verdict(&found, "kafka", "answers"), "ok");
    assert_eq!(verdict(&found, &format!("topic {commits}"), "2 partitions"), "ok");
    assert_eq!(verdict(&found, &format!("topic {absent}"), "--create"), "fail");
    assert_eq!(verdict(&found, "kafka group", "may be read"), "ok");

    log.set_on_topic(COMMITS, "cleanup.policy", "compact");
    log.send(COMMITS, &Raw { value: Some(b"{}"), ..Raw::default() });
    log.flush();
    place.write("plimsoll.toml", with_topics(&format!("topics = [{commits:?}]\n")));
    let found = findings(&place, 1);
    assert_eq!(verdict(&found, &format!("topic {commits}"), "cleanup.policy=delete"), "fail");
    assert_eq!(verdict(&found, "kafka clock", "newest record"), "ok");
}

#[test]
fn shells_and_man_know_every_command() {
    let place = Place::new();
    // Neither needs a configuration that holds.
    place.write("plimsoll.toml", "this is not toml");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.stdout(&["completions", shell]);
        for word in ["replay", "what-if", "doctor"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    let script = place.write("plimsoll.bash", place.stdout(&["completions", "bash"]));
    let completed = format!(
        "source {}; COMP_WORDS=(plimsoll doc); COMP_CWORD=1; _plimsoll plimsoll doc plimsoll; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    assert_eq!(tool(Command::new("bash").args(["-c", &completed])).trim(), "doctor");

    assert!(place.stdout(&["man"]).starts_with(".ie"), "roff begins with its own requests");
    let output = place.run(&["man", "pages"]);
    assert!(output.status.success(), "{output:?}");
    let pages = place.path().join("pages");
    for page in ["plimsoll.1", "plimsoll-query.1", "plimsoll-ingest-git.1"] {
        let text = std::fs::read_to_string(pages.join(Path::new(page))).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
}
