//! When the metrics on the board are evaluated, asked for or not: scrapes and pages read the board.
//!
//! Two lanes run beside the writer, on threads of their own so that nobody's request waits for one of
//! their steps. The quick lane takes every quick metric that is out of date, then rests as long as that
//! took. The slow lane takes one metric at a time, each at most a tenth of the time, and rests between them
//! as the quick lane does. In a flood both rest as long as they may: evaluating takes the time that the rows
//! need, and what comes out is of a moment in the middle of catching up.
//!
//! Where nothing changes, only ages grow. What somebody asked for lately is then kept as young as `evaluate_interval`;
//! with nobody looking, evaluations take a two-hundredth of the time, so that an idle server is idle.
//! Invariant: each lane runs at most one evaluation; every metric is evaluated again some time after a
//! change, however slow it is. Deliberately absent: what an evaluation does (`evaluate.rs`), and
//! evaluations for somebody who waits (`demand.rs`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::evaluate::board::{Attempt, Board, QUICK_SECONDS};
use crate::evaluate::interest::Interest;
use crate::shared::Shared;

/// A slow metric rests this many times as long as it took.
const SLOW_REST: f64 = 9.0;
/// Rows that make a flood: for a lane since the last round of the quick one, for a fold since the last.
pub const FLOOD_ROWS: usize = 20_000;
/// Rest of a lane between its rounds, in times what the last round took.
const REST: u32 = 1;
/// Who asked looks again within this many times `evaluate_interval`: a page that is read, a scrape.
const LOOKS_FOR: u32 = 2;
/// With nobody looking, the whole board rests this many times as long as evaluating it takes ...
const IDLE_REST: f64 = 200.0;
/// ... and at most so long.
const IDLE_REST_MAX: Duration = Duration::from_secs(600);
/// Threads of the lanes: one each.
const LANES: usize = 2;

/// Evaluations under way, and when they last ran.
pub struct Pace {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    quick: Lane,
    slow: Lane,
    /// Rows that came since the quick lane's last round.
    pub rows: usize,
}

struct Lane {
    running: Option<JoinHandle<Result<(), Error>>>,
    started: Instant,
    ended: Instant,
    took: Duration,
}

/// What the pace depends on.
pub struct Conditions {
    /// The newest snapshot.
    pub sequence: u64,
    /// How old a result may be that somebody looks at when nothing changed.
    pub interval: Duration,
    /// No batch has come for a while.
    pub quiet: bool,
    /// The longest rest, and the one in a flood.
    pub rest_max: Duration,
}

impl Pace {
    pub fn new() -> Result<Pace, Error> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(LANES).thread_name("evaluate").enable_time().build()?;
        Ok(Pace { runtime: Some(runtime), quick: Lane::new(), slow: Lane::new(), rows: 0 })
    }

    /// Starts what is due in lanes that are free.
    pub async fn keep(
        &mut self,
        shared: &Arc<Shared>,
        evaluator: &Arc<Evaluator>,
        conditions: &Conditions,
    ) -> Result<(), Error> {
        self.quick.end_if_over().await?;
        self.slow.end_if_over().await?;
        let rows = self.rows;
        let rested = |lane: &Lane| lane.ended.elapsed() >= lane_rest(lane.took, rows, conditions);
        if self.quick.running.is_some() && self.slow.running.is_some() {
            return Ok(());
        }
        let runtime = self.runtime.as_ref().expect("the runtime lives until drop");
        let board = shared.board.load();
        let due = Due::new(&board, &shared.interest, conditions);
        let names = evaluator.catalogue.metrics.iter().map(|metric| metric.name.as_str());
        if self.quick.running.is_none() && rested(&self.quick) {
            let quick: BTreeSet<String> =
                names.clone().filter(|name| due.quick(name)).map(str::to_owned).collect();
            if !quick.is_empty() {
                self.rows = 0;
                self.quick.start(runtime, shared, evaluator, quick);
            }
        }
        if self.slow.running.is_none()
            && rested(&self.slow)
            && let Some(name) = names.filter(|name| due.slow(name)).min_by_key(|name| board.tried[*name].at)
        {
            self.slow.start(runtime, shared, evaluator, BTreeSet::from([name.to_owned()]));
        }
        Ok(())
    }

    /// Waits for what runs.
    pub async fn end(&mut self) -> Result<(), Error> {
        self.quick.end().await?;
        self.slow.end().await
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long a lane rests whose last round took `took`, with `rows` come since the quick lane's last.
fn lane_rest(took: Duration, rows: usize, conditions: &Conditions) -> Duration {
    let flood = rows > FLOOD_ROWS && !conditions.quiet;
    if flood { conditions.rest_max } else { (took * REST).min(conditions.rest_max) }
}

struct Due<'b> {
    board: &'b Board,
    interest: &'b Interest,
    conditions: &'b Conditions,
    now: DateTime<Utc>,
    /// How old a result becomes with nobody looking.
    idle_rest: Duration,
    /// A quick metric is so old. One round then takes all that are older than the interval, since metrics share steps.
    idle_round: bool,
}

