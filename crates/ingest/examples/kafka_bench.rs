//! Two ends of a throughput measurement on a real cluster: `produce` fills a topic with generated
//! review events of about 500 bytes from a seed, `discard` reads it with a bare rdkafka consumer
//! that drops each message, which is what Plimsoll's own speed is held against. `ingest` reads the
//! same topic through this crate's loop (decoded into Arrow, then dropped).
//!
//! ```text
//! kafka_bench produce --brokers HOST:PORT [--topic T] [--events N] [--seed S]
//! kafka_bench discard --brokers HOST:PORT [--topic T] [--events N]
//! kafka_bench ingest  --brokers HOST:PORT [--topic T] [--events N]
//! kafka_bench local   --data DIR [--events N] [--seed S]
//! ```
//! Prints one JSON line: `{"mode","events","bytes","seconds","events_per_second"}`. Topics are not
//! created here. Times run from the first record.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ingest::{
    Entry, Formats, KafkaConfig, KafkaConsumer, KafkaProducer, Limits, LocalLog, LocalSource, Positions,
    Produce, Progress, REVIEWS_TOPIC, Source, Stop, run,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

const BATCH: u64 = 50_000;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence after which a read of fewer events than asked for gives up.
const GIVE_UP: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let mut options = BTreeMap::new();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        options.insert(name, value);
    }
    let option = |name: &str, default: &str| options.get(name).cloned().unwrap_or_else(|| default.to_owned());
    let events: u64 = option("--events", "1000000").parse()?;
    let seed: u64 = option("--seed", "1").parse()?;
    let brokers = option("--brokers", "127.0.0.1:9092");
    let topic = option("--topic", REVIEWS_TOPIC);
    match mode.as_str() {
        "produce" => produce(&brokers, &topic, events, seed),
        "discard" => discard(&brokers, &topic, events),
        "ingest" => ingest(&brokers, &topic, events),
        "local" => local(&option("--data", "bench-log"), events, seed),
        _ => Err("usage: kafka_bench produce|discard|ingest|local [--brokers HOST:PORT] [--topic T] \
                  [--events N] [--seed S] [--data DIR]"
            .into()),
    }
}

fn produce(brokers: &str, topic: &str, events: u64, seed: u64) -> Result<(), Failure> {
    let topic: &'static str = topic.to_owned().leak();
    let mut producer = KafkaProducer::open(&KafkaConfig::new(brokers))?;
    let mut generator = Generator::new(seed, topic);
    let begun = Instant::now();
    let bytes = fill(&mut producer, &mut generator, events)?;
    report("produce", events, bytes, begun.elapsed());
    Ok(())
}

fn fill(log: &mut dyn Produce, generator: &mut Generator, events: u64) -> Result<u64, Failure> {
    let mut bytes = 0;
    let mut left = events;
    while left > 0 {
        let count = left.min(BATCH);
        let entries: Vec<Entry> = (0..count).map(|_| generator.next()).collect();
        bytes += entries.iter().map(|entry| entry.value.len() as u64).sum::<u64>();
        log.produce(entries)?;
        left -= count;
    }
    Ok(bytes)
}

/// The yardstick: assign every partition from its beginning, poll, drop.
fn discard(brokers: &str, topic: &str, events: u64) -> Result<(), Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "kafka-bench-discard")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true")
        .set("fetch.message.max.bytes", "4194304")
        .set("fetch.queue.backoff.ms", "20")
        .set("queued.min.messages", "200000")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    let (mut seen, mut bytes) = (0, 0);
    let mut begun = None;
    let mut last = Instant::now();
    while seen < events && last.elapsed() < GIVE_UP {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let message = message?;
        begun.get_or_insert_with(Instant::now);
        bytes += message.payload_len() as u64;
        std::hint::black_box(message.offset());
        seen += 1;
        if seen % 1024 == 0 {
            last = Instant::now();
        }
    }
    let elapsed = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
    report("discard", seen, bytes, elapsed);
    Ok(())
}

fn ingest(brokers: &str, topic: &str, events: u64) -> Result<(), Failure> {
    let nonce = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let config = KafkaConfig {
        group: format!("kafka-bench-ingest-{nonce}"),
        topics: vec![topic.to_owned()],
        ..KafkaConfig::new(brokers)
    };
    let positions: Positions = Arc::new(HashMap::new);
    let mut consumer = KafkaConsumer::open(&config, positions)?;
    let status = consumer.status();
    let (seen, elapsed) = drain(&mut consumer, events)?;
    report("ingest", seen, status.bytes.load(Ordering::Relaxed), elapsed);
    Ok(())
}

fn local(directory: &str, events: u64, seed: u64) -> Result<(), Failure> {
    let log = LocalLog::open(std::path::Path::new(directory))?;
    let from = log.next_offset();
    let mut generator = Generator::new(seed, REVIEWS_TOPIC);
    // Generated before the clock starts: the log is measured, not the generator.
    let batches: Vec<Vec<Entry>> =
        (0..events.div_ceil(BATCH)).map(|_| (0..BATCH).map(|_| generator.next()).collect()).collect();
    let events = batches.len() as u64 * BATCH;
    let bytes: u64 = batches.iter().flatten().map(|entry| entry.value.len() as u64).sum();
    let begun = Instant::now();
    for batch in batches {
        log.append(batch)?;
    }
    report("local append", events, bytes, begun.elapsed());
    let positions: Positions = Arc::new(HashMap::new);
    let mut source = LocalSource::new(&log, &positions)?;
    // What an earlier run left in the directory is read as well.
    let (seen, elapsed) = drain(&mut source, from as u64 + events)?;
    report("local ingest", seen, bytes, elapsed);
    Ok(())
}

