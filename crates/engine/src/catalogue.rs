//! The catalogue: every view and metric, each one `.sql` file whose stem is its name.
//!
//! A file starts with front matter, TOML in SQL comments, and the rest is one `SELECT`:
//!
//! ```sql
//! -- +++
//! -- title = "Review load"
//! -- +++
//! SELECT ...
//! ```
//!
//! | key | in | means |
//! |---|---|---|
//! | `help` | both | one sentence for people; required |
//! | `key` | view | columns that identify what a row's `key_hash` stands for; absent in a shared view |
//! | `from` | view | tables and views that the SQL reads, exactly; required |
//! | `open` | view | name of a boolean output column: rows where it is true are kept apart |
//! | `once` | shared view | computed once for all metrics evaluated together, not where it is read |
//! | `over` | shared view | the shared view that it reads, however indirectly, in whose place a reader may put a relation of its own |
//! | `title` | metric | heading on every surface; required |
//! | `unit` | metric | unit of `value` (`reviews`, `days`, `ratio`, ...), which Prometheus has in seconds or as a ratio; required |
//! | `level` | metric | `team` (default) or `person`: who may see it |
//! | `labels` | metric | text columns that tell rows apart; required, may be empty |
//! | `value` | metric | the numeric column that is the headline; required |
//! | `gauges` | metric | further numeric columns that Prometheus has, each as `plimsoll_<metric>_<column>`, in base units |
//! | `people` | metric | columns that hold people, or parts of them (`column.part`); required where there are any |
//! | `section` | metric | heading in reports; required |
//! | `panel` | metric | how a dashboard draws it, one of [`PANELS`]; required |
//! | `shared_params` | metric, shared view | names of parameters that `params.toml` declares |
//! | `params` | metric, shared view | `name = { type, default, min, max, values, help }`; type is `int`, `float`, `text`, `bool` or `duration` |
//!
//! SQL may use `$as_of`, `$known_at`, `$definition` (the file's own hash) and `$name` for each declared
//! parameter. A view with a key is materialised and uses none: its row is a function of the events of its
//! key. A view without one is *shared*: a name for what several metrics would otherwise repeat, computed
//! where it is read.
//!
//! A metric has the parameters of the shared views that it reads as well, and may declare one of these anew
//! with a default of its own. `FROM milestone_outlook(moment)` reads a shared view with the relation `moment`, a CTE or
//! a view, in the place of the one that the view's `over` names (`calls.rs`). No CTE has the name of a shared view.
//!
//! Invariants: a [`Catalogue`] that exists is consistent (references resolve, views are in an order in
//! which each comes after what it reads, every parameter is declared and used). All problems of all files
//! are reported at once, each with file and line. Deliberately absent: planning and running SQL
//! (only [`Catalogue::check_plans`] plans, on empty tables).

mod bind;
mod calls;
mod front;
mod graph;
mod inherit;
mod load;
mod people;
mod plan;
mod problem;
mod reload;
mod shared;
mod trial;
mod unit;
mod value;

pub use bind::Bound;
pub use people::holds_people;
pub use problem::Problem;
pub use reload::{Reloaded, Reloader, Stamp};
pub use unit::Scale;
pub use value::{BadParam, duration_ms};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Query;

use crate::sql::relations;
use bind::Binding;
use graph::Definitions;
use shared::SharedParams;

/// Largest catalogue file that is read.
pub const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Most `.sql` files in one directory.
pub const FILES_MAX: usize = 1_000;
/// Longest text parameter, in bytes.
pub const TEXT_PARAM_BYTES_MAX: usize = 1_000;
/// Values of the front matter key `panel`.
pub const PANELS: [&str; 7] = ["bargauge", "barchart", "timeseries", "table", "stat", "gauge", "heatmap"];

