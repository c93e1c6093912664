//! The local log under load, under concurrent use, and after every kind of crash that one machine
//! can play: a killed process, and a disk that loses or tears what was not synced.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use redb::StorageBackend;

use super::file::Watched;
use super::*;
use crate::{Formats, Limits, Positions, Progress, Stop, run};

fn entry(n: usize) -> Entry {
    Entry {
        topic: crate::topic::REVIEWS,
        key: format!("key-{n}").into_bytes(),
        headers: vec![("n".to_owned(), n.to_string().into_bytes())],
        value: value(n),
    }
}

/// Differs by `n` in content and in length.
fn value(n: usize) -> Vec<u8> {
    let mut value = format!("{{\"n\":{n},\"pad\":\"").into_bytes();
    value.extend((0..n % 700).map(|i| b'a' + ((i * 31 + n) % 26) as u8));
    value.extend_from_slice(b"\"}");
    value
}

fn entries(range: Range<usize>) -> Vec<Entry> {
    range.map(entry).collect()
}

/// Every record from 0 to the end is the one that `entry` makes for its offset.
fn check_dense(log: &LocalLog) {
    let mut next = 0;
    loop {
        let records = log.read(next, 1000, 1 << 20).unwrap();
        if records.is_empty() {
            break;
        }
        for record in records {
            let expect = entry(next as usize);
            assert_eq!(record.offset, next);
            assert_eq!(record.value, expect.value);
            assert_eq!(record.key, expect.key);
            assert_eq!(record.headers, expect.headers);
            assert_eq!(record.topic, expect.topic);
            next += 1;
        }
    }
    assert_eq!(next, log.next_offset());
}

#[test]
fn records_read_back_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    assert_eq!(log.append(entries(0..1)).unwrap(), 0..1);
    assert_eq!(log.append(entries(1..20_000)).unwrap(), 1..20_000);
    assert_eq!(log.append(Vec::new()).unwrap(), 20_000..20_000);
    let id = Arc::clone(log.id());
    assert!(id.starts_with("local:") && id.len() == 42, "{id}");
    check_dense(&log);
    drop(log);

    let log = LocalLog::open(directory.path()).unwrap();
    assert_eq!((log.id(), log.next_offset()), (&id, 20_000));
    assert_eq!(log.append(entries(20_000..20_010)).unwrap(), 20_000..20_010);
    check_dense(&log);
    assert_eq!(log.read(20_010, 10, 1000).unwrap(), []);
    assert_eq!(log.read(19_999, 2, usize::MAX).unwrap().len(), 2);
    assert_eq!(log.read(0, 10, 1).unwrap().len(), 1);
}

#[test]
fn a_second_writer_gets_a_clear_error() {
    let directory = tempfile::tempdir().unwrap();
    let _log = LocalLog::open(directory.path()).unwrap();
    let error = LocalLog::open(directory.path()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }));
    assert!(error.to_string().contains("in use by another process"));
}

#[test]
fn a_crash_while_the_log_is_made_leaves_no_log() {
    for left in [&[][..], &[0; 4096][..], b"half"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("log.new"), left).unwrap();
        let log = LocalLog::open(directory.path()).unwrap();
        assert_eq!(log.append(entries(0..3)).unwrap(), 0..3);
        check_dense(&log);
        assert!(!directory.path().join("log.new").exists());
    }
}

#[test]
fn something_else_than_a_log_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE), vec![7_u8; 50_000]).unwrap();
    let error = LocalLog::open(directory.path()).err().unwrap();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
}

#[test]
fn appends_of_many_threads_do_not_interleave() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let log = log.clone();
            scope.spawn(move || {
                for turn in 0..20 {
                    let count = 1 + (thread * 7 + turn) % 5;
                    let batch = vec![entry(thread); count];
                    let offsets = log.append(batch).unwrap();
                    assert_eq!(offsets.end - offsets.start, count as i64);
                    let mine = log.read(offsets.start, count, usize::MAX).unwrap();
                    assert!(mine.iter().all(|record| record.value == value(thread)));
                }
            });
        }
    });
}

#[test]
fn async_appends_say_where_each_entry_went() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let appender = crate::Appender::Local(log.clone());
    let placed = runtime.block_on(async {
        let (first, second) = tokio::join!(appender.append(entries(0..2)), appender.append(entries(2..3)));
        (first.unwrap(), second.unwrap())
    });
    let offsets: Vec<i64> = placed.0.iter().map(|position| position.offset).collect();
    assert_eq!(offsets, [0, 1]);
    assert_eq!(placed.1[0].offset, 2);
    check_dense(&log);
}

