//! A repository's history as `commit.pushed` events: commits with their files, lines and renames as
//! `git log --numstat -M` gives them, people after `.mailmap`, and what trailers say of reviews and
//! tickets.
//!
//! One thread walks the commits, newest first; the others take runs of neighbouring commits and
//! compare trees and files, sharing one cache of decoded objects; the caller's thread hands the
//! events on in the order of the walk.
//!
//! Invariants: the same history gives the same events in the same order; totals equal git's own;
//! memory is bounded by the options and about 50 bytes a commit; nothing in a history stops it: what
//! cannot be read is counted and the commit's event says `incomplete`.
//! Deliberately lacking: fetching, work trees, and files of merges (git shows none).

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::cursor::Cursor;
use crate::error::{Error, Stopped};
use crate::objects::{Fault, Packs, Reader};
use crate::options::{Options, Scope};
use crate::pushed::CommitEvent;
use crate::repository::Repository;
use crate::rewritten::{compare, first};
use crate::totals::{FAULTS_MAX, Totals};
use crate::walk::{Node, Walk};
use crate::work::{RunEvents, Worker};

/// How far a run is, to be looked at from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Commits found so far; the number to do once `walked` is set.
    pub found: AtomicU64,
    pub walked: AtomicBool,
    /// Commits handed over.
    pub done: AtomicU64,
}

/// Neighbouring commits taken by a thread at once: enough to be worth a lock, few enough that all
/// threads work on the same part of the history and share what is cached.
const RUN_COMMITS: usize = 32;
/// Runs that may be finished ahead of the one that is handed over next.
const RUNS_AHEAD: u64 = 64;
/// Bytes of finished events before threads wait for them to be handed over.
const BYTES_AHEAD: usize = 64 << 20;
/// Trees inside each other and long searches are recursive.
const STACK_BYTES: usize = 16 << 20;

/// Hands every commit that `cursor` does not know yet to `sink`, in batches and newest first. Blocks.
/// `cursor` moves on only when the sink has taken everything.
pub fn read<E>(
    path: &Path,
    options: &Options,
    cursor: &mut Cursor,
    progress: &Progress,
    sink: &mut dyn FnMut(Vec<CommitEvent>) -> Result<(), E>,
) -> Result<Totals, Stopped<E>> {
    let repository = Repository::open(path, options)?;
    let packs = Packs::open(&repository.git.to_thread_local(), options.cache_bytes)?;
    let known = cursor.known(&repository.known_as());
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let line = Line::default();
    let mut totals = std::thread::scope(|scope| {
        // Whatever ends this closure ends the threads.
        let _stop = StopOnDrop(&line);
        let (repository, packs, line, known) = (&repository, &packs, &line, &known);
        let failed = |error: std::io::Error| Error {
            repository: path.to_owned(),
            detail: format!("cannot start a thread: {error}"),
        };
        let thread = || std::thread::Builder::new().name("git".to_owned()).stack_size(STACK_BYTES);
        let walk = move || {
            let _stop = StopOnPanic(line);
            let mut reader = Reader::new(packs, repository.git.to_thread_local());
            let shallow = repository.shallow.iter().copied().collect();
            let walk = Walk::new(&mut reader, shallow, &repository.tips, known);
            line.feed(walk, progress);
        };
        let work = move || {
            let _stop = StopOnPanic(line);
            let git = repository.git.to_thread_local();
            let mut worker = Worker::new(packs, &git, repository);
            while let Some((number, run)) = line.take() {
                line.put(number, worker.run(&run));
            }
        };
        thread().spawn_scoped(scope, walk).map_err(failed)?;
        for _ in 0..threads {
            thread().spawn_scoped(scope, work).map_err(failed)?;
        }
        hand_over(line, options, progress, sink)
    })?;
    totals.repository = repository.known_as();
    if options.scope == Scope::Head {
        let mut reader = Reader::new(&packs, repository.git.to_thread_local());
        let earlier = cursor.earlier(&repository.known_as());
        let rewriting = match &earlier {
            Some(earlier) => compare(&mut reader, &repository, earlier),
            None => first(&mut reader, &repository),
        };
        totals.gone_commits = rewriting.gone;
        for events in rewriting.events.chunks(options.batch_events.max(1)) {
            sink(events.to_vec()).map_err(Stopped::Sink)?;
        }
        cursor.moved(&repository.known_as(), &rewriting);
    }
    let state = lock(&line.state);
    totals.absent_commits += state.absent_count;
    totals.faults.extend(state.absent.iter().map(ToString::to_string));
    totals.faults.truncate(FAULTS_MAX);
    cursor.set(&repository.known_as(), options.scope, &repository.tips);
    Ok(totals)
}

