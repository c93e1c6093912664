//! Aggregates over integers that gather, sort and then measure: percentiles and concentration.
//!
//! Invariant: the result depends on the multiset of values only. NULLs are left out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, TypeSignature, Volatility,
};

use super::concentration;
use super::percentile::nearest_rank;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Measure {
    Percentile,
    Median,
    Gini,
    GiniCorrected,
    Hhi,
    EffectiveCount,
    Evenness,
    TopShare,
    Top20Share,
}

impl Measure {
    const ALL: [Measure; 9] = [
        Measure::Percentile,
        Measure::Median,
        Measure::Gini,
        Measure::GiniCorrected,
        Measure::Hhi,
        Measure::EffectiveCount,
        Measure::Evenness,
        Measure::TopShare,
        Measure::Top20Share,
    ];

    fn name(self) -> &'static str {
        match self {
            Measure::Percentile => "percentile_nearest",
            Measure::Median => "median_nearest",
            Measure::Gini => "gini",
            Measure::GiniCorrected => "gini_corrected",
            Measure::Hhi => "hhi",
            Measure::EffectiveCount => "effective_count",
            Measure::Evenness => "evenness",
            Measure::TopShare => "top_share",
            Measure::Top20Share => "top20_share",
        }
    }

    fn signature(self) -> Signature {
        let types = match self {
            Measure::Percentile => TypeSignature::OneOf(vec![
                TypeSignature::Exact(vec![DataType::Int64, DataType::Float64]),
                TypeSignature::Exact(vec![DataType::Int64, DataType::Float64, DataType::Int64]),
            ]),
            _ => TypeSignature::Exact(vec![DataType::Int64]),
        };
        Signature::new(types, Volatility::Immutable)
    }

    fn output(self) -> DataType {
        match self {
            Measure::Percentile | Measure::Median => DataType::Int64,
            _ => DataType::Float64,
        }
    }

    fn of(self, sorted: &[i64], p: f64) -> ScalarValue {
        let share = match self {
            Measure::Percentile => return ScalarValue::Int64(nearest_rank(sorted, p)),
            Measure::Median => return ScalarValue::Int64(nearest_rank(sorted, 0.5)),
            Measure::Gini => concentration::gini(sorted),
            Measure::GiniCorrected => concentration::gini_corrected(sorted),
            Measure::Hhi => concentration::hhi(sorted),
            Measure::EffectiveCount => concentration::effective_count(sorted),
            Measure::Evenness => concentration::evenness(sorted),
            Measure::TopShare => concentration::top_share(sorted),
            Measure::Top20Share => concentration::top20_share(sorted),
        };
        ScalarValue::Float64(share)
    }
}

pub(super) fn all() -> Vec<AggregateUDF> {
    Measure::ALL
        .map(|measure| AggregateUDF::new_from_impl(IntegerUdaf { measure, signature: measure.signature() }))
        .into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntegerUdaf {
    measure: Measure,
    signature: Signature,
}

impl AggregateUDFImpl for IntegerUdaf {
    fn name(&self) -> &str {
        self.measure.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.measure.output())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("{} takes no DISTINCT", self.name());
        }
        Ok(Box::new(Integers { measure: self.measure, values: Vec::new(), p: None, n_min: None }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = args.name;
        Ok(vec![
            Arc::new(Field::new_list(
                format!("{name}[values]"),
                Field::new("item", DataType::Int64, true),
                true,
            )),
            Arc::new(Field::new(format!("{name}[p]"), DataType::Float64, true)),
            Arc::new(Field::new(format!("{name}[n_min]"), DataType::Int64, true)),
        ])
    }
}

#[derive(Debug)]
struct Integers {
    measure: Measure,
    values: Vec<i64>,
    /// Known from the first row on: a part of a group may have none.
    p: Option<f64>,
    n_min: Option<i64>,
}

impl Integers {
    /// The share and the least number, which are the same in all rows that say them.
    fn learn(&mut self, p: Option<&ArrayRef>, n_min: Option<&ArrayRef>) {
        let said = p.and_then(|p| p.as_primitive::<Float64Type>().iter().flatten().next());
        self.p = said.or(self.p);
        let said = n_min.and_then(|n| n.as_primitive::<Int64Type>().iter().flatten().next());
        self.n_min = said.or(self.n_min);
    }

    fn extend(&mut self, values: &ArrayRef) -> Result<()> {
        let values = values.as_primitive::<Int64Type>();
        self.values.extend(values.iter().flatten());
        let shares = !matches!(self.measure, Measure::Percentile | Measure::Median);
        if shares && values.iter().flatten().any(|value| value < 0) {
            return exec_err!("{} takes values of at least 0", self.measure.name());
        }
        Ok(())
    }
}

impl Accumulator for Integers {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.learn(values.get(1), values.get(2));
        self.extend(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_unstable();
        let enough = self.n_min.is_none_or(|n_min| self.values.len() as i64 >= n_min);
        // Without a row there is no value to take a share of either.
        Ok(self.measure.of(if enough { &self.values } else { &[] }, self.p.unwrap_or(0.5)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<i64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> =
            self.values.iter().map(|&value| ScalarValue::Int64(Some(value))).collect();
        let list = ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Int64));
        Ok(vec![list, ScalarValue::Float64(self.p), ScalarValue::Int64(self.n_min)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.learn(Some(&states[1]), Some(&states[2]));
        let lists = states[0].as_list::<i32>();
        (0..lists.len()).try_for_each(|row| self.extend(&lists.value(row)))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array};

    use super::*;

    /// Rows of a group that are folded in parts, of which some have no row.
    #[test]
    fn a_part_without_rows_changes_neither_the_share_nor_the_least_number() {
        let part = |values: &[i64]| {
            let mut part = Integers { measure: Measure::Percentile, values: Vec::new(), p: None, n_min: None };
            let columns: [ArrayRef; 3] = [
                Arc::new(Int64Array::from(values.to_vec())),
                Arc::new(Float64Array::from(vec![0.85; values.len()])),
                Arc::new(Int64Array::from(vec![4; values.len()])),
            ];
            part.update_batch(&columns).unwrap();
            part.state().unwrap()
        };
        let all = |parts: &[&[i64]]| {
            let mut all = Integers { measure: Measure::Percentile, values: Vec::new(), p: None, n_min: None };
            let states: Vec<Vec<ScalarValue>> = parts.iter().map(|values| part(values)).collect();
            let column = |at: usize| ScalarValue::iter_to_array(states.iter().map(|state| state[at].clone()));
            all.merge_batch(&[column(0).unwrap(), column(1).unwrap(), column(2).unwrap()]).unwrap();
            all.evaluate().unwrap()
        };
        for parts in [[&[1, 2, 3, 9][..], &[], &[]], [&[], &[9, 3], &[2, 1]], [&[9, 3], &[1, 2], &[]]] {
            assert_eq!(all(&parts), ScalarValue::Int64(Some(9)), "{parts:?}");
        }
        for parts in [[&[1, 2, 3][..], &[]], [&[], &[1, 2, 3]]] {
            assert_eq!(all(&parts), ScalarValue::Int64(None), "{parts:?}");
        }
        assert_eq!(all(&[&[], &[]]), ScalarValue::Int64(None));
    }
}
