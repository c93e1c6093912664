//! A repository that is renamed, and a history that is rewritten, in any order and over restarts.

use super::*;

/// Events as `(id, source, type, day, data)` in one batch.
fn told(facts: &[(&str, &str, &str, u32, &str)], base: i64) -> Batch {
    let mut builder = BatchBuilder::new();
    for (offset, (id, source, kind, day, data)) in (base..).zip(facts) {
        let body = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"dev.plimsoll.{kind}.v1","time":"2026-03-{day:02}T09:00:00Z","data":{data}}}"#
        );
        builder.push(&Record {
            topic: "local",
            partition: 0,
            offset,
            timestamp_us: 1_780_000_000_000_000,
            key: None,
            headers: &[],
            value: Some(body.as_bytes()),
        });
    }
    let next = base + facts.len() as i64;
    let span = Span { log: "local:test".into(), topic: "local".into(), partition: 0, base, next, was: None };
    let batch = builder.finish(vec![span]);
    assert_eq!(batch.counts.dead_letters, 0, "every fact is well formed");
    batch
}

async fn take(engine: &Engine, batches: Vec<Batch>) {
    let (sender, receiver) = mpsc::channel(batches.len());
    for batch in batches {
        sender.send(batch).await.unwrap();
    }
    drop(sender);
    engine.run(receiver).await.unwrap();
}

async fn asked(engine: &Engine, sql: &str) -> Vec<String> {
    lines(&engine.sql(sql).await.unwrap())
}

const GITHUB: &str = "github:acme";

fn renamed() -> Vec<(&'static str, &'static str, &'static str, u32, &'static str)> {
    vec![
        (
            "github:acme/api/pull/7:opened",
            GITHUB,
            "change.opened",
            2,
            r#"{"repo":"acme/api","repo_id":"9","change":"7","author":"ada"}"#,
        ),
        (
            "github:acme/api/pull/7:r1",
            GITHUB,
            "review.submitted",
            3,
            r#"{"repo":"acme/api","repo_id":"9","change":"7","reviewer":"bo","verdict":"approved"}"#,
        ),
        (
            "github:acme/api/issues/3:opened",
            GITHUB,
            "ticket.created",
            2,
            r#"{"ticket":"acme/api#3","repo":"acme/api","repo_id":"9","milestone":"acme/api/milestones/1"}"#,
        ),
        (
            "git-acme/api-9fceb02d0ae598e95dc970b74767f19372d61af8",
            "git:acme/api",
            "commit.pushed",
            2,
            r#"{"repo":"acme/api","sha":"9fceb02d0ae598e95dc970b74767f19372d61af8","author":"ada","change":"7","files":[{"path":"a","change":"added"}]}"#,
        ),
        (
            "github:acme/core/pull/7:r1",
            GITHUB,
            "review.submitted",
            3,
            r#"{"repo":"acme/core","repo_id":"9","change":"7","reviewer":"bo","verdict":"approved"}"#,
        ),
        (
            "github:acme/core/pull/7:merged",
            GITHUB,
            "change.merged",
            5,
            r#"{"repo":"acme/core","repo_id":"9","change":"7"}"#,
        ),
        (
            "github:acme/core/issues/3:closed",
            GITHUB,
            "ticket.closed",
            5,
            r#"{"ticket":"acme/core#3","repo":"acme/core","repo_id":"9"}"#,
        ),
        (
            "git-acme/core-9fceb02d0ae598e95dc970b74767f19372d61af8",
            "git:acme/core",
            "commit.pushed",
            2,
            r#"{"repo":"acme/core","sha":"9fceb02d0ae598e95dc970b74767f19372d61af8","author":"ada","change":"7","files":[{"path":"a","change":"added"}]}"#,
        ),
    ]
}

#[test]
fn a_renamed_repository_goes_on_as_itself() {
    Runtime::new().unwrap().block_on(async {
        let sql = [
            ("SELECT repo, change, state FROM change", vec!["acme/core|7|merged"]),
            (
                "SELECT ticket, is_open, milestone FROM ticket",
                vec!["acme/core#3|false|acme/core/milestones/1"],
            ),
            ("SELECT count(*) FROM review_episode", vec!["1"]),
            ("SELECT repo, count(*) FROM commits GROUP BY repo", vec!["acme/core|1"]),
        ];
        let mut facts = renamed();
        for turn in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let rows = engine(dir.path()).await;
            let batches = facts.iter().enumerate().map(|(n, fact)| told(&[*fact], n as i64)).collect();
            take(&rows, batches).await;
            for (text, want) in &sql {
                assert_eq!(asked(&rows, text).await, *want, "turn {turn}: {text}");
            }
            drop(rows);
            let again = engine(dir.path()).await;
            for (text, want) in &sql {
                assert_eq!(asked(&again, text).await, *want, "turn {turn}, after a restart: {text}");
            }
            // What knows only the old name still finds it.
            let late =
                ("l", "git:acme/api", "commit.pushed", 6, r#"{"repo":"acme/api","sha":"c1","author":"bo"}"#);
            take(&again, vec![told(&[late], facts.len() as i64)]).await;
            assert_eq!(asked(&again, sql[3].0).await, ["acme/core|2"], "turn {turn}");
            match turn {
                0 => facts.reverse(),
                _ => facts.rotate_left(3),
            }
        }
    });
}

#[test]
fn commits_that_are_gone_are_hidden_from_then_on() {
    Runtime::new().unwrap().block_on(async {
        let commit = r#"{"repo":"api","sha":"a1","author":"ada","change":"9","files":[{"path":"a","change":"added"}]}"#;
        let sha = r#"{"repo":"api","sha":"a1"}"#;
        let facts = [
            ("p", "git:api", "commit.pushed", 2, commit),
            ("r", "git:api", "commit.removed", 4, sha),
            ("b", "git:api", "commit.restored", 6, sha),
            ("x", "git:api", "commit.reset", 8, r#"{"repo":"api","sha":"f0"}"#),
        ];
        for backwards in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let order: Vec<usize> = if backwards { (0..4).rev().collect() } else { (0..4).collect() };
            for (n, &fact) in order.iter().enumerate() {
                // Each in a process of its own.
                let engine = engine(dir.path()).await;
                take(&engine, vec![told(&[facts[fact]], n as i64)]).await;
            }
            let engine = engine(dir.path()).await;
            assert_eq!(asked(&engine, "SELECT count(*) FROM commits").await, ["0"]);
            assert_eq!(asked(&engine, "SELECT count(*) FROM file_touch").await, ["0"]);
            for (day, n) in [(3, 1), (5, 0), (7, 1), (9, 0)] {
                let at = chrono::DateTime::from_timestamp(1_772_409_600 + i64::from(day - 2) * 86_400, 0).unwrap();
                let query = Query { as_of: Some(at), ..Query::default() };
                let found = engine.query("ownership", &query).await.unwrap();
                assert_eq!(found.rows.num_rows(), n, "on day {day}, backwards: {backwards}");
            }
        }
    });
}
