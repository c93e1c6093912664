//! Scalar functions: time arithmetic, the units in which metrics answer, who is a machine, and how tickets end.
//!
//! Invariant: no clock, and no time zone but UTC and those given. A NULL time or number gives NULL; `is_bot(NULL)` is
//! false, and `holds_at` without an end holds on. Units are rounded as SQL's `ROUND` does.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp::{gt, lt_eq};
use arrow::compute::{and_kleene, binary, is_null, or_kleene, unary};
use arrow::datatypes::{DataType, Date32Type, Field, Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use event::{MachineKind, machine_kind};

use super::calendar::{Calendars, business, business_ages};
use super::endings::ending_of;
use super::types::timestamp;
use super::zone::{day_ends, days_in};

const DAY_US: i64 = 86_400_000_000;
const HOUR_MS: f64 = 3_600_000.0;
const DAY_MS: f64 = 86_400_000.0;
/// Parts of a ticket: the least number that 1 to 16 divide, so that equal shares of up to 16 people add up exactly.
const TICKET_UNITS: i64 = 720_720;
/// Points are kept in hundredths.
const HUNDREDTHS: f64 = 100.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scalar {
    MillisBetween,
    DaysBefore,
    WorkingDaysBefore,
    WorkingDaysBetween,
    DaysBetween,
    AgeMs,
    BusinessMs,
    BusinessAgeMs,
    HoldsAt,
    MsToHours,
    MsToDays,
    HoursToMs,
    DaysToMs,
    Ratio,
    Points,
    EqualShare,
    UnitsToTickets,
    UnitsToPoints,
    IsBot,
    KindOf,
    EndingOf,
    DayIn,
    DayEnd,
}

pub(super) fn all() -> Vec<ScalarUDF> {
    [
        Scalar::MillisBetween,
        Scalar::DaysBefore,
        Scalar::WorkingDaysBefore,
        Scalar::WorkingDaysBetween,
        Scalar::DaysBetween,
        Scalar::AgeMs,
        Scalar::BusinessMs,
        Scalar::BusinessAgeMs,
        Scalar::HoldsAt,
        Scalar::MsToHours,
        Scalar::MsToDays,
        Scalar::HoursToMs,
        Scalar::DaysToMs,
        Scalar::Ratio,
        Scalar::Points,
        Scalar::EqualShare,
        Scalar::UnitsToTickets,
        Scalar::UnitsToPoints,
        Scalar::IsBot,
        Scalar::KindOf,
        Scalar::EndingOf,
        Scalar::DayIn,
        Scalar::DayEnd,
    ]
    .map(|scalar| {
        ScalarUDF::new_from_impl(ScalarFn {
            scalar,
            signature: Signature::exact(scalar.arguments(), Volatility::Immutable),
        })
    })
    .into()
}

/// Stretches of leave: a list of structs of two times.
fn away() -> DataType {
    let moment = |name: &str| Field::new(name, timestamp(), true);
    let stretch = DataType::Struct(vec![moment("from_at"), moment("to_at")].into());
    DataType::List(Arc::new(Field::new("item", stretch, true)))
}

impl Scalar {
    fn name(self) -> &'static str {
        match self {
            Scalar::MillisBetween => "millis_between",
            Scalar::DaysBefore => "days_before",
            Scalar::WorkingDaysBefore => "working_days_before",
            Scalar::WorkingDaysBetween => "working_days_between",
            Scalar::DaysBetween => "days_between",
            Scalar::AgeMs => "age_ms",
            Scalar::BusinessMs => "business_ms",
            Scalar::BusinessAgeMs => "business_age_ms",
            Scalar::HoldsAt => "holds_at",
            Scalar::MsToHours => "ms_to_hours",
            Scalar::MsToDays => "ms_to_days",
            Scalar::HoursToMs => "hours_to_ms",
            Scalar::DaysToMs => "days_to_ms",
            Scalar::Ratio => "ratio",
            Scalar::Points => "points",
            Scalar::EqualShare => "equal_share",
            Scalar::UnitsToTickets => "units_to_tickets",
            Scalar::UnitsToPoints => "units_to_points",
            Scalar::IsBot => "is_bot",
            Scalar::KindOf => "kind_of",
            Scalar::EndingOf => "ending_of",
            Scalar::DayIn => "day_in",
            Scalar::DayEnd => "day_end",
        }
    }

    fn arguments(self) -> Vec<DataType> {
        let pauses = DataType::List(Arc::new(Field::new("item", timestamp(), true)));
        match self {
            Scalar::MillisBetween => vec![timestamp(), timestamp()],
            Scalar::DaysBefore | Scalar::WorkingDaysBefore => vec![timestamp(), DataType::Int64],
            Scalar::WorkingDaysBetween | Scalar::DaysBetween => vec![DataType::Date32, DataType::Date32],
            Scalar::AgeMs => vec![timestamp(), pauses, timestamp()],
            Scalar::BusinessMs => {
                vec![timestamp(), timestamp(), DataType::Utf8View, DataType::Utf8View, away()]
            }
            Scalar::BusinessAgeMs => {
                vec![timestamp(), pauses, timestamp(), DataType::Utf8View, DataType::Utf8View, away()]
            }
            Scalar::HoldsAt => vec![timestamp(), timestamp(), timestamp()],
            Scalar::MsToHours
            | Scalar::MsToDays
            | Scalar::HoursToMs
            | Scalar::DaysToMs
            | Scalar::Points
            | Scalar::UnitsToTickets
            | Scalar::UnitsToPoints => vec![DataType::Float64],
            Scalar::Ratio => vec![DataType::Float64, DataType::Float64],
            Scalar::EqualShare => vec![DataType::Int64],
            Scalar::IsBot | Scalar::KindOf => vec![DataType::Utf8View],
            Scalar::EndingOf => vec![DataType::Utf8View, DataType::Utf8View],
            Scalar::DayIn => vec![timestamp(), DataType::Utf8View],
            Scalar::DayEnd => vec![DataType::Date32, DataType::Utf8View],
        }
    }

    fn output(self) -> DataType {
        match self {
            Scalar::MillisBetween
            | Scalar::WorkingDaysBetween
            | Scalar::DaysBetween
            | Scalar::AgeMs
            | Scalar::BusinessMs
            | Scalar::BusinessAgeMs
            | Scalar::HoursToMs
            | Scalar::DaysToMs
            | Scalar::EqualShare => DataType::Int64,
            Scalar::DaysBefore | Scalar::WorkingDaysBefore | Scalar::DayEnd => timestamp(),
            Scalar::DayIn => DataType::Date32,
            Scalar::MsToHours
            | Scalar::MsToDays
            | Scalar::Ratio
            | Scalar::Points
            | Scalar::UnitsToTickets
            | Scalar::UnitsToPoints => DataType::Float64,
            Scalar::HoldsAt | Scalar::IsBot => DataType::Boolean,
            Scalar::KindOf | Scalar::EndingOf => DataType::Utf8View,
        }
    }

    fn of(self, args: &[ArrayRef]) -> Result<ArrayRef> {
        let times = |index: usize| args[index].as_primitive::<TimestampMicrosecondType>();
        let shifted = |shift: fn(i64, i64) -> i64| -> Result<ArrayRef> {
            let array: TimestampMicrosecondArray =
                binary(times(0), args[1].as_primitive::<Int64Type>(), shift)?;
            Ok(Arc::new(array.with_timezone("UTC")))
        };
        let dates = |count: fn(i32, i32) -> i64| -> Result<ArrayRef> {
            let array: Int64Array =
                binary(args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Date32Type>(), count)?;
            Ok(Arc::new(array))
        };
        match self {
            Scalar::MillisBetween => {
                let between: Int64Array =
                    binary(times(0), times(1), |a: i64, b: i64| b.saturating_sub(a).div_euclid(1_000))?;
                Ok(Arc::new(between))
            }
            Scalar::DaysBefore => shifted(|at, days| at.saturating_sub(days.saturating_mul(DAY_US))),
            Scalar::WorkingDaysBefore => shifted(working_days_before),
            Scalar::WorkingDaysBetween => dates(working_days_between),
            Scalar::DaysBetween => dates(|a, b| i64::from(b) - i64::from(a)),
            Scalar::AgeMs => Ok(Arc::new(ages(times(0), args[1].as_list(), times(2)))),
            Scalar::BusinessMs => {
                let calendars = Calendars::new(&args[2], &args[3], args[4].as_list());
                Ok(Arc::new(business(times(0), times(1), &calendars)))
            }
            Scalar::BusinessAgeMs => {
                let calendars = Calendars::new(&args[3], &args[4], args[5].as_list());
                Ok(Arc::new(business_ages(times(0), args[1].as_list(), times(2), &calendars)))
            }
            Scalar::HoldsAt => {
                let begun = lt_eq(&args[0], &args[2])?;
                let lasts = or_kleene(&is_null(&args[1])?, &gt(&args[1], &args[2])?)?;
                Ok(Arc::new(and_kleene(&begun, &lasts)?))
            }
            Scalar::MsToHours => Ok(rounded(&args[0], HOUR_MS, 2)),
            Scalar::MsToDays => Ok(rounded(&args[0], DAY_MS, 3)),
            Scalar::HoursToMs => Ok(whole(&args[0], HOUR_MS)),
            Scalar::DaysToMs => Ok(whole(&args[0], DAY_MS)),
            Scalar::Ratio => Ok(Arc::new(ratios(args[0].as_primitive(), args[1].as_primitive()))),
            Scalar::Points => Ok(rounded(&args[0], HUNDREDTHS, 2)),
            Scalar::EqualShare => Ok(Arc::new(
                args[0]
                    .as_primitive::<Int64Type>()
                    .unary_opt::<_, Int64Type>(|n| TICKET_UNITS.checked_div(n)),
            )),
            Scalar::UnitsToTickets => Ok(rounded(&args[0], TICKET_UNITS as f64, 2)),
            Scalar::UnitsToPoints => Ok(rounded(&args[0], TICKET_UNITS as f64 * HUNDREDTHS, 2)),
            Scalar::DayIn => Ok(Arc::new(days_in(times(0), args[1].as_string_view()))),
            Scalar::DayEnd => Ok(Arc::new(day_ends(args[0].as_primitive(), args[1].as_string_view()))),
            Scalar::IsBot => Ok(Arc::new(
                args[0]
                    .as_string_view()
                    .iter()
                    .map(|name| Some(name.is_some_and(is_bot)))
                    .collect::<BooleanArray>(),
            )),
            Scalar::KindOf => Ok(Arc::new(
                args[0]
                    .as_string_view()
                    .iter()
                    .map(|name| Some(machine_kind(name?).map_or("human", MachineKind::as_str)))
                    .collect::<StringViewArray>(),
            )),
            Scalar::EndingOf => Ok(Arc::new(
                args[0]
                    .as_string_view()
                    .iter()
                    .zip(args[1].as_string_view())
                    .map(|(resolution, status)| Some(ending_of(resolution, status)))
                    .collect::<StringViewArray>(),
            )),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ScalarFn {
    scalar: Scalar,
    signature: Signature,
}

impl ScalarUDFImpl for ScalarFn {
    fn name(&self) -> &str {
        self.scalar.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.scalar.output())
    }

    /// `holds_at` becomes the comparisons that it stands for, so that joins and filters are planned as if they were
    /// spelt out.
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if self.scalar != Scalar::HoldsAt {
            return Ok(ExprSimplifyResult::Original(args));
        }
        let [from_at, to_at, at] = args.try_into().expect("the signature has three arguments");
        let begun = from_at.lt_eq(at.clone());
        let lasts = to_at.clone().is_null().or(to_at.gt(at));
        Ok(ExprSimplifyResult::Simplified(begun.and(lasts)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalars = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalars { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = self.scalar.of(&arrays)?;
        if scalars { ColumnarValue::from_first(&result) } else { Ok(ColumnarValue::Array(result)) }
    }
}

trait FromFirst: Sized {
    fn from_first(array: &ArrayRef) -> Result<Self>;
}

impl FromFirst for ColumnarValue {
    fn from_first(array: &ArrayRef) -> Result<Self> {
        Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(array, 0)?))
    }
}

/// In a larger unit, of which `one` makes one, to so many decimals.
fn rounded(array: &ArrayRef, one: f64, decimals: i32) -> ArrayRef {
    let factor = 10_f64.powi(decimals);
    let array: Float64Array =
        unary(array.as_primitive::<Float64Type>(), |value| (value / one * factor).round() / factor);
    Arc::new(array)
}

/// In a smaller unit, whole ones.
fn whole(array: &ArrayRef, one: f64) -> ArrayRef {
    let array: Int64Array = unary(array.as_primitive::<Float64Type>(), |value| (value * one) as i64);
    Arc::new(array)
}

/// `a / b` to six decimals; NULL where `b` is 0.
fn ratios(a: &Float64Array, b: &Float64Array) -> Float64Array {
    let ratio = |(a, b): (Option<f64>, Option<f64>)| {
        let (a, b) = (a?, b.filter(|b| *b != 0.0)?);
        Some((a / b * 1e6).round() / 1e6)
    };
    a.iter().zip(b).map(ratio).collect()
}

/// Days since Monday: 0 to 4 are working days. Day 0 of Unix time was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Working days from the beginning of time up to and including `day`.
fn working_days_until(day: i64) -> i64 {
    (day + 3).div_euclid(7) * 5 + (weekday(day) + 1).min(5)
}

fn working_days_between(a: i32, b: i32) -> i64 {
    working_days_until(i64::from(b)) - working_days_until(i64::from(a))
}

fn working_days_before(at: i64, days: i64) -> i64 {
    let (mut day, time) = (at.div_euclid(DAY_US), at.rem_euclid(DAY_US));
    day -= (weekday(day) - 4).max(0);
    let days = days.clamp(0, 1_000_000);
    let (weeks, rest) = (days / 5, days % 5);
    day -= weeks * 7 + if rest > weekday(day) { rest + 2 } else { rest };
    day * DAY_US + time
}

/// Time since opening without pauses; a pause that lasts, or lasts past the moment, ends at the moment.
fn ages(
    opened: &TimestampMicrosecondArray,
    pauses: &arrow::array::ListArray,
    at: &TimestampMicrosecondArray,
) -> Int64Array {
    let moments = pauses.values().as_primitive::<TimestampMicrosecondType>();
    let age = |row: usize| {
        if opened.is_null(row) || at.is_null(row) {
            return None;
        }
        let (opened, at) = (opened.value(row), at.value(row));
        let mut paused = 0;
        if pauses.is_valid(row) {
            let (start, end) =
                (pauses.value_offsets()[row] as usize, pauses.value_offsets()[row + 1] as usize);
            for pause in moments.values()[start..end].chunks(2) {
                let until = pause.get(1).copied().unwrap_or(i64::MAX).min(at);
                paused += (until - pause[0]).max(0);
            }
        }
        Some((at - opened - paused).div_euclid(1_000))
    };
    (0..opened.len()).map(age).collect()
}

/// Whether a name is a bot's or an AI agent's. What a `person.updated` event says about somebody goes before this.
pub(super) fn is_bot(person: &str) -> bool {
    machine_kind(person).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        let date: chrono::NaiveDate = text.parse().unwrap();
        (date - chrono::NaiveDate::default()).num_days() as i32
    }

    #[test]
    fn working_days_count_the_last_day_and_not_the_first() {
        for (a, b, want) in [
            ("2026-03-06", "2026-03-09", 1), // Friday to Monday
            ("2026-03-06", "2026-03-08", 0), // Friday to Sunday
            ("2026-03-07", "2026-03-09", 1), // Saturday to Monday
            ("2026-03-02", "2026-03-30", 20),
            ("2026-03-09", "2026-03-06", -1),
            ("1969-12-29", "1970-01-02", 4),
        ] {
            assert_eq!(working_days_between(day(a), day(b)), want, "{a} to {b}");
        }
    }

    #[test]
    fn working_days_before_keeps_the_time_and_skips_weekends() {
        let noon = |text: &str| i64::from(day(text)) * DAY_US + DAY_US / 2;
        for (from, days, want) in [
            ("2026-03-11", 0, "2026-03-11"),
            ("2026-03-11", 2, "2026-03-09"),
            ("2026-03-10", 2, "2026-03-06"), // Tuesday to Friday
            ("2026-03-08", 0, "2026-03-06"), // Sunday to Friday
            ("2026-03-08", 2, "2026-03-04"),
            ("2026-03-11", 10, "2026-02-25"),
        ] {
            assert_eq!(working_days_before(noon(from), days), noon(want), "{days} before {from}");
        }
    }
}
