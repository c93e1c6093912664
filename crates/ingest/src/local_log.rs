//! The embedded local log: Kafka's semantics in one file, for a laptop or one machine.
//!
//! Invariants: an append returns after its records are on disk (one fsync shared by all appends
//! that wait at the time), offsets are dense and never reused, and what was acknowledged survives
//! a crash at any moment: the file is a [`redb`] database, whose commits are atomic, so a torn
//! tail is simply a commit that never happened. After a failed write the log takes nothing more:
//! until there is room again where the disk is full, else for good.
//! Deliberately lacking: topics as separate logs (the topic is a field), partitions, retention.

mod block;
mod file;
mod rewrite;
mod source;
mod writer;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::{Entry, Error, Gap, Position, Positions, Produce};
use block::Frames;
use file::{Fault, FaultKind};
use writer::{Part, Request, write_loop};

pub use rewrite::rewrite;
pub use source::LocalSource;

/// The name that records of this log carry as their topic; their partition is 0.
pub const TOPIC: &str = "local";

const FILE: &str = "log.redb";
const FORMAT: &str = "1";
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const ABOUT: TableDefinition<'_, &str, &str> = TableDefinition::new("about");
/// Memory that the database may keep for pages.
const CACHE_BYTES: usize = 64 << 20;
/// Appends that may wait for the writer.
const QUEUE: usize = 64;
/// Appends smaller than this share a block with their neighbours in the same commit.
const SMALL_BYTES: usize = 64 << 10;

/// A handle on an open log; clones share it. The file is released with the last handle.
#[derive(Clone)]
pub struct LocalLog {
    inner: Arc<Inner>,
}

/// A record as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    pub offset: i64,
    pub timestamp_us: i64,
    pub topic: String,
    pub key: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub value: Vec<u8>,
}

struct Inner {
    shared: Arc<Shared>,
    id: Arc<str>,
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    open: Opener,
    /// `None` while it is being opened again.
    database: RwLock<Option<Database>>,
    fault: Arc<Fault>,
    tail: Mutex<Tail>,
    grown: Condvar,
}

/// Opens the file, whose faults go where they are given to.
type Opener = Box<dyn Fn(Arc<Fault>) -> Result<Database, DatabaseError> + Send + Sync>;

struct Tail {
    next: i64,
    failed: Option<LogFailure>,
}

/// Why the log takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFailure {
    /// Until there is room.
    Full(Error),
    /// Until the process is started again.
    Broken(Error),
}

impl LogFailure {
    pub fn error(&self) -> &Error {
        match self {
            LogFailure::Full(error) | LogFailure::Broken(error) => error,
        }
    }
}

impl LocalLog {
    /// Opens the log in `directory`, creating both where they are missing. One process at a time:
    /// another gets [`Error::Locked`].
    pub fn open(directory: &Path) -> Result<LocalLog, Error> {
        let path = directory.join(FILE);
        let failed = |error: std::io::Error| Error::Log { path: path.clone(), detail: error.to_string() };
        std::fs::create_dir_all(directory).map_err(failed)?;
        if !path.exists() {
            create(&path)?;
        }
        let named = path.clone();
        let open = move |fault| {
            let (mut builder, path) = (Database::builder(), named.clone());
            builder.set_cache_size(CACHE_BYTES);
            builder.set_repair_callback(move |session| {
                let percent = (session.progress() * 100.0) as u8;
                warn!(log = %path.display(), percent, "checking the log after an unclean end");
            });
            file::open(&builder, &named, fault)
        };
        let log = LocalLog::start(path.clone(), Box::new(open))?;
        // The second name of a new log, or what a crash left of one.
        let _ = std::fs::remove_file(path.with_extension("new"));
        for parent in [Some(directory), directory.parent()].into_iter().flatten() {
            if !parent.as_os_str().is_empty() {
                File::open(parent).and_then(|directory| directory.sync_all()).map_err(failed)?;
            }
        }
        Ok(log)
    }

