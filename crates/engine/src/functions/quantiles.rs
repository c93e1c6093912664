//! Forecasts as quantiles: lists of whole days at the [`LEVELS`] levels 5, 10, ... 95%.
//!
//! | function | gives |
//! |---|---|
//! | `spread(x, n)` | the values in order; of more than `n`, the `n` quantiles that stand for them (aggregate) |
//! | `reference_days(own, organisation, elapsed, baseline_ms)` | the days that remain, by how long past milestones took |
//! | `quantile_blend(a, b, c, loss_a, loss_b, loss_c)` | the averages of the quantiles, weighed by past losses |
//! | `quantile_share(days, by)` | the probability that it is over by that day |
//! | `quantile_loss(days, actual_ms)` | how far off a forecast was, in milliseconds |
//!
//! **Reference class** (Kahneman and Tversky 1979; Flyvbjerg 2006). `own` and `organisation` are past durations in
//! millionths of their baselines; those that were over by `elapsed` say nothing. The organisation weighs as much as
//! [`ORGANISATION_WEIGHT`] cases at most, so that the project's own history takes over as it grows. Half a case stands for
//! what took longer than all seen (Hazen's plotting position, 1914), at [`BEYOND`] times the longest that remained.
//!
//! **Blend.** Quantile averaging (Vincent 1912; Lichtendahl et al. 2013) with weights of 1 / loss² (Bates and Granger
//! 1969, for errors without correlation).
//!
//! **Loss.** The mean of the pinball losses at all levels (Koenker and Bassett 1978): half of the continuous ranked
//! probability score in its quantile form (Gneiting and Raftery 2007).
//!
//! Invariant: inputs are sorted first, and sums are of integers or in a fixed order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::percentile::nearest_rank;

pub const LEVELS: usize = 19;
const ORGANISATION_WEIGHT: f64 = 6.0;
const BEYOND: i64 = 2;
const MILLION: i64 = 1_000_000;
const DAY_MS: i64 = 86_400_000;
/// Added to each loss, in millionths of a baseline: a model that was nearly perfect a few times does not take all.
const LOSS_FLOOR: f64 = 10_000.0;

/// The level of the quantile at a place of a list.
pub fn level(place: usize) -> f64 {
    (place + 1) as f64 / (LEVELS + 1) as f64
}

pub fn days_list() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Int64, true)))
}

/// The numbers of a list; what is NULL is left out.
pub fn numbers(list: &ArrayRef) -> Vec<i64> {
    list.as_primitive::<Int64Type>().iter().flatten().collect()
}

pub fn spread(mut values: Vec<i64>, n: usize) -> Option<Vec<i64>> {
    if values.is_empty() || n == 0 {
        return None;
    }
    values.sort_unstable();
    if values.len() <= n {
        return Some(values);
    }
    (0..n).map(|place| nearest_rank(&values, (place as f64 + 0.5) / n as f64)).collect()
}

pub fn reference(own: &[i64], organisation: &[i64], elapsed: i64, baseline_ms: i64) -> Option<Vec<i64>> {
    let longer = |past: &[i64]| -> Vec<i64> {
        past.iter().map(|ratio| ratio - elapsed).filter(|left| *left > 0).collect()
    };
    let (own, organisation) = (longer(own), longer(organisation));
    let weight = ORGANISATION_WEIGHT / ORGANISATION_WEIGHT.max(organisation.len() as f64);
    let mut cases: Vec<(i64, f64)> = own.into_iter().map(|left| (left, 1.0)).collect();
    cases.extend(organisation.into_iter().map(|left| (left, weight)));
    cases.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let longest = cases.last()?.0;
    cases.push((longest.saturating_mul(BEYOND), 0.5));
    let total: f64 = cases.iter().map(|(_, weight)| weight).sum();
    let quantile = |place| {
        let mut seen = 0.0;
        let at = cases.iter().find(|(_, weight)| {
            seen += weight;
            seen >= level(place) * total - 1e-9
        });
        let left = at.map_or(longest, |(left, _)| *left);
        let ms = i128::from(left) * i128::from(baseline_ms) / i128::from(MILLION);
        i64::try_from((ms + i128::from(DAY_MS) - 1) / i128::from(DAY_MS)).unwrap_or(i64::MAX)
    };
    Some((0..LEVELS).map(quantile).collect())
}

