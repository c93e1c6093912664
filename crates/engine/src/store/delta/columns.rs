//! The columns of the Delta table: the union of the event schemas, plus the table's name.
//!
//! Invariant: a name has one type in all of them. Every column is nullable in the union, because a
//! file holds only the columns of its own table.

use arrow::datatypes::DataType;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::engine::arrow_conversion::TryFromArrow;
use deltalake_core::kernel::{DataType as DeltaType, StructField};
use event::Table;

use super::StoreError;

/// The partition column: which table a row belongs to.
pub const TABLE_COLUMN: &str = "table";

/// The columns that this version of Plimsoll writes.
pub fn union() -> Result<Vec<StructField>, StoreError> {
    let mut seen: Vec<(String, DataType)> = Vec::new();
    let mut columns = vec![StructField::nullable(TABLE_COLUMN, DeltaType::STRING)];
    for table in Table::ALL {
        for field in event::schema(table).fields() {
            match seen.iter().find(|(name, _)| name == field.name()) {
                Some((_, known)) if known == field.data_type() => {}
                Some((name, known)) => {
                    return Err(StoreError::Schema {
                        column: name.clone(),
                        reason: format!("is {known} in one table and {} in {table}", field.data_type()),
                    });
                }
                None => {
                    let data_type = DeltaType::try_from_arrow(field.data_type()).map_err(|e| {
                        StoreError::Schema { column: field.name().clone(), reason: e.to_string() }
                    })?;
                    columns.push(StructField::nullable(field.name(), data_type));
                    seen.push((field.name().clone(), field.data_type().clone()));
                }
            }
        }
    }
    Ok(columns)
}

/// The columns that the stored table lacks; an error where it has others than we know.
pub fn missing(table: &DeltaTable) -> Result<Vec<StructField>, StoreError> {
    let wanted = union()?;
    let stored = table.snapshot()?.schema();
    for field in stored.fields() {
        let reason = match wanted.iter().find(|w| w.name() == field.name()) {
            None => "was written by a newer plimsoll; upgrade this one".to_owned(),
            Some(w) if w.data_type() != field.data_type() => {
                format!(
                    "is stored as {:?} and now is {:?}; rebuild the table from the log",
                    field.data_type(),
                    w.data_type()
                )
            }
            Some(_) => continue,
        };
        return Err(StoreError::Schema { column: field.name().clone(), reason });
    }
    Ok(wanted.into_iter().filter(|w| stored.field(w.name()).is_none()).collect())
}
