//! Arrow builders for the rows of the five tables.
//!
//! Invariant: after each `append` every column of a table has the same length, in the order of its schema.
//! Deliberately absent: decoding, and dictionary encoding (readers take rows of many batches; views make
//! that a copy of pointers).

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Int32Builder, Int64Builder,
    ListArray, ListBuilder, RecordBatch, StringViewBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field as ArrowField;

use crate::canonical::quote;
use crate::decode::Event;
use crate::model::{Field, Kind, Table, fields};
use crate::record::{Limits, Record};
use crate::reject::Reject;
use crate::schema::{file_fields, schema, timestamp};
use crate::time;
use crate::value::{FileChange, Value};

/// The flag of an event dated more than a day after the log recorded it.
const FUTURE_TIME: &str = "future_time";

/// Rows of one table of events.
#[derive(Debug)]
pub(crate) struct EventRows {
    table: Table,
    common: Common,
    /// `entity` and `entity_id`, in a table of several kinds of entities.
    entity: Option<(StringViewBuilder, StringViewBuilder)>,
    columns: Vec<Column>,
}

impl EventRows {
    pub(crate) fn new(table: Table) -> Self {
        EventRows {
            table,
            common: Common::new(),
            entity: table.is_mixed().then(|| (shared(), StringViewBuilder::new())),
            columns: fields(table).iter().map(Column::new).collect(),
        }
    }

    pub(crate) fn append(&mut self, record: &Record<'_>, event: &Event<'_>) {
        debug_assert_eq!(event.table(), self.table);
        self.common.append(record, event);
        if let Some((entity, entity_id)) = &mut self.entity {
            entity.append_value(event.kind.entity.as_str());
            entity_id.append_value(event.entity_id());
        }
        let mut person = &Value::Absent;
        for ((column, field), value) in self.columns.iter_mut().zip(fields(self.table)).zip(&event.values) {
            match field.kind {
                Kind::PersonPart(part) => column.append_text(person.part(part)),
                Kind::Person => {
                    person = value;
                    column.append_text(value.as_text());
                }
                _ => column.append(value, field.nullable),
            }
        }
    }

    /// The rows so far, in buffers of their own size: batches are kept for long and many are small.
    pub(crate) fn finish(&mut self) -> RecordBatch {
        if self.common.offset.is_empty() {
            return RecordBatch::new_empty(schema(self.table));
        }
        let mut arrays = self.common.finish();
        if let Some((entity, entity_id)) = &mut self.entity {
            arrays.push(Arc::new(entity.finish()));
            arrays.push(Arc::new(entity_id.finish()));
        }
        arrays.extend(self.columns.iter_mut().map(Column::finish));
        arrays.iter_mut().for_each(Array::shrink_to_fit);
        RecordBatch::try_new(schema(self.table), arrays)
            .expect("the columns are built from the schema's own list")
    }
}

/// The columns that every table of events starts with.
#[derive(Debug)]
struct Common {
    event_id: StringViewBuilder,
    type_: StringViewBuilder,
    source: StringViewBuilder,
    subject: StringViewBuilder,
    occurred_at: TimestampMicrosecondBuilder,
    observed_at: TimestampMicrosecondBuilder,
    effective_at: TimestampMicrosecondBuilder,
    seq: Int64Builder,
    source_version: Int64Builder,
    payload_hash: Int64Builder,
    key_hash: Int64Builder,
    topic: StringViewBuilder,
    partition: Int32Builder,
    offset: Int64Builder,
    flags: ListBuilder<StringViewBuilder>,
    extra: StringViewBuilder,
    cleared: ListBuilder<StringViewBuilder>,
}

impl Common {
    fn new() -> Self {
        Common {
            event_id: StringViewBuilder::new(),
            type_: shared(),
            source: shared(),
            subject: StringViewBuilder::new(),
            occurred_at: times(),
            observed_at: times(),
            effective_at: times(),
            seq: Int64Builder::new(),
            source_version: Int64Builder::new(),
            payload_hash: Int64Builder::new(),
            key_hash: Int64Builder::new(),
            topic: shared(),
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            flags: ListBuilder::new(StringViewBuilder::new()),
            extra: StringViewBuilder::new(),
            cleared: ListBuilder::new(StringViewBuilder::new()),
        }
    }

