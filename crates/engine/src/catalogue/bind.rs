//! Puts values into a metric's SQL: each `$name` token becomes a typed literal.
//!
//! Invariant: a value never becomes more than one literal, whatever text it holds, because only whole
//! placeholder tokens are replaced and every literal is written from a parsed value.

use std::collections::BTreeMap;
use std::fmt;

use super::{Metric, Param, ParamType, TEXT_PARAM_BYTES_MAX, Value, graph};

/// The two clocks, which every metric has and none declares.
pub(super) const CLOCKS: [&str; 2] = ["as_of", "known_at"];

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

/// Parameters from `name=value` pairs as a surface received them.
///
/// # Errors
/// A name that is given twice.
pub fn params_from_pairs(
    metric: &str,
    pairs: impl IntoIterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, BadParam> {
    let mut params = BTreeMap::new();
    for (name, value) in pairs {
        if params.insert(name.clone(), value).is_some() {
            return Err(BadParam {
                metric: metric.to_owned(),
                param: name,
                message: "is given more than once; give it once".into(),
            });
        }
    }
    Ok(params)
}

pub(super) fn bind(
    metric: &Metric,
    as_of_us: i64,
    known_at_us: i64,
    given: &BTreeMap<String, String>,
) -> Result<String, BadParam> {
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
    let mut literals = BTreeMap::from([("as_of", timestamp(as_of_us)), ("known_at", timestamp(known_at_us))]);
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
        literals.insert(&param.name, literal(&value));
    }
    Ok(substitute(&metric.sql, &literals))
}

pub(super) fn bind_clocks(sql: &str, as_of_us: i64, known_at_us: i64) -> String {
    substitute(sql, &BTreeMap::from([("as_of", timestamp(as_of_us)), ("known_at", timestamp(known_at_us))]))
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
