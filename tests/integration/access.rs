//! Who may see what over HTTP: tokens with scopes, person-level metrics, small groups, pseudonyms.

use serde_json::{Value, json};

use crate::harness::{Place, Server};
use crate::http_client::Response;
use crate::story;

/// Two teams: core (ada leads bo and cy; below it infra with dee) and web (eve alone). Everybody has one request.
fn events() -> String {
    let mut lines = String::new();
    let mut say = |type_: &str, data: Value| {
        let id = format!("access-{}", lines.len());
        lines += &format!("{}\n", story::event(&id, type_, "2026-02-02T09:00:00Z", data));
    };
    say("team.created", json!({"team": "core", "lead": "ada@acme.example"}));
    say("team.created", json!({"team": "infra", "parent": "core"}));
    say("person.linked", json!({"person": "ada", "identity": "ada@acme.example"}));
    for (team, person) in [("core", "ada"), ("core", "bo"), ("core", "cy"), ("infra", "dee"), ("web", "eve")]
    {
        say("team.member_added", json!({"team": team, "person": person}));
        say("change.opened", json!({"repo": "api", "change": person, "author": "zoe"}));
        say("review.requested", json!({"repo": "api", "change": person, "reviewer": person}));
    }
    lines
}

struct Tokens {
    lines: String,
    tokens: Vec<(&'static str, String)>,
}

impl Tokens {
    /// Makes tokens with the command that users have.
    fn new(place: &Place, wanted: &[(&'static str, &str, Option<&str>)]) -> Tokens {
        let (mut lines, mut tokens) = (String::new(), Vec::new());
        for &(name, scopes, person) in wanted {
            let mut arguments = vec!["token", "new", name, "--scopes", scopes];
            arguments.extend(person.into_iter().flat_map(|person| ["--person", person]));
            let printed = place.stdout(&arguments);
            let (token, config) = printed.split_once("\n\n").unwrap();
            tokens.push((name, token.to_owned()));
            lines += config;
        }
        Tokens { lines, tokens }
    }

    fn get(&self, server: &Server, name: &str, path: &str) -> Response {
        let (_, token) = self.tokens.iter().find(|(known, _)| *known == name).unwrap();
        server.send("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
    }

    /// The reviewers whose rows of `reviewer_load` a token sees, each once.
    fn reviewers(&self, server: &Server, name: &str) -> Vec<String> {
        let answer = self.get(server, name, "/api/v1/metrics/reviewer_load");
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let json = answer.json();
        let rows = json["rows"].as_array().unwrap().iter();
        let mut names: Vec<String> = rows.map(|row| row["reviewer"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn serve(place: &Place, config: &str) -> Server {
    place.write("events.ndjson", events());
    place.stdout(&["ingest", "events", "events.ndjson"]);
    place.serve(config)
}

#[test]
fn a_lead_sees_their_people_and_nobody_else_does() {
    let place = Place::new();
    let tokens = Tokens::new(
        &place,
        &[
            ("ada", "read", Some("ADA@acme.example")),
            ("bo", "read", Some("bo")),
            ("grafana", "read", None),
            ("analyst", "read,sql", None),
            ("feeder", "ingest", None),
            ("root", "admin", None),
        ],
    );
    let server = serve(&place, &tokens.lines);
    assert_eq!(tokens.reviewers(&server, "ada"), ["ada", "bo", "cy", "dee"]);
    assert_eq!(tokens.reviewers(&server, "bo"), ["bo"]);
    assert_eq!(tokens.reviewers(&server, "root"), ["ada", "bo", "cy", "dee", "eve"]);
    assert_eq!(tokens.get(&server, "grafana", "/api/v1/metrics/reviewer_load").status, 403);
    let range = "/api/v1/metrics/reviewer_load/range?from=2026-02-10&to=2026-02-11&step=1d";
    let rows = tokens.get(&server, "bo", range).json()["rows"].clone();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row["reviewer"] == "bo"), "{rows:?}");
    assert_eq!(tokens.get(&server, "grafana", range).status, 403);
    assert_eq!(tokens.get(&server, "feeder", "/api/v1/metrics").status, 403);
    assert_eq!(tokens.get(&server, "grafana", "/metrics").status, 200);
    let refused = server.get("/api/v1/metrics");
    assert_eq!(refused.status, 401);
    assert_eq!(server.get("/").status, 401);
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.sql("SELECT 1").status, 401);
    let (_, analyst) = &tokens.tokens[3];
    let headers = [("Authorization", &*format!("Bearer {analyst}")), ("Content-Type", "text/plain")];
    let answer = server.send("POST", "/api/v1/sql", &headers, b"SELECT count(*) AS n FROM reviewer_load");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn one_sees_oneself_where_no_more_is_allowed() {
    let place = Place::new();
    let tokens = Tokens::new(&place, &[("ada", "read", Some("ada"))]);
    let server = serve(&place, &format!("{}[people]\nvisibility = \"self\"\n", tokens.lines));
    assert_eq!(tokens.reviewers(&server, "ada"), ["ada"]);
    drop(server);
    let server = place.serve(&format!("{}[people]\nvisibility = \"none\"\n", tokens.lines));
    assert_eq!(tokens.get(&server, "ada", "/api/v1/metrics/reviewer_load").status, 403);
}

#[test]
fn small_groups_have_no_numbers_where_others_look() {
    let place = Place::new();
    let server = serve(&place, "");
    let answer = server.get("/api/v1/metrics/review_load").json();
    assert_eq!(answer["suppressed"], 2, "{answer}");
    let rows = answer["rows"].as_array().unwrap();
    let row = |team: &str| rows.iter().find(|row| row["team"] == team).unwrap().clone();
    assert_eq!(row("core")["open_reviews"], 4);
    assert_eq!(row("web")["open_reviews"], Value::Null);
    assert_eq!(row("web")["reviewers"], 1);
    let range = server.get("/api/v1/metrics/review_load/range?from=2026-02-01&to=2026-02-10&step=9d").json();
    let open = |row: &Value| (row["team"].as_str().unwrap().to_owned(), row["open_reviews"].clone());
    let open: Vec<_> = range["rows"].as_array().unwrap().iter().map(open).collect();
    assert!(open.contains(&("core".to_owned(), json!(4))), "{open:?}");
    assert!(open.iter().all(|(team, open)| team == "core" || open.is_null()), "{open:?}");
    assert_eq!(range["suppressed"], 2, "{range}");
    let diff = server.get("/api/v1/diff?metric=review_load&from=2026-02-01&to=2026-02-10").json();
    let told = |team: &str| {
        let row = diff["rows"].as_array().unwrap().iter().find(|row| row["team"] == team).unwrap().clone();
        (row["sentence"].as_str().unwrap().to_owned(), row["causes"].clone(), row["cells"].clone())
    };
    assert_eq!(told("web"), ("too few people to show".to_owned(), json!([]), json!([])));
    assert!(told("core").0.starts_with("new: 4 reviews: "), "{diff}");
    let page = server.get("/metrics").text();
    assert!(page.contains(r#"plimsoll_review_load{team="core"} 4"#), "{page}");
    assert!(!page.contains(r#"plimsoll_review_load{team="web"}"#), "{page}");
    drop(server);
    let own = place.stdout(&["query", "review_load", "--team", "web", "--format", "json"]);
    assert!(own.contains(r#""open_reviews":1"#), "{own}");
}

#[test]
fn pseudonyms_are_the_same_everywhere_and_no_names() {
    let place = Place::new();
    place.write("key", "a key that only we have");
    let server = serve(&place, "[people]\nvisibility = \"all\"\npseudonyms = \"file:key\"\n");
    let answer = server.get("/api/v1/metrics/reviewer_load").text();
    for name in ["ada", "bo\"", "cy\"", "dee", "eve"] {
        assert!(!answer.contains(name), "{name} in {answer}");
    }
    assert_eq!(server.sql("SELECT 1").status, 403);
    drop(server);
    let printed = place.stdout(&["query", "reviewer_load", "--pseudonyms", "--format", "json"]);
    let names = |text: &str| -> Vec<String> {
        let json: Value = serde_json::from_str(text).unwrap();
        json["rows"].as_array().unwrap().iter().map(|row| row["reviewer"].to_string()).collect()
    };
    assert_eq!(names(&printed), names(&answer));
    assert!(names(&printed)[0].starts_with("\"p-"), "{printed}");
}

/// A file of ones own cannot show people under a name that nobody thought of.
#[test]
fn people_in_a_metric_of_ones_own_are_found_and_hidden() {
    let place = Place::new();
    place.write("key", "a key that only we have");
    let metric = |head: &str| {
        let text = format!(
            "-- +++\n-- title = \"Approvals\"\n-- help = \"Reviews of each person.\"\n-- unit = \"reviews\"\n\
             -- labels = [\"approver\"]\n{head}-- value = \"n\"\n-- section = \"Ours\"\n-- panel = \"table\"\n-- +++\n\
             SELECT reviewer AS approver, COUNT(*) AS n FROM review_episode GROUP BY reviewer ORDER BY reviewer\n"
        );
        place.write("own/metric/approvals.sql", text);
    };
    let config = "[catalogue]\ndirs = [\"own\"]\n[people]\nvisibility = \"all\"\npseudonyms = \"file:key\"\n";
    place.write("plimsoll.toml", config);
    let refused = |command: &[&str], expect: &str| {
        let output = place.run(command);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!output.status.success() && said.contains(expect), "{command:?}: {said}");
    };
    metric("");
    for command in [&["check"][..], &["serve"], &["query", "approvals"]] {
        refused(command, "approver holds people; say so in the front matter: people = [\"approver\"]");
    }
    metric("-- people = [\"approver\"]\n");
    refused(&["check"], "level must be \"person\"");

    metric("-- people = [\"approver\"]\n-- level = \"person\"\n");
    let server = serve(&place, config);
    let answer = server.get("/api/v1/metrics/approvals").text();
    assert!(answer.contains("\"p-"), "{answer}");
    for name in ["ada", "bo\"", "cy\"", "dee", "eve"] {
        assert!(!answer.contains(name), "{name} in {answer}");
    }
    let scrape = crate::harness::wait_for("the first evaluation", || {
        let text = server.get("/metrics").text();
        text.contains("\nplimsoll_review_load{").then_some(text)
    });
    assert!(!scrape.contains("plimsoll_approvals") && !scrape.contains("approver"), "{scrape}");
}
