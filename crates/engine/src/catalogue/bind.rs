//! Puts values into a metric's SQL: each `$name` token becomes a typed literal.
//!
//! Where the values, or a CTE that has the name of a shared view, change what a shared view says, that view's
//! SQL, bound to them, becomes a CTE, and so hides the view of that name. So does each view that reads one.
//!
//! Invariant: a value never becomes more than one literal, whatever text it holds, because only whole
//! placeholder tokens are replaced and every literal is written from a parsed value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use datafusion::sql::sqlparser::ast::{self, Cte, With};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Catalogue, Metric, Param, ParamType, TEXT_PARAM_BYTES_MAX, Value, View, graph};

/// Values that every text may use and none declares: the two clocks, and the hash of its own definition.
pub(super) fn is_given(name: &str) -> bool {
    matches!(name, "as_of" | "known_at" | "definition")
}

/// Values by name.
type Values<'c> = BTreeMap<&'c str, Value>;

/// A parameter that cannot be used, with what would be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadParam {
    pub metric: String,
    pub param: String,
    pub message: String,
}

impl fmt::Display for BadParam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {} of {}: {}", self.param, self.metric, self.message)
    }
}

impl std::error::Error for BadParam {}

pub(super) fn bind(
    catalogue: &Catalogue,
    metric: &Metric,
    as_of_us: i64,
    known_at_us: i64,
    given: &BTreeMap<String, String>,
) -> Result<String, BadParam> {
    let values = values(metric, given)?;
    let binding = Binding { catalogue, as_of_us, known_at_us, values };
    let changed = changed(catalogue, metric, &binding.values);
    Ok(binding.text(&metric.name, &metric.sql, &changed))
}

pub(super) fn bind_view(catalogue: &Catalogue, view: &View, as_of_us: i64, known_at_us: i64) -> String {
    let read = graph::closure(std::slice::from_ref(&view.name), &catalogue.views).into_iter();
    let params = read.flat_map(|view| &view.params);
    // A view's own parameters come last, and so go before those of the views that it reads.
    let values = params.map(|param| (param.name.as_str(), param.default.clone())).collect();
    let binding = Binding { catalogue, as_of_us, known_at_us, values };
    binding.text(&view.name, &view.sql, &changed_by(catalogue, &view.from, &view.ctes, |_| false))
}

/// What takes the place of names.
struct Binding<'c> {
    catalogue: &'c Catalogue,
    as_of_us: i64,
    known_at_us: i64,
    values: Values<'c>,
}

impl Binding<'_> {
    /// An SQL text with its values, and the `changed` views as CTEs.
    fn text(&self, name: &str, sql: &str, changed: &[&View]) -> String {
        let sql = substitute(sql, &self.literals(name));
        if changed.is_empty() {
            return sql;
        }
        let mut query = query(&sql);
        let none = || With { cte_tables: Vec::new(), ..with_of("x", "SELECT 1") };
        let mut with = query.with.take().unwrap_or_else(none);
        for view in changed {
            let inner = changed_by(self.catalogue, &view.from, &view.ctes, |_| false);
            let own = with_of(&view.name, &self.text(&view.name, &view.sql, &inner));
            let is_read = |cte: &Cte| view.from.contains(&cte.alias.name.value);
            let place = with.cte_tables.iter().rposition(is_read).map_or(0, |last| last + 1);
            with.cte_tables.splice(place..place, own.cte_tables);
        }
        query.with = Some(with);
        query.to_string()
    }

    fn literals(&self, name: &str) -> BTreeMap<&str, String> {
        let definition = self.catalogue.definitions.get(name).map(String::as_str).unwrap_or_default();
        let given = [
            ("as_of", timestamp(self.as_of_us)),
            ("known_at", timestamp(self.known_at_us)),
            ("definition", format!("'{definition}'")),
        ];
        given.into_iter().chain(self.values.iter().map(|(&name, value)| (name, literal(value)))).collect()
    }
}