    fn start(path: PathBuf, open: Opener) -> Result<LocalLog, Error> {
        let fault = Arc::new(Fault::default());
        let database = open(Arc::clone(&fault)).map_err(|error| open_error(&path, error))?;
        let id: Arc<str> =
            identity(&database).map_err(|detail| Error::Log { path: path.clone(), detail })?.into();
        let next = next_offset(&database).map_err(|detail| Error::Log { path: path.clone(), detail })?;
        let shared = Arc::new(Shared {
            path,
            open,
            database: RwLock::new(Some(database)),
            fault,
            tail: Mutex::new(Tail { next, failed: None }),
            grown: Condvar::new(),
        });
        let (requests, receiver) = mpsc::channel(QUEUE);
        let writer = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("local-log".to_owned())
                .spawn(move || write_loop(&shared, receiver))
                .map_err(|error| Error::Log {
                    path: PathBuf::from(FILE),
                    detail: format!("cannot start its writer thread: {error}"),
                })?
        };
        Ok(LocalLog { inner: Arc::new(Inner { shared, id, requests: Some(requests), writer: Some(writer) }) })
    }

    /// `local:<uuid>`, made when the log was created.
    pub fn id(&self) -> &Arc<str> {
        &self.inner.id
    }

    /// The offset that the next record will get; everything below is durable.
    pub fn next_offset(&self) -> i64 {
        self.inner.shared.tail().next
    }

    /// Why it takes no events just now.
    pub fn failure(&self) -> Option<LogFailure> {
        self.inner.shared.failure()
    }

    /// The gap between the store's position and this log, where there is one to accept.
    pub fn gap(&self, positions: &Positions) -> Result<Gap, Error> {
        Gap::find(&positions(), self.id(), (TOPIC, 0), &(0..=self.next_offset()))
    }

    /// The disk is full, so that reading may fail as well.
    fn is_full(&self) -> bool {
        let shared = &self.inner.shared;
        shared.fault.kind() == Some(FaultKind::Full) || matches!(shared.failure(), Some(LogFailure::Full(_)))
    }

    /// Appends the entries next to each other and returns their offsets once they are durable.
    /// Any number of threads may append at once. Not to be called on an async task.
    pub fn append(&self, entries: Vec<Entry>) -> Result<Range<i64>, Error> {
        let (request, answer) = self.request(&entries)?;
        drop(entries);
        self.requests().blocking_send(request).map_err(|_| self.stopped())?;
        answer.blocking_recv().map_err(|_| self.stopped())?
    }

    /// [`LocalLog::append`] for async code.
    pub async fn append_async(&self, entries: Vec<Entry>) -> Result<Vec<Position>, Error> {
        let (request, answer) = self.request(&entries)?;
        drop(entries);
        self.requests().send(request).await.map_err(|_| self.stopped())?;
        let offsets = answer.await.map_err(|_| self.stopped())??;
        let topic: Arc<str> = TOPIC.into();
        Ok(offsets.map(|offset| Position { topic: Arc::clone(&topic), partition: 0, offset }).collect())
    }

    /// The records from offset `from` on: at most `max_records`, and no further record once
    /// `max_bytes` of values are reached. Empty at the log's end.
    pub fn read(&self, from: i64, max_records: usize, max_bytes: usize) -> Result<Vec<StoredRecord>, Error> {
        let mut records = Vec::new();
        let mut bytes = 0;
        let mut cursor = source::Cursor::new(self.clone(), from);
        while records.len() < max_records && bytes < max_bytes {
            let Some((offset, frame)) = cursor.next()? else {
                break;
            };
            bytes += frame.value.len();
            records.push(StoredRecord {
                offset,
                timestamp_us: frame.timestamp_us,
                topic: frame.topic.to_owned(),
                key: frame.key.to_vec(),
                headers: frame
                    .headers
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                    .collect(),
                value: frame.value.to_vec(),
            });
        }
        Ok(records)
    }

    /// Waits until the log reaches past `offset`, or the timeout; says whether it does.
    pub fn wait_past(&self, offset: i64, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut tail = self.inner.shared.tail();
        while tail.next <= offset {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            tail = self.inner.shared.grown.wait_timeout(tail, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Frames and compresses on the caller's thread, so that the writer only stores.
    fn request(&self, entries: &[Entry]) -> Result<(Request, Acknowledgement), Error> {
        if let Some(failure) = self.failure() {
            return Err(failure.error().clone());
        }
        let now_us = now_us();
        let mut parts = Vec::new();
        let mut frames = Frames::default();
        for entry in entries {
            frames.push(entry, now_us)?;
            if frames.is_full() {
                parts.push(Part::Whole(frames.seal()));
                frames.bytes.clear();
                frames.count = 0;
            }
        }
        if frames.bytes.len() >= SMALL_BYTES {
            parts.push(Part::Whole(frames.seal()));
        } else if frames.count > 0 {
            parts.push(Part::Small(frames));
        }
        let bytes = parts
            .iter()
            .map(|part| match part {
                Part::Small(frames) => frames.bytes.len(),
                Part::Whole(block) => block.bytes.len(),
            })
            .sum();
        let (reply, answer) = oneshot::channel();
        let request = Request { parts, records: entries.len() as i64, bytes, reply };
        Ok((request, answer))
    }

    fn requests(&self) -> &mpsc::Sender<Request> {
        self.inner.requests.as_ref().expect("taken only when the last handle is dropped")
    }

    fn stopped(&self) -> Error {
        self.failure().map(|failure| failure.error().clone()).unwrap_or_else(|| Error::Log {
            path: self.inner.shared.path.clone(),
            detail: "its writer has stopped; restart".to_owned(),
        })
    }
}

type Acknowledgement = oneshot::Receiver<Result<Range<i64>, Error>>;

impl Produce for LocalLog {
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.append(entries).map(drop)
    }
}

impl Drop for Inner {
    /// Ends the writer, so that the file can be opened again as soon as this returns.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            error!(log = %self.shared.path.display(), "the log's writer panicked");
        }
    }
}

