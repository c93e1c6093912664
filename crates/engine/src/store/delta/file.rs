//! Event rows as Parquet bytes and back.
//!
//! Invariant: decoding a file gives exactly `event::schema` of its table, whatever columns the
//! file has: missing ones are NULL. The Arrow schema is not embedded, so every reader sees plain
//! Parquet types; the string views of our schema are asked for when reading.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{cast, concat_batches, max, min};
use arrow::datatypes::{Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use bytes::Bytes;
use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use event::Table;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};

use super::StoreError;

/// The column that rows are sorted by; dead letters have none and keep their order.
pub const KEY_COLUMN: &str = "key_hash";
/// Row groups small enough that a reader can spread a file over its cores.
const ROW_GROUP_ROWS: usize = 256 * 1024;
/// Dead letters read at a time. One keeps up to 64 KiB of its record; older versions kept 1 MiB.
pub const DEAD_LETTER_ROWS: usize = 64;
/// Columns with as many values as rows: a dictionary would be built and thrown away.
const UNIQUE_COLUMNS: [&str; 3] = ["event_id", "payload_hash", "offset"];
/// Columns whose smallest and largest value go into the Delta log.
pub const STATS_COLUMNS: &str = "key_hash,occurred_at,observed_at";

/// A finished Parquet file that is not stored yet.
pub struct Encoded {
    pub table: Table,
    pub bytes: Bytes,
    pub rows: u64,
    /// Statistics in the JSON of Delta's `add` action.
    pub stats: String,
}

/// Writes batches of one table, in ascending `key_hash`, into one Parquet file.
pub struct Encoder {
    table: Table,
    schema: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
    rows: u64,
    key_last: Option<i64>,
    keys: Option<(i64, i64)>,
    occurred: Option<(i64, i64)>,
    observed: Option<(i64, i64)>,
}

impl Encoder {
    pub fn new(table: Table) -> Result<Encoder, StoreError> {
        Encoder::of(table, event::schema(table))
    }

    /// Of another schema than the table has: files of older versions, for tests.
    pub(super) fn of(table: Table, schema: SchemaRef) -> Result<Encoder, StoreError> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_created_by(concat!("plimsoll version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        for column in UNIQUE_COLUMNS {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column), false);
        }
        let options =
            ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)?;
        let (keys, occurred, observed) = (None, None, None);
        Ok(Encoder { table, schema, writer, rows: 0, key_last: None, keys, occurred, observed })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if let Some(reason) = difference(&batch.schema(), &self.schema) {
            return Err(StoreError::Rows { table: self.table.name(), reason });
        }
        if let Some(keys) = batch.column_by_name(KEY_COLUMN) {
            let keys = keys.as_primitive::<Int64Type>().values();
            let follows = self.key_last.is_none_or(|last| last <= keys[0]);
            if !follows || !keys.is_sorted() {
                let reason = format!("rows are not in {KEY_COLUMN} order");
                return Err(StoreError::Rows { table: self.table.name(), reason });
            }
            self.key_last = keys.last().copied();
            widen(&mut self.keys, keys.first().copied(), keys.last().copied());
        }
        for (range, name) in [(&mut self.occurred, "occurred_at"), (&mut self.observed, "observed_at")] {
            if let Some(column) = batch.column_by_name(name) {
                let column = column.as_primitive::<TimestampMicrosecondType>();
                widen(range, min(column), max(column));
            }
        }
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch)?;
        Ok(())
    }

    pub fn finish(self) -> Result<Encoded, StoreError> {
        let stats = self.stats();
        let bytes = self.writer.into_inner()?;
        Ok(Encoded { table: self.table, bytes: bytes.into(), rows: self.rows, stats })
    }

    fn stats(&self) -> String {
        let (mut smallest, mut largest) = (Map::new(), Map::new());
        if let Some((from, to)) = self.keys {
            smallest.insert(KEY_COLUMN.to_owned(), json!(from));
            largest.insert(KEY_COLUMN.to_owned(), json!(to));
        }
        for (range, name) in [(self.occurred, "occurred_at"), (self.observed, "observed_at")] {
            let Some((from, to)) = range else { continue };
            // Delta keeps milliseconds: the smallest is cut, the largest rounded up.
            if let (Some(from), Some(to)) = (millis(from, 0), millis(to, 999)) {
                smallest.insert(name.to_owned(), from);
                largest.insert(name.to_owned(), to);
            }
        }
        json!({ "numRecords": self.rows, "minValues": smallest, "maxValues": largest, "nullCount": {} })
            .to_string()
    }
}