/// A relation that metrics read: folded from events and kept up to date by recomputing touched keys, or
/// shared and computed where it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub name: String,
    /// One `SELECT`; with a key, its first output column is `key_hash`.
    pub sql: String,
    pub sql_line: usize,
    /// Empty for a shared view.
    pub key: Vec<String>,
    /// A shared view that is computed once for all who read it.
    pub once: bool,
    /// Of a shared view.
    pub params: Vec<Param>,
    /// The shared view that it reads, however indirectly, in whose place a reader may put another relation.
    pub over: Option<String>,
    /// Tables and views that it reads.
    pub from: Vec<String>,
    /// Boolean output column that marks rows to be clustered apart.
    pub open: Option<String>,
    pub help: String,
    pub file: String,
}

impl View {
    pub fn is_shared(&self) -> bool {
        self.key.is_empty()
    }
}

/// Who may see a metric's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    Team,
    Person,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Team => "team",
            Level::Person => "person",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamType {
    Int,
    Float,
    Text,
    Bool,
    /// Written `90m`, `12h`, `28d`, `2w`; an SQL interval.
    Duration,
}

impl ParamType {
    pub fn as_str(self) -> &'static str {
        match self {
            ParamType::Int => "int",
            ParamType::Float => "float",
            ParamType::Text => "text",
            ParamType::Bool => "bool",
            ParamType::Duration => "duration",
        }
    }
}

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
    /// Milliseconds.
    Duration(i64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value}"),
            Value::Text(value) => f.write_str(value),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Duration(ms) => f.write_str(&value::duration_text(*ms)),
        }
    }
}

/// A declared parameter of a metric or shared view.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: String,
    pub type_: ParamType,
    pub default: Value,
    /// Smallest allowed value, inclusive (`int`, `float`, `duration`).
    pub min: Option<Value>,
    /// Largest allowed value, inclusive.
    pub max: Option<Value>,
    /// All that a `text` may be; empty: anything.
    pub values: Vec<String>,
    pub help: String,
    /// Line of the file that declares it.
    pub line: usize,
}

impl Param {
    /// Whether the two ask the same, whatever they say about it.
    fn means(&self, other: &Param) -> bool {
        let asks = |param: &Param| {
            (param.type_, param.default.clone(), param.min.clone(), param.max.clone(), param.values.clone())
        };
        asks(self) == asks(other)
    }
}

/// A named query whose result every surface shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub name: String,
    pub title: String,
    pub help: String,
    pub unit: String,
    pub level: Level,
    pub labels: Vec<String>,
    /// The headline column.
    pub value: String,
    /// Further numeric columns that Prometheus has.
    pub gauges: Vec<String>,
    /// Columns that hold people, or parts of them, as in `suggested_reviewers.reviewer`.
    pub people: Vec<String>,
    pub section: String,
    pub panel: String,
    /// Its own, and those of the shared views that it reads, by name.
    pub params: Vec<Param>,
    pub sql: String,
    /// Line of the file on which `sql` starts, from 1.
    pub sql_line: usize,
    /// Tables and views that it reads directly.
    pub reads: Vec<String>,
    pub file: String,
}

impl Metric {
    /// Whether what stands at `path`, a column or a part of one, is people's names.
    pub fn names(&self, path: &str) -> bool {
        let within =
            |whole: &String| path.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('.'));
        self.people.iter().any(|named| named == path || within(named))
    }

    /// What the series of the value is called, and by what its values are multiplied and divided.
    pub fn series(&self) -> (String, Scale) {
        let (suffix, scale) = unit::of_value(&self.unit);
        let name = self.name.strip_suffix(suffix).unwrap_or(&self.name);
        (format!("plimsoll_{name}{suffix}"), scale)
    }

    /// The same for a column that the metric lists as a further gauge.
    pub fn gauge(&self, column: &str) -> (String, Scale) {
        let (name, scale) = unit::of_column(column);
        (format!("plimsoll_{}_{name}", self.name), scale)
    }
}

