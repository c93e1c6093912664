//! What clients spell otherwise than the query engine: a pattern with an escape of its own, and the template of `to_char`.
//!
//! Invariant: a statement means the same afterwards. A part of a template that the engine cannot write is refused by name. A template with a `%` is the engine's own.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, Value, VisitMut, VisitorMut,
};

use super::absent::expression;
use super::refusal::Refusal;

/// What escapes a wildcard in the query engine.
const ESCAPE: char = '\\';

/// Templates of <https://www.postgresql.org/docs/current/functions-formatting.html>, the longest first, and what the engine
/// (chrono) writes for them.
const TEMPLATES: [(&str, &str); 28] = [
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("FMHH24", "%-H"),
    ("FMHH12", "%-I"),
    ("FMMM", "%-m"),
    ("FMDD", "%-d"),
    ("FMMI", "%-M"),
    ("FMSS", "%-S"),
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("DDD", "%j"),
    ("Mon", "%b"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("YY", "%y"),
    ("Dy", "%a"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("Q", "%q"),
];
/// Templates that say the same in small letters.
const NUMBERS: &str = "YHMDSUIQ";

/// Names that PostgreSQL fills up with blanks: the engine does not, and they begin as another template does.
const UNKNOWN: [&str; 2] = ["Month", "Day"];

/// Rewrites a statement.
pub fn adapt(statement: &mut Statement) -> Result<(), Refusal> {
    match statement.visit(&mut Spelling) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refusal) => Err(refusal),
    }
}

struct Spelling;

impl VisitorMut for Spelling {
    type Break = Refusal;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        if let Some(template) = template(expr)
            && !template.contains('%')
        {
            match strftime(template) {
                Ok(spelt) => *template = spelt,
                Err(part) => {
                    let message = format!("to_char cannot write '{part}' of the template '{template}'");
                    return ControlFlow::Break(Refusal::unsupported(message));
                }
            }
        }
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } = expr {
            let own = escape_char.as_ref().and_then(|value| match &value.value {
                Value::SingleQuotedString(text) => single(text),
                _ => None,
            });
            if let Some(own) = own.filter(|own| *own != ESCAPE) {
                if is_literal(pattern) {
                    escape(pattern, own);
                } else if let Some(escaped) = escaped(pattern, own) {
                    **pattern = escaped;
                } else {
                    return ControlFlow::Continue(());
                }
                *escape_char = None;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The text of the template that `to_char` is called with.
fn template(expr: &mut Expr) -> Option<&mut String> {
    let Expr::Function(Function { name, args: FunctionArguments::List(list), .. }) = expr else {
        return None;
    };
    let called = name.0.last().and_then(|part| part.as_ident())?;
    if !called.value.eq_ignore_ascii_case("to_char") {
        return None;
    }
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(template))] = list.args.as_mut_slice() else {
        return None;
    };
    let template = match template {
        Expr::Cast { expr, .. } => expr.as_mut(),
        template => template,
    };
    match template {
        Expr::Value(value) => match &mut value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A template in the engine's own spelling, or the part that it cannot write.
fn strftime(template: &str) -> Result<String, String> {
    let mut spelt = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some(letter) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            spelt.push_str(text);
            rest = after;
            continue;
        }
        let same = |pattern: &str| match rest.get(..pattern.len()) {
            Some(given) if NUMBERS.contains(&pattern[..1]) && pattern.chars().all(|c| !c.is_lowercase()) => {
                given.eq_ignore_ascii_case(pattern)
            }
            Some(given) => given == pattern,
            None => false,
        };
        let word = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        if UNKNOWN.iter().any(|unknown| rest[..word].eq_ignore_ascii_case(unknown)) {
            return Err(rest[..word].to_owned());
        }
        if let Some((pattern, known)) = TEMPLATES.iter().find(|(pattern, _)| same(pattern)) {
            spelt.push_str(known);
            rest = &rest[pattern.len()..];
        } else if letter.is_ascii_alphabetic() && letter != 'T' {
            return Err(rest[..word].to_owned());
        } else {
            spelt.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Ok(spelt)
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

/// A pattern that is known when the statement runs, with the engine's escape in the place of its own.
fn escaped(pattern: &Expr, own: char) -> Option<Expr> {
    // What is escaped by itself stands for itself: it is set aside meanwhile.
    const ASIDE: &str = "\u{1}";
    let (own, engine) = (own.to_string(), ESCAPE.to_string());
    let steps = [
        (engine.clone(), engine.repeat(2)),
        (own.repeat(2), ASIDE.to_owned()),
        (own.clone(), engine),
        (ASIDE.to_owned(), own),
    ];
    let replaced = steps.into_iter().fold(format!("({pattern})"), |text, (from, to)| {
        format!("replace({text}, {}, {})", Value::SingleQuotedString(from), Value::SingleQuotedString(to))
    });
    expression(&replaced)
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
            (
                "SELECT 1 FROM t WHERE a LIKE b ESCAPE '/'",
                "SELECT 1 FROM t WHERE a LIKE replace(replace(replace(replace((b), '\\', '\\\\'), '//', '\u{1}'), '/', '\\'), '\u{1}', '/')",
            ),
            ("SELECT 1 FROM t WHERE a LIKE 'b'", "SELECT 1 FROM t WHERE a LIKE 'b'"),
        ] {
            let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, given).unwrap().remove(0);
            adapt(&mut statement).unwrap();
            assert_eq!(statement.to_string(), expected, "{given}");
        }
    }

    #[test]
    fn templates_of_to_char_are_spelt_for_the_engine() {
        for (template, expected) in [
            ("YYYY-MM-DD", Ok("%Y-%m-%d")),
            ("yyyy-mm-dd hh24:mi:ss", Ok("%Y-%m-%d %H:%M:%S")),
            ("YYYY-MM-DD\"T\"HH24:MI:SS.MS", Ok("%Y-%m-%dT%H:%M:%S.%3f")),
            ("IYYY-\"W\"IW", Ok("%G-W%V")),
            ("FMDD Mon YY, Dy HH:MI AM", Ok("%-d %b %y, %a %I:%M %p")),
            ("YYYY-\"Q\"Q", Ok("%Y-Q%q")),
            ("YYYY J", Err("J")),
            ("DD Month", Err("Month")),
            ("YYYYth", Err("th")),
        ] {
            assert_eq!(strftime(template), expected.map(str::to_owned).map_err(str::to_owned), "{template}");
        }
        let adapted = |text: &str| {
            let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, text).unwrap().remove(0);
            adapt(&mut statement).map(|()| statement.to_string()).map_err(|refusal| refusal.message)
        };
        assert_eq!(
            adapted("SELECT to_char(at, 'YYYY'::TEXT) FROM t").unwrap(),
            "SELECT to_char(at, '%Y'::TEXT) FROM t"
        );
        assert_eq!(
            adapted("SELECT to_char(at, '%d MM') FROM t").unwrap(),
            "SELECT to_char(at, '%d MM') FROM t"
        );
        assert_eq!(
            adapted("SELECT to_char(at, 'MONTH') FROM t").unwrap_err(),
            "to_char cannot write 'MONTH' of the template 'MONTH'"
        );
    }
}
