//! The files under deploy/ and docker-compose.yml: read by the parsers that will read them, their commands run.
//!
//! Containers are not started here; what would run in them is run as it is.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::broker::Log;
use crate::harness::{Place, did_not_run, tool};
use crate::story;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What docker-compose.yml wants of its environment; `deploy/secrets` makes them.
const SECRETS: [&str; 3] = ["ACCESS_TOKEN", "GRAFANA_SQL_PASSWORD", "GRAFANA_ADMIN_PASSWORD"];

/// docker-compose.yml as `docker compose config` understands it: the same library, given the file.
fn compose(test: &str) -> Option<Value> {
    if Command::new("go").arg("version").output().is_err() {
        did_not_run(test, "needs Go for the parser of compose files");
        return None;
    }
    let file = Path::new(ROOT).join("docker-compose.yml");
    let mut go = Command::new("go");
    go.current_dir(Path::new(ROOT).join("tests/compose")).args(["run", "."]).arg(file);
    for name in ["GITHUB", "GITLAB", "JIRA"] {
        go.env_remove(format!("{name}_WEBHOOK_SECRET"));
    }
    for name in SECRETS {
        go.env(name, "secret");
    }
    Some(serde_json::from_str(&tool(&mut go)).unwrap())
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn the_services_are_pinned_confined_and_local() {
    let Some(compose) = compose("the_services_are_pinned_confined_and_local") else { return };
    let names: BTreeSet<_> = services(&compose).map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["grafana", "kafka", "plimsoll", "prometheus", "topics"]));
    for (name, service) in services(&compose) {
        let image = service["image"].as_str().unwrap();
        let tag = image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag")).1;
        assert!(tag.starts_with(|c: char| c.is_ascii_digit() || c == 'v') && tag.contains('.'), "{image}");
        assert_eq!(service["network_mode"], Value::Null, "{name} shares the network of the others");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name}: {port}");
        }
        if name != "topics" {
            assert!(service["healthcheck"]["test"].is_array(), "{name} has no health check");
            assert!(texts(&service["security_opt"]).contains(&"no-new-privileges:true"), "{name}");
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume["source"].as_str().unwrap();
            match volume["type"].as_str() {
                Some("bind") => {
                    assert!(Path::new(source).exists() && volume["read_only"] == true, "{volume}")
                }
                _ => assert!(compose["volumes"].get(source).is_some(), "{volume}"),
            }
        }
    }
    let anonymous = |(name, _): (&String, &Value)| name.contains("ANONYMOUS");
    let grafana = compose["services"]["grafana"]["environment"].as_object().unwrap();
    assert!(!grafana.iter().any(anonymous), "everybody logs in");
    let plimsoll = &compose["services"]["plimsoll"];
    assert_eq!(plimsoll["read_only"], true);
    assert_eq!(texts(&plimsoll["cap_drop"]), ["ALL"]);
}

/// The configuration and the health check that the container has, outside of one.
#[test]
fn the_container_s_commands_work() {
    let Some(compose) = compose("the_container_s_commands_work") else { return };
    let dockerfile = std::fs::read_to_string(Path::new(ROOT).join("deploy/Dockerfile")).unwrap();
    let service = &compose["services"]["plimsoll"];
    let check = texts(&service["healthcheck"]["test"]);
    assert_eq!(check[..2], ["CMD", "plimsoll"]);
    let in_dockerfile: Vec<String> = check[1..].iter().map(|word| format!("{word:?}")).collect();
    assert!(dockerfile.contains(&format!("CMD [{}]", in_dockerfile.join(", "))), "{check:?}");

    let place = Place::new();
    let mounted = std::fs::read_to_string(Path::new(ROOT).join("deploy/plimsoll.toml")).unwrap();
    place.write("plimsoll.toml", &mounted);
    assert!(place.stdout(&["config"]).contains("brokers = [\"kafka:9092\"]  # plimsoll.toml"));
    for name in ["GITHUB", "GITLAB", "JIRA"] {
        assert!(service["environment"].get(format!("{name}_WEBHOOK_SECRET")).is_some(), "{name}");
    }
    assert_eq!(place.run(&check[2..]).status.code(), Some(1), "nobody answers yet");
    let server = place.serve("");
    place.write("plimsoll.toml", format!("[http]\nlisten = \"127.0.0.1:{}\"\n", server.port));
    assert!(place.stdout(&check[2..]).starts_with("ready"));
    place.stdout(&["man", "man"]); // as the image is built
}

