//! Values that a client binds to a statement's `$1`, `$2`, ...
//!
//! Invariant: a value stays a value: it is decoded by its type and never becomes text of a statement.

use arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use arrow_pg::datatypes::into_pg_type;
use chrono::{DateTime, FixedOffset, NaiveDateTime};
use datafusion::arrow::array::Array as _;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{ParamValues, ScalarValue};
use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::error::PgWireResult;

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
        Ok(Values::from(values))
    }

    /// The value that `$n` stands for, as text; `None` if it is NULL.
    pub fn text(&self, placeholder: &str) -> Result<Option<String>, Refusal> {
        let value = self.get(placeholder)?;
        if value.is_null() {
            return Ok(None);
        }
        match value.cast_to(&DataType::Utf8)? {
            ScalarValue::Utf8(text) => Ok(text),
            other => Err(Refusal::parameter(format!("{other} has no text"))),
        }
    }

    /// The elements of the array that `$n` stands for; `None` if it is NULL.
    pub fn elements(&self, placeholder: &str) -> Result<Option<Vec<ScalarValue>>, Refusal> {
        match self.get(placeholder)? {
            value if value.is_null() => Ok(None),
            ScalarValue::List(list) => {
                let elements = list.value(0);
                let element = |index| ScalarValue::try_from_array(&elements, index);
                Ok(Some((0..elements.len()).map(element).collect::<Result<_, _>>()?))
            }
            other => Err(Refusal::parameter(format!("{placeholder} is no array: {other}"))),
        }
    }

    /// Takes one more value; what it is called.
    pub fn push(&mut self, value: ScalarValue) -> String {
        self.0.push(value);
        format!("${}", self.0.len())
    }

    fn get(&self, placeholder: &str) -> Result<&ScalarValue, Refusal> {
        let number = placeholder.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let value = number.and_then(|number| self.0.get(number.checked_sub(1)?));
        value.ok_or_else(|| Refusal::parameter(format!("there is no value for {placeholder}")))
    }
}

impl From<Vec<ScalarValue>> for Values {
    fn from(values: Vec<ScalarValue>) -> Values {
        Values(values)
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
    if let DataType::List(element) = &kind {
        return list_from_text(text, element.data_type());
    }
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

fn list_from_text(text: &str, element: &DataType) -> Result<ScalarValue, Refusal> {
    let elements = elements_of(text)?;
    let value = |text: &Option<String>| from_text(text.as_ref().map(String::as_bytes), None, Some(element));
    let values = elements.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, element)))
}

/// The elements of an array as PostgreSQL writes it: `{one,"two, with a comma",NULL}`.
fn elements_of(text: &str) -> Result<Vec<Option<String>>, Refusal> {
    let malformed = || Refusal::new("22P02", format!("{:?} is no array of single values", short(text)));
    let inner =
        text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(malformed)?;
    let mut elements = Vec::new();
    if inner.trim().is_empty() {
        return Ok(elements);
    }
    let finished = |element: &str, quoted: bool| match element.trim() {
        _ if quoted => Ok(Some(element.to_owned())),
        "" => Err(malformed()),
        element if element.eq_ignore_ascii_case("null") => Ok(None),
        element => Ok(Some(element.to_owned())),
    };
    let (mut element, mut quoted, mut within) = (String::new(), false, false);
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => element.push(characters.next().ok_or_else(malformed)?),
            '"' if within => within = false,
            '"' if quoted || !element.trim().is_empty() => return Err(malformed()),
            '"' => {
                element.clear();
                (quoted, within) = (true, true);
            }
            character if within => element.push(character),
            '{' | '}' => return Err(malformed()),
            ',' => {
                elements.push(finished(&element, quoted)?);
                element.clear();
                quoted = false;
            }
            character if quoted && character.is_whitespace() => {}
            _ if quoted => return Err(malformed()),
            character => element.push(character),
        }
    }
    if within {
        return Err(malformed());
    }
    elements.push(finished(&element, quoted)?);
    Ok(elements)
}

/// An array says how many elements follow, and its decoder believes that: one that says more than its bytes
/// can hold is refused, and so is one of several dimensions.
fn check_array(bytes: &[u8]) -> Result<(), Refusal> {
    let number = |at: usize| Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let fits = match number(0) {
        Some(0) => true,
        // Dimensions, flags and type, then length and first index, then at least a length for each element.
        Some(1) => number(12)
            .and_then(|count| usize::try_from(count).ok())
            .is_some_and(|count| count <= bytes.len().saturating_sub(20) / 4),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Refusal::new("22P03", "a bound array is malformed, or has several dimensions"))
    }
}

