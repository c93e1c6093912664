//! The file of the log, and what went wrong with it: redb tells only that something did.
//!
//! Invariant: a failed fsync is never taken for a full disk. After a full disk nothing is lost that was acknowledged,
//! and the file can be opened again; after a failed fsync nobody knows what is on the disk (I10).
//! Deliberately lacking: trying again.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};

/// As much room must be there before a log that met a full disk is opened again: an append, and what redb needs.
const ROOM_BYTES: usize = 4 << 20;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no room to write to.
    Full,
    /// Anything else: what is on the disk is not known.
    Broken,
}

/// The last fault of a file, for whoever sees an operation on it fail.
#[derive(Debug, Default)]
pub struct Fault(Mutex<Option<FaultKind>>);

impl Fault {
    pub fn kind(&self) -> Option<FaultKind> {
        *self.lock()
    }

    pub fn clear(&self) {
        *self.lock() = None;
    }

    /// A broken file does not become a full one.
    fn note<T>(&self, outcome: io::Result<T>, syncs: bool) -> io::Result<T> {
        if let Err(error) = &outcome {
            let no_room = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
            let mut kind = self.lock();
            let broken = syncs || !no_room || *kind == Some(FaultKind::Broken);
            *kind = Some(if broken { FaultKind::Broken } else { FaultKind::Full });
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Option<FaultKind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Storage whose faults are noted.
#[derive(Debug)]
pub struct Watched<B> {
    storage: B,
    fault: Arc<Fault>,
}

impl<B: StorageBackend> Watched<B> {
    pub fn new(storage: B, fault: Arc<Fault>) -> Self {
        Watched { storage, fault }
    }
}

impl<B: StorageBackend> StorageBackend for Watched<B> {
    fn len(&self) -> io::Result<u64> {
        self.storage.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.storage.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.fault.note(self.storage.set_len(length), false)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.fault.note(self.storage.sync_data(), true)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.fault.note(self.storage.write(offset, data), false)
    }

    fn close(&self) -> io::Result<()> {
        self.storage.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.query_lock_range(start, end)
    }
}

/// Opens a file that must be there and not be empty.
pub fn open(builder: &Builder, path: &Path, fault: Arc<Fault>) -> Result<Database, DatabaseError> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    if file.metadata()?.len() == 0 {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is empty; restore it from a copy").into());
    }
    builder.create_with_backend(Watched::new(FileBackend::new(file)?, fault))
}

/// Whether there is room again next to `path`.
pub fn has_room(path: &Path) -> bool {
    let probe = path.with_extension("room");
    let written = File::create(&probe).and_then(|mut file| {
        let block = vec![0x55; ROOM_BYTES];
        file.write_all(&block)?;
        file.sync_all()
    });
    // Where it cannot be removed it is written over next time.
    let _ = std::fs::remove_file(&probe);
    written.is_ok()
}
