//! What holds while commits fail, records are refused, and a process is killed before it commits.

use std::time::Duration;

use super::*;

fn plain(i: u16) -> Fact {
    Fact { id: i, minute: 1, observed_minute: 2, version: 0, kind: 0, subject: 1, person: 0, detail: 0 }
}

/// Records that are no events, each of `bytes`.
fn refused(count: i64, base: i64, bytes: usize) -> Batch {
    let mut builder = BatchBuilder::new();
    for offset in base..base + count {
        let value = vec![b'x'; bytes];
        builder.push(&Record {
            topic: "local",
            partition: 0,
            offset,
            timestamp_us: 1_780_000_000_000_000 + offset,
            key: None,
            headers: &[],
            value: Some(&value),
        });
    }
    let span = Span {
        log: "local:test".into(),
        topic: "local".into(),
        partition: 0,
        base,
        next: base + count,
        was: None,
    };
    builder.finish(vec![span])
}

async fn take(engine: &Engine, batches: Vec<Batch>) {
    let (sender, receiver) = mpsc::channel(batches.len());
    for batch in batches {
        sender.send(batch).await.unwrap();
    }
    drop(sender);
    engine.run(receiver).await.unwrap();
}

#[test]
fn dead_letters_are_read_from_their_files() {
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let held = |engine: &Engine| engine.snapshot().tables.dead_letters.recent.len();
        {
            let engine = engine(dir.path()).await;
            // Enough commits for their files to be merged.
            for n in 0..12 {
                take(&engine, vec![refused(50, n * 50, 100_000)]).await;
            }
            assert_eq!(held(&engine), 0, "what is committed is not held");
        }
        let engine = engine(dir.path()).await;
        assert_eq!(held(&engine), 0);
        let count = "SELECT count(*) AS n, count(DISTINCT \"offset\") AS d, max(octet_length(CAST(value AS VARCHAR))) AS b FROM dead_letters";
        assert_eq!(lines(&engine.sql(count).await.unwrap()), ["600|600|65536"]);
        assert_eq!(lines(&engine.sql("SELECT count(*) FROM dead_letters").await.unwrap()), ["600"]);
        assert_eq!(engine.stats().dead_letters_by_reason.values().sum::<u64>(), 600);
        let newest = engine.newest_dead_letters(2).await.unwrap();
        assert_eq!(newest.num_rows(), 2);
        let newest = lines(&newest);
        assert!(newest[0].contains("|598|") && newest[1].contains("|599|"), "{newest:?}");
        assert!(newest[0].contains("of 100000 bytes, the first 65536 are kept"), "{newest:?}");
    });
}

#[test]
fn every_row_stays_in_view_while_files_are_merged_again_and_again() {
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let count = async |engine: &Engine| lines(&engine.sql("SELECT count(*) FROM reviews").await.unwrap());
        {
            let engine = engine(dir.path()).await;
            for n in 0..200u16 {
                take(&engine, vec![batch(&[plain(n)], i64::from(n))]).await;
                if n % 20 == 19 {
                    assert_eq!(count(&engine).await, [(n + 1).to_string()]);
                }
            }
        }
        assert_eq!(count(&engine(dir.path()).await).await, ["200"]);
    });
}

#[test]
fn a_failing_commit_lets_no_more_rows_in() {
    const ROWS_MAX: usize = 200;
    const BATCH: usize = 20;
    Runtime::new().unwrap().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { flush_rows: 40, pending_rows_max: ROWS_MAX, ..Options::default() };
        let engine = Engine::open(dir.path(), Catalogue::shipped().unwrap(), options).await.unwrap();
        // A file in the place of the folder: no commit succeeds until it is put right.
        let (log, aside) = (dir.path().join("events/_delta_log"), dir.path().join("aside"));
        std::fs::rename(&log, &aside).unwrap();
        std::fs::write(&log, "").unwrap();
        let (sender, receiver) = mpsc::channel(1);
        let running = tokio::spawn({
            let engine = engine.clone();
            async move { engine.run(receiver).await }
        });
        let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let feeding = tokio::spawn({
            let sent = Arc::clone(&sent);
            async move {
                for n in 0..100 {
                    let facts: Vec<Fact> = (0..BATCH).map(|i| plain((n * BATCH + i) as u16)).collect();
                    sender.send(batch(&facts, (n * BATCH) as i64)).await.unwrap();
                    sent.fetch_add(BATCH, std::sync::atomic::Ordering::Relaxed);
                }
            }
        });
        // The first try and two more.
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert!(engine.stats().commit_failure.is_some(), "commits fail");
        // One batch may wait in the channel.
        let taken = sent.load(std::sync::atomic::Ordering::Relaxed);
        assert!(taken <= ROWS_MAX + BATCH, "{taken} rows were taken");
        std::fs::remove_file(&log).unwrap();
        std::fs::rename(&aside, &log).unwrap();
        feeding.await.unwrap();
        running.await.unwrap().unwrap();
        assert_eq!(lines(&engine.sql("SELECT count(*) FROM reviews").await.unwrap()), ["2000"]);
    });
}

#[test]
fn a_restart_knows_how_far_readers_had_seen() {
    let dir = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (0..20).map(plain).collect();
    let seen = {
        // Dropping the runtime is the kill: nothing is flushed.
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let options = Options { flush_interval: Duration::from_secs(3_600), ..Options::default() };
            let engine = Engine::open(dir.path(), Catalogue::shipped().unwrap(), options).await.unwrap();
            assert!(engine.covers_seen());
            let (sender, receiver) = mpsc::channel(1);
            let running = engine.clone();
            tokio::spawn(async move { running.run(receiver).await });
            sender.send(batch(&facts, 0)).await.unwrap();
            while engine.snapshot().position.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            engine.snapshot().position.clone()
        })
    };
    Runtime::new().unwrap().block_on(async {
        let engine = engine(dir.path()).await;
        assert!(engine.positions().is_empty(), "nothing was durable");
        assert!(!engine.covers_seen(), "readers saw {seen:?}");
        feed(&engine, &facts, 20, 0).await;
        assert!(engine.covers_seen());
        assert_eq!(engine.snapshot().position, seen);
    });
}