/// Views and metrics that fit together.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Each view comes after every view that it reads.
    pub views: Vec<View>,
    /// By name.
    pub metrics: Vec<Metric>,
    definitions: BTreeMap<String, String>,
    /// The query of each view and metric, as it was written.
    parsed: BTreeMap<String, Query>,
    /// The tables and views that each view's bound query reads.
    reads: BTreeMap<String, BTreeSet<String>>,
    /// The text of each file, for problems that a plan finds.
    texts: BTreeMap<String, Arc<str>>,
}

impl Catalogue {
    /// The catalogue in this program.
    ///
    /// # Errors
    /// All problems; the tests hold that there are none.
    pub fn shipped() -> Result<Self, Vec<Problem>> {
        Self::load(&[])
    }

    /// The shipped catalogue and the files in `DIR/view` and `DIR/metric` of each directory, with its `params.toml`.
    ///
    /// # Errors
    /// All problems of all files, by file and line.
    pub fn load(dirs: &[PathBuf]) -> Result<Self, Vec<Problem>> {
        let (mut sources, mut problems) = (load::shipped(), Vec::new());
        for dir in dirs {
            load::directory(dir, &mut sources, &mut problems);
        }
        Self::from_sources(sources, problems)
    }

    /// The same, with the files of `against` in place of those of their names: of a directory its `view/` and
    /// `metric/`; a single file is a version of `metric`, whatever it is called.
    ///
    /// # Errors
    /// All problems of all files, by file and line.
    pub fn load_against(dirs: &[PathBuf], against: &Path, metric: &str) -> Result<Self, Vec<Problem>> {
        let (mut sources, mut problems) = (load::shipped(), Vec::new());
        for dir in dirs {
            load::directory(dir, &mut sources, &mut problems);
        }
        let mut others = Vec::new();
        if against.is_dir() {
            load::directory(against, &mut others, &mut problems);
        } else {
            load::version(against, metric, &mut others, &mut problems);
        }
        others.iter_mut().for_each(|other| other.newer = true);
        let replaced = |source: &load::Source| {
            let takes_its_place =
                |other: &load::Source| other.kind != load::Kind::Params && other.name == source.name;
            source.kind != load::Kind::Params && others.iter().any(takes_its_place)
        };
        sources.retain(|source| !replaced(source));
        sources.extend(others);
        Self::from_sources(sources, problems)
    }

