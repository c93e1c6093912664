//! Aggregates over samples of several columns: gathered whole, then measured by a plain function.
//!
//! Invariant: the result depends on the multiset of rows only; each measure sorts. Arguments that are constants
//! (`p`, `n_min`, `seed`, ...) are read from the first row. Rows whose first value is NULL are left out, but for
//! files without an author.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringViewArray,
    StructArray, new_empty_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::forecast::{self, Day, Question};
use super::knowledge::{Authorship, Touch, knowledge};
use super::types::texts;
use super::{control, quantiles, survival, trend, truck};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sample {
    KmQuantile,
    Xmr,
    TheilSen,
    TruckFactor,
    MilestoneForecast,
    ForecastExact,
    FileKnowledge,
    Spread,
}

const ALL: [Sample; 8] = [
    Sample::KmQuantile,
    Sample::Xmr,
    Sample::TheilSen,
    Sample::TruckFactor,
    Sample::MilestoneForecast,
    Sample::ForecastExact,
    Sample::FileKnowledge,
    Sample::Spread,
];

pub(super) fn all() -> Vec<AggregateUDF> {
    ALL.map(|sample| {
        let signature = Signature::exact(sample.arguments(), Volatility::Immutable);
        AggregateUDF::new_from_impl(SampleUdaf { sample, signature })
    })
    .into()
}

fn integers(names: &[&str]) -> Vec<Field> {
    names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect()
}

fn floats(names: &[&str]) -> Vec<Field> {
    names.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect()
}

/// One person's knowledge of one file.
fn known_fields() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    let flag = |name: &str| Field::new(name, DataType::Boolean, true);
    Fields::from(
        [
            vec![text("path"), text("person"), flag("first_author")],
            integers(&["deliveries", "acceptances"]),
            floats(&["doa"]),
            vec![flag("is_author")],
            integers(&["last_ms"]),
        ]
        .concat(),
    )
}

impl Sample {
    fn name(self) -> &'static str {
        match self {
            Sample::KmQuantile => "km_quantile",
            Sample::Xmr => "xmr",
            Sample::TheilSen => "theil_sen",
            Sample::TruckFactor => "truck_factor",
            Sample::MilestoneForecast => "milestone_forecast",
            Sample::ForecastExact => "forecast_exact",
            Sample::FileKnowledge => "file_knowledge",
            Sample::Spread => "spread",
        }
    }

    fn arguments(self) -> Vec<DataType> {
        use DataType::{Boolean, Float64, Int64, Utf8View};
        match self {
            Sample::KmQuantile => vec![Int64, Boolean, Float64, Int64],
            Sample::Xmr => vec![Int64, Float64, Int64, Int64],
            Sample::TheilSen => vec![Float64, Float64],
            Sample::TruckFactor => vec![Utf8View, Utf8View, Int64, Float64],
            Sample::MilestoneForecast => {
                let endings = quantiles::days_list();
                vec![Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Utf8View, endings]
            }
            Sample::Spread => vec![Int64, Int64],
            Sample::ForecastExact => vec![Int64, Int64, Float64],
            Sample::FileKnowledge => vec![Int64, Int64, Utf8View, Utf8View, Utf8View, Utf8View, Utf8View],
        }
    }

    fn output(self) -> DataType {
        let fields = match self {
            Sample::KmQuantile | Sample::ForecastExact => return DataType::Int64,
            Sample::TheilSen => return DataType::Float64,
            Sample::Spread => return quantiles::days_list(),
            Sample::FileKnowledge => {
                let item = DataType::Struct(known_fields());
                return DataType::List(Arc::new(Field::new("item", item, true)));
            }
            Sample::Xmr => {
                [integers(&["n"]), floats(&["mean", "mean_range", "lower", "upper", "range_upper"])].concat()
            }
            Sample::TruckFactor => {
                [integers(&["files", "tf_raw", "tf_pruned"]), vec![Field::new("people", texts(), true)]]
                    .concat()
            }
            Sample::MilestoneForecast => [
                integers(&["p50_days", "p85_days", "p95_days"]),
                floats(&["p_hit", "p_never"]),
                integers(&["trials"]),
                vec![Field::new("days", quantiles::days_list(), true)],
            ]
            .concat(),
        };
        DataType::Struct(Fields::from(fields))
    }

    fn of(self, columns: &[ArrayRef]) -> Result<ScalarValue> {
        match self {
            Sample::KmQuantile => Ok(ScalarValue::Int64(km_quantile(columns))),
            Sample::TheilSen => Ok(ScalarValue::Float64(theil_sen(columns))),
            Sample::ForecastExact => Ok(ScalarValue::Int64(forecast_exact(columns))),
            Sample::FileKnowledge => file_knowledge(columns),
            Sample::Spread => Ok(list(spread(columns))),
            Sample::Xmr => self.record(xmr(columns)),
            Sample::TruckFactor => self.record(truck_factor(columns)),
            Sample::MilestoneForecast => self.record(milestone_forecast(columns)),
        }
    }

    /// A struct of the output's fields, or NULL.
    fn record(self, values: Option<Vec<ScalarValue>>) -> Result<ScalarValue> {
        let (Some(values), DataType::Struct(fields)) = (values, self.output()) else {
            return ScalarValue::try_from(&self.output());
        };
        let arrays: Vec<ArrayRef> = values.iter().map(|value| value.to_array()).collect::<Result<_>>()?;
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields, arrays, None)?)))
    }
}