impl<'b> Due<'b> {
    fn new(board: &'b Board, interest: &'b Interest, conditions: &'b Conditions) -> Due<'b> {
        let now = Utc::now();
        let seconds = board.tried.values().map(|tried| tried.seconds).sum();
        let idle_rest = idle_rest(seconds, conditions.interval);
        let mut quick = board.tried.values().filter(|tried| tried.seconds < QUICK_SECONDS);
        let idle_round = quick.any(|tried| age(tried, now) >= idle_rest);
        Due { board, interest, conditions, now, idle_rest, idle_round }
    }

    fn quick(&self, name: &str) -> bool {
        self.board
            .tried
            .get(name)
            .is_none_or(|tried| tried.seconds < QUICK_SECONDS && self.is_old(name, tried, self.idle_round))
    }

    fn slow(&self, name: &str) -> bool {
        self.board.tried.get(name).is_some_and(|tried| {
            let age = age(tried, self.now);
            let rested = age.as_secs_f64() >= tried.seconds * (SLOW_REST + 1.0);
            tried.seconds >= QUICK_SECONDS && rested && self.is_old(name, tried, age >= self.idle_rest)
        })
    }

    fn is_old(&self, name: &str, tried: &Attempt, idle_round: bool) -> bool {
        let Conditions { sequence, interval, .. } = *self.conditions;
        tried.sequence != sequence
            || age(tried, self.now) >= interval && (idle_round || self.is_looked_at(name))
    }

    fn is_looked_at(&self, name: &str) -> bool {
        self.interest.age(name).is_some_and(|age| age < self.conditions.interval * LOOKS_FOR)
    }
}

fn age(tried: &Attempt, now: DateTime<Utc>) -> Duration {
    (now - tried.at).to_std().unwrap_or_default()
}

/// How old a result becomes with nobody looking, on a board that takes `seconds` to evaluate.
fn idle_rest(seconds: f64, interval: Duration) -> Duration {
    let rest = (seconds * IDLE_REST).min(IDLE_REST_MAX.as_secs_f64());
    Duration::from_secs_f64(rest).max(interval)
}

impl Lane {
    fn new() -> Lane {
        let now = Instant::now();
        Lane { running: None, started: now, ended: now, took: Duration::ZERO }
    }

    fn start(
        &mut self,
        runtime: &Runtime,
        shared: &Arc<Shared>,
        evaluator: &Arc<Evaluator>,
        names: BTreeSet<String>,
    ) {
        let (shared, evaluator) = (Arc::clone(shared), Arc::clone(evaluator));
        self.started = Instant::now();
        self.running = Some(runtime.spawn(async move { evaluator.renew(&shared, &names).await }));
    }

    async fn end_if_over(&mut self) -> Result<(), Error> {
        if self.running.as_ref().is_some_and(JoinHandle::is_finished) { self.end().await } else { Ok(()) }
    }