/// Decoded as what it was sent as, then cast: a driver may bind an int4 where an int8 is compared.
fn from_binary<S: Clone>(
    portal: &Portal<S>,
    index: usize,
    wire: &Type,
    expected: &[Option<DataType>],
) -> PgWireResult<ScalarValue> {
    if wire.name().starts_with('_')
        && let Some(bytes) = portal.parameters[index].as_deref()
    {
        check_array(bytes).map_err(Refusal::error)?;
    }
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
        Type::BOOL_ARRAY => list(portal.parameter(index, wire)?, ScalarValue::Boolean),
        Type::INT2_ARRAY => list(portal.parameter(index, wire)?, ScalarValue::Int16),
        Type::INT4_ARRAY => list(portal.parameter(index, wire)?, ScalarValue::Int32),
        Type::INT8_ARRAY => list(portal.parameter(index, wire)?, ScalarValue::Int64),
        Type::FLOAT4_ARRAY => list(portal.parameter(index, wire)?, ScalarValue::Float32),
        Type::FLOAT8_ARRAY => list(portal.parameter(index, wire)?, ScalarValue::Float64),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY | Type::NAME_ARRAY => {
            list(portal.parameter(index, wire)?, ScalarValue::Utf8)
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

fn list<T>(elements: Option<Vec<Option<T>>>, value: fn(Option<T>) -> ScalarValue) -> ScalarValue {
    let kind = value(None).data_type();
    match elements {
        Some(elements) => {
            let values: Vec<ScalarValue> = elements.into_iter().map(value).collect();
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &kind))
        }
        None => ScalarValue::new_null_list(kind, true, 1),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_that_claims_more_than_it_has_is_refused() {
        let array = |dimensions: i32, count: i32, bytes: usize| {
            let header = [dimensions, 0, 25, count, 1].map(i32::to_be_bytes).concat();
            [header, vec![0; bytes]].concat()
        };
        assert!(check_array(&array(1, 2, 10)).is_ok());
        assert!(check_array(&array(0, 0, 0)).is_ok());
        for lying in [array(1, i32::MAX, 10), array(1, 3, 10), array(1, -1, 10), array(2, 1, 10), vec![0, 0]]
        {
            assert_eq!(check_array(&lying).unwrap_err().code, "22P03");
        }
    }

    #[test]
    fn an_array_is_read_as_postgresql_writes_it() {
        for (text, expect) in [
            ("{}", "[]"),
            ("{ }", "[]"),
            ("{a,b}", r#"[Some("a"), Some("b")]"#),
            (
                r#"{"a, b", c d ,NULL,"NULL",""}"#,
                r#"[Some("a, b"), Some("c d"), None, Some("NULL"), Some("")]"#,
            ),
            (r#"{"say \"x\"" ,\,}"#, r#"[Some("say \"x\""), Some(",")]"#),
        ] {
            assert_eq!(format!("{:?}", elements_of(text).unwrap()), expect, "{text}");
        }
        for text in ["", "a", "{a", "{a,}", "{{a},{b}}", r#"{"a}"#, r#"{"a"b}"#, r#"{a"b"}"#, r"{a\}"] {
            assert_eq!(elements_of(text).unwrap_err().code, "22P02", "{text}");
        }
    }

    #[test]
    fn elements_have_the_type_that_they_are_compared_with() {
        let kind = DataType::new_list(DataType::Int64, true);
        let read = |text: &str| from_text(Some(text.as_bytes()), None, Some(&kind));
        let values = Values::from(vec![read("{1,NULL}").unwrap(), read("{}").unwrap()]);
        assert_eq!(
            values.elements("$1").unwrap(),
            Some(vec![ScalarValue::Int64(Some(1)), ScalarValue::Int64(None)])
        );
        assert_eq!(values.elements("$2").unwrap(), Some(Vec::new()));
        assert_eq!(read("{one}").unwrap_err().code, "22P02");
        let none = Values::from(vec![from_text(None, None, Some(&kind)).unwrap()]);
        assert_eq!(none.elements("$1").unwrap(), None);
    }
}