/// Of (quantiles, past loss): there is no blend of fewer than two, nor without a past.
pub fn blend(models: &[(Option<Vec<i64>>, Option<i64>)]) -> Option<Vec<i64>> {
    let models: Vec<(&[i64], f64)> = models
        .iter()
        .filter_map(|(days, loss)| Some((days.as_deref()?, (*loss)? as f64)))
        .filter(|(days, _)| days.len() == LEVELS)
        .map(|(days, loss)| (days, (loss + LOSS_FLOOR).powi(-2)))
        .collect();
    if models.len() < 2 {
        return None;
    }
    let total: f64 = models.iter().map(|(_, weight)| weight).sum();
    let at = |place: usize| models.iter().map(|(days, weight)| days[place] as f64 * weight).sum::<f64>();
    Some((0..LEVELS).map(|place| (at(place) / total).round() as i64).collect())
}

/// Between two quantiles the share grows evenly; below the first and above the last half a step is left.
pub fn share(days: &[i64], by: i64) -> Option<f64> {
    if days.len() != LEVELS {
        return None;
    }
    let step = 1.0 / (LEVELS + 1) as f64;
    let below = days.partition_point(|quantile| *quantile <= by);
    let share = match below {
        0 => 0.0,
        LEVELS => 1.0 - step / 2.0,
        _ => {
            let (from, to) = (days[below - 1] as f64, days[below] as f64);
            level(below - 1) + step * (by as f64 - from) / (to - from)
        }
    };
    Some((share * 1e6).round() / 1e6)
}