impl Shared {
    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> Option<LogFailure> {
        self.tail().failed.clone()
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self) -> bool {
        file::has_room(&self.path)
    }

    /// The block that holds `offset`: its first offset and its bytes handed to `use_block`.
    fn block_of<T>(
        &self,
        offset: i64,
        use_block: impl FnOnce(i64, &[u8]) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let failed = |detail: String| Error::Log { path: self.path.clone(), detail };
        let database = self.database();
        let database = database.as_ref().ok_or_else(|| failed("it is being opened again".to_owned()))?;
        let table = database
            .begin_read()
            .map_err(|error| failed(error.to_string()))?
            .open_table(BLOCKS)
            .map_err(|error| failed(error.to_string()))?;
        let block = table
            .range(..=offset as u64)
            .and_then(|mut blocks| blocks.next_back().transpose())
            .map_err(|error| failed(error.to_string()))?;
        let Some((first, bytes)) = block else {
            return Ok(None);
        };
        use_block(first.value() as i64, bytes.value()).map(Some)
    }

    fn corrupt(&self, offset: i64, detail: &str) -> Error {
        Error::Corrupt { path: self.path.clone(), offset, detail: detail.to_owned() }
    }
}

/// Makes an empty log under another name and then gives it its own, which must not be taken: a crash
/// before that leaves no log, and never half of one.
fn create(path: &Path) -> Result<(), Error> {
    let new = path.with_extension("new");
    let failed = |detail: String| Error::Log { path: new.clone(), detail };
    let database = match Database::create(&new) {
        Err(DatabaseError::DatabaseAlreadyOpen) => return Err(Error::Locked { path: new }),
        // What an earlier crash left; whoever makes a log holds a lock on it.
        Err(_) => std::fs::remove_file(&new)
            .map_err(DatabaseError::from)
            .and_then(|()| Database::create(&new))
            .map_err(|error| open_error(&new, error))?,
        Ok(database) => database,
    };
    identity(&database).map_err(failed)?;
    drop(database);
    match std::fs::hard_link(&new, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) if path.exists() => return Err(failed(error.to_string())),
        // Not every file system has hard links.
        Err(_) => return std::fs::rename(&new, path).map_err(|error| failed(error.to_string())),
        Ok(()) => {}
    }
    Ok(())
}

/// Reads the log's id, or gives a new log one.
fn identity(database: &Database) -> Result<String, String> {
    let transaction = database.begin_write().map_err(|error| error.to_string())?;
    let id = {
        let mut about = transaction.open_table(ABOUT).map_err(|error| error.to_string())?;
        transaction.open_table(BLOCKS).map_err(|error| error.to_string())?;
        let stored = |about: &redb::Table<'_, &str, &str>, key: &str| {
            about
                .get(key)
                .map(|value| value.map(|value| value.value().to_owned()))
                .map_err(|error| error.to_string())
        };
        match (stored(&about, "format")?, stored(&about, "id")?) {
            (Some(format), Some(_)) if format != FORMAT => {
                return Err(format!(
                    "format {format} is not known to this version; use the version that wrote it"
                ));
            }
            (Some(_), Some(id)) => return Ok(id),
            (None, _) | (_, None) => {
                let id = format!("local:{}", uuid::Uuid::new_v4());
                for (key, value) in [("format", FORMAT), ("id", &id)] {
                    about.insert(key, value).map_err(|error| error.to_string())?;
                }
                id
            }
        }
    };
    transaction.commit().map_err(|error| error.to_string())?;
    Ok(id)
}

fn next_offset(database: &Database) -> Result<i64, String> {
    let table = database
        .begin_read()
        .map_err(|error| error.to_string())?
        .open_table(BLOCKS)
        .map_err(|error| error.to_string())?;
    match table.last().map_err(|error| error.to_string())? {
        Some((first, block)) => Ok(first.value() as i64 + i64::from(block::count(block.value())?)),
        None => Ok(0),
    }
}

fn open_error(path: &Path, error: DatabaseError) -> Error {
    match error {
        DatabaseError::DatabaseAlreadyOpen => Error::Locked { path: path.to_owned() },
        other => Error::Log { path: path.to_owned(), detail: format!("cannot be opened: {other}") },
    }
}

fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as i64)
}

#[cfg(test)]
mod tests;