fn int(columns: &[ArrayRef], column: usize, row: usize) -> Option<i64> {
    let values = columns[column].as_primitive::<Int64Type>();
    values.is_valid(row).then(|| values.value(row))
}

fn float(columns: &[ArrayRef], column: usize, row: usize) -> Option<f64> {
    let values = columns[column].as_primitive::<Float64Type>();
    values.is_valid(row).then(|| values.value(row))
}

fn text(columns: &[ArrayRef], column: usize, row: usize) -> Option<&str> {
    let values = columns[column].as_string_view();
    values.is_valid(row).then(|| values.value(row))
}

fn numbers(columns: &[ArrayRef], column: usize, row: usize) -> Option<Vec<i64>> {
    let lists = columns[column].as_list::<i32>();
    lists.is_valid(row).then(|| quantiles::numbers(&lists.value(row)))
}

/// A list of numbers, or NULL.
fn list(values: Option<Vec<i64>>) -> ScalarValue {
    let numbers = values.map(|values| values.into_iter().map(Some));
    ScalarValue::List(Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([numbers])))
}

fn rows(columns: &[ArrayRef]) -> std::ops::Range<usize> {
    0..columns[0].len()
}

fn km_quantile(columns: &[ArrayRef]) -> Option<i64> {
    let observed = columns[1].as_boolean();
    let subject = |row| Some((int(columns, 0, row)?, observed.is_valid(row) && observed.value(row)));
    let mut subjects: Vec<(i64, bool)> = rows(columns).filter_map(subject).collect();
    let enough = subjects.len() as i64 >= int(columns, 3, 0)?;
    enough.then(|| survival::quantile(&mut subjects, float(columns, 2, 0)?)).flatten()
}

fn theil_sen(columns: &[ArrayRef]) -> Option<f64> {
    let point = |row| Some((float(columns, 0, row)?, float(columns, 1, row)?));
    trend::theil_sen(&mut rows(columns).filter_map(point).collect::<Vec<_>>())
}

fn forecast_exact(columns: &[ArrayRef]) -> Option<i64> {
    let days: Vec<i64> = rows(columns).filter_map(|row| int(columns, 0, row)).collect();
    forecast::exact(&days, int(columns, 1, 0)?, float(columns, 2, 0)?)
}

fn xmr(columns: &[ArrayRef]) -> Option<Vec<ScalarValue>> {
    let value = |row| Some((int(columns, 0, row)?, float(columns, 1, row)?));
    let mut series: Vec<(i64, f64)> = rows(columns).filter_map(value).collect();
    series.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let baseline = usize::try_from(int(columns, 2, 0)?).unwrap_or(0);
    let values: Vec<f64> = series.into_iter().take(baseline).map(|(_, value)| value).collect();
    let limits =
        control::control_limits(&values).filter(|limits| limits.n >= int(columns, 3, 0).unwrap_or(0))?;
    let numbers = [limits.mean, limits.mean_range, limits.lower, limits.upper, limits.range_upper];
    let n = std::iter::once(ScalarValue::Int64(Some(limits.n)));
    Some(n.chain(numbers.map(|number| ScalarValue::Float64(Some(number)))).collect())
}

fn truck_factor(columns: &[ArrayRef]) -> Option<Vec<ScalarValue>> {
    let row = |row| Some((text(columns, 0, row)?, text(columns, 1, row), int(columns, 2, row).unwrap_or(0)));
    let authors: Vec<(&str, Option<&str>, i64)> = rows(columns).filter_map(row).collect();
    let found = truck::truck_factor(&authors, float(columns, 3, 0)?)?;
    let people: Vec<ScalarValue> =
        found.people.into_iter().map(|person| ScalarValue::Utf8View(Some(person))).collect();
    let counts = [found.files, found.tf_raw, found.tf_pruned].map(|count| ScalarValue::Int64(Some(count)));
    let list = ScalarValue::List(ScalarValue::new_list_nullable(&people, &DataType::Utf8View));
    Some(counts.into_iter().chain([list]).collect())
}

fn milestone_forecast(columns: &[ArrayRef]) -> Option<Vec<ScalarValue>> {
    let day = |row| {
        let count = |column| int(columns, column, row).unwrap_or(0);
        Some((int(columns, 0, row)?, Day { done: count(1), added: count(2) }))
    };
    let days: Vec<(i64, Day)> = rows(columns).filter_map(day).collect();
    let history = forecast::weeks(&days, usize::try_from(int(columns, 3, 0)?).ok()?);
    let endings = numbers(columns, 9, 0);
    let question = Question {
        remaining: int(columns, 4, 0)?,
        due_days: int(columns, 5, 0),
        days_max: int(columns, 6, 0)?,
        trials: int(columns, 7, 0)?,
        seed: text(columns, 8, 0)?,
        endings: endings.as_deref(),
    };
    let found = forecast::remembered(&history, &question)?;
    let days = [found.p50_days, found.p85_days, found.p95_days].map(ScalarValue::Int64);
    let shares = [found.p_hit, Some(found.p_never)].map(ScalarValue::Float64);
    let rest = [ScalarValue::Int64(Some(found.trials)), list(Some(found.days.to_vec()))];
    Some(days.into_iter().chain(shares).chain(rest).collect())
}

