//! Results of past moments that pages have asked for, cached for a short while.
//!
//! A chart asks a metric at a dozen moments, which costs more than any other page, and the next visitor asks the same.
//! Invariants: one range is evaluated at a time, whatever number of visitors ask; what is kept is as evaluated, before
//! any rule about who may see it, and is dropped once the log has moved on and it is over [`KEPT_FOR`] old.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::{MetricResult, Position, Query, Series};
use surface::{Parts, Problem};

const KEPT_FOR: Duration = Duration::from_secs(60);
const RANGES_MAX: usize = 64;
/// A range with more rows is not kept.
const ROWS_MAX: usize = 20_000;

/// What decides the answer.
#[derive(Clone, PartialEq)]
pub struct SeriesQuery {
    pub metric: String,
    pub definition: String,
    pub query: Query,
    pub series: Series,
}

struct Range {
    asked: SeriesQuery,
    position: Position,
    since: Instant,
    steps: Arc<[MetricResult]>,
}

#[derive(Default)]
pub struct SeriesCache {
    ranges: Mutex<Vec<Range>>,
    turn: tokio::sync::Mutex<()>,
}

impl SeriesCache {
    pub async fn steps(&self, parts: &Parts, asked: SeriesQuery) -> Result<Arc<[MetricResult]>, Problem> {
        if let Some(steps) = self.find(parts, &asked) {
            return Ok(steps);
        }
        let _turn = self.turn.lock().await;
        // Whoever had the turn before may have asked the same.
        if let Some(steps) = self.find(parts, &asked) {
            return Ok(steps);
        }
        let position = parts.engine.snapshot().position.clone();
        let (engine, wanted) = (parts.engine.clone(), asked.clone());
        let steps = parts
            .compute(async move { engine.range(&wanted.metric, &wanted.query, &wanted.series).await })
            .await?;
        let steps: Arc<[MetricResult]> = steps.into();
        if steps.iter().map(|step| step.rows.num_rows()).sum::<usize>() > ROWS_MAX {
            return Ok(steps);
        }
        let mut ranges = self.ranges.lock().expect("no holder of the ranges panics");
        if ranges.len() == RANGES_MAX {
            ranges.remove(0);
        }
        ranges.push(Range { asked, position, since: Instant::now(), steps: Arc::clone(&steps) });
        Ok(steps)
    }

    fn find(&self, parts: &Parts, asked: &SeriesQuery) -> Option<Arc<[MetricResult]>> {
        let mut ranges = self.ranges.lock().expect("no holder of the ranges panics");
        let position = &parts.engine.snapshot().position;
        ranges.retain(|range| range.since.elapsed() < KEPT_FOR || range.position == *position);
        ranges.iter().find(|range| range.asked == *asked).map(|range| Arc::clone(&range.steps))
    }
}
