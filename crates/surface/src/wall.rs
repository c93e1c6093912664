//! The one place that decides what of a result a caller sees.
//!
//! Invariant: whatever leaves the process has passed [`Wall::show`], one of the functions below that call it, or the
//! tables of [`SqlTables`]. The command line on one's own data has a wall of its own, [`Wall::own_data`], which hides
//! nothing.
//! Deliberately absent: who the caller is. Log-in and tokens say so, and the result of that is a [`Sight`].

mod shown;
mod sql;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use engine::{Diff, Engine, Error, Listed, Metric, MetricResult, Query, Replay};

use crate::privacy::{self, Pseudonyms, Veil};

pub use shown::{Shown, ShownDiff, ShownExplanation, ShownReplay, ShownRows, ShownSeries};
pub use sql::{ShownStatement, SqlAccess, SqlTables, TablesPlan};

/// Whose rows of a person-level metric a caller sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    All,
    Only(BTreeSet<String>),
}

/// What holds on surfaces that others reach.
#[derive(Debug)]
pub struct Rules {
    /// Rows about teams of fewer people lose their numbers.
    pub group_min: u64,
    /// Set in pseudonymous mode.
    pub pseudonyms: Option<Pseudonyms>,
    /// Whether events about people and memberships may be listed.
    pub lists_people: bool,
    /// Whether SQL, which reads every table, is answered.
    pub sql: bool,
}

#[derive(Debug)]
enum Kind {
    Shared(Rules),
    OwnData(Option<Pseudonyms>),
}

/// Makes of results what may be shown.
#[derive(Debug)]
pub struct Wall {
    kind: Kind,
    veil: Veil,
}

impl Wall {
    /// For surfaces that others reach.
    pub fn shared(rules: Rules) -> Wall {
        let veil = Veil::new(rules.pseudonyms.as_ref());
        Wall { kind: Kind::Shared(rules), veil }
    }

    /// For the command line on one's own data: nothing is hidden, and people are renamed where that is asked for.
    pub fn own_data(pseudonyms: Option<Pseudonyms>) -> Wall {
        let veil = Veil::new(pseudonyms.as_ref());
        Wall { kind: Kind::OwnData(pseudonyms), veil }
    }

    /// What a caller with this sight sees of a result. The only maker of [`Shown`].
    pub fn show(&self, metric: &Metric, result: &MetricResult, sight: &Sight) -> Result<Shown, ArrowError> {
        let mut result = result.clone();
        if let Sight::Only(people) = sight {
            result.rows = privacy::only(metric, &result.rows, people)?;
        }
        if let Kind::Shared(rules) = &self.kind {
            let (rows, suppressed) = privacy::suppress(metric, &result, rules.group_min)?;
            (result.rows, result.suppressed) = (rows, suppressed);
        }
        if !self.lists_people() {
            result.rows = self.veil.apply(&result.rows)?;
        }
        if let Some(names) = self.pseudonyms() {
            result.rows = names.apply(metric, &result.rows)?;
        }
        Ok(Shown { metric: metric.clone(), result })
    }

    /// Each step by the rules of a single result, before the steps become one table.
    pub fn series<'a>(
        &self,
        metric: &Metric,
        steps: impl IntoIterator<Item = &'a MetricResult>,
        sight: &Sight,
    ) -> Result<ShownSeries, Error> {
        let shown = steps.into_iter().map(|step| Ok(self.show(metric, step, sight)?.result));
        let steps = shown.collect::<Result<Vec<_>, ArrowError>>()?;
        let rows = engine::rows_of_series(&steps)?;
        Ok(ShownSeries { steps, rows })
    }

    /// Both sides pass the rules before they are compared, so that what is not shown leaves no trace in a sentence.
    pub async fn diff(
        &self,
        engine: &Engine,
        metric: &Metric,
        query: &Query,
        span: (DateTime<Utc>, DateTime<Utc>),
        (sight, listed): (&Sight, Listed),
    ) -> Result<ShownDiff, Error> {
        self.admit(metric, &query.params)?;
        let show = |result: &MetricResult| Ok(self.show(metric, result, sight)?.result);
        let diff: Diff = engine.diff(&metric.name, query, span, listed, show).await?;
        Ok(ShownDiff { metric: metric.clone(), diff })
    }

    /// How much of the causes of a difference a caller with this sight sees.
    pub fn listed(&self, sight: &Sight) -> Listed {
        match sight {
            Sight::All if self.lists_people() => Listed::All,
            Sight::All => Listed::Impersonal,
            Sight::Only(_) => Listed::Nothing,
        }
    }

    /// The events behind the rows whose labels are as `wanted`. Events speak of more people than a row does, so a
    /// caller who sees some people's rows only gets none.
    pub async fn explain(
        &self,
        engine: &Engine,
        metric: &Metric,
        query: &Query,
        wanted: &BTreeMap<String, String>,
        limit: usize,
    ) -> Result<ShownExplanation, Error> {
        self.admit(metric, &query.params)?;
        let show = |result: &MetricResult| Ok(self.show(metric, result, &Sight::All)?.result);
        let bounds = (limit, self.listed(&Sight::All));
        Ok(ShownExplanation(engine.explain(&metric.name, query, wanted, bounds, show).await?))
    }

    /// Whether a metric may be asked with these parameters: not with fewer values to a percentile than it has by
    /// default, which would single somebody out.
    ///
    /// # Errors
    /// `BadParameter` that names the parameter and its bound.
    pub fn admit(&self, metric: &Metric, params: &BTreeMap<String, String>) -> Result<(), Error> {
        match &self.kind {
            Kind::Shared(_) => privacy::admit(metric, params),
            Kind::OwnData(_) => Ok(()),
        }
    }

    /// Access to SQL, where these rules allow any.
    pub fn sql(&self) -> Option<SqlAccess> {
        let open = match &self.kind {
            Kind::Shared(rules) => rules.sql,
            Kind::OwnData(_) => true,
        };
        open.then(SqlAccess::granted)
    }

    /// Comparing definitions is for one's own data alone.
    pub fn replay(&self, found: Replay) -> Option<ShownReplay> {
        matches!(self.kind, Kind::OwnData(_)).then_some(ShownReplay(found))
    }

    /// Whether those who reach this may read of any person: events about people, and what may quote names.
    pub fn lists_people(&self) -> bool {
        match &self.kind {
            Kind::Shared(rules) => rules.lists_people && rules.pseudonyms.is_none(),
            Kind::OwnData(pseudonyms) => pseudonyms.is_none(),
        }
    }

    fn pseudonyms(&self) -> Option<&Pseudonyms> {
        match &self.kind {
            Kind::Shared(rules) => rules.pseudonyms.as_ref(),
            Kind::OwnData(pseudonyms) => pseudonyms.as_ref(),
        }
    }
}

/// Rows of one's own data, for the command line, as [`Wall::own_data`] is.
pub fn own_rows(batch: RecordBatch) -> ShownRows {
    ShownRows::of(batch)
}
