//! Types of arguments and results that several functions share.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, plan_err};

/// The type of every timestamp column.
pub(super) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn texts() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)))
}

/// Checks arguments one by one, for folds with fixed columns.
pub(super) fn check_types(name: &str, fields: &[FieldRef], wanted: &[(&str, DataType)]) -> Result<()> {
    if fields.len() != wanted.len() {
        return plan_err!("{name} takes {} arguments, not {}", wanted.len(), fields.len());
    }
    for (field, (what, data_type)) in fields.iter().zip(wanted) {
        // A NULL column of one side of a UNION has no type until the plan is analysed.
        let untyped = field.data_type().is_null();
        if !untyped && !field.data_type().equals_datatype(data_type) {
            return plan_err!("{name}: argument {what} must be {data_type}, not {}", field.data_type());
        }
    }
    Ok(())
}