/// The mean pinball loss, in milliseconds.
pub fn loss(days: &[i64], actual_ms: i64) -> Option<i64> {
    if days.len() != LEVELS {
        return None;
    }
    let steps = LEVELS as i128 + 1;
    let pinball = |(place, days): (usize, &i64)| {
        let off = i128::from(actual_ms) - i128::from(*days) * i128::from(DAY_MS);
        let level = place as i128 + 1;
        if off >= 0 { level * off } else { (level - steps) * off }
    };
    let sum: i128 = days.iter().enumerate().map(pinball).sum();
    i64::try_from(sum / (steps * LEVELS as i128)).ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Quantile {
    ReferenceDays,
    Blend,
    Share,
    Loss,
}

pub(super) fn all() -> Vec<ScalarUDF> {
    [Quantile::ReferenceDays, Quantile::Blend, Quantile::Share, Quantile::Loss]
        .map(|kind| {
            let signature = Signature::exact(kind.arguments(), Volatility::Immutable);
            ScalarUDF::new_from_impl(QuantileFn { kind, signature })
        })
        .into()
}

impl Quantile {
    fn arguments(self) -> Vec<DataType> {
        let (list, number) = (days_list, DataType::Int64);
        match self {
            Quantile::ReferenceDays => vec![list(), list(), number.clone(), number],
            Quantile::Blend => vec![list(), list(), list(), number.clone(), number.clone(), number],
            Quantile::Share | Quantile::Loss => vec![list(), number],
        }
    }

    fn of(self, args: &[ArrayRef]) -> ArrayRef {
        let rows = 0..args[0].len();
        let list = |arg: usize, row: usize| {
            let lists = args[arg].as_list::<i32>();
            lists.is_valid(row).then(|| numbers(&lists.value(row)))
        };
        let number = |arg: usize, row: usize| {
            let numbers = args[arg].as_primitive::<Int64Type>();
            numbers.is_valid(row).then(|| numbers.value(row))
        };
        let lists = |of: &dyn Fn(usize) -> Option<Vec<i64>>| -> ArrayRef {
            let found = rows.clone().map(|row| of(row).map(|days| days.into_iter().map(Some)));
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(found))
        };
        match self {
            Quantile::ReferenceDays => lists(&|row| {
                let (own, organisation) =
                    (list(0, row).unwrap_or_default(), list(1, row).unwrap_or_default());
                reference(&own, &organisation, number(2, row)?, number(3, row)?)
            }),
            Quantile::Blend => {
                lists(&|row| blend(&[0, 1, 2].map(|model| (list(model, row), number(model + 3, row)))))
            }
            Quantile::Share => {
                let shares = rows.map(|row| share(&list(0, row)?, number(1, row)?));
                Arc::new(shares.collect::<Float64Array>())
            }
            Quantile::Loss => {
                let losses = rows.map(|row| loss(&list(0, row)?, number(1, row)?));
                Arc::new(losses.collect::<Int64Array>())
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct QuantileFn {
    kind: Quantile,
    signature: Signature,
}

impl ScalarUDFImpl for QuantileFn {
    fn name(&self) -> &str {
        match self.kind {
            Quantile::ReferenceDays => "reference_days",
            Quantile::Blend => "quantile_blend",
            Quantile::Share => "quantile_share",
            Quantile::Loss => "quantile_loss",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Quantile::ReferenceDays | Quantile::Blend => days_list(),
            Quantile::Share => DataType::Float64,
            Quantile::Loss => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        Ok(ColumnarValue::Array(self.kind.of(&arrays)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK_MS: i64 = 7 * DAY_MS;

    #[test]
    fn what_was_over_sooner_says_nothing() {
        // A baseline of a week; half of it is gone. Of four past ones one took less, the others 1, 1.5 and 2 weeks.
        let got = reference(&[400_000, 1_000_000, 1_500_000, 2_000_000], &[], 500_000, WEEK_MS).unwrap();
        // Three cases and half a one beyond: 3.5, 7, 10.5 and 21 days remain, each rounded up.
        assert_eq!((got[0], got[9], got[16], got[18]), (4, 7, 11, 21));
        assert_eq!(reference(&[400_000], &[500_000], 500_000, WEEK_MS), None);
    }

    #[test]
    fn the_organisation_counts_for_six_cases_at_most() {
        let organisation = vec![3_000_000; 600];
        let median = |own: usize| reference(&vec![1_000_000; own], &organisation, 0, WEEK_MS).unwrap()[9];
        assert_eq!([0, 6, 7].map(median), [21, 21, 7]);
        let few = reference(&[1_000_000; 2], &[3_000_000], 0, WEEK_MS).unwrap();
        assert_eq!(few[9], 7);
    }

    #[test]
    fn the_blend_leans_to_the_smaller_loss() {
        let (week, month) = (vec![7; LEVELS], vec![28; LEVELS]);
        let of = |a, b| blend(&[(Some(week.clone()), a), (Some(month.clone()), b), (None, Some(0))]);
        assert_eq!(of(Some(90_000), Some(90_000)).unwrap()[3], 18); // 17.5
        assert_eq!(of(Some(90_000), Some(190_000)).unwrap()[3], 11); // weights 4 to 1: 11.2
        assert_eq!(of(Some(90_000), None), None);
    }

    #[test]
    fn the_share_grows_between_quantiles() {
        let days: Vec<i64> = (1..=LEVELS as i64).map(|n| 10 * n).collect();
        assert_eq!(
            [9, 10, 15, 190, 500].map(|by| share(&days, by).unwrap()),
            [0.0, 0.05, 0.075, 0.975, 0.975]
        );
        let on_one_day = vec![12; LEVELS];
        assert_eq!([11, 12].map(|by| share(&on_one_day, by).unwrap()), [0.0, 0.975]);
    }

    #[test]
    fn the_loss_is_the_mean_of_pinball_losses() {
        // On time: none. Two days late: at level p, p times two days; the mean level is a half.
        let days = vec![10; LEVELS];
        assert_eq!(loss(&days, 10 * DAY_MS), Some(0));
        assert_eq!(loss(&days, 12 * DAY_MS), Some(DAY_MS));
        assert_eq!(loss(&days, 8 * DAY_MS), Some(DAY_MS));
        assert_eq!(loss(&[1], 0), None);
    }

    #[test]
    fn many_values_are_told_by_their_quantiles() {
        assert_eq!(spread(vec![3, 1, 2], 5), Some(vec![1, 2, 3]));
        assert_eq!(spread((1..=100).rev().collect(), 4), Some(vec![13, 38, 63, 88]));
        assert_eq!(spread(vec![], 4), None);
    }
}
