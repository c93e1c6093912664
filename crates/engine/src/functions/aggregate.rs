//! DataFusion's side of the folds: one aggregate type, told apart by [`Fold`].
//!
//! Invariant: a fold gets all rows of a group at once and in event order; the intermediate state is the
//! rows themselves, so spilling and merging change nothing.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::gathered::{AT, EVENT_ID, Gathered, SEQ, lists};
use super::types::timestamp;
use super::{episodes, holdings, lww, memberships, revisions};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum FoldKind {
    Lww,
    Revisions,
    Holdings,
    Memberships,
    ReviewEpisodes,
}

pub(super) fn all() -> Vec<AggregateUDF> {
    [FoldKind::Lww, FoldKind::Revisions, FoldKind::Holdings, FoldKind::Memberships, FoldKind::ReviewEpisodes]
        .map(|fold| {
            AggregateUDF::new_from_impl(FoldUdaf {
                fold,
                signature: Signature::variadic_any(Volatility::Immutable),
            })
        })
        .into()
}

impl FoldKind {
    fn name(self) -> &'static str {
        match self {
            FoldKind::Lww => "lww",
            FoldKind::Revisions => "revisions",
            FoldKind::Holdings => "holdings",
            FoldKind::Memberships => "memberships",
            FoldKind::ReviewEpisodes => "review_episodes",
        }
    }

    /// The type of the result, from the arguments' names and types.
    fn output(self, fields: &[FieldRef]) -> Result<DataType> {
        check_order(self.name(), fields)?;
        match self {
            FoldKind::Lww => lww::output(fields),
            FoldKind::Revisions => revisions::output(fields),
            FoldKind::Holdings => holdings::output(fields),
            FoldKind::Memberships => memberships::output(fields),
            FoldKind::ReviewEpisodes => episodes::output(fields),
        }
    }

    fn run(self, rows: Gathered, fields: &[FieldRef]) -> Result<ArrayRef> {
        let rows = rows.sorted();
        match self {
            FoldKind::Lww => lww::fold(&rows, fields),
            FoldKind::Revisions => revisions::fold(&rows, fields),
            FoldKind::Holdings => holdings::fold(&rows, fields),
            FoldKind::Memberships => memberships::fold(&rows),
            FoldKind::ReviewEpisodes => episodes::fold(&rows),
        }
    }
}

fn check_order(name: &str, fields: &[FieldRef]) -> Result<()> {
    let types: Vec<&DataType> = fields.iter().take(3).map(|field| field.data_type()).collect();
    if types != [&timestamp(), &DataType::Int64, &DataType::Utf8View] {
        return plan_err!("{name} takes effective_at, seq, event_id first, not {types:?}");
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FoldUdaf {
    fold: FoldKind,
    signature: Signature,
}

impl AggregateUDFImpl for FoldUdaf {
    fn name(&self) -> &str {
        self.fold.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("{} needs the names of its arguments", self.name())
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), self.fold.output(fields)?, true)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let state = |(index, field): (usize, &FieldRef)| {
            let list = Field::new_list(
                format!("{}[{index}]", args.name),
                Field::new("item", field.data_type().clone(), true),
                true,
            );
            Arc::new(list)
        };
        Ok(args.input_fields.iter().enumerate().map(state).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(FoldGroups::new(self.fold, args.expr_fields))))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(FoldGroups::new(self.fold, args.expr_fields)))
    }
}

#[derive(Debug)]
struct FoldGroups {
    fold: FoldKind,
    fields: Vec<FieldRef>,
    rows: Gathered,
}

impl FoldGroups {
    fn new(fold: FoldKind, fields: &[FieldRef]) -> Self {
        Self { fold, fields: fields.to_vec(), rows: Gathered::default() }
    }

    fn take(&mut self, emit_to: EmitTo) -> Gathered {
        match emit_to {
            EmitTo::All => std::mem::take(&mut self.rows),
            EmitTo::First(groups) => self.rows.take_first(groups),
        }
    }
}

impl GroupsAccumulator for FoldGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.rows.groups = total;
        match filter {
            None => self.rows.push(values, |row| Some(groups[row])),
            Some(filter) => {
                self.rows.push(values, |row| (filter.is_valid(row) && filter.value(row)).then(|| groups[row]))
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let rows = self.take(emit_to);
        self.fold.run(rows, &self.fields)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let rows = self.take(emit_to).sorted();
        let lengths: Vec<usize> = rows.ranges().map(|range| range.len()).collect();
        let places: Vec<_> = rows.entries.iter().map(|entry| Some(entry.place())).collect();
        let column = |(index, field): (usize, &FieldRef)| {
            lists(field.data_type(), lengths.iter().copied(), rows.pick(index, field.data_type(), &places)?)
        };
        self.fields.iter().enumerate().map(column).collect()
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.rows.groups = total;
        let offsets = values[AT].as_list::<i32>().value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
        let mut owners = vec![0; last - first];
        for (pair, group) in offsets.windows(2).zip(groups) {
            owners[pair[0] as usize - first..pair[1] as usize - first].fill(*group);
        }
        let slice = |list: &ArrayRef| {
            let list = list.as_list::<i32>();
            let start = list.value_offsets()[0] as usize;
            list.values().slice(start, last - first)
        };
        let columns: Vec<ArrayRef> = values.iter().map(slice).collect();
        self.rows.push(&columns, |row| Some(owners[row]));
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[AT].len();
        let mut alone = FoldGroups::new(self.fold, &self.fields);
        alone.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        alone.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.rows.bytes()
    }
}

/// The same fold where there is no `GROUP BY`.
#[derive(Debug)]
struct OneGroup(FoldGroups);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[AT].len()], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.rows.groups = 1;
        ScalarValue::try_from_array(&self.0.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.rows.groups = 1;
        self.0.state(EmitTo::All)?.iter().map(|array| ScalarValue::try_from_array(array, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[AT].len()], 1)
    }
}

const _: () = assert!(AT == 0 && SEQ == 1 && EVENT_ID == 2);
