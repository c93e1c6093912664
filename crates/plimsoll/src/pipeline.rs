//! Log to engine: opening a data directory, and the threads that feed the engine from the logs.
//!
//! Invariants: the engine's lock is taken before the log is touched, so a second process changes
//! nothing; batches reach the engine over one bounded channel; a source ends before the channel
//! closes, and the engine ends after it, with everything folded and durable.
//! Deliberately absent: retries and positions of its own; the store's positions are the only ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::{Catalogue, Engine};
use event::Batch;
use ingest::{
    Appender, Entry, FeedLog, KafkaConfig, KafkaConsumer, KafkaProducer, KafkaStatus, LocalLog, LocalSource,
    PartitionStatus, Positions, Produce, Progress, Source, Stop,
};
use tokio::sync::mpsc::Sender;

use crate::config::Config;
use crate::example::Example;
use crate::failure::Failure;

pub const LOG_DIR: &str = "log";
/// Time for a source to close once everything is committed.
pub const FEED_CLOSE_MAX: Duration = Duration::from_millis(1_500);
const FEED_CLOSE_LOOK: Duration = Duration::from_millis(5);

/// An open data directory.
pub struct Store {
    pub engine: Engine,
    pub log: LocalLog,
    pub example: Option<Example>,
}

/// The shipped catalogue and the configured directories.
pub fn catalogue(config: &Config, more: &[PathBuf]) -> Result<Catalogue, Vec<engine::Problem>> {
    let dirs: Vec<PathBuf> = config.catalogue.dirs.iter().chain(more).cloned().collect();
    Catalogue::load(&dirs)
}

pub fn sound_catalogue(config: &Config) -> Result<Catalogue, Failure> {
    catalogue(config, &[]).map_err(|problems| unsound(&problems))
}

fn unsound(problems: &[engine::Problem]) -> Failure {
    let more = match problems.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more problems", count - 1),
    };
    let first = problems.first().map_or_else(String::new, ToString::to_string);
    Failure::misuse(format!("{first}{more}; run 'plimsoll check' to see all"))
}

/// The same, planned where some of it is the user's own: what only a plan shows, such as a column that holds people and
/// is not said to, must be known before anything is shown.
async fn planned_catalogue(config: &Config) -> Result<Catalogue, Failure> {
    let catalogue = sound_catalogue(config)?;
    if !config.catalogue.dirs.is_empty() {
        let problems = catalogue.check_own_plans().await;
        if !problems.is_empty() {
            return Err(unsound(&problems));
        }
    }
    Ok(catalogue)
}

pub fn log_failure(error: &ingest::Error) -> Failure {
    Failure::failed(error.to_string())
}

/// Opens `dir`, creating it where it is missing.
pub async fn open(config: &Config, dir: &Path) -> Result<Store, Failure> {
    let catalogue = planned_catalogue(config).await?;
    crate::erasure::resume(dir).await?;
    let engine =
        Engine::open(dir, catalogue, config.engine_options()).await.map_err(|error| match error {
            engine::Error::BadSql { message } => Failure::failed(format!(
                "the catalogue cannot be planned: {message}; run 'plimsoll check' to see where"
            )),
            other => Failure::engine(&other),
        })?;
    let log = LocalLog::open(&dir.join(LOG_DIR)).map_err(|error| log_failure(&error))?;
    let example = Example::read(dir)?;
    Ok(Store { engine, log, example })
}

impl Store {
    pub fn positions(&self) -> Positions {
        let engine = self.engine.clone();
        Arc::new(move || engine.positions())
    }

    /// Whether the tables have read a local log; it may be another one, which then is not passed over.
    fn has_read_local(&self) -> bool {
        self.engine.positions().keys().any(|app_id| app_id.starts_with("plimsoll:local:"))
    }

    fn local_source(&self) -> Result<LocalSource, Failure> {
        LocalSource::new(&self.log, &self.positions()).map_err(|error| log_failure(&error))
    }

    /// Ingests what the log has and the tables lack, such as events posted just before a crash.
    pub async fn catch_up(&self, config: &Config) -> Result<(), Failure> {
        if self.local_source()?.position() == self.log.next_offset() {
            return Ok(());
        }
        self.load(config, |_| Ok(())).await
    }

