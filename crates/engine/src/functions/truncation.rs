//! `date_trunc(part, at)`: the beginning of the hour, day, week, month, ... that a time is in.
//!
//! It takes the place of the query engine's, which counts in nanoseconds: with it one event from before 1677 makes a
//! statement fail. Invariant: in UTC every time has a result that is exact, or NULL where the result is none that can be
//! written. In other zones the query engine's own serves, and a time that it cannot count has NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::compute::nullif;
use arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use chrono::{DateTime, Datelike};
use datafusion::common::types::{NativeType, logical_date, logical_string};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::functions::datetime::date_trunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, TypeSignatureClass, Volatility,
};

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

pub(super) fn all() -> Vec<ScalarUDF> {
    let text = || Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    let others =
        || vec![TypeSignatureClass::Native(logical_string()), TypeSignatureClass::Native(logical_date())];
    let micros = NativeType::Timestamp(TimeUnit::Microsecond, None);
    let moment = Coercion::new_implicit(TypeSignatureClass::Timestamp, others(), micros);
    let time = Coercion::new_exact(TypeSignatureClass::Time);
    let kinds =
        vec![TypeSignature::Coercible(vec![text(), moment]), TypeSignature::Coercible(vec![text(), time])];
    let signature = Signature::one_of(kinds, Volatility::Immutable);
    vec![ScalarUDF::new_from_impl(Truncation { inner: date_trunc(), signature })]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncation {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Truncation {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type is that of the second argument")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let field = self.inner.return_field_from_args(args)?;
        // A time that cannot be counted has NULL.
        Ok(Arc::new(field.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Timestamp(unit, zone) = args.args[1].data_type() else {
            return self.inner.invoke_with_args(args);
        };
        let is_utc = zone.as_deref().is_none_or(|zone| matches!(zone, "UTC" | "Z" | "+00:00" | "Etc/UTC"));
        let is_scalar = matches!(args.args[1], ColumnarValue::Scalar(_));
        let times = args.args[1].to_array(if is_scalar { 1 } else { args.number_rows })?;
        let truncated: ArrayRef = if is_utc {
            let Some(part) = args.args[0].part()? else {
                return exec_err!("Granularity of `date_trunc` must be non-null scalar Utf8");
            };
            match unit {
                TimeUnit::Second => truncate::<TimestampSecondType>(&times, SECOND_US, part),
                TimeUnit::Millisecond => truncate::<TimestampMillisecondType>(&times, 1_000, part),
                TimeUnit::Microsecond => truncate::<TimestampMicrosecondType>(&times, 1, part),
                TimeUnit::Nanosecond => truncate_nanos(&times, part),
            }
        } else {
            args.args[1] = ColumnarValue::Array(countable(&times, unit)?);
            args.number_rows = times.len();
            return self.inner.invoke_with_args(args);
        };
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&truncated, 0)?));
        }
        Ok(ColumnarValue::Array(truncated))
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }
}

/// What begins.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    /// So many microseconds, counted from 1970.
    Fixed(i64),
    Week,
    Months(u32),
}

trait Granularity {
    fn part(&self) -> Result<Option<Beginning>>;
}

impl Granularity for ColumnarValue {
    /// `None` if it is NULL, or another one in each row.
    fn part(&self) -> Result<Option<Beginning>> {
        let ColumnarValue::Scalar(value) = self else { return Ok(None) };
        let Some(Some(name)) = value.try_as_str() else { return Ok(None) };
        Ok(Some(match name.to_lowercase().as_str() {
            "microsecond" => Beginning::Fixed(1),
            "millisecond" => Beginning::Fixed(1_000),
            "second" => Beginning::Fixed(SECOND_US),
            "minute" => Beginning::Fixed(60 * SECOND_US),
            "hour" => Beginning::Fixed(3_600 * SECOND_US),
            "day" => Beginning::Fixed(DAY_US),
            "week" => Beginning::Week,
            "month" => Beginning::Months(1),
            "quarter" => Beginning::Months(3),
            "year" => Beginning::Months(12),
            _ => {
                return exec_err!(
                    "Unsupported date_trunc granularity: '{name}'. Supported values are: microsecond, millisecond, second, minute, hour, day, week, month, quarter, year"
                );
            }
        }))
    }
}