    fn from_sources(sources: Vec<load::Source>, mut problems: Vec<Problem>) -> Result<Self, Vec<Problem>> {
        let texts: BTreeMap<String, Arc<str>> =
            sources.iter().map(|source| (source.file.clone(), source.text.as_str().into())).collect();
        let (mut views, mut metrics, mut parsed) = (Vec::new(), Vec::new(), BTreeMap::new());
        let shared = SharedParams::read(&sources, &mut problems);
        for source in load::unique(sources, &mut problems) {
            let query = match source.kind {
                load::Kind::Params => continue,
                load::Kind::View => front::view(&source, &shared, &mut problems).map(|(view, query)| {
                    views.push(view);
                    query
                }),
                load::Kind::Metric => {
                    front::metric(&source, &shared, &mut problems).map(|(metric, query)| {
                        metrics.push(metric);
                        query
                    })
                }
            };
            parsed.extend(query.map(|query| (source.name, query)));
        }
        let mut cycles = Vec::new();
        let views = graph::order(views, &mut cycles);
        graph::resolve(&views, &metrics, &parsed, &mut problems);
        problems.append(&mut cycles);
        metrics.iter_mut().for_each(|metric| inherit::params(metric, &views, &mut problems));
        if !problems.is_empty() {
            return Err(pointed(problems, &texts, false));
        }
        metrics.sort_by(|a, b| a.name.cmp(&b.name));
        let hashes = Definitions::new(&views);
        let of_views = views.iter().map(|view| (view.name.clone(), hashes.of_view(view)));
        let of_metrics = metrics.iter().map(|metric| (metric.name.clone(), hashes.of_metric(metric)));
        let definitions = of_views.chain(of_metrics).collect();
        let mut catalogue = Self { views, metrics, definitions, parsed, reads: BTreeMap::new(), texts };
        let read = |view: &View| (view.name.clone(), relations(&catalogue.bind_view(view, 0, 0).query));
        catalogue.reads = catalogue.views.iter().map(read).collect();
        Ok(catalogue)
    }

    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name)
    }

    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The views that a view or metric reads, however indirectly, in an order in which they can be evaluated;
    /// a view's own name comes last.
    pub fn views_of(&self, name: &str) -> Vec<&View> {
        match self.metric(name) {
            Some(metric) => graph::closure(&metric.reads, &self.views),
            None => graph::closure(&[name.to_owned()], &self.views),
        }
    }

    /// 16 hex digits that change with the SQL of the metric or of a view it reads, with a default,
    /// and with the meaning of the functions; not with comments and white space.
    pub fn definition(&self, metric: &Metric) -> String {
        self.definitions
            .get(&metric.name)
            .cloned()
            .unwrap_or_else(|| Definitions::new(&self.views).of_metric(metric))
    }

    /// The metric's query with `$as_of`, `$known_at` (microseconds since 1970, UTC) and its parameters as
    /// literals, and the shared views that it changes as CTEs.
    ///
    /// # Errors
    /// A parameter that is not declared, or a value that is not of its type or range.
    pub fn bind(
        &self,
        metric: &Metric,
        as_of_us: i64,
        known_at_us: i64,
        params: &BTreeMap<String, String>,
    ) -> Result<Bound, BadParam> {
        Ok(Binding::of_metric(self, metric, as_of_us, known_at_us, params)?.query(&metric.name))
    }

    /// The same as text for people to read: as it was written, where the metric changes no shared view.
    ///
    /// # Errors
    /// As [`Catalogue::bind`].
    pub fn bound_text(
        &self,
        metric: &Metric,
        as_of_us: i64,
        known_at_us: i64,
        params: &BTreeMap<String, String>,
    ) -> Result<String, BadParam> {
        Ok(Binding::of_metric(self, metric, as_of_us, known_at_us, params)?.shown(metric))
    }

    /// A view's query; a shared one's with its values as literals.
    pub fn bind_view(&self, view: &View, as_of_us: i64, known_at_us: i64) -> Bound {
        Binding::of_view(self, view, as_of_us, known_at_us).query(&view.name)
    }

    /// The tables and views that one who reads `relations` reads, however indirectly, these included.
    pub fn reads(&self, mut relations: BTreeSet<String>) -> BTreeSet<String> {
        for view in self.views.iter().rev().filter_map(|view| self.reads.get_key_value(&view.name)) {
            if relations.contains(view.0) {
                relations.extend(view.1.iter().cloned());
            }
        }
        relations
    }

    /// The materialised views.
    pub fn keyed(&self) -> impl Iterator<Item = &View> {
        self.views.iter().filter(|view| !view.is_shared())
    }

    /// Plans every view and metric on empty tables.
    ///
    /// Checks what only a plan can tell: that the SQL is valid, that a view's first column is `key_hash`,
    /// and that `open`, `labels` and `value` name output columns of the right type.
    pub async fn check_plans(&self) -> Vec<Problem> {
        pointed(plan::check(self, None).await, &self.texts, true)
    }

    /// The same, without the metrics that are as shipped, of which the tests hold that they plan.
    pub async fn check_own_plans(&self) -> Vec<Problem> {
        match Catalogue::shipped() {
            Ok(shipped) => self.check_plans_beside(&shipped).await,
            Err(problems) => problems,
        }
    }

    /// The same, without the metrics that are as they are in `sound`.
    async fn check_plans_beside(&self, sound: &Catalogue) -> Vec<Problem> {
        pointed(plan::check(self, Some(sound)).await, &self.texts, true)
    }
}

/// In order, each once, each with the text that it is about; where `onward`, its line may be too early.
fn pointed(mut problems: Vec<Problem>, texts: &BTreeMap<String, Arc<str>>, onward: bool) -> Vec<Problem> {
    for problem in &mut problems {
        if let Some(text) = texts.get(&problem.file) {
            problem.point(text, onward);
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;