    fn append(&mut self, record: &Record<'_>, event: &Event<'_>) {
        self.event_id.append_value(&event.id);
        self.type_.append_value(event.kind.name);
        self.source.append_value(&event.source);
        self.subject.append_option(event.subject.as_deref());
        self.occurred_at.append_value(event.occurred_at);
        self.observed_at.append_value(event.observed_at);
        self.effective_at.append_value(event.effective_at());
        self.seq.append_value(event.seq);
        self.source_version.append_value(event.source_version);
        self.payload_hash.append_value(event.payload_hash());
        self.key_hash.append_value(event.key_hash());
        self.topic.append_value(record.topic);
        self.partition.append_value(record.partition);
        self.offset.append_value(record.offset);
        if event.future {
            self.flags.values().append_value(FUTURE_TIME);
        }
        self.flags.append(event.future);
        self.extra.append_option(event.extra.as_deref());
        let mut any = false;
        for name in event.cleared() {
            self.cleared.values().append_value(name);
            any = true;
        }
        self.cleared.append(any);
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.event_id.finish()),
            Arc::new(self.type_.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.subject.finish()),
            Arc::new(self.occurred_at.finish()),
            Arc::new(self.observed_at.finish()),
            Arc::new(self.effective_at.finish()),
            Arc::new(self.seq.finish()),
            Arc::new(self.source_version.finish()),
            Arc::new(self.payload_hash.finish()),
            Arc::new(self.key_hash.finish()),
            Arc::new(self.topic.finish()),
            Arc::new(self.partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.flags.finish()),
            Arc::new(self.extra.finish()),
            Arc::new(self.cleared.finish()),
        ]
    }
}

/// The column of one data field.
#[derive(Debug)]
enum Column {
    Text(StringViewBuilder),
    Texts(ListBuilder<StringViewBuilder>),
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Date(Date32Builder),
    Time(TimestampMicrosecondBuilder),
    Files(Box<FilesBuilder>),
}

impl Column {
    fn new(field: &Field) -> Column {
        match field.kind {
            Kind::Text | Kind::Id | Kind::Choice(_) | Kind::Person | Kind::PersonPart(_) | Kind::Json => {
                Column::Text(if field.repeats { shared() } else { StringViewBuilder::new() })
            }
            Kind::Texts | Kind::Ids | Kind::People => {
                Column::Texts(ListBuilder::new(StringViewBuilder::new()))
            }
            Kind::Bool => Column::Bool(BooleanBuilder::new()),
            Kind::Count | Kind::Hundredths => Column::Int(Int64Builder::new()),
            Kind::Date => Column::Date(Date32Builder::new()),
            Kind::Time | Kind::Moment => Column::Time(times()),
            Kind::Files => Column::Files(Box::default()),
        }
    }

    #[inline]
    fn append_text(&mut self, text: Option<&str>) {
        if let Column::Text(builder) = self {
            builder.append_option(text);
        }
    }