impl Beginning {
    fn begin(self, at_us: i64) -> Option<i64> {
        match self {
            Beginning::Fixed(us) => at_us.checked_sub(at_us.rem_euclid(us)),
            Beginning::Week => {
                let day = at_us.div_euclid(DAY_US);
                // The epoch was a Thursday, the fourth day of its week.
                (day - (day + 3).rem_euclid(7)).checked_mul(DAY_US)
            }
            Beginning::Months(months) => {
                let date = DateTime::from_timestamp_micros(at_us)?.date_naive();
                let first = date.with_day(1)?.with_month0(date.month0() / months * months)?;
                Some(first.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
            }
        }
    }
}

fn truncate<T: ArrowTimestampType>(times: &ArrayRef, scale: i64, part: Beginning) -> ArrayRef {
    let times = times.as_primitive::<T>();
    let begin = |at: i64| Some(part.begin(at.checked_mul(scale)?)? / scale);
    let begun: PrimitiveArray<T> = times.unary_opt(begin);
    Arc::new(begun.with_data_type(times.data_type().clone()))
}

fn truncate_nanos(times: &ArrayRef, part: Beginning) -> ArrayRef {
    let times = times.as_primitive::<TimestampNanosecondType>();
    let begin = |at: i64| part.begin(at.div_euclid(1_000))?.checked_mul(1_000);
    let begun: PrimitiveArray<TimestampNanosecondType> = times.unary_opt(begin);
    Arc::new(begun.with_data_type(times.data_type().clone()))
}

/// The times, without those that nanoseconds do not reach, and some days more for zones and weeks.
fn countable(times: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => SECOND_US,
        TimeUnit::Nanosecond => 1_000 * SECOND_US,
    };
    let reach = (i64::MAX / 1_000_000_000 - 370 * 86_400).saturating_mul(per_second);
    let plain = arrow::compute::cast(times, &DataType::Int64)?;
    let far = plain.as_primitive::<arrow::datatypes::Int64Type>().iter();
    let far: BooleanArray = far.map(|at| at.map(|at| !(-reach..=reach).contains(&at))).collect();
    Ok(nullif(times, &far)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::TimestampMicrosecondArray;
    use arrow::datatypes::Field;
    use datafusion::common::config::ConfigOptions;

    fn called(function: &ScalarUDF, part: &str, times: &ArrayRef) -> Result<ArrayRef> {
        let args = ScalarFunctionArgs {
            args: vec![
                ColumnarValue::Scalar(ScalarValue::from(part)),
                ColumnarValue::Array(Arc::clone(times)),
            ],
            arg_fields: vec![
                Arc::new(Field::new("part", DataType::Utf8, false)),
                Arc::new(Field::new("at", times.data_type().clone(), true)),
            ],
            number_rows: times.len(),
            return_field: Arc::new(Field::new("begin", times.data_type().clone(), true)),
            config_options: Arc::new(ConfigOptions::default()),
        };
        function.invoke_with_args(args)?.into_array(times.len())
    }

    fn micros(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros()
    }

    #[test]
    fn it_is_the_query_engines_own_where_nanoseconds_reach() {
        let ours = all().remove(0);
        // Odd steps, so that all times of day and days of the week are met, from 1678 to 2261.
        let times = (-9_190_000_000_000_000_i64..9_190_000_000_000_000).step_by(7_777_777_777_777).map(Some);
        let times: Vec<Option<i64>> = times.chain([None, Some(0), Some(-1), Some(DAY_US)]).collect();
        for zone in [None, Some("UTC"), Some("America/New_York"), Some("+05:30")] {
            let array = TimestampMicrosecondArray::from(times.clone()).with_timezone_opt(zone);
            let array: ArrayRef = Arc::new(array);
            for part in [
                "microsecond",
                "millisecond",
                "second",
                "minute",
                "hour",
                "DAY",
                "week",
                "month",
                "quarter",
                "year",
            ] {
                let (ours, theirs) = (called(&ours, part, &array), called(&date_trunc(), part, &array));
                assert_eq!(&ours.unwrap(), &theirs.unwrap(), "{part} {zone:?}");
            }
        }
    }

    #[test]
    fn every_year_of_an_event_has_a_beginning() {
        let ours = all().remove(0);
        for (at, part, expect) in [
            ("0001-01-01T00:00:00Z", "week", "0001-01-01T00:00:00Z"),
            ("0001-02-03T04:05:06Z", "month", "0001-02-01T00:00:00Z"),
            ("1600-02-29T23:59:59Z", "year", "1600-01-01T00:00:00Z"),
            ("1676-12-31T23:59:59.999999Z", "day", "1676-12-31T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "quarter", "9999-10-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "week", "9999-12-27T00:00:00Z"),
        ] {
            let array: ArrayRef =
                Arc::new(TimestampMicrosecondArray::from(vec![micros(at)]).with_timezone("UTC"));
            assert!(
                called(&date_trunc(), part, &array).is_err() || part == "day",
                "the query engine's fails"
            );
            let begun = called(&ours, part, &array).unwrap();
            assert_eq!(
                begun.as_primitive::<TimestampMicrosecondType>().value(0),
                micros(expect),
                "{at} {part}"
            );
        }
    }

    #[test]
    fn what_cannot_be_counted_is_null_in_its_own_row_only() {
        let ours = all().remove(0);
        let times = vec![micros("0001-01-01T00:00:00Z"), micros("2026-03-04T05:06:07Z")];
        let local: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("America/New_York"));
        let begun = called(&ours, "week", &local).unwrap();
        assert!(begun.is_null(0) && begun.is_valid(1));
        let far: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN, i64::MAX, 5]));
        for part in ["day", "week", "year"] {
            let begun = called(&ours, part, &far).unwrap();
            assert!(begun.is_valid(2), "{part}");
        }
    }
}