/// One batch as one file.
pub fn encode(table: Table, batch: &RecordBatch) -> Result<Encoded, StoreError> {
    let mut encoder = Encoder::new(table)?;
    encoder.write(batch)?;
    encoder.finish()
}

fn widen(range: &mut Option<(i64, i64)>, low: Option<i64>, high: Option<i64>) {
    if let (Some(low), Some(high)) = (low, high) {
        let (from, to) = range.unwrap_or((low, high));
        *range = Some((from.min(low), to.max(high)));
    }
}

/// A moment in the form of Delta statistics; `None` outside the years that have four digits.
fn millis(micros: i64, round_up_micros: i64) -> Option<Value> {
    let moment = DateTime::<Utc>::from_timestamp_micros(micros)?;
    let moment = moment.checked_add_signed(TimeDelta::microseconds(round_up_micros))?;
    let text = moment.to_rfc3339_opts(SecondsFormat::Millis, true);
    (0..=9999).contains(&moment.year()).then_some(Value::String(text))
}

/// How two schemas differ in names or types, if they do.
fn difference(found: &Schema, wanted: &Schema) -> Option<String> {
    if found.fields().len() != wanted.fields().len() {
        return Some(format!("{} columns instead of {}", found.fields().len(), wanted.fields().len()));
    }
    found.fields().iter().zip(wanted.fields()).find_map(|(found, wanted)| {
        let same = found.name() == wanted.name() && found.data_type() == wanted.data_type();
        (!same).then(|| format!("column {found} where {wanted} belongs"))
    })
}

/// A whole file as one batch.
pub fn decode(bytes: Bytes, table: Table) -> Result<RecordBatch, StoreError> {
    let schema = event::schema(table);
    let mut reader = Reader::open(bytes, table, usize::MAX)?;
    let Some(first) = reader.next() else { return Ok(RecordBatch::new_empty(schema)) };
    let first = first?;
    let rest = reader.collect::<Result<Vec<_>, _>>()?;
    if rest.is_empty() {
        return Ok(first);
    }
    Ok(concat_batches(&schema, std::iter::once(&first).chain(&rest))?)
}

/// The rows of a file in batches of the table's schema.
pub struct Reader {
    table: Table,
    rows: ParquetRecordBatchReader,
    schema: SchemaRef,
}

impl Reader {
    /// `batch_rows` is the largest batch; a file with fewer rows comes as one.
    pub fn open(bytes: Bytes, table: Table, batch_rows: usize) -> Result<Reader, StoreError> {
        Reader::columns(bytes, table, event::schema(table), batch_rows)
    }

    /// Only the columns of `schema`; the others are not decoded.
    pub fn columns<F: ChunkReader + 'static>(
        file: F,
        table: Table,
        schema: SchemaRef,
        batch_rows: usize,
    ) -> Result<Reader, StoreError> {
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, plain.clone())?;
        let wanted = Arc::new(hint(metadata.schema(), &schema));
        // A file whose types are not close enough to ask for ours is read as it is and cast.
        let metadata =
            ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), plain.with_schema(wanted))
                .unwrap_or(metadata);
        let rows_max = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(usize::MAX);
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let projection = ProjectionMask::columns(metadata.parquet_schema(), names);
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_projection(projection)
            .with_batch_size(batch_rows.min(rows_max.max(1)))
            .build()?;
        Ok(Reader { table, rows, schema })
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(
            batch
                .and_then(|b| conform(&b, &self.schema))
                .map_err(|e| StoreError::Rows { table: self.table.name(), reason: e.to_string() }),
        )
    }
}

/// The stored columns with our types, to ask the reader for.
fn hint(stored: &Schema, wanted: &Schema) -> Schema {
    let fields = stored.fields().iter().map(|field| match wanted.field_with_name(field.name()) {
        Ok(ours) => Arc::new(Field::new(field.name(), ours.data_type().clone(), field.is_nullable())),
        Err(_) => Arc::clone(field),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The batch with exactly the columns of `schema`, in its order.
pub(super) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
        match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => cast(column, field.data_type()),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    // Who counts rows asks for no column.
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}