    /// Runs `work`, which produces to the log, and ingests at the same time until all of it is in the
    /// tables and durable. What `work` produced before it failed is ingested as well.
    pub async fn load<T: Send + 'static>(
        &self,
        config: &Config,
        work: impl FnOnce(&mut dyn Produce) -> Result<T, ingest::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = tokio::sync::mpsc::channel(ingest::CHANNEL_BATCHES);
        let feed = Feed::local(self, config, sender)?;
        let stop = Arc::clone(&feed.stop);
        let engine_gone = Arc::new(AtomicBool::new(false));
        let mut log = GuardedLog { log: Appender::Local(self.log.clone()), gone: Arc::clone(&engine_gone) };
        let work = tokio::task::spawn_blocking(move || {
            let result = work(&mut log);
            stop.at_end();
            result
        });
        let ran = self.engine.ingest(receiver).await;
        engine_gone.store(ran.is_err(), Ordering::Relaxed);
        let worked = work.await;
        let fed = feed.join();
        ran.map_err(|error| Failure::engine(&error))?;
        fed?;
        match worked {
            Ok(result) => result.map_err(|error| log_failure(&error)),
            Err(error) => Err(Failure::failed(format!("reading the input stopped: {error}"))),
        }
    }
}

/// A log that refuses entries once nobody ingests them any more, so that the producer ends.
struct GuardedLog {
    log: Appender,
    gone: Arc<AtomicBool>,
}

impl Produce for GuardedLog {
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), ingest::Error> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(ingest::Error::Closed);
        }
        self.log.produce(entries)
    }
}

/// One log being read, on a thread of its own.
pub struct Feed {
    pub stop: Arc<Stop>,
    pub progress: Arc<Progress>,
    pub log: FeedLog,
    /// The source has ended; the thread may still wait to be joined.
    ended: Arc<AtomicBool>,
    /// Dropped by `join`, once the engine has committed everything.
    committed: std::sync::mpsc::Sender<()>,
    thread: JoinHandle<Result<(), ingest::Error>>,
}

impl Feed {
    pub fn local(store: &Store, config: &Config, sender: Sender<Batch>) -> Result<Feed, Failure> {
        let source = store.local_source()?;
        let log = FeedLog::Local(store.log.clone());
        Self::start("ingest-local", log, source, (config, store.engine.homes()), sender, |_| {})
    }

    pub fn kafka(store: &Store, config: &Config, sender: Sender<Batch>) -> Result<Feed, Failure> {
        let consumer = KafkaConsumer::open(&kafka_config(config), store.positions());
        let consumer = consumer.map_err(|error| log_failure(&error))?;
        let log = FeedLog::Kafka(consumer.status());
        let after = |consumer: &mut KafkaConsumer| consumer.advise(true);
        Self::start("ingest-kafka", log, consumer, (config, store.engine.homes()), sender, after)
    }

    /// `after` runs when everything that the source read is committed.
    fn start<S: Source + Send + 'static>(
        name: &str,
        log: FeedLog,
        mut source: S,
        (config, homes): (&Config, event::Homes),
        sender: Sender<Batch>,
        after: fn(&mut S),
    ) -> Result<Feed, Failure> {
        let (stop, progress) = (Arc::new(Stop::new()), Arc::new(Progress::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (committed, commit) = std::sync::mpsc::channel::<()>();
        let limits = config.ingest_limits();
        let mut formats =
            config.formats().map_err(|bad| Failure::misuse(format!("{} {}", bad.key, bad.message)))?;
        formats.homes = homes;
        let (told, seen, over) = (Arc::clone(&stop), Arc::clone(&progress), Arc::clone(&ended));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let result = ingest::run(&mut source, &sender, &limits, &formats, &told, &seen);
                over.store(true, Ordering::Release);
                drop(sender); // the engine ends once no source can send any more
                let _ = commit.recv(); // ends when `committed` is dropped
                after(&mut source);
                result
            })
            .map_err(|error| Failure::failed(format!("could not start a thread: {error}")))?;
        Ok(Feed { stop, progress, log, ended, committed, thread })
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.thread.is_finished()
    }

    /// To be called once the engine has ended. The source is left to itself if it does not close in time: nothing that
    /// it still does is needed.
    pub fn join(self) -> Result<(), Failure> {
        drop(self.committed);
        let deadline = Instant::now() + FEED_CLOSE_MAX;
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(FEED_CLOSE_LOOK);
        }
        if !self.thread.is_finished() {
            tracing::warn!(log = self.log.name(), "the log did not close in time; it is left as it is");
            return Ok(());
        }
        match self.thread.join() {
            Ok(result) => result.map_err(|error| log_failure(&error)),
            Err(_) => {
                Err(Failure::failed(format!("the thread that reads the {} log panicked", self.log.name())))
            }
        }
    }
}