fn spread(columns: &[ArrayRef]) -> Option<Vec<i64>> {
    let values: Vec<i64> = rows(columns).filter_map(|row| int(columns, 0, row)).collect();
    quantiles::spread(values, usize::try_from(int(columns, 1, 0)?).ok()?)
}

fn file_knowledge(columns: &[ArrayRef]) -> Result<ScalarValue> {
    let touch = |row| {
        Some(Touch {
            at_ms: int(columns, 0, row)?,
            seq: int(columns, 1, row)?,
            sha: text(columns, 2, row)?,
            path: text(columns, 3, row)?,
            old_path: text(columns, 4, row),
            kind: text(columns, 5, row)?,
            person: text(columns, 6, row)?,
        })
    };
    let known = knowledge(&mut rows(columns).filter_map(touch).collect());
    let texts = |of: fn(&Authorship<'_>) -> String| -> ArrayRef {
        Arc::new(known.iter().map(|known| Some(of(known))).collect::<StringViewArray>())
    };
    let flags = |of: fn(&Authorship<'_>) -> bool| -> ArrayRef {
        Arc::new(known.iter().map(|known| Some(of(known))).collect::<BooleanArray>())
    };
    let counts = |of: fn(&Authorship<'_>) -> i64| -> ArrayRef {
        Arc::new(known.iter().map(|known| Some(of(known))).collect::<Int64Array>())
    };
    let degrees: Float64Array = known.iter().map(|known| Some(known.doa)).collect();
    let items = StructArray::try_new(
        known_fields(),
        vec![
            texts(|known| known.path.to_owned()),
            texts(|known| known.person.to_owned()),
            flags(|known| known.first_author),
            counts(|known| known.deliveries),
            counts(|known| known.acceptances),
            Arc::new(degrees),
            flags(|known| known.is_author),
            counts(|known| known.last_ms),
        ],
        None,
    )?;
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([items.len()]);
    Ok(ScalarValue::List(Arc::new(ListArray::try_new(field, offsets, Arc::new(items), None)?)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SampleUdaf {
    sample: Sample,
    signature: Signature,
}

impl AggregateUDFImpl for SampleUdaf {
    fn name(&self) -> &str {
        self.sample.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.sample.output())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("{} takes no DISTINCT", self.name());
        }
        Ok(Box::new(GroupRows { sample: self.sample, batches: Vec::new(), bytes: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let state = |(index, data_type): (usize, DataType)| {
            let name = format!("{}[{index}]", args.name);
            Arc::new(Field::new_list(name, Field::new("item", data_type, true), true))
        };
        Ok(self.sample.arguments().into_iter().enumerate().map(state).collect())
    }
}

/// The rows of one group as they came.
#[derive(Debug)]
struct GroupRows {
    sample: Sample,
    batches: Vec<Vec<ArrayRef>>,
    /// Memory of `batches`, counted as they come: it is asked for at every batch.
    bytes: usize,
}

impl GroupRows {
    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let column = |(index, data_type): (usize, DataType)| {
            let arrays: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[index].as_ref()).collect();
            if arrays.is_empty() { Ok(new_empty_array(&data_type)) } else { Ok(concat(&arrays)?) }
        };
        self.sample.arguments().into_iter().enumerate().map(column).collect()
    }
}

/// A slice of texts would keep, and count, every buffer of the column that it was cut from.
fn compact(array: &ArrayRef) -> ArrayRef {
    match array.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()),
        None => Arc::clone(array),
    }
}

impl Accumulator for GroupRows {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if !values[0].is_empty() {
            let batch: Vec<ArrayRef> = values.iter().map(compact).collect();
            for array in &batch {
                self.bytes += array.to_data().get_slice_memory_size()?;
            }
            self.batches.push(batch);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.batches.is_empty() {
            return ScalarValue::try_from(&self.sample.output());
        }
        self.sample.of(&self.columns()?)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |column: ArrayRef| {
            let field = Arc::new(Field::new("item", column.data_type().clone(), true));
            let offsets = OffsetBuffer::from_lengths([column.len()]);
            Ok(ScalarValue::List(Arc::new(ListArray::try_new(field, offsets, column, None)?)))
        };
        self.columns()?.into_iter().map(list).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states[0].len() {
            let columns: Vec<ArrayRef> =
                states.iter().map(|state| state.as_list::<i32>().value(row)).collect();
            self.update_batch(&columns)?;
        }
        Ok(())
    }
}
