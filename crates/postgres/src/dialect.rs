//! What clients spell otherwise than the query engine: a pattern with an escape of its own.
//!
//! Invariant: a statement means the same afterwards; a pattern that is no text stays as it is, and is refused by name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, VisitMut, VisitorMut};

/// What escapes a wildcard in the query engine.
const ESCAPE: char = '\\';

/// Rewrites a statement.
pub fn adapt(statement: &mut Statement) {
    let _ = statement.visit(&mut Escapes);
}

struct Escapes;

impl VisitorMut for Escapes {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr {
            let own = escape_char.as_ref().and_then(|value| match &value.value {
                Value::SingleQuotedString(text) => single(text),
                _ => None,
            });
            if let Some(own) = own.filter(|own| *own != ESCAPE)
                && is_literal(pattern)
            {
                escape(pattern, own);
                *escape_char = None;
            }
        }
        ControlFlow::Continue(())
    }
}

fn single(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// Whether a pattern is made of texts alone, so that every escape in it is seen.
fn is_literal(pattern: &Expr) -> bool {
    match pattern {
        Expr::Value(value) => matches!(value.value, Value::SingleQuotedString(_)),
        Expr::BinaryOp { left, right, .. } => is_literal(left) && is_literal(right),
        Expr::Nested(inner) => is_literal(inner),
        _ => false,
    }
}

/// Spells the texts of a pattern with the engine's escape in the place of their own.
fn escape(pattern: &mut Expr, own: char) {
    match pattern {
        Expr::Value(value) => {
            if let Value::SingleQuotedString(text) = &mut value.value {
                let mut spelt = String::with_capacity(text.len());
                let mut letters = text.chars();
                while let Some(letter) = letters.next() {
                    match letter {
                        _ if letter == own => {
                            spelt.push(ESCAPE);
                            spelt.extend(letters.next());
                        }
                        ESCAPE => spelt.extend([ESCAPE, ESCAPE]),
                        _ => spelt.push(letter),
                    }
                }
                *text = spelt;
            }
        }
        Expr::BinaryOp { left, right, .. } => {
            escape(left, own);
            escape(right, own);
        }
        Expr::Nested(inner) => escape(inner, own),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn statements_are_spelt_for_the_engine() {
        for (given, expected) in [
            (
                "SELECT 1 FROM t WHERE a LIKE 'pg/_' || '%' ESCAPE '/'",
                "SELECT 1 FROM t WHERE a LIKE 'pg\\_' || '%'",
            ),
            (
                "SELECT 1 FROM t WHERE a NOT ILIKE 'x//y\\z' ESCAPE '/'",
                "SELECT 1 FROM t WHERE a NOT ILIKE 'x\\/y\\\\z'",
            ),
            ("SELECT 1 FROM t WHERE a LIKE b ESCAPE '/'", "SELECT 1 FROM t WHERE a LIKE b ESCAPE '/'"),
            ("SELECT 1 FROM t WHERE a LIKE 'b'", "SELECT 1 FROM t WHERE a LIKE 'b'"),
        ] {
            let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, given).unwrap().remove(0);
            adapt(&mut statement);
            assert_eq!(statement.to_string(), expected, "{given}");
        }
    }
}