pub(super) fn reads(
    catalogue: &Catalogue,
    metric: &Metric,
    given: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, BadParam> {
    let changed = changed(catalogue, metric, &values(metric, given)?);
    let views = graph::closure(&metric.reads, &catalogue.views).into_iter();
    let from = views.flat_map(|view| view.from.iter().chain([&view.name]));
    let own: BTreeSet<&str> = own_views(catalogue, &metric.ctes).collect();
    let hidden = |name: &String| changed.iter().any(|view| view.name == *name) || own.contains(name.as_str());
    Ok(metric.reads.iter().chain(from).filter(|name| !hidden(name)).cloned().collect())
}

/// The value of each parameter.
fn values<'c>(metric: &'c Metric, given: &BTreeMap<String, String>) -> Result<Values<'c>, BadParam> {
    let bad = |param: &str, message: String| BadParam {
        metric: metric.name.clone(),
        param: param.to_owned(),
        message,
    };
    if let Some(name) = given.keys().find(|name| !metric.params.iter().any(|param| param.name == **name)) {
        let known: Vec<_> = metric.params.iter().map(|param| param.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(bad(&printable(name), format!("is not known; this metric has: {known}")));
    }
    let mut values = BTreeMap::new();
    for param in &metric.params {
        let value = match given.get(&param.name) {
            None => param.default.clone(),
            Some(text) => {
                let refuse = || {
                    bad(&param.name, format!("{:?} is not allowed; give {}", printable(text), range(param)))
                };
                let value = parse(param.type_, text).ok_or_else(refuse)?;
                in_range(param, &value).map_err(|_| refuse())?;
                value
            }
        };
        values.insert(param.name.as_str(), value);
    }
    Ok(values)
}

/// The shared views that say something else for this metric than by themselves, in the order of the catalogue.
/// Values given can only make them more than they are by default.
fn changed<'c>(catalogue: &'c Catalogue, metric: &Metric, values: &Values<'_>) -> Vec<&'c View> {
    let differs = |param: &Param| {
        let declared = metric.params.iter().find(|own| own.name == param.name);
        values.get(param.name.as_str()) != Some(&param.default)
            || declared.is_none_or(|own| own.default != param.default)
    };
    changed_by(catalogue, &metric.reads, &metric.ctes, differs)
}

/// The shared views among `reads` that `ctes` or values that differ make say something else.
fn changed_by<'c>(
    catalogue: &'c Catalogue,
    reads: &[String],
    ctes: &[String],
    differs: impl Fn(&Param) -> bool,
) -> Vec<&'c View> {
    let mut hidden: BTreeSet<&str> = own_views(catalogue, ctes).collect();
    let mut changed = Vec::new();
    for view in graph::closure(reads, &catalogue.views) {
        let own: BTreeSet<&str> = own_views(catalogue, &view.ctes).collect();
        let is_hidden = |name: &String| hidden.contains(name.as_str()) && !own.contains(name.as_str());
        if view.is_shared()
            && !hidden.contains(view.name.as_str())
            && (view.from.iter().any(is_hidden) || view.params.iter().any(&differs))
        {
            hidden.insert(&view.name);
            changed.push(view);
        }
    }
    changed
}

/// The shared views in whose place there is a CTE.
fn own_views<'c>(catalogue: &'c Catalogue, ctes: &[String]) -> impl Iterator<Item = &'c str> {
    let own = |view: &&View| view.is_shared() && ctes.contains(&view.name);
    catalogue.views.iter().filter(own).map(|view| view.name.as_str())
}

fn query(sql: &str) -> ast::Query {
    let mut statements = Parser::parse_sql(&GenericDialect {}, sql).expect("the catalogue parsed this SQL");
    match statements.pop() {
        Some(ast::Statement::Query(query)) => *query,
        _ => unreachable!("the catalogue checked that a file holds one SELECT"),
    }
}

fn with_of(name: &str, sql: &str) -> With {
    query(&format!("WITH {name} AS ({sql}\n) SELECT 1")).with.expect("the text begins with one")
}

