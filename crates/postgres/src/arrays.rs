//! Arrays bound to `x = ANY($1)`, which is how drivers send a list.
//!
//! The query engine does not find out the type of such an array, so it is asked about single values: `x IN ($1)` where
//! a statement is described, `x IN ($2, $3)` with the array's elements where it runs. Invariant: an element stays a
//! bound value; it never becomes text of the statement.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, Value, VisitMut, VisitorMut,
};

use super::calls::placeholder;
use super::refusal::Refusal;
use super::values::Values;

/// What the parser makes of `= ANY(...)`, and with a NOT before it of `<> ALL(...)`.
const IS_ANY: &str = "array_contains";
/// Elements that the values of one statement are compared with, an array that stands twice counted twice.
const ELEMENTS_MAX: usize = 10_000;

/// Puts one value in the place of each bound array; the arrays' placeholders.
pub fn as_elements(statement: &mut Statement) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let described = replace(statement, |name| {
        names.insert(name.to_owned());
        Ok(Elements::These(vec![name.to_owned()]))
    });
    described.expect("no placeholder is refused");
    names
}

/// Puts the elements of each bound array in its place, and after the values.
pub fn spread(statement: &mut Statement, mut values: Values) -> Result<Values, Refusal> {
    let mut total = 0;
    replace(statement, |name| {
        let Some(elements) = values.elements(name)? else { return Ok(Elements::Unknown) };
        total += elements.len();
        if total > ELEMENTS_MAX {
            let message =
                format!("values are compared with {total} elements; at most {ELEMENTS_MAX} are taken");
            return Err(Refusal::new("54000", message));
        }
        Ok(Elements::These(elements.into_iter().map(|element| values.push(element)).collect()))
    })?;
    Ok(values)
}

/// The type of an array whose elements are compared with `element`, or with nobody knows what.
pub fn array_of(element: Option<DataType>) -> DataType {
    match element {
        Some(array @ DataType::List(_)) => array,
        Some(DataType::Dictionary(_, value)) => DataType::new_list(*value, true),
        Some(element) => DataType::new_list(element, true),
        None => DataType::new_list(DataType::Utf8, true),
    }
}

/// What is in an array.
enum Elements {
    /// The array is NULL.
    Unknown,
    /// The placeholders of its elements.
    These(Vec<String>),
}

fn replace(
    statement: &mut Statement,
    elements: impl FnMut(&str) -> Result<Elements, Refusal>,
) -> Result<(), Refusal> {
    match statement.visit(&mut Replacing(elements)) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Replacing<F>(F);

impl<F: FnMut(&str) -> Result<Elements, Refusal>> VisitorMut for Replacing<F> {
    type Break = Refusal;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        let Some((name, compared)) = compared_with_any(expr) else { return ControlFlow::Continue(()) };
        let compared = std::mem::replace(compared, Expr::Value(Value::Null.into()));
        match (self.0)(&name) {
            Ok(elements) => {
                *expr = is_one_of(compared, elements);
                ControlFlow::Continue(())
            }
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }
}

/// The placeholder of a bound array, and what is compared with its elements.
fn compared_with_any(expr: &mut Expr) -> Option<(String, &mut Expr)> {
    let Expr::Function(Function { name, args: FunctionArguments::List(arguments), .. }) = expr else {
        return None;
    };
    if !name.to_string().eq_ignore_ascii_case(IS_ANY) {
        return None;
    }
    match arguments.args.as_mut_slice() {
        [
            FunctionArg::Unnamed(FunctionArgExpr::Expr(array)),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(compared)),
        ] => Some((placeholder(array)?.to_owned(), compared)),
        _ => None,
    }
}

fn is_one_of(compared: Expr, elements: Elements) -> Expr {
    let constant = |value: Value| Expr::Value(value.into());
    match elements {
        Elements::Unknown => constant(Value::Null),
        Elements::These(names) if names.is_empty() => constant(Value::Boolean(false)),
        Elements::These(names) => {
            let list = names.into_iter().map(|name| constant(Value::Placeholder(name))).collect();
            let is_in = Expr::InList { expr: Box::new(compared), list, negated: false };
            Expr::Nested(Box::new(is_in))
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

    use super::*;

    fn parsed(text: &str) -> Statement {
        PostgresCompatibilityParser::new().parse(text).unwrap().remove(0)
    }

    fn texts(texts: &[Option<&str>]) -> ScalarValue {
        let texts: Vec<_> = texts.iter().map(|text| ScalarValue::Utf8(text.map(str::to_owned))).collect();
        ScalarValue::List(ScalarValue::new_list_nullable(&texts, &DataType::Utf8))
    }

    #[test]
    fn an_array_is_described_by_one_element() {
        let mut statement = parsed("SELECT 1 FROM t WHERE a = ANY($2) AND b = $1 OR c <> ALL($3)");
        let names = as_elements(&mut statement);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["$2", "$3"]);
        let text = statement.to_string();
        assert!(text.contains("(a IN ($2)) AND b = $1 OR NOT (c IN ($3))"), "{text}");
    }

    #[test]
    fn elements_take_the_place_of_their_array() {
        let none = ScalarValue::new_null_list(DataType::Utf8, true, 1);
        for (array, expect) in [
            (texts(&[Some("x"), None]), "(a IN ($3, $4))"),
            (texts(&[Some("x'); DROP TABLE t; --")]), "(a IN ($3))"),
            (texts(&[]), "WHERE false"),
            (none, "WHERE NULL"),
        ] {
            let mut statement = parsed("SELECT 1 FROM t WHERE a = ANY($2)");
            spread(&mut statement, Values::from(vec![ScalarValue::Int64(Some(1)), array])).unwrap();
            let text = statement.to_string();
            assert!(text.ends_with(expect), "{text}");
        }
        let mut statement = parsed("SELECT 1 FROM t WHERE a = ANY($1)");
        let many = texts(&vec![Some("x"); ELEMENTS_MAX + 1]);
        assert_eq!(spread(&mut statement, Values::from(vec![many])).unwrap_err().code, "54000");
        let mut twice = parsed("SELECT 1 FROM t WHERE a = ANY($1) OR (b = ANY($1)) = ANY($2)");
        let half = texts(&vec![Some("x"); ELEMENTS_MAX / 2 + 1]);
        let values = vec![half, texts(&[Some("x")])];
        assert_eq!(spread(&mut twice, Values::from(values)).unwrap_err().code, "54000");
        let mut statement = parsed("SELECT 1 FROM t WHERE a = ANY($1)");
        let one = ScalarValue::Utf8(Some("x".to_owned()));
        assert_eq!(spread(&mut statement, Values::from(vec![one])).unwrap_err().code, "22023");
    }
}
