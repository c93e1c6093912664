//! Rows as messages of the protocol.
//!
//! Invariant: rows of data come as [`ShownStatement`], which has passed the wall; what else is written here is the
//! connection's own settings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::stream;
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{DataRowEncoder, FieldInfo, QueryResponse, Response};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::types::format::FormatOptions;
use surface::output::{columns_without_structures, without_structures};
use surface::{ShownRows, ShownStatement};

use super::refusal::Refusal;

/// How long a client may take to read a result: its memory is lent, and its place among the statements.
const RESULT_TIME: Duration = Duration::from_secs(300);

/// The rows of a statement. What is held counts as memory until the last row is sent.
pub fn statement(shown: ShownStatement, format: &Format) -> PgWireResult<Response> {
    let fields = fields(shown.columns(), format)?;
    let encoded = Arc::clone(&fields);
    let until = Instant::now() + RESULT_TIME;
    let rows = shown
        .into_batches()
        .flat_map(move |rows: ShownRows| {
            let (rows, failed) = match without_structures(&rows.into_batch()) {
                Ok(rows) => (Some(encode_recordbatch(Arc::clone(&encoded), rows)), None),
                Err(error) => (None, Some(Err(PgWireError::ApiError(Box::new(error))))),
            };
            rows.into_iter().flatten().chain(failed)
        })
        .map(move |row| if Instant::now() < until { row } else { Err(not_taken()) });
    Ok(Response::Query(QueryResponse::new(fields, stream::iter(rows))))
}

fn not_taken() -> PgWireError {
    let message = format!("the result was not read within {} s", RESULT_TIME.as_secs());
    Refusal::new("57014", message).error()
}

/// Settings: a text for each column.
pub fn settings(names: &[&str], rows: Vec<Vec<String>>, format: &Format) -> PgWireResult<Response> {
    let fields = fields(&texts_columns(names), format)?;
    let mut encoder = DataRowEncoder::new(Arc::clone(&fields));
    let encode = |row: Vec<String>| {
        row.iter().try_for_each(|text| encoder.encode_field(text))?;
        Ok(encoder.take_row())
    };
    let rows: Vec<_> = rows.into_iter().map(encode).collect();
    let mut response = QueryResponse::new(fields, stream::iter(rows));
    response.set_command_tag("SHOW");
    Ok(Response::Query(response))
}

/// Columns as a client is told them.
pub fn fields(columns: &SchemaRef, format: &Format) -> PgWireResult<Arc<Vec<FieldInfo>>> {
    if let Format::Individual(codes) = format
        && codes.len() != columns.fields().len()
    {
        let message = format!("{} formats for {} columns", codes.len(), columns.fields().len());
        return Err(Refusal::new("08P01", message).error());
    }
    // Times are told in UTC, whatever zone the client is in.
    let options = Arc::new(FormatOptions::default());
    let typed = |field: FieldInfo| match *field.datatype() {
        // A column of nothing but NULL, or of a value that nobody gave a type, is text as in PostgreSQL.
        Type::UNKNOWN => FieldInfo::new(field.name().to_owned(), None, None, Type::TEXT, field.format()),
        _ => field,
    };
    let columns = Arc::new(columns_without_structures(columns));
    let fields = arrow_schema_to_pg_fields(&columns, format, Some(options))?;
    Ok(Arc::new(fields.into_iter().map(typed).collect()))
}

pub fn texts_columns(names: &[&str]) -> SchemaRef {
    let column = |name: &&str| Field::new(*name, DataType::Utf8, true);
    Arc::new(Schema::new(names.iter().map(column).collect::<Vec<_>>()))
}