/// The service that makes the topics, with its script's tool and broker replaced by the tests'.
#[test]
fn the_topics_are_made_as_doctor_wants_them() {
    let test = "the_topics_are_made_as_doctor_wants_them";
    let Some(log) = Log::create(test, 1) else { return };
    let Some(compose) = compose(test) else { return };
    let topics = &compose["services"]["topics"];
    let script = texts(&topics["command"]).concat();
    assert!(script.contains("/opt/kafka/bin/kafka-topics.sh") && script.contains("plimsoll.commits"));
    let prefix = log.topic("");
    let script = script
        .replace("/opt/kafka/bin/kafka-topics.sh", &format!("{ROOT}/tests/kafka/broker topics"))
        .replace("kafka:9092", &std::env::var("PLIMSOLL_TEST_KAFKA").unwrap())
        .replace("plimsoll.", &format!("{prefix}made."))
        .replace("$$", "$");
    let entrypoint = texts(&topics["entrypoint"]);
    for _ in 0..2 {
        tool(Command::new(entrypoint[0]).args(&entrypoint[1..]).arg(&script));
    }
    let place = Place::new();
    let made = ["commits", "reviews", "tickets"].map(|name| format!("{prefix}made.{name}"));
    let lines: Vec<String> = log.config("made").lines().map(str::to_owned).collect();
    let brokers = lines.iter().find(|line| line.starts_with("brokers")).unwrap();
    let port = crate::harness::free_port();
    place.write(
        "plimsoll.toml",
        format!("[http]\nlisten = \"127.0.0.1:{port}\"\n[kafka]\n{brokers}\ntopics = {made:?}\n"),
    );
    let found = place.stdout(&["doctor"]);
    for name in &made {
        assert!(found.contains(&format!("topic {name}")), "{found}");
    }
    assert_eq!(found.matches("6 partitions, 1 replica, keeps everything").count(), 3, "{found}");
}