    async fn end(&mut self) -> Result<(), Error> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let ended = running.await;
        self.ended = Instant::now();
        self.took = self.started.elapsed();
        tracing::debug!(seconds = self.took.as_secs_f64(), "evaluated a lane");
        ended.map_err(|stopped| Error::Internal { message: format!("an evaluation stopped: {stopped}") })?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_wait_for_the_end_of_a_flood_but_not_for_ever() {
        let (took, rest_max) = (Duration::from_secs(1), Duration::from_secs(10));
        let rest = |rows, quiet| {
            let interval = Duration::from_secs(15);
            lane_rest(took, rows, &Conditions { sequence: 1, interval, quiet, rest_max })
        };
        assert_eq!(rest(10, false), took, "a trickle");
        assert_eq!(rest(FLOOD_ROWS + 1, false), rest_max, "a flood");
        assert_eq!(rest(FLOOD_ROWS + 1, true), took, "its end");
    }

    #[test]
    fn with_nobody_looking_the_board_rests_in_proportion_to_what_it_costs() {
        let rest = |seconds| idle_rest(seconds, Duration::from_secs(60)).as_secs();
        for (seconds, expected) in [(0.01, 60), (1.0, 200), (30.0, 600)] {
            assert_eq!(rest(seconds), expected, "{seconds} s");
        }
        let hour = Duration::from_secs(3_600);
        assert_eq!(idle_rest(1.0, hour), hour, "the interval is a lower bound");
    }

    /// Whether a quick metric is due whose result is `age_s` old, on a board that takes `seconds` more to evaluate.
    fn due(age_s: i64, seconds: f64, sequence: u64, interest: &Interest) -> bool {
        let tried = |seconds| {
            let at = Utc::now() - chrono::TimeDelta::seconds(age_s);
            Attempt { at, seconds, sequence: 7, position: Default::default() }
        };
        let tried = [("load".to_owned(), tried(0.01)), ("time".to_owned(), tried(seconds))].into();
        let board = Board { tried, ..Board::default() };
        let (interval, rest_max) = (Duration::from_secs(15), Duration::from_secs(10));
        let conditions = Conditions { sequence, interval, quiet: true, rest_max };
        Due::new(&board, interest, &conditions).quick("load")
    }

    #[test]
    fn a_metric_is_due_when_rows_came_or_somebody_looks_or_rarely() {
        let interest = || Interest::default();
        let (nobody, one, other, all) = (interest(), interest(), interest(), interest());
        one.in_metric("load");
        other.in_metric("time");
        all.in_board();
        for (age_s, seconds, sequence, interest, expected) in [
            (0, 1.0, 8, &nobody, true),
            (16, 1.0, 7, &nobody, false),
            (201, 1.0, 7, &nobody, false),
            (203, 1.0, 7, &nobody, true),
            (601, 100.0, 7, &nobody, true),
            (14, 1.0, 7, &one, false),
            (16, 1.0, 7, &one, true),
            (16, 1.0, 7, &all, true),
            (16, 1.0, 7, &other, false),
        ] {
            let is = due(age_s, seconds, sequence, interest);
            assert_eq!(is, expected, "{age_s} s old, {seconds} s, snapshot {sequence}, {interest:?}");
        }
    }

    #[test]
    fn one_round_takes_every_quick_metric_that_is_older_than_the_interval() {
        let tried = |age_s| {
            let at = Utc::now() - chrono::TimeDelta::seconds(age_s);
            Attempt { at, seconds: 0.01, sequence: 7, position: Default::default() }
        };
        let tried = [("load".to_owned(), tried(20)), ("time".to_owned(), tried(601))].into();
        let board = Board { tried, ..Board::default() };
        let (interval, rest_max) = (Duration::from_secs(15), Duration::from_secs(10));
        let conditions = Conditions { sequence: 7, interval, quiet: true, rest_max };
        assert!(Due::new(&board, &Interest::default(), &conditions).quick("load"));
    }
}
