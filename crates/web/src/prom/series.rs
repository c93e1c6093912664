//! Families of series: from the rows of a result, and by name.
//!
//! Invariant: a value that is NULL has no series, and moments are seconds since 1970.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use engine::{Metric, Scale};
use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounterVec, Opts, Registry};

use super::ScrapeError;

const US_PER_SECOND: f64 = 1_000_000.0;

/// Sets one series for each row with a value; gives the number of rows that got none for being
/// over the bound or alike in all labels. A row whose value is NULL has no series: NULL is not 0.
pub(super) fn fill(
    family: &GaugeVec,
    metric: &Metric,
    value: &str,
    rows: &RecordBatch,
    (times, per): Scale,
    series_max: usize,
) -> Result<usize, ArrowError> {
    let column = |name: &str| {
        rows.column_by_name(name)
            .ok_or_else(|| ArrowError::SchemaError(format!("{} has no column '{name}'", metric.name)))
    };
    let values = numbers(column(value)?)?;
    let values = values.as_primitive::<Float64Type>();
    let options = FormatOptions::new();
    let labels = metric
        .labels
        .iter()
        .map(|label| ArrayFormatter::try_new(column(label)?.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    let mut left_out = 0;
    for row in 0..rows.num_rows() {
        if values.is_null(row) {
            continue;
        }
        let texts: Vec<String> = labels.iter().map(|label| label.value(row).to_string()).collect();
        if seen.len() >= series_max || seen.contains(&texts) {
            left_out += 1;
            continue;
        }
        family.with_label_values(&texts).set(values.value(row) * times / per);
        seen.insert(texts);
    }
    Ok(left_out)
}

/// Any value column as float64: booleans as 0 and 1, moments as seconds since 1970, dates as the
/// start of the day.
fn numbers(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let whole = match column.data_type() {
        DataType::Date32 => cast(column, &DataType::Date64)?,
        _ => Arc::clone(column),
    };
    let per_second = match whole.data_type() {
        DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, _) => 1e6,
        DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, _) => 1e9,
        DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, _) | DataType::Date64 => 1e3,
        _ => 1.0,
    };
    let integers = match whole.data_type() {
        DataType::Timestamp(..) | DataType::Date64 => cast(&whole, &DataType::Int64)?,
        _ => whole,
    };
    let floats = cast(&integers, &DataType::Float64)?;
    let scaled = floats.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| value / per_second);
    Ok(Arc::new(scaled))
}

pub(super) fn gauges(name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
    GaugeVec::new(Opts::new(name, help), labels)
}

pub(super) fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

pub(super) fn register<C: Collector + 'static>(
    registry: &Registry,
    families: impl IntoIterator<Item = C>,
) -> Result<(), ScrapeError> {
    for family in families {
        registry.register(Box::new(family))?;
    }
    Ok(())
}

pub(super) fn number(flag: bool) -> f64 {
    if flag { 1.0 } else { 0.0 }
}

pub(super) fn timestamp(moment: DateTime<Utc>) -> f64 {
    moment.timestamp_micros() as f64 / US_PER_SECOND
}

#[cfg(test)]
mod tests {
    use engine::Level;
    use prometheus::TextEncoder;
    use surface::output::sample::sample;

    use super::*;

    fn metric(value: &str) -> Metric {
        Metric {
            name: "review_load".to_owned(),
            title: "Review load".to_owned(),
            help: "Open reviews.".to_owned(),
            unit: "reviews".to_owned(),
            level: Level::Team,
            labels: vec!["team".to_owned()],
            value: value.to_owned(),
            gauges: Vec::new(),
            people: Vec::new(),
            section: String::new(),
            panel: "stat".to_owned(),
            params: Vec::new(),
            sql: String::new(),
            sql_line: 1,
            reads: Vec::new(),
            file: String::new(),
        }
    }

    fn text(family: GaugeVec) -> String {
        let registry = Registry::new();
        registry.register(Box::new(family)).expect("a new registry takes it");
        TextEncoder::new().encode_to_string(&registry.gather()).expect("a family is text")
    }

    fn shown(value: &str, scale: Scale, series_max: usize) -> (String, usize) {
        let family = gauges("plimsoll_x", "x.", &["team"]).expect("a good name");
        let left_out =
            fill(&family, &metric(value), value, &sample(), scale, series_max).expect("columns are there");
        (text(family), left_out)
    }

    #[test]
    fn a_null_value_has_no_series() {
        let (text, left_out) = shown("open_reviews", (1.0, 1.0), 10);
        assert!(text.contains("plimsoll_x{team=\"a,b\"} 12345\n"), "{text}");
        assert!(!text.contains("core"), "{text}");
        assert_eq!(left_out, 0);
    }

    #[test]
    fn milliseconds_and_moments_become_seconds() {
        assert!(shown("oldest_age_ms", (1.0, 1_000.0), 10).0.contains(" 93784\n"));
        assert!(shown("since", (1.0, 1.0), 10).0.contains(" 1772442840\n"));
    }

    #[test]
    fn series_are_bounded_and_the_rest_counted() {
        let (text, left_out) = shown("open_reviews", (1.0, 1.0), 0);
        assert!(!text.contains("a,b"), "{text}");
        assert_eq!(left_out, 1);
    }
}
