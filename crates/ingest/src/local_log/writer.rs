//! The one thread that writes the log: it takes every append that waits, commits them together, and answers them all.
//!
//! Invariants: an append is answered once, and with its offsets only after its commit is on disk. A failed fsync is
//! final. A full disk is waited out: meanwhile appends are refused, and the file is opened again when there is room.
//! Deliberately lacking: readers.

use std::ops::Range;
use std::time::Duration;

use redb::Durability;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::block::{Block, Frames};
use super::file::FaultKind;
use super::{ABOUT, BLOCKS, LogFailure, Shared, next_offset};
use crate::Error;

/// One commit takes no further appends once it holds this much.
const GROUP_BYTES: usize = 64 << 20;
/// How often a full disk is looked at.
const ROOM_LOOK: Duration = Duration::from_millis(500);

pub struct Request {
    pub parts: Vec<Part>,
    pub records: i64,
    pub bytes: usize,
    pub reply: oneshot::Sender<Result<Range<i64>, Error>>,
}

pub enum Part {
    Small(Frames),
    Whole(Block),
}

pub fn write_loop(shared: &Shared, mut receiver: mpsc::Receiver<Request>) {
    loop {
        match shared.failure() {
            None => {
                let Some(request) = receiver.blocking_recv() else { return };
                write(shared, request, &mut receiver);
            }
            Some(LogFailure::Broken(error)) => {
                let Some(request) = receiver.blocking_recv() else { return };
                let _ = request.reply.send(Err(error));
            }
            Some(LogFailure::Full(error)) => {
                if refuse_waiting(&mut receiver, &error) {
                    return;
                }
                wait_for_room(shared);
            }
        }
    }
}

/// Answers the appends that wait; true when no more can come.
fn refuse_waiting(receiver: &mut mpsc::Receiver<Request>, error: &Error) -> bool {
    loop {
        match receiver.try_recv() {
            Ok(request) => {
                let _ = request.reply.send(Err(error.clone()));
            }
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => return true,
        }
    }
}

fn wait_for_room(shared: &Shared) {
    std::thread::sleep(ROOM_LOOK);
    if !shared.has_room() {
        return;
    }
    match shared.reopen() {
        Ok(next) => info!(log = %shared.path.display(), next, "there is room again; the log takes events"),
        Err(detail) => warn!(log = %shared.path.display(), detail, "the log cannot be opened again yet"),
    }
}

fn write(shared: &Shared, first: Request, receiver: &mut mpsc::Receiver<Request>) {
    let mut bytes = first.bytes;
    let mut group = vec![first];
    while bytes < GROUP_BYTES {
        let Ok(request) = receiver.try_recv() else {
            break;
        };
        bytes += request.bytes;
        group.push(request);
    }
    let first = shared.tail().next;
    let outcome = commit(shared, first, &mut group);
    answer(shared, first, group, outcome);
}

fn answer(shared: &Shared, first: i64, group: Vec<Request>, outcome: Result<i64, String>) {
    match outcome {
        Ok(next) => {
            shared.tail().next = next;
            shared.grown.notify_all();
            let mut offset = first;
            for request in group {
                let range = offset..offset + request.records;
                offset = range.end;
                // A caller that went away needs no answer; its records are in the log all the same.
                let _ = request.reply.send(Ok(range));
            }
        }
        Err(detail) => {
            let failure = shared.failed(&detail);
            error!(log = %shared.path.display(), error = %failure.error(), "the log takes no more");
            for request in group {
                let _ = request.reply.send(Err(failure.error().clone()));
            }
        }
    }
}

/// One durable transaction with the blocks of the whole group; gives the offset after them.
fn commit(shared: &Shared, first: i64, group: &mut [Request]) -> Result<i64, String> {
    fn text(error: impl std::fmt::Display) -> String {
        error.to_string()
    }
    shared.fault.clear();
    let database = shared.database();
    let database = database.as_ref().ok_or("it is not open")?;
    let mut transaction = database.begin_write().map_err(text)?;
    transaction.set_durability(Durability::Immediate).map_err(text)?;
    let mut next = first;
    {
        let mut table = transaction.open_table(BLOCKS).map_err(text)?;
        let mut store = |block: &Block| {
            table.insert(next as u64, block.bytes.as_slice()).map_err(text)?;
            next += i64::from(block.count);
            Ok::<(), String>(())
        };
        let mut small = Frames::default();
        for part in group.iter_mut().flat_map(|request| &mut request.parts) {
            match part {
                Part::Small(frames) => {
                    small.count += frames.count;
                    small.bytes.append(&mut frames.bytes);
                }
                Part::Whole(_) => {}
            }
            let whole = matches!(part, Part::Whole(_));
            if small.count > 0 && (whole || small.is_full()) {
                store(&small.seal())?;
                small = Frames::default();
            }
            if let Part::Whole(block) = part {
                store(block)?;
            }
        }
        if small.count > 0 {
            store(&small.seal())?;
        }
    }
    transaction.commit().map_err(text)?;
    Ok(next)
}

impl Shared {
    /// Notes why a commit failed, which says whether the log can be used again.
    fn failed(&self, detail: &str) -> LogFailure {
        let error = |remedy: &str| Error::Log {
            path: self.path.clone(),
            detail: format!("a write failed: {detail}; {remedy}"),
        };
        let failure = match self.fault.kind() {
            Some(FaultKind::Full) => LogFailure::Full(error("make room on the disk: it is then used again")),
            Some(FaultKind::Broken) | None => LogFailure::Broken(error("repair the disk, then restart")),
        };
        self.tail().failed = Some(failure.clone());
        failure
    }

    /// Opens the file again and proves that it takes a commit; gives the log's end.
    fn reopen(&self) -> Result<i64, String> {
        let mut database = self.database.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Two of them would exclude each other.
        *database = None;
        self.fault.clear();
        let opened = (self.open)(std::sync::Arc::clone(&self.fault)).map_err(|error| error.to_string())?;
        let proved = opened.begin_write().map_err(|error| error.to_string()).and_then(|transaction| {
            {
                let mut about = transaction.open_table(ABOUT).map_err(|error| error.to_string())?;
                about
                    .insert("reopened", super::now_us().to_string().as_str())
                    .map_err(|error| error.to_string())?;
            }
            transaction.commit().map_err(|error| error.to_string())
        });
        let next = proved.and_then(|()| next_offset(&opened));
        if next.is_err() && self.fault.kind() == Some(FaultKind::Broken) {
            self.failed(next.as_ref().err().map_or("", String::as_str));
        }
        let next = next?;
        *database = Some(opened);
        let mut tail = self.tail();
        // A commit that failed late may be there after all.
        tail.next = next.max(tail.next);
        tail.failed = None;
        drop(tail);
        self.grown.notify_all();
        Ok(next)
    }
}