#[test]
fn readers_wake_when_the_log_grows() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    assert!(!log.wait_past(0, Duration::from_millis(1)));
    let reader = {
        let log = log.clone();
        std::thread::spawn(move || log.wait_past(0, Duration::from_secs(30)))
    };
    log.append(entries(0..1)).unwrap();
    assert!(reader.join().unwrap());
}

/// What a store knows that has read `log` up to `next`.
fn positions(log: &LocalLog, next: i64) -> Positions {
    let app_id = format!("plimsoll:{}:{TOPIC}:0", log.id());
    Arc::new(move || HashMap::from([(app_id.clone(), next)]))
}

#[test]
fn the_loop_hands_over_every_record_with_chained_spans() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    log.append(entries(0..30_000)).unwrap();
    let stop = Arc::new(Stop::new());
    let progress = Arc::new(Progress::default());
    let limits = Limits { max_rows: 700, ..Limits::default() };
    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    let runner = {
        let (log, stop, progress) = (log.clone(), Arc::clone(&stop), Arc::clone(&progress));
        std::thread::spawn(move || {
            let mut source = LocalSource::new(&log, &positions(&log, 5)).unwrap();
            run(&mut source, &sender, &limits, &Formats::default(), &stop, &progress).unwrap();
        })
    };
    log.append(entries(30_000..40_000)).unwrap();
    stop.at_end();
    let (mut next, mut records) = (5, 0);
    while let Some(batch) = receiver.blocking_recv() {
        let [span] = batch.spans.as_slice() else {
            panic!("one span a batch");
        };
        assert_eq!(span.base, next);
        assert_eq!((&span.log, &*span.topic, span.partition), (log.id(), TOPIC, 0));
        assert_eq!(batch.counts.records as i64, span.next - span.base);
        next = span.next;
        records += batch.counts.records;
    }
    runner.join().unwrap();
    assert_eq!((next, records), (40_000, 39_995));
    assert_eq!(progress.records.load(Ordering::Relaxed), 39_995);
}

#[test]
fn a_position_beyond_the_log_is_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    log.append(entries(0..3)).unwrap();
    for (next, fine) in [(0, true), (3, true), (4, false), (-1, false)] {
        let source = LocalSource::new(&log, &positions(&log, next));
        assert_eq!(source.is_ok(), fine, "{next}");
        if let Err(error) = source {
            assert!(error.to_string().contains("records are missing"), "{error}");
        }
    }
}

/// A disk in memory that keeps apart what was synced. A crash keeps any subset of the rest, sector by
/// sector; a sector that is not kept has its old content, or zeros where the file had not reached yet.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<DiskState>>);

#[derive(Debug, Default)]
struct DiskState {
    now: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
    fail_sync: bool,
    full: bool,
    /// Cut the power, on a copy, at every so many writes.
    cut_every: u64,
    writes: u64,
    cuts: Vec<Disk>,
}

const SECTOR: usize = 512;

impl Disk {
    fn state(&self) -> MutexGuard<'_, DiskState> {
        self.0.lock().unwrap()
    }

    /// What a power cut leaves, by a seed.
    fn after_power_cut(&self, seed: u64) -> Disk {
        self.state().after_power_cut(seed)
    }

    fn open(&self) -> LocalLog {
        let disk = self.clone();
        let open = move |fault| Database::builder().create_with_backend(Watched::new(disk.clone(), fault));
        LocalLog::start(self.probe(), Box::new(open)).unwrap()
    }

    /// Where the log looks for room: a folder of the test's.
    fn probe(&self) -> PathBuf {
        std::env::temp_dir().join(format!("plimsoll-disk-{}-{:p}", std::process::id(), Arc::as_ptr(&self.0)))
    }
}

