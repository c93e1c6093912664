//! Reads one file: front matter into a [`View`] or [`Metric`], the rest is its SQL.
//!
//! Invariant: whatever is returned has passed every check that one file alone allows; lines in
//! problems are lines of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use datafusion::sql::sqlparser::ast::Query;
use serde::Deserialize;

use super::load::{Kind, Source, is_name};
use super::shared::SharedParams;
use super::{Level, Metric, PANELS, Param, ParamType, Problem, Value, View, bind, calls, graph, unit, value};

const FENCE: &str = "-- +++";

/// A file cut into its two parts.
struct Parts {
    /// TOML, with an empty line for the fence so that lines agree with the file's.
    front: String,
    sql: String,
    sql_line: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewFront {
    help: String,
    key: Option<Vec<String>>,
    from: Vec<String>,
    open: Option<String>,
    #[serde(default)]
    once: bool,
    over: Option<String>,
    #[serde(default)]
    shared_params: Vec<String>,
    #[serde(default)]
    params: BTreeMap<String, ParamFront>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricFront {
    title: String,
    help: String,
    unit: String,
    #[serde(default)]
    level: LevelFront,
    labels: Vec<String>,
    value: String,
    #[serde(default)]
    gauges: Vec<String>,
    #[serde(default)]
    people: Vec<String>,
    section: String,
    panel: String,
    #[serde(default)]
    shared_params: Vec<String>,
    #[serde(default)]
    params: BTreeMap<String, ParamFront>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum LevelFront {
    #[default]
    Team,
    Person,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamFront {
    #[serde(rename = "type")]
    type_: TypeFront,
    default: toml::Value,
    min: Option<toml::Value>,
    max: Option<toml::Value>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    help: String,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum TypeFront {
    Int,
    Float,
    Text,
    Bool,
    Duration,
}

pub(super) fn view(
    source: &Source,
    shared: &SharedParams,
    problems: &mut Vec<Problem>,
) -> Option<(View, Query)> {
    let parts = split(source, problems)?;
    let front: ViewFront = parse(source, &parts, problems)?;
    let known = problems.len();
    let at = |key: &str| line_of(&parts.front, key);
    let is_shared = front.key.is_none();
    if front.key.as_ref().is_some_and(|key| key.is_empty() || !key.iter().all(|column| is_name(column))) {
        problems.push(source.problem(at("key"), "key must list at least one column name"));
    }
    if is_shared && front.open.is_some() {
        problems.push(source.problem(at("open"), "open needs a key: a shared view keeps no rows"));
    }
    if !is_shared && front.once {
        problems.push(source.problem(at("once"), "once is for views without a key"));
    }
    if !is_shared && front.over.is_some() {
        problems.push(source.problem(at("over"), "over is for views without a key"));
    }
    if front.from.is_empty() && !is_shared {
        problems.push(
            source.problem(at("from"), "a view with a key must list at least one table or view in from"),
        );
    }
    let used = graph::placeholders(&parts.sql).unwrap_or_default();
    if !is_shared {
        for name in &used {
            let message = format!(
                "a view with a key cannot use ${}: its rows depend on events only; compute ages and windows in a metric",
                name.text
            );
            problems.push(source.problem(parts.sql_line + name.line - 1, message));
        }
        if !front.params.is_empty() || !front.shared_params.is_empty() {
            problems.push(source.problem(at("params"), "params are for views without a key"));
        }
    }
    let mut params = params(source, front.params, &parts.front, problems);
    shared.add_to(&mut params, source, &front.shared_params, at("shared_params"), problems);
    for name in used.iter().filter(|name| is_shared && !value::is_given(&name.text)) {
        if !params.iter().any(|param| param.name == name.text) {
            let message = format!("${} is not declared in params", name.text);
            problems.push(source.problem(parts.sql_line + name.line - 1, message));
        }
    }
    for param in params.iter().filter(|param| !used.iter().any(|name| name.text == param.name)) {
        let message = format!("parameter {} is declared and not used", param.name);
        problems.push(source.problem(param.line, message));
    }
    let query = query(source, &parts, problems)?;
    let read = calls::reads(&query);
    check_from(source, &front.from, &read, at("from"), problems);
    let view = View {
        name: source.name.clone(),
        sql: parts.sql,
        sql_line: parts.sql_line,
        key: front.key.unwrap_or_default(),
        once: front.once,
        params,
        over: front.over,
        from: front.from,
        open: front.open,
        help: front.help,
        file: source.file.clone(),
    };
    (problems.len() == known).then_some((view, query))
}

/// The file's query, in which a value can stand wherever there is a `$name`.
fn query(source: &Source, parts: &Parts, problems: &mut Vec<Problem>) -> Option<Query> {
    let query = graph::parse(source, &parts.sql, parts.sql_line, problems)?;
    let used = graph::placeholders(&parts.sql).unwrap_or_default();
    if let Some(first) = used.first().filter(|_| bind::placeholders(&query) != used.len()) {
        let message = "a $name stands where SQL takes no value; write it where an expression can be";
        problems.push(source.problem(parts.sql_line + first.line - 1, message));
    }
    Some(query)
}

fn check_from(
    source: &Source,
    declared: &[String],
    read: &BTreeSet<String>,
    line: usize,
    problems: &mut Vec<Problem>,
) {
    for name in declared.iter().filter(|name| !read.contains(*name)) {
        problems.push(source.problem(line, format!("from lists {name}, which the SQL does not read")));
    }
    for name in read.iter().filter(|name| !declared.contains(name)) {
        problems.push(source.problem(line, format!("the SQL reads {name}; add it to from")));
    }
}

pub(super) fn metric(
    source: &Source,
    shared: &SharedParams,
    problems: &mut Vec<Problem>,
) -> Option<(Metric, Query)> {
    let parts = split(source, problems)?;
    let front: MetricFront = parse(source, &parts, problems)?;
    let known = problems.len();
    let at = |key: &str| line_of(&parts.front, key);
    for (key, value) in
        [("title", &front.title), ("help", &front.help), ("unit", &front.unit), ("section", &front.section)]
    {
        if value.trim().is_empty() {
            problems.push(source.problem(at(key), format!("{key} is empty")));
        }
    }
    if let Some(message) = unit::wrong(&front.unit, &front.value) {
        problems.push(source.problem(at("unit"), message));
    }
    if !PANELS.contains(&front.panel.as_str()) {
        problems.push(
            source.problem(
                at("panel"),
                format!("panel {:?} must be one of {}", front.panel, PANELS.join(", ")),
            ),
        );
    }
    for column in front.labels.iter().chain([&front.value]).filter(|column| !is_name(column)) {
        problems.push(source.problem(at("labels"), format!("{column:?} is not a column name")));
    }
    for column in front.gauges.iter().filter(|column| !is_name(column) || **column == front.value) {
        let message = format!("gauges lists {column:?}, which is not a column name other than the value's");
        problems.push(source.problem(at("gauges"), message));
    }
    let mut params = params(source, front.params, &parts.front, problems);
    shared.add_to(&mut params, source, &front.shared_params, at("shared_params"), problems);
    let query = query(source, &parts, problems)?;
    let read = calls::reads(&query);
    let metric = Metric {
        name: source.name.clone(),
        title: front.title,
        help: front.help,
        unit: front.unit,
        level: match front.level {
            LevelFront::Team => Level::Team,
            LevelFront::Person => Level::Person,
        },
        labels: front.labels,
        value: front.value,
        gauges: front.gauges,
        people: front.people,
        section: front.section,
        panel: front.panel,
        params,
        sql: parts.sql,
        sql_line: parts.sql_line,
        reads: read.into_iter().collect(),
        file: source.file.clone(),
    };
    (problems.len() == known).then_some((metric, query))
}

/// The parameters of a file of shared ones.
pub(super) fn declared(source: &Source, problems: &mut Vec<Problem>) -> Vec<Param> {
    let parts = Parts { front: source.text.clone(), sql: String::new(), sql_line: 1 };
    let fronts = parse(source, &parts, problems).unwrap_or_default();
    params(source, fronts, &parts.front, problems)
}

fn params(
    source: &Source,
    fronts: BTreeMap<String, ParamFront>,
    front: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Param> {
    let mut params = Vec::with_capacity(fronts.len());
    for (name, raw) in fronts {
        let line = line_of(front, &name);
        match param(&name, &raw, line) {
            Ok(param) => params.push(param),
            Err(message) => problems.push(source.problem(line, format!("parameter {name}: {message}"))),
        }
    }
    params
}

fn param(name: &str, raw: &ParamFront, line: usize) -> Result<Param, String> {
    if !is_name(name) || value::is_given(name) {
        return Err(
            "the name must be lower-case letters, digits and _, and not as_of, known_at or definition".into(),
        );
    }
    let type_ = match raw.type_ {
        TypeFront::Int => ParamType::Int,
        TypeFront::Float => ParamType::Float,
        TypeFront::Text => ParamType::Text,
        TypeFront::Bool => ParamType::Bool,
        TypeFront::Duration => ParamType::Duration,
    };
    let bound = |key: &str, value: &Option<toml::Value>| match (value, type_) {
        (None, _) => Ok(None),
        (Some(_), ParamType::Text | ParamType::Bool) => {
            Err(format!("{key} has no meaning for {}", type_.as_str()))
        }
        (Some(value), _) => typed(key, value, type_).map(Some),
    };
    if !raw.values.is_empty() && type_ != ParamType::Text {
        return Err(format!("values has no meaning for {}", type_.as_str()));
    }
    let param = Param {
        name: name.to_owned(),
        type_,
        default: typed("default", &raw.default, type_)?,
        min: bound("min", &raw.min)?,
        max: bound("max", &raw.max)?,
        values: raw.values.clone(),
        help: raw.help.clone(),
        line,
    };
    value::in_range(&param, &param.default).map_err(|range| format!("default is out of range: {range}"))?;
    Ok(param)
}

fn typed(key: &str, value: &toml::Value, type_: ParamType) -> Result<Value, String> {
    let wrong = || format!("{key} is not of type {}", type_.as_str());
    match (type_, value) {
        (ParamType::Int, toml::Value::Integer(value)) => Ok(Value::Int(*value)),
        (ParamType::Float, toml::Value::Integer(value)) => Ok(Value::Float(*value as f64)),
        (ParamType::Float, toml::Value::Float(value)) if value.is_finite() => Ok(Value::Float(*value)),
        (ParamType::Bool, toml::Value::Boolean(value)) => Ok(Value::Bool(*value)),
        (ParamType::Text | ParamType::Duration, toml::Value::String(value)) => {
            value::parse(type_, value).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

fn split(source: &Source, problems: &mut Vec<Problem>) -> Option<Parts> {
    let lines: Vec<&str> = source.text.lines().collect();
    if lines.first().map(|line| line.trim_end()) != Some(FENCE) {
        problems
            .push(source.problem(1, format!("front matter is missing: the first line must be `{FENCE}`")));
        return None;
    }
    let Some(end) = (1..lines.len()).find(|&line| lines[line].trim_end() == FENCE) else {
        problems.push(source.problem(1, format!("front matter has no end: close it with a line `{FENCE}`")));
        return None;
    };
    let mut front = String::from("\n");
    for (index, line) in lines[1..end].iter().enumerate() {
        let Some(text) = line.strip_prefix("--") else {
            problems.push(source.problem(index + 2, "a line of front matter must start with `-- `"));
            return None;
        };
        front.push_str(text.strip_prefix(' ').unwrap_or(text));
        front.push('\n');
    }
    let sql = lines[end + 1..].join("\n");
    Some(Parts { front, sql, sql_line: end + 2 })
}

fn parse<T: for<'de> Deserialize<'de>>(
    source: &Source,
    parts: &Parts,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    toml::from_str(&parts.front)
        .map_err(|error| {
            let line = match error.span() {
                Some(span) if span.start > 0 => {
                    parts.front[..span.start.min(parts.front.len())].matches('\n').count() + 1
                }
                _ => 1,
            };
            let part = if source.kind == Kind::Params { "" } else { "front matter: " };
            let problem = source.problem(line, format!("{part}{}", error.message().replace('\n', "; ")));
            problems.push(match error.span() {
                Some(span) if span.start > 0 => place(source, &parts.front, line, span, problem),
                _ => problem,
            });
        })
        .ok()
}

/// The place of a span of the front matter: in the file its lines start with `-- `.
fn place(source: &Source, front: &str, line: usize, span: Range<usize>, problem: Problem) -> Problem {
    let start = front[..span.start.min(front.len())].rfind('\n').map_or(0, |at| at + 1);
    let stripped = front.lines().nth(line - 1).unwrap_or_default().chars().count();
    let whole = source.text.lines().nth(line - 1).unwrap_or_default().chars().count();
    let column = front.get(start..span.start).unwrap_or_default().chars().count();
    problem.at(column + whole.saturating_sub(stripped) + 1, span.len().max(1))
}

/// The line on which a key is set, else the first.
fn line_of(front: &str, key: &str) -> usize {
    let sets = |line: &str| {
        let mut rest = line;
        while let Some(at) = rest.find(key) {
            let after = rest[at + key.len()..].trim_start();
            let before = rest[..at].chars().next_back();
            if after.starts_with('=')
                && !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
            {
                return true;
            }
            rest = &rest[at + key.len()..];
        }
        false
    };
    front.lines().position(sets).map_or(1, |line| line + 1)
}
