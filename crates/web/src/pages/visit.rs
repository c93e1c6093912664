//! One request to a page: who looks, through which lens, and what they may see.
//!
//! Invariant: a page gets results from here only, and what comes from here has passed `access` and
//! the wall.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use engine::{Metric, Query, Series};
use surface::{App, Caller, Problem, Shown, Sight};

use super::lens::{self, Lens};
use crate::query_string::QueryString;
use crate::request::{Visitor, metric_named};
use crate::series_cache::SeriesQuery;
use crate::site::Site;

/// Set by our script, so that a link opened without it gives a whole page.
const FRAGMENT: &str = "x-plimsoll-fragment";

impl Visitor {
    /// Reads the query, in which a page knows `parameters` beside the lens.
    pub fn visit(&self, parameters: &[&str]) -> Result<(Visit<'_>, QueryString), Problem> {
        let Visitor { site, caller, raw, headers } = self;
        let app = &site.app;
        let parts = app.parts()?;
        let now = Utc::now();
        let known = lens::PARAMETERS.into_iter().chain(parameters.iter().copied());
        let mut query = QueryString::parse(raw.as_deref(), known)?;
        let lens = Lens::take(&mut query, now)?;
        let fragment = headers.contains_key(FRAGMENT);
        Ok((Visit { site, app, parts, caller, lens, now, fragment }, query))
    }
}

pub struct Visit<'a> {
    site: &'a Site,
    pub app: &'a Arc<App>,
    pub parts: &'a surface::Parts,
    pub caller: &'a Caller,
    pub lens: Lens,
    pub now: DateTime<Utc>,
    /// Only the changing part of the page is wanted.
    pub fragment: bool,
}

/// What narrows a metric down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub team: Option<String>,
    pub params: BTreeMap<String, String>,
}

impl Visit<'_> {
    /// The moment that is looked at.
    pub fn as_of(&self) -> DateTime<Utc> {
        self.lens.as_of.unwrap_or(self.now)
    }

    /// A metric with its default parameters: at now what the board has, which costs nothing.
    pub async fn metric(&self, name: &str) -> Result<Shown, Problem> {
        let metric = metric_named(self.parts, name)?;
        let sight = self.sight(&metric).await?;
        if self.lens.is_now()
            && let Some(result) = self.parts.engine.board().results.get(name)
        {
            return self.app.show(&metric, result, &sight);
        }
        self.ask(metric, &sight, Filter::default()).await
    }

    /// A metric narrowed down: at now it is the newest that there is.
    pub async fn narrowed(&self, metric: Metric, filter: Filter) -> Result<Shown, Problem> {
        let sight = self.sight(&metric).await?;
        self.ask(metric, &sight, filter).await
    }

    async fn ask(&self, metric: Metric, sight: &Sight, filter: Filter) -> Result<Shown, Problem> {
        let query = self.query(filter);
        self.app.ask(&metric, query, sight).await
    }

    /// As [`Visit::metric`], for a page that does without it: not there, not for this visitor, or failed.
    pub async fn perhaps(&self, name: &str) -> Option<Shown> {
        self.metric(name).await.ok()
    }

    /// The metric at each moment of a series, the oldest first; kept for a while, since past moments seldom change.
    pub async fn series(
        &self,
        metric: &Metric,
        filter: Filter,
        series: &Series,
    ) -> Result<Vec<Shown>, Problem> {
        let sight = self.sight(metric).await?;
        self.app.wall.admit(metric, &filter.params)?;
        let wanted = SeriesQuery {
            metric: metric.name.clone(),
            definition: self.parts.engine.catalogue().definition(metric),
            query: Query { as_of: None, ..self.query(filter) },
            series: series.clone(),
        };
        let steps = self.site.series.steps(self.parts, wanted).await?;
        steps.iter().map(|step| self.app.show(metric, step, &sight)).collect()
    }

    pub async fn sight(&self, metric: &Metric) -> Result<Sight, Problem> {
        self.caller.sight(self.app, metric).await
    }

    pub fn query(&self, filter: Filter) -> Query {
        Query {
            as_of: self.lens.as_of,
            known_at: self.lens.known_at,
            team: filter.team,
            params: filter.params,
            what_if: None,
        }
    }

    /// Moments a week apart: `weeks` before the one looked at, and that one. At now they are those of the hour, so
    /// that visitors of an hour share them.
    pub fn weekly(&self, weeks: usize) -> Series {
        let last = match self.lens.as_of {
            Some(at) => at,
            None => {
                let hour = TimeDelta::seconds(self.now.timestamp().rem_euclid(3600));
                DateTime::from_timestamp(self.now.timestamp(), 0).unwrap_or(self.now) - hour
            }
        };
        let moments = (0..=weeks as i64).rev().map(|n| last - TimeDelta::weeks(n)).collect();
        Series { moments, rows_max: self.app.bounds.rows_max }
    }
}
