//! Other text in the rows of a closed store: for erasing a person.
//!
//! Invariants: every row stays, under its position in the log; rows are clustered anew by what they are about now; no
//! version of the table and no cache keeps the old text. Rows that do not change keep their file.
//! Deliberately absent: what is changed into what, and the log that the rows came from.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, ListArray, RecordBatch, StringViewArray, StructArray,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use event::{Table, key_hash};

use crate::error::Error;
use crate::rows::segment::sort_by_key;
use crate::store::EVENTS_DIR;
use crate::store::delta::{ColdStore, KEY_COLUMN};
use crate::store::durable::remove_staged;
use crate::store::lock::lock;

/// What a text or bytes become, given the column that they stand in; `None` where they stay.
pub trait TextRewrite: Sync {
    fn text(&self, column: &str, text: &str) -> Option<String>;
    fn bytes(&self, column: &str, bytes: &[u8]) -> Option<Vec<u8>>;
}

/// What was done.
#[derive(Debug, Default, PartialEq)]
pub struct Rewritten {
    pub files: usize,
    pub rows: u64,
}

/// Rewrites the tables in `dir`, and removes caches, what was set aside as damaged, and what killed writes left.
///
/// # Errors
/// `Locked` while a process has the directory open.
pub async fn rewrite_texts(dir: &Path, change: &dyn TextRewrite) -> Result<Rewritten, Error> {
    let _lock = lock(dir)?;
    for cache in ["cache", "quarantine"] {
        match std::fs::remove_dir_all(dir.join(cache)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    remove_staged(&dir.join(EVENTS_DIR))?;
    let mut store = ColdStore::open(&dir.join(EVENTS_DIR)).await?;
    let mut done = Rewritten::default();
    for file in store.files().to_vec() {
        let rows = store.read(&file).await?;
        let Some(changed) = batch(file.table, &rows, change)? else { continue };
        done.files += 1;
        done.rows += file.rows;
        store.exchange(file, &changed).await?;
    }
    store.vacuum(Duration::ZERO).await?;
    Ok(done)
}

/// The rows with other text; `None` where nothing changes.
fn batch(
    table: Table,
    rows: &RecordBatch,
    change: &dyn TextRewrite,
) -> Result<Option<RecordBatch>, ArrowError> {
    let (mut columns, mut differs) = (rows.columns().to_vec(), false);
    for (field, column) in rows.schema().fields().iter().zip(&mut columns) {
        if let Some(other) = array(field.name(), column, change)? {
            *column = other;
            differs = true;
        }
    }
    if !differs {
        return Ok(None);
    }
    let changed = RecordBatch::try_new(rows.schema(), columns)?;
    if table == Table::DeadLetters {
        return Ok(Some(changed));
    }
    let mut columns = changed.columns().to_vec();
    let place = changed.schema().index_of(KEY_COLUMN)?;
    columns[place] = Arc::new(keys(table, &changed)?);
    sort_by_key(&RecordBatch::try_new(changed.schema(), columns)?).map(Some)
}

/// The key of each row, as the decoder makes it: see [`event::Event::key_hash`].
fn keys(table: Table, rows: &RecordBatch) -> Result<Int64Array, ArrowError> {
    let text = |name: &str| {
        rows.column_by_name(name)
            .map(|column| column.as_string_view().clone())
            .ok_or_else(|| ArrowError::SchemaError(format!("the table {table} has no column {name}")))
    };
    let value = |column: &StringViewArray, row: usize| {
        if column.is_null(row) { None } else { Some(column.value(row).to_owned()) }
    };
    if table.is_mixed() {
        let (entity, id) = (text("entity")?, text("entity_id")?);
        return Ok((0..rows.num_rows()).map(|row| key_hash(&[entity.value(row), id.value(row)])).collect());
    }
    let (repo, change) = (text("repo")?, text("change")?);
    let sha = if table == Table::Commits { Some(text("sha")?) } else { None };
    let key = |row: usize| {
        let id =
            value(&change, row).or_else(|| sha.as_ref().and_then(|sha| value(sha, row))).unwrap_or_default();
        key_hash(&["change", &value(&repo, row).unwrap_or_default(), &id])
    };
    Ok((0..rows.num_rows()).map(key).collect())
}

fn array(name: &str, column: &ArrayRef, change: &dyn TextRewrite) -> Result<Option<ArrayRef>, ArrowError> {
    match column.data_type() {
        DataType::Utf8View => {
            let mut differs = false;
            let texts: StringViewArray = column
                .as_string_view()
                .iter()
                .map(|text| text.map(|text| or_same(change.text(name, text), text.to_owned(), &mut differs)))
                .collect();
            Ok(differs.then(|| Arc::new(texts) as ArrayRef))
        }
        DataType::Binary => {
            let mut differs = false;
            let bytes: BinaryArray = column
                .as_binary::<i32>()
                .iter()
                .map(|bytes| {
                    bytes.map(|bytes| or_same(change.bytes(name, bytes), bytes.to_vec(), &mut differs))
                })
                .collect();
            Ok(differs.then(|| Arc::new(bytes) as ArrayRef))
        }
        DataType::List(item) => {
            let list = column.as_list::<i32>();
            let Some(values) = array(name, list.values(), change)? else { return Ok(None) };
            let list =
                ListArray::try_new(item.clone(), list.offsets().clone(), values, list.nulls().cloned())?;
            Ok(Some(Arc::new(list)))
        }
        DataType::Struct(fields) => {
            let parts = column.as_struct();
            let (mut columns, mut differs) = (parts.columns().to_vec(), false);
            for (field, part) in fields.iter().zip(&mut columns) {
                if let Some(other) = array(field.name(), part, change)? {
                    *part = other;
                    differs = true;
                }
            }
            let nulls = parts.nulls().cloned();
            let whole = || StructArray::try_new(fields.clone(), columns, nulls);
            if differs { Ok(Some(Arc::new(whole()?))) } else { Ok(None) }
        }
        _ => Ok(None),
    }
}

fn or_same<T>(other: Option<T>, same: T, differs: &mut bool) -> T {
    *differs |= other.is_some();
    other.unwrap_or(same)
}