impl DiskState {
    fn after_power_cut(&self, seed: u64) -> Disk {
        let mut left = self.synced.clone();
        let mut random = seed;
        for (at, bytes) in &self.unsynced {
            for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let start = *at as usize + index * SECTOR;
                if left.len() < start + sector.len() {
                    left.resize(start + sector.len(), 0);
                }
                if (random >> 33).is_multiple_of(2) {
                    left[start..start + sector.len()].copy_from_slice(sector);
                }
            }
        }
        if left.len() < self.now.len() && !random.is_multiple_of(3) {
            left.resize(self.now.len(), 0);
        }
        Disk(Arc::new(Mutex::new(DiskState { now: left.clone(), synced: left, ..DiskState::default() })))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.state().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let state = self.state();
        let start = offset as usize;
        let bytes = state.now.get(start..start + out.len()).ok_or(std::io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> std::io::Result<()> {
        self.state().now.resize(length as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> std::io::Result<()> {
        let mut state = self.state();
        if state.fail_sync {
            return Err(std::io::Error::other("input/output error"));
        }
        state.synced = state.now.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        let mut state = self.state();
        if state.full {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let start = offset as usize;
        state.now[start..start + data.len()].copy_from_slice(data);
        state.unsynced.push((offset, data.to_vec()));
        state.writes += 1;
        if state.cut_every > 0 && state.writes.is_multiple_of(state.cut_every) {
            let image = state.after_power_cut(state.writes);
            state.cuts.push(image);
        }
        Ok(())
    }
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let (mut cuts, mut lost) = (0, 0);
    for seed in 0..40_u64 {
        let disk = Disk::default();
        let log = disk.open();
        disk.state().cut_every = 3 + seed % 11;
        let mut next = 0;
        while next < 2000 {
            let acknowledged = log.next_offset();
            assert_eq!(acknowledged, next);
            let count = 1 + (next as usize * 13 + seed as usize) % 150;
            let batch = entries(next as usize..next as usize + count);
            next = log.append(batch).unwrap().end;
            for image in std::mem::take(&mut disk.state().cuts) {
                let recovered = image.open();
                let kept = recovered.next_offset();
                assert!(kept == acknowledged || kept == next, "seed {seed}: {kept}");
                check_dense(&recovered);
                recovered.append(entries(kept as usize..kept as usize + 3)).unwrap();
                check_dense(&recovered);
                cuts += 1;
                lost += usize::from(kept == acknowledged);
            }
        }
    }
    assert!(cuts > 500 && lost > 100, "{cuts} cuts, {lost} of them in a commit that was lost");
}

/// Copies of the file with a damaged tail either open with a true prefix of the log or are
/// refused; they never give a wrong record.
#[test]
fn a_damaged_tail_is_never_read_as_records() {
    let directory = tempfile::tempdir().unwrap();
    let log = LocalLog::open(directory.path()).unwrap();
    for n in 0..40 {
        log.append(entries(n * 50..n * 50 + 50)).unwrap();
    }
    // Copied while open: as a killed process leaves it.
    let whole = std::fs::read(directory.path().join(FILE)).unwrap();
    drop(log);
    let mut outcomes: HashMap<&str, usize> = HashMap::new();
    for step in 0..40 {
        for zero in [false, true] {
            let keep = whole.len() - step * whole.len() / 64;
            let mut copy = whole.clone();
            if zero {
                copy[keep..].fill(0);
            } else {
                copy.truncate(keep);
            }
            let place = tempfile::tempdir().unwrap();
            std::fs::write(place.path().join(FILE), copy).unwrap();
            match LocalLog::open(place.path()) {
                Ok(log) => {
                    check_readable_prefix(&log);
                    *outcomes.entry("opened").or_default() += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains("cannot be opened"), "{error}");
                    *outcomes.entry("refused").or_default() += 1;
                }
            }
        }
    }
    assert!(outcomes["opened"] >= 2, "{outcomes:?}");
}

fn check_readable_prefix(log: &LocalLog) {
    let mut next = 0;
    while let Ok(records) = log.read(next, 1000, 1 << 20) {
        if records.is_empty() {
            break;
        }
        for record in records {
            assert_eq!(record.value, value(next as usize));
            next += 1;
        }
    }
}

const CHILD: &str = "PLIMSOLL_LOCAL_LOG_CHILD";

/// Not a test of its own: the process that the next test kills. It prints what is acknowledged.
#[test]
fn child_that_appends_until_killed() {
    let Ok(directory) = std::env::var(CHILD) else {
        return;
    };
    let log = LocalLog::open(Path::new(&directory)).unwrap();
    let mut next = log.next_offset() as usize;
    loop {
        let count = 1 + (next * 7) % 400;
        next = log.append(entries(next..next + count)).unwrap().end as usize;
        println!("\nacknowledged {next}");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    for turn in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_appends_until_killed", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(next) = line.strip_prefix("acknowledged ") {
                acknowledged = next.parse().unwrap();
                seen += 1;
                if seen == 30 * turn {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
        let log = LocalLog::open(directory.path()).unwrap();
        assert!(seen >= 30 * turn);
        assert!(log.next_offset() >= acknowledged);
        check_dense(&log);
    }
}

mod faults;