/// The values that the manifests of `kubectl` have under these keys.
fn in_configmap(key: &str) -> String {
    let text = std::fs::read_to_string(Path::new(ROOT).join("deploy/kubernetes/configmap.yaml")).unwrap();
    let (_, rest) = text.split_once(&format!("  {key}: |\n")).unwrap();
    let lines = rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

/// What the shipped configurations let somebody do who has no token: nothing, but on the machine itself.
#[test]
fn no_shipped_configuration_lets_strangers_in() {
    let read = |path: &str| std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let (kubernetes, compose) = (in_configmap("plimsoll.toml"), read("deploy/plimsoll.toml"));
    let token = "plm_0123456789abcdef0123456789abcdef";
    // The name that others have for it, what its token may (SQL, events, pages), and what /metrics says without one.
    for (name, shipped, host, may, metrics) in [
        ("plimsoll.example.toml", read("plimsoll.example.toml"), "", None, 200),
        ("deploy/plimsoll.toml", compose, "plimsoll", Some([200, 400, 200]), 401),
        ("deploy/kubernetes/configmap.yaml", kubernetes, "plimsoll.example.com", Some([403, 403, 200]), 200),
    ] {
        let place = Place::new();
        // Everything but what is elsewhere: the broker, and the ports.
        let without = |line: &&str| !line.starts_with("brokers") && !line.starts_with("listen");
        let kept: String = shipped.lines().filter(without).map(|line| format!("{line}\n")).collect();
        place.write("plimsoll.toml", kept);
        let server = place.start_with(
            &["serve"],
            &[
                ("GITHUB_WEBHOOK_SECRET", "s"),
                ("GRAFANA_SQL_PASSWORD", "p"),
                ("READ_TOKEN", token),
                ("ACCESS_TOKEN", token),
            ],
        );
        let asked = |headers: &[(&str, &str)]| {
            let plain = [("Content-Type", "text/plain")];
            let sql = server.send("POST", "/api/v1/sql", &[&plain[..], headers].concat(), b"SELECT 1");
            let event = [("Content-Type", "application/cloudevents+json")];
            let event = server.send("POST", "/api/v1/events", &[&event[..], headers].concat(), b"{}");
            let page = server.send("GET", "/", headers, b"");
            [sql.status, event.status, page.status]
        };
        for passed_on in [("Host", "plimsoll.example.com"), ("X-Forwarded-For", "192.0.2.1")] {
            for status in asked(&[passed_on]) {
                assert!([401, 403, 421].contains(&status), "{name} {passed_on:?}: {status}");
            }
        }
        assert_eq!(asked(&[])[0], if may.is_some() { 401 } else { 200 }, "{name}");
        assert_eq!(server.get("/metrics").status, metrics, "{name}");
        if let Some(may) = may {
            let bearer = format!("Bearer {token}");
            let public = [("Host", host), ("Authorization", bearer.as_str())];
            assert_eq!(asked(&public), may, "{name}");
        }
    }
}

#[test]
fn prometheus_and_its_flags_are_understood() {
    let test = "prometheus_and_its_flags_are_understood";
    let config = Path::new(ROOT).join("deploy/prometheus.yml");
    tool(Command::new("promtool").args(["check", "config", "--syntax-only"]).arg(config));
    let Some(compose) = compose(test) else { return };
    let prometheus = &compose["services"]["prometheus"];
    let help = Command::new("prometheus").arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned() + &String::from_utf8_lossy(&help.stderr);
    for flag in texts(&prometheus["command"]) {
        let name = flag.split('=').next().unwrap();
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn the_kubernetes_manifests_are_valid() {
    let Ok(python) = std::env::var("PLIMSOLL_TEST_PYTHON") else {
        did_not_run("the_kubernetes_manifests_are_valid", "needs kubernetes-validate (PLIMSOLL_TEST_PYTHON)");
        return;
    };
    let dir = Path::new(ROOT).join("deploy/kubernetes");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    let mut validate = Command::new(&python);
    validate.args(["-m", "kubernetes_validate", "--strict"]).args(&files);
    tool(&mut validate);

    // The configuration that the manifests carry is one that Plimsoll takes.
    let print = "import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))['data']['plimsoll.toml'])";
    let config = files.iter().find(|file| file.ends_with("configmap.yaml")).unwrap();
    let toml = tool(Command::new(&python).args(["-c", print]).arg(config));
    let place = Place::new();
    place.write("plimsoll.toml", toml);
    assert!(place.stdout(&["config"]).contains("metrics_open = true  # plimsoll.toml"));
}

#[test]
fn the_openapi_document_is_valid_and_true() {
    let Ok(python) = std::env::var("PLIMSOLL_TEST_PYTHON") else {
        did_not_run(
            "the_openapi_document_is_valid_and_true",
            "needs openapi-spec-validator (PLIMSOLL_TEST_PYTHON)",
        );
        return;
    };
    let place = Place::new();
    place.write("events.ndjson", story::lines(&story::story(200)));
    place.stdout(&["ingest", "events", "events.ndjson"]);
    let server = place.serve("");
    let answer = server.get("/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let served = place.write("openapi.json", &answer.body);
    tool(Command::new(&python).args(["-m", "openapi_spec_validator"]).arg(&served));
    let answers = Path::new(ROOT).join("tests/openapi/answers.py");
    tool(Command::new(&python).arg(answers).arg(served).arg(format!("http://127.0.0.1:{}", server.port)));
}
