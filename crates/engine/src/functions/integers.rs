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
        Ok(Box::new(Integers { measure: self.measure, values: Vec::new(), p: 0.5, n_min: 0 }))
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
    p: f64,
    n_min: i64,
}

impl Integers {
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
        if let Some(p) = values.get(1).and_then(|p| p.as_primitive::<Float64Type>().iter().flatten().next()) {
            self.p = p;
        }
        if let Some(n_min) = values.get(2).and_then(|n| n.as_primitive::<Int64Type>().iter().flatten().next())
        {
            self.n_min = n_min;
        }
        self.extend(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.values.sort_unstable();
        let enough = self.values.len() as i64 >= self.n_min;
        Ok(self.measure.of(if enough { &self.values } else { &[] }, self.p))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<i64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> =
            self.values.iter().map(|&value| ScalarValue::Int64(Some(value))).collect();
        let list = ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Int64));
        Ok(vec![list, ScalarValue::Float64(Some(self.p)), ScalarValue::Int64(Some(self.n_min))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        for row in 0..lists.len() {
            self.p = states[1].as_primitive::<Float64Type>().value(row);
            self.n_min = states[2].as_primitive::<Int64Type>().value(row);
            self.extend(&lists.value(row))?;
        }
        Ok(())
    }
}