    /// Appends a value of the column's kind; in a column without nulls a list that is not there is empty.
    #[inline]
    fn append(&mut self, value: &Value<'_>, nullable: bool) {
        match (self, value) {
            (Column::Text(builder), Value::Text(text)) => builder.append_value(text),
            (Column::Text(builder), _) => builder.append_null(),
            (Column::Texts(builder), Value::Texts(texts)) => {
                texts.iter().for_each(|text| builder.values().append_value(text));
                builder.append(true);
            }
            (Column::Texts(builder), _) => builder.append(!nullable),
            (Column::Bool(builder), Value::Bool(value)) => builder.append_value(*value),
            (Column::Bool(builder), _) => builder.append_null(),
            (Column::Int(builder), Value::Int(value)) => builder.append_value(*value),
            (Column::Int(builder), _) => builder.append_null(),
            (Column::Date(builder), Value::Date(day)) => builder.append_value(*day),
            (Column::Date(builder), _) => builder.append_null(),
            (Column::Time(builder), Value::Time(us)) => builder.append_value(*us),
            (Column::Time(builder), _) => builder.append_null(),
            (Column::Files(builder), value) => builder.append(value.as_files().unwrap_or_default()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Column::Text(builder) => Arc::new(builder.finish()),
            Column::Texts(builder) => Arc::new(builder.finish()),
            Column::Bool(builder) => Arc::new(builder.finish()),
            Column::Int(builder) => Arc::new(builder.finish()),
            Column::Date(builder) => Arc::new(builder.finish()),
            Column::Time(builder) => Arc::new(builder.finish()),
            Column::Files(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A list of files for each row, never null.
#[derive(Debug, Default)]
struct FilesBuilder {
    lengths: Vec<usize>,
    path: StringViewBuilder,
    old_path: StringViewBuilder,
    change: StringViewBuilder,
    additions: Int64Builder,
    deletions: Int64Builder,
}

impl FilesBuilder {
    fn append(&mut self, files: &[FileChange<'_>]) {
        for file in files {
            self.path.append_value(&file.path);
            self.old_path.append_option(file.old_path.as_deref());
            self.change.append_value(&file.change);
            self.additions.append_option(file.additions);
            self.deletions.append_option(file.deletions);
        }
        self.lengths.push(files.len());
    }

    fn finish(&mut self) -> ListArray {
        let members: Vec<ArrayRef> = vec![
            Arc::new(self.path.finish()),
            Arc::new(self.old_path.finish()),
            Arc::new(self.change.finish()),
            Arc::new(self.additions.finish()),
            Arc::new(self.deletions.finish()),
        ];
        let files = StructArray::new(file_fields(), members, None);
        let item = Arc::new(ArrowField::new("item", files.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(std::mem::take(&mut self.lengths));
        ListArray::new(item, offsets, Arc::new(files), None)
    }
}

/// Rows of dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetterRows {
    topic: StringViewBuilder,
    partition: Int32Builder,
    offset: Int64Builder,
    log_time: TimestampMicrosecondBuilder,
    reason: StringViewBuilder,
    detail: StringViewBuilder,
    key: BinaryBuilder,
    value: BinaryBuilder,
    headers: StringViewBuilder,
}

impl DeadLetterRows {
    pub(crate) fn new() -> Self {
        DeadLetterRows {
            topic: shared(),
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            log_time: times(),
            reason: shared(),
            detail: StringViewBuilder::new(),
            key: BinaryBuilder::new(),
            value: BinaryBuilder::new(),
            headers: StringViewBuilder::new(),
        }
    }

    /// Appends the record as it came, cut off at the limits; says how many of its bytes were kept.
    pub(crate) fn append(&mut self, record: &Record<'_>, reject: &Reject, limits: &Limits) -> usize {
        let cut = |bytes: &'_ [u8], limit: usize| bytes.len().min(limit);
        let key = record.key.map(|key| &key[..cut(key, limits.key_bytes)]);
        let value = record.value.map(|value| &value[..cut(value, limits.dead_letter_bytes)]);
        let headers = (!record.headers.is_empty()).then(|| headers_text(record.headers, limits));
        self.topic.append_value(record.topic);
        self.partition.append_value(record.partition);
        self.offset.append_value(record.offset);
        self.log_time.append_value(record.timestamp_us.clamp(0, time::MAX_US));
        self.reason.append_value(reject.reason.as_str());
        match record.value.map(<[u8]>::len).filter(|&bytes| bytes > limits.dead_letter_bytes) {
            Some(bytes) => {
                let kept = limits.dead_letter_bytes;
                self.detail
                    .append_value(format!("{} (of {bytes} bytes, the first {kept} are kept)", reject.detail));
            }
            None => self.detail.append_value(&reject.detail),
        }
        self.key.append_option(key);
        self.value.append_option(value);
        self.headers.append_option(headers.as_deref());
        key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers.map_or(0, |text| text.len())
    }

    pub(crate) fn finish(&mut self) -> RecordBatch {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.topic.finish()),
            Arc::new(self.partition.finish()),
            Arc::new(self.offset.finish()),
            Arc::new(self.log_time.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.detail.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.headers.finish()),
        ];
        RecordBatch::try_new(schema(Table::DeadLetters), arrays).expect("the columns are those of the schema")
    }
}

/// Headers as a JSON array of `{"name","value"}`, or `{"name","hex"}` where the value is no text;
/// what does not fit the limits is counted in a last `{"left_out"}`.
fn headers_text(headers: &[(&str, &[u8])], limits: &Limits) -> String {
    let mut out = String::from("[");
    let mut bytes = 0;
    let fits = headers.iter().take(limits.headers).take_while(|(name, value)| {
        bytes += name.len() + value.len();
        bytes <= limits.header_bytes
    });
    let mut kept = 0;
    for (name, value) in fits {
        out.push_str(if kept == 0 { "{\"name\":" } else { ",{\"name\":" });
        quote(&mut out, name);
        match std::str::from_utf8(value) {
            Ok(text) => {
                out.push_str(",\"value\":");
                quote(&mut out, text);
            }
            Err(_) => {
                out.push_str(",\"hex\":\"");
                value.iter().for_each(|byte| out.push_str(&format!("{byte:02x}")));
                out.push('"');
            }
        }
        out.push('}');
        kept += 1;
    }
    if kept < headers.len() {
        out.push_str(if kept == 0 { "" } else { "," });
        out.push_str(&format!("{{\"left_out\":{}}}", headers.len() - kept));
    }
    out.push(']');
    out
}

fn times() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_data_type(timestamp())
}

/// Equal strings share their bytes.
fn shared() -> StringViewBuilder {
    StringViewBuilder::new().with_deduplicate_strings()
}