fn substitute(sql: &str, literals: &BTreeMap<&str, String>) -> String {
    let placeholders = graph::placeholders(sql).expect("the catalogue tokenised this SQL when it loaded");
    let mut out = String::with_capacity(sql.len() + placeholders.len() * 64);
    let mut rest = placeholders.into_iter().peekable();
    for (index, line) in sql.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut done = 0;
        while let Some(placeholder) = rest.next_if(|placeholder| placeholder.line == index + 1) {
            let literal = literals
                .get(placeholder.text.as_str())
                .expect("the catalogue checked that every placeholder is declared");
            let start = line.char_indices().nth(placeholder.column - 1).map_or(line.len(), |(at, _)| at);
            out.push_str(&line[done..start]);
            out.push_str(literal);
            done = start + 1 + placeholder.text.len();
        }
        out.push_str(&line[done..]);
    }
    out
}

fn timestamp(us: i64) -> String {
    format!("arrow_cast({us}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

fn literal(value: &Value) -> String {
    match value {
        Value::Int(value) if *value < 0 => format!("CAST('{value}' AS BIGINT)"),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("CAST('{value:?}' AS DOUBLE)"),
        Value::Text(value) => format!("'{}'", value.replace('\'', "''")),
        Value::Bool(value) => (if *value { "TRUE" } else { "FALSE" }).to_owned(),
        Value::Duration(ms) => format!("INTERVAL '{ms} milliseconds'"),
    }
}

pub(super) fn parse(type_: ParamType, text: &str) -> Option<Value> {
    match type_ {
        ParamType::Int => text.parse().ok().map(Value::Int),
        ParamType::Float => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Value::Float),
        ParamType::Bool => text.parse().ok().map(Value::Bool),
        ParamType::Text => (text.len() <= TEXT_PARAM_BYTES_MAX && !text.chars().any(char::is_control))
            .then(|| Value::Text(text.to_owned())),
        ParamType::Duration => duration_ms(text).map(Value::Duration),
    }
}

const DURATIONS: [(&str, i64); 5] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];

/// Milliseconds of a duration such as `90m`, `12h`, `28d` or `2w`.
pub fn duration_ms(text: &str) -> Option<i64> {
    let (suffix, unit) = DURATIONS.iter().find(|(suffix, _)| text.ends_with(suffix))?;
    let count = text.strip_suffix(suffix)?;
    let plain = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| count.parse::<i64>().ok()?.checked_mul(*unit)).flatten()
}

pub(super) fn duration_text(ms: i64) -> String {
    let whole = DURATIONS[1..].iter().find(|(_, unit)| ms % unit == 0);
    whole.map_or_else(|| format!("{ms}ms"), |(suffix, unit)| format!("{}{suffix}", ms / unit))
}

/// # Errors
/// The allowed range, when the value is outside it.
pub(super) fn in_range(param: &Param, value: &Value) -> Result<(), String> {
    if let Value::Text(text) = value
        && !param.values.is_empty()
        && !param.values.contains(text)
    {
        return Err(range(param));
    }
    let number = |value: &Value| match value {
        Value::Int(value) | Value::Duration(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Text(_) | Value::Bool(_) => None,
    };
    let Some(here) = number(value) else { return Ok(()) };
    let low = param.min.as_ref().and_then(number).is_some_and(|min| here < min);
    let high = param.max.as_ref().and_then(number).is_some_and(|max| here > max);
    if low || high { Err(range(param)) } else { Ok(()) }
}

/// What a parameter accepts, in words.
fn range(param: &Param) -> String {
    if !param.values.is_empty() {
        return param.values.join(" or ");
    }
    let kind = match param.type_ {
        ParamType::Int => "an integer",
        ParamType::Float => "a number",
        ParamType::Text => "a text without control characters",
        ParamType::Bool => "true or false",
        ParamType::Duration => "a duration such as 12h or 28d",
    };
    match (&param.min, &param.max) {
        (Some(min), Some(max)) => format!("{kind} from {min} to {max}"),
        (Some(min), None) => format!("{kind} of at least {min}"),
        (None, Some(max)) => format!("{kind} of at most {max}"),
        (None, None) => kind.to_owned(),
    }
}

/// A user's text, short enough for an error line.
fn printable(text: &str) -> String {
    let short: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