/// Runs the loop until `events` records have come out; the time from the first batch's records.
fn drain(source: &mut (dyn Source + Send), events: u64) -> Result<(u64, Duration), Failure> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(ingest::CHANNEL_BATCHES);
    let stop = Stop::new();
    let progress = Progress::default();
    std::thread::scope(|scope| {
        let runner = scope.spawn(|| {
            let outcome = run(source, &sender, &Limits::default(), &Formats::default(), &stop, &progress);
            drop(sender);
            outcome
        });
        let (mut seen, mut first) = (0, 0);
        let mut begun = None;
        let mut elapsed = Duration::ZERO;
        while let Some(batch) = receiver.blocking_recv() {
            seen += batch.counts.records;
            if begun.is_none() {
                first = seen;
            }
            elapsed = begun.get_or_insert_with(Instant::now).elapsed();
            if seen >= events {
                stop.now();
            }
        }
        runner.join().map_err(|_| "the ingest loop panicked")??;
        // The clock starts when the first batch is out, so that batch does not count.
        Ok((seen - first, elapsed))
    })
}

fn report(mode: &str, events: u64, bytes: u64, elapsed: Duration) {
    let seconds = elapsed.as_secs_f64();
    let speed = if seconds > 0.0 { events as f64 / seconds } else { 0.0 };
    println!(
        "{{\"mode\":\"{mode}\",\"events\":{events},\"bytes\":{bytes},\"seconds\":{seconds:.3},\
         \"events_per_second\":{speed:.0}}}"
    );
}

/// Review traffic of a made-up organisation: changes are opened, reviewers asked, verdicts given.
struct Generator {
    state: u64,
    number: u64,
    topic: &'static str,
}

const REPOS: [&str; 8] = ["api", "web", "billing", "search", "ledger", "mobile", "infra", "docs"];
const PEOPLE: [&str; 12] =
    ["ada", "ben", "chloe", "dmitri", "esra", "femi", "grace", "hiro", "ines", "jonas", "kavya", "liam"];
const VERDICTS: [&str; 3] = ["approved", "changes_requested", "commented"];
const WORDS: [&str; 16] = [
    "retry", "cache", "ledger", "export", "timeout", "schema", "login", "quota", "webhook", "invoice",
    "index", "parser", "metrics", "rollback", "session", "search",
];
/// 2026-01-01T00:00:00Z
const START_S: u64 = 1_767_225_600;

impl Generator {
    fn new(seed: u64, topic: &'static str) -> Generator {
        Generator { state: seed, number: 0, topic }
    }

    /// splitmix64
    fn random(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.random(from.len())]
    }

    fn next(&mut self) -> Entry {
        self.number += 1;
        let n = self.number;
        let repo = self.pick(&REPOS);
        let change = 1 + n / 6 + self.random(40) as u64;
        let (author, reviewer) = (self.pick(&PEOPLE), self.pick(&PEOPLE));
        let (a, b, c) = (self.pick(&WORDS), self.pick(&WORDS), self.pick(&WORDS));
        let (additions, deletions) = (self.random(800), self.random(400));
        let head = format!("{:016x}{:016x}{:08x}", self.random(usize::MAX), n, self.random(1 << 32));
        let url = format!("https://git.example.com/acme/{repo}/pull/{change}");
        let (kind, data) = match self.random(6) {
            0 => (
                "change.opened",
                format!(
                    r#""author":"{author}","title":"{a}: make the {b} {c} survive a restart","draft":false,"additions":{additions},"deletions":{deletions},"changed_files":{},"labels":["{a}"],"tickets":["API-{}"],"base":"main","head":"{head}","url":"{url}""#,
                    1 + additions / 40,
                    n % 9000
                ),
            ),
            1 => (
                "change.updated",
                format!(
                    r#""author":"{author}","title":"{a}: make the {b} {c} survive a restart","additions":{additions},"deletions":{deletions},"labels":["{a}","{b}"],"head":"{head}","url":"{url}""#
                ),
            ),
            2 => (
                "review.requested",
                format!(
                    r#""reviewer":"{reviewer}","by":"{author}","author":"{author}","title":"{a}: make the {b} {c} survive a restart","labels":["{a}","{c}"],"url":"{url}""#
                ),
            ),
            3 | 4 => {
                let verdict = self.pick(&VERDICTS);
                (
                    "review.submitted",
                    format!(
                        r#""reviewer":"{reviewer}","author":"{author}","verdict":"{verdict}","title":"{a}: make the {b} {c} survive a restart","head":"{head}","url":"{url}""#
                    ),
                )
            }
            _ => (
                "change.merged",
                format!(
                    r#""author":"{author}","merged_by":"{reviewer}","title":"{a}: make the {b} {c} survive a restart","base":"main","head":"{head}","url":"{url}""#
                ),
            ),
        };
        let value = format!(
            r#"{{"specversion":"1.0","id":"bench-{n:09}","source":"git.example.com/acme","type":"dev.plimsoll.{kind}.v1","time":"{}","subject":"acme/{repo}#{change}","datacontenttype":"application/json","data":{{"repo":"acme/{repo}","change":"{change}",{data}}}}}"#,
            time(START_S + n * 7)
        );
        Entry {
            topic: self.topic,
            key: format!("acme/{repo}#{change}").into_bytes(),
            headers: Vec::new(),
            value: value.into_bytes(),
        }
    }
}

/// RFC 3339 of seconds since 1970, by the civil-from-days method.
fn time(seconds: u64) -> String {
    let (days, rest) = ((seconds / 86_400) as i64 + 719_468, seconds % 86_400);
    let era_day = days.rem_euclid(146_097);
    let year_of_era = (era_day - era_day / 1460 + era_day / 36_524 - era_day / 146_096) / 365;
    let day_of_year = era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
