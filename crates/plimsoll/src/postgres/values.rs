//! Values that a client binds to a statement's `$1`, `$2`, ...
//!
//! Invariant: a value stays a value: it is decoded by its type and never becomes text of a statement.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use datafusion_postgres::arrow_pg::datatypes::into_pg_type;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Portal;
use datafusion_postgres::pgwire::error::PgWireResult;

use super::refusal::Refusal;

/// The values by their numbers, from 1.
#[derive(Clone, Debug, Default)]
pub struct Values(Vec<ScalarValue>);

impl Values {
    /// Decodes what a client bound. Text is taken for any type that can be written so, which is how most drivers
    /// send what they have no type for.
    pub fn decode<S: Clone>(portal: &Portal<S>, expected: &[Option<DataType>]) -> PgWireResult<Values> {
        let count = portal.parameter_len();
        if count != expected.len() {
            let message = format!("{count} values are bound, and the statement has {}", expected.len());
            return Err(Refusal::new("08P01", message).error());
        }
        let mut values = Vec::with_capacity(count);
        for (index, kind) in expected.iter().enumerate() {
            let stated = portal.statement.parameter_types.get(index).cloned().flatten();
            let stated = stated.filter(|stated| *stated != Type::UNKNOWN);
            values.push(match portal.parameter_format.is_text(index) {
                true => from_text(portal.parameters[index].as_deref(), stated.as_ref(), kind.as_ref())
                    .map_err(Refusal::error)?,
                false => {
                    let wire = stated.unwrap_or_else(|| wire_type(kind.as_ref()));
                    from_binary(portal, index, &wire, expected)?
                }
            });
        }
        Ok(Values(values))
    }

    /// The value that `$n` stands for, as text; `None` if it is NULL.
    pub fn text(&self, placeholder: &str) -> Result<Option<String>, Refusal> {
        let number = placeholder.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let value = number.and_then(|number| self.0.get(number.checked_sub(1)?));
        let value =
            value.ok_or_else(|| Refusal::parameter(format!("there is no value for {placeholder}")))?;
        if value.is_null() {
            return Ok(None);
        }
        match value.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(text) => Ok(text),
            other => Err(Refusal::parameter(format!("{other} has no text"))),
        }
    }
}

impl From<Values> for ParamValues {
    fn from(values: Values) -> ParamValues {
        ParamValues::from(values.0)
    }
}

/// What a parameter of this kind is called over the protocol.
pub fn wire_type(expected: Option<&DataType>) -> Type {
    expected
        .and_then(|kind| into_pg_type(kind).ok())
        .filter(|kind| *kind != Type::UNKNOWN)
        .unwrap_or(Type::TEXT)
}

fn from_text(
    bytes: Option<&[u8]>,
    stated: Option<&Type>,
    expected: Option<&DataType>,
) -> Result<ScalarValue, Refusal> {
    let kind = expected.cloned().or_else(|| stated.and_then(kind_of)).unwrap_or(DataType::Utf8);
    let Some(bytes) = bytes else { return Ok(ScalarValue::try_from(&kind)?) };
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("22021", "a bound value is not utf-8"))?;
    let text = match (&kind, text) {
        (DataType::Boolean, "t") => "true",
        (DataType::Boolean, "f") => "false",
        (_, text) => text,
    };
    let unreadable = |_| Refusal::new("22P02", format!("{:?} is no {}", short(text), wire_type(Some(&kind))));
    let texts = ScalarValue::Utf8(Some(text.to_owned())).to_array()?;
    let value = cast(&texts, &kind).map_err(|error| unreadable(error.to_string()))?;
    let value = ScalarValue::try_from_array(&value, 0)?;
    // A cast that cannot read its text gives NULL.
    if value.is_null() { Err(unreadable(String::new())) } else { Ok(value) }
}

/// Decoded as what it was sent as, then cast: a driver may bind an int4 where an int8 is compared.
fn from_binary<S: Clone>(
    portal: &Portal<S>,
    index: usize,
    wire: &Type,
    expected: &[Option<DataType>],
) -> PgWireResult<ScalarValue> {
    let value = match *wire {
        Type::BOOL => ScalarValue::Boolean(portal.parameter(index, wire)?),
        Type::INT2 => ScalarValue::Int16(portal.parameter(index, wire)?),
        Type::INT4 => ScalarValue::Int32(portal.parameter(index, wire)?),
        Type::INT8 => ScalarValue::Int64(portal.parameter(index, wire)?),
        Type::FLOAT4 => ScalarValue::Float32(portal.parameter(index, wire)?),
        Type::FLOAT8 => ScalarValue::Float64(portal.parameter(index, wire)?),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => {
            ScalarValue::Utf8(portal.parameter(index, wire)?)
        }
        Type::TIMESTAMP => {
            let time: Option<NaiveDateTime> = portal.parameter(index, wire)?;
            ScalarValue::TimestampMicrosecond(time.map(|time| time.and_utc().timestamp_micros()), None)
        }
        Type::TIMESTAMPTZ => {
            let time: Option<DateTime<FixedOffset>> = portal.parameter(index, wire)?;
            let utc = Some("UTC".into());
            ScalarValue::TimestampMicrosecond(time.map(|time| time.timestamp_micros()), utc)
        }
        _ => {
            let kinds: Vec<Option<&DataType>> = expected.iter().map(Option::as_ref).collect();
            match deserialize_parameters_with_server_types(portal, &kinds, &[])? {
                ParamValues::List(values) => values[index].value.clone(),
                ParamValues::Map(_) => unreachable!("parameters of this protocol have numbers"),
            }
        }
    };
    match &expected[index] {
        Some(expected) => value.cast_to(expected).map_err(|error| Refusal::from(error).error()),
        None => Ok(value),
    }
}

fn kind_of(wire: &Type) -> Option<DataType> {
    Some(match *wire {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => DataType::Utf8,
        Type::DATE => DataType::Date32,
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return None,
    })
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