pub fn kafka_config(config: &Config) -> KafkaConfig {
    KafkaConfig {
        brokers: config.kafka.brokers.join(","),
        group: config.kafka.group.clone(),
        topics: config.kafka.topics.clone(),
        settings: config.kafka.settings.to_map(),
    }
}

/// A producer that has reached its cluster.
pub fn kafka_producer(config: &Config) -> Result<KafkaProducer, Failure> {
    if !config.kafka_enabled() {
        return Err(Failure::misuse(
            "no kafka brokers are configured; set kafka.brokers in plimsoll.toml or PLIMSOLL_KAFKA_BROKERS=host:port",
        ));
    }
    let producer = KafkaProducer::open(&kafka_config(config)).map_err(|error| log_failure(&error))?;
    producer.connect().map_err(|error| log_failure(&error))?;
    Ok(producer)
}

/// The logs that `serve` reads: Kafka where it is configured, and the local log where it is the only one, or has or
/// had something in it.
pub fn feeds(store: &Store, config: &Config, sender: Sender<Batch>) -> Result<Vec<Feed>, Failure> {
    let mut feeds = Vec::new();
    if config.kafka_enabled() {
        feeds.push(Feed::kafka(store, config, sender.clone())?);
    }
    if !config.kafka_enabled() || store.log.next_offset() > 0 || store.has_read_local() {
        feeds.push(Feed::local(store, config, sender)?);
    }
    Ok(feeds)
}

/// Whether everything that the logs held at some moment has reached the board.
pub struct CatchUp {
    local_end: Option<i64>,
    /// Partitions seen so far, with the end that each had then.
    kafka_ends: Vec<(String, i64)>,
    seen: BTreeSet<String>,
}

impl CatchUp {
    pub fn new(feeds: &[FeedLog]) -> Self {
        let local_end = feeds.iter().find_map(|log| match log {
            FeedLog::Local(log) => Some(log.next_offset()),
            FeedLog::Kafka(_) => None,
        });
        Self { local_end, kafka_ends: Vec::new(), seen: BTreeSet::new() }
    }

    /// `covered` gives the board's next offset of a "topic/partition".
    pub fn is_done(&mut self, feeds: &[FeedLog], covered: &dyn Fn(&str) -> i64) -> bool {
        let local_done = self.local_end.is_none_or(|end| covered("local/0") >= end);
        let kafka_done = feeds.iter().all(|log| match log {
            FeedLog::Local(_) => true,
            FeedLog::Kafka(status) => self.kafka_done(status, covered),
        });
        local_done && kafka_done
    }

    fn kafka_done(&mut self, status: &KafkaStatus, covered: &dyn Fn(&str) -> i64) -> bool {
        if !status.is_connected() {
            return false;
        }
        let partitions = status.partitions();
        // What there is has been seen, and not yet taken up.
        if partitions.values().any(|state| state.end.is_some() && state.next.is_none()) {
            return false;
        }
        for ((topic, partition), state) in &partitions {
            let name = format!("{topic}/{partition}");
            if let Some(end) = state.end
                && self.seen.insert(name.clone())
            {
                self.kafka_ends.push((name, end));
            }
        }
        // A halted partition is an alarm, not a reason to refuse the rest. Markers of transactions at the end are
        // records that never come.
        let passed_over = |name: &str, state: &PartitionStatus| {
            state.halted.is_some() || state.behind(covered(name)) == Some(0)
        };
        let by_name: BTreeMap<String, &PartitionStatus> =
            partitions.iter().map(|((topic, number), state)| (format!("{topic}/{number}"), state)).collect();
        !partitions.is_empty()
            && self.kafka_ends.iter().all(|(name, end)| {
                covered(name) >= *end || by_name.get(name).is_some_and(|state| passed_over(name, state))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_local_log_is_caught_up() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let log = LocalLog::open(dir.path()).expect("a new log");
        let feeds = [FeedLog::Local(log.clone())];
        assert!(CatchUp::new(&feeds).is_done(&feeds, &|_| 0));
        let entry = Entry { topic: "plimsoll.tickets", key: vec![], headers: vec![], value: b"{}".to_vec() };
        log.append(vec![entry]).expect("appended");
        let mut behind = CatchUp::new(&feeds);
        assert!(!behind.is_done(&feeds, &|_| 0));
        assert!(behind.is_done(&feeds, &|_| 1));
    }
}