/// Takes finished runs in the order of the walk and gives their events to the sink.
fn hand_over<E>(
    line: &Line,
    options: &Options,
    progress: &Progress,
    sink: &mut dyn FnMut(Vec<CommitEvent>) -> Result<(), E>,
) -> Result<Totals, Stopped<E>> {
    let mut totals = Totals::default();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(mut done) = line.next() {
        bytes += done.totals.bytes as usize;
        batch.append(&mut done.events);
        totals.add(done.totals);
        if batch.len() >= options.batch_events || bytes >= options.batch_bytes {
            sink(std::mem::take(&mut batch)).map_err(Stopped::Sink)?;
            bytes = 0;
            progress.done.store(totals.commits, Ordering::Relaxed);
        }
    }
    if !batch.is_empty() {
        sink(batch).map_err(Stopped::Sink)?;
    }
    progress.done.store(totals.commits, Ordering::Relaxed);
    Ok(totals)
}

/// The runs between the walk, the threads that work on them and the one that hands them on.
#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<Node>>,
    walked: bool,
    taken: u64,
    finished: BTreeMap<u64, RunEvents>,
    finished_bytes: usize,
    handed_over: u64,
    stopped: bool,
    panicked: bool,
    absent: Vec<Fault>,
    absent_count: u64,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn feed(&self, mut walk: Walk<'_, '_>, progress: &Progress) {
        loop {
            let run: Vec<Node> = walk.by_ref().take(RUN_COMMITS).collect();
            let last = run.len() < RUN_COMMITS;
            progress.found.fetch_add(run.len() as u64, Ordering::Relaxed);
            let mut state = lock(&self.state);
            if !run.is_empty() {
                state.waiting.push_back(run);
            }
            if last {
                state.walked = true;
                state.absent_count = walk.absent_count;
                state.absent = std::mem::take(&mut walk.absent);
                progress.walked.store(true, Ordering::Relaxed);
            }
            self.changed.notify_all();
            if last || state.stopped {
                return;
            }
        }
    }

    /// The next run and its number; `None` when there is no more to do.
    fn take(&self) -> Option<(u64, Vec<Node>)> {
        let mut state = lock(&self.state);
        loop {
            if state.stopped || (state.walked && state.waiting.is_empty()) {
                return None;
            }
            // The run that is to be handed over next may always be taken, or nothing would move.
            let ahead = state.taken - state.handed_over;
            if (ahead == 0 || (ahead < RUNS_AHEAD && state.finished_bytes < BYTES_AHEAD))
                && let Some(run) = state.waiting.pop_front()
            {
                let number = state.taken;
                state.taken += 1;
                return Some((number, run));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, number: u64, done: RunEvents) {
        let mut state = lock(&self.state);
        state.finished_bytes += done.totals.bytes as usize;
        state.finished.insert(number, done);
        if number == state.handed_over {
            self.changed.notify_all();
        }
    }

    /// The next finished run in order; `None` when all are handed over.
    fn next(&self) -> Option<RunEvents> {
        let mut state = lock(&self.state);
        loop {
            assert!(!state.panicked, "a thread of the git source panicked");
            let number = state.handed_over;
            if let Some(done) = state.finished.remove(&number) {
                state.handed_over += 1;
                state.finished_bytes -= done.totals.bytes as usize;
                self.changed.notify_all();
                return Some(done);
            }
            if state.walked && state.waiting.is_empty() && state.taken == number {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self, panicked: bool) {
        let mut state = lock(&self.state);
        state.stopped = true;
        state.panicked |= panicked;
        self.changed.notify_all();
    }
}

struct StopOnDrop<'l>(&'l Line);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop(false);
    }
}

struct StopOnPanic<'l>(&'l Line);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(true);
        }
    }
}
