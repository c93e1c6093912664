//! The running server as every surface sees it: what it is doing, the open store, and the one way to ask it.
//!
//! Invariant: a phase only moves forward; rows leave through [`App::ask`] and its kin, which pass the wall.
//! Deliberately absent: any protocol, and the configuration.

use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use chrono::{DateTime, Utc};
use engine::{Engine, Metric, MetricResult, Query, Series};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::caller::Access;
use crate::problem::Problem;
use crate::wall::{Shown, ShownSeries, Sight, Wall};

/// The step of a series that names none.
const STEP: &str = "7d";

/// What the server is doing; it only moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Opening the store.
    Opening = 0,
    /// The store is open; the log is still being read up to where it ended at the start.
    CatchingUp = 1,
    Ready = 2,
    Stopping = 3,
}

/// What is there once the store is open.
pub struct Parts {
    pub engine: Engine,
    /// Threads for work that would keep HTTP from answering.
    pub compute: Handle,
    /// Whether the data directory holds the generated example.
    pub example: bool,
}

impl Parts {
    /// Runs `work` on the engine's threads; it is stopped when the request ends before it does.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, engine::Error>> + Send + 'static,
    ) -> Result<T, Problem> {
        let mut task = AbortOnDrop(self.compute.spawn(work));
        match (&mut task.0).await {
            Ok(result) => Ok(result?),
            Err(error) => Err(Problem::internal(&format!("a query stopped: {error}"))),
        }
    }
}

/// A task that does not outlive the one who waits for it.
pub struct AbortOnDrop<T>(pub JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Bounds of one answer.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub rows_max: usize,
    pub steps_max: usize,
}

impl Bounds {
    /// The moments that are meant where the end and the step may be left out.
    pub fn series(
        self,
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
        step: Option<&str>,
    ) -> Result<Series, engine::Error> {
        let (to, step) = (to.unwrap_or_else(Utc::now), step.unwrap_or(STEP));
        Series::new(from, to, step, self.steps_max, self.rows_max)
    }
}

pub struct App {
    pub started_at: DateTime<Utc>,
    pub access: Access,
    /// What every surface of this server shows has passed it.
    pub wall: Wall,
    pub bounds: Bounds,
    parts: OnceLock<Parts>,
    phase: AtomicU8,
    /// Of the user's files that are not in force as they stand.
    problems: Mutex<Arc<[engine::Problem]>>,
}

impl App {
    pub fn new(access: Access, wall: Wall, bounds: Bounds) -> Arc<App> {
        Arc::new(App {
            started_at: Utc::now(),
            access,
            wall,
            bounds,
            parts: OnceLock::new(),
            phase: AtomicU8::new(Phase::Opening as u8),
            problems: Mutex::default(),
        })
    }

    /// Called once, when the store is open.
    pub fn open(&self, parts: Parts) {
        let first = self.parts.set(parts).is_ok();
        assert!(first, "the store is opened once");
        self.advance(Phase::CatchingUp);
    }

    pub fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::Release);
    }

    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Opening,
            1 => Phase::CatchingUp,
            2 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }

    /// What is wrong with the user's files; they count as they last were good.
    pub fn catalogue_problems(&self) -> Arc<[engine::Problem]> {
        self.problems.lock().expect("no holder of the problems panics").clone()
    }

    pub fn set_catalogue_problems(&self, problems: Vec<engine::Problem>) {
        *self.problems.lock().expect("no holder of the problems panics") = problems.into();
    }

    /// What may be shown of a result to a caller with this sight.
    pub fn show(&self, metric: &Metric, result: &MetricResult, sight: &Sight) -> Result<Shown, Problem> {
        Ok(self.wall.show(metric, result, sight)?)
    }

    /// A metric's rows, as a caller with this sight may see them.
    pub async fn ask(&self, metric: &Metric, query: Query, sight: &Sight) -> Result<Shown, Problem> {
        let parts = self.parts()?;
        self.wall.admit(metric, &query.params)?;
        let (engine, name) = (parts.engine.clone(), metric.name.clone());
        let result = parts.compute(async move { engine.query(&name, &query).await }).await?;
        self.show(metric, &result, sight)
    }

    /// The same at each moment of a series.
    pub async fn ask_series(
        &self,
        metric: &Metric,
        query: Query,
        series: Series,
        sight: &Sight,
    ) -> Result<ShownSeries, Problem> {
        let parts = self.parts()?;
        self.wall.admit(metric, &query.params)?;
        let (engine, name) = (parts.engine.clone(), metric.name.clone());
        let steps = parts.compute(async move { engine.range(&name, &query, &series).await }).await?;
        Ok(self.wall.series(metric, &steps, sight)?)
    }

    pub fn parts(&self) -> Result<&Parts, Problem> {
        self.parts.get().ok_or_else(Problem::starting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Visibility;

    #[test]
    fn phases_only_move_forward() {
        let access = Access { tokens: Vec::new(), visibility: Visibility::Lead };
        let app = App::new(access, Wall::own_data(None), Bounds { rows_max: 1, steps_max: 1 });
        assert_eq!(app.phase(), Phase::Opening);
        app.advance(Phase::Stopping);
        app.advance(Phase::Ready);
        assert_eq!(app.phase(), Phase::Stopping);
    }
}
