//! What a user's text must pass before it is planned: parsing and planning recurse and write CTEs out, so what
//! they would do with it is counted first.
//!
//! Invariant: nothing here recurses over a text whose tokens were not counted.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Statement, Visit, Visitor, visit_relations};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::SqlLimits;
use crate::error::Error;

/// Functions whose result is not bounded by their input: they bypass the memory pool.
const UNBOUNDED_FUNCTIONS: [&str; 8] =
    ["repeat", "lpad", "rpad", "range", "generate_series", "array_repeat", "array_resize", "list_repeat"];

/// Relations that a query reads once its CTEs are written out: planning does write them out.
const RELATIONS_MAX: u64 = 1_000;

fn bad(message: impl Into<String>) -> Error {
    Error::BadSql { message: message.into() }
}

/// The one statement of a text.
pub(super) fn only_statement(sql: &str, limits: &SqlLimits) -> Result<Statement, Error> {
    let tokens = check_text(sql, &GenericDialect {}, limits)?;
    if let Some(verb) = other_verb(&tokens) {
        let message = format!("{verb} is not allowed here: only SELECT and EXPLAIN SELECT are");
        return Err(Error::Forbidden { message });
    }
    check_calls(&tokens, &[])?;
    let mut statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(|e| bad(e.to_string()))?;
    match (statements.pop(), statements.len()) {
        (None, _) => Err(bad("the query is empty")),
        (Some(statement), 0) => {
            check_statement(&statement)?;
            Ok(statement)
        }
        (Some(last), _) => {
            statements.iter().chain([&last]).try_for_each(check_relations)?;
            Err(bad("one statement at a time"))
        }
    }
}

/// Whether a text is short and flat enough to be parsed; its tokens.
pub fn check_text(sql: &str, dialect: &dyn Dialect, limits: &SqlLimits) -> Result<Vec<Token>, Error> {
    if sql.len() > limits.text_bytes_max {
        let max = limits.text_bytes_max;
        return Err(bad(format!("the query has {} bytes; at most {max} are allowed", sql.len())));
    }
    let tokens = Tokenizer::new(dialect, sql).tokenize().map_err(|e| bad(e.to_string()))?;
    let operators = tokens.iter().filter(|token| chains(token)).count();
    if operators > limits.operators_max {
        let max = limits.operators_max;
        return Err(bad(format!("the query has {operators} operators; at most {max} are allowed")));
    }
    Ok(tokens)
}

/// Whether a statement is a query, or EXPLAIN of one, that may be planned.
pub fn check_statement(statement: &Statement) -> Result<(), Error> {
    check_relations(statement)?;
    match statement {
        Statement::Query(_) => Ok(()),
        Statement::Explain { statement, .. } if matches!(**statement, Statement::Query(_)) => Ok(()),
        _ => Err(Error::Forbidden { message: "only SELECT and EXPLAIN SELECT are allowed here".into() }),
    }
}

fn check_relations(statement: &Statement) -> Result<(), Error> {
    if relations_written_out(statement) > RELATIONS_MAX {
        return Err(bad(format!(
            "the query reads more than {RELATIONS_MAX} relations once its WITH parts are written out"
        )));
    }
    Ok(())
}

/// Whether no function is called whose result is not bounded by its input; those `known` to be bounded may be.
pub fn check_calls(tokens: &[Token], known: &[&str]) -> Result<(), Error> {
    match unbounded_call(tokens, known) {
        Some(name) => {
            Err(bad(format!("function '{name}' is not allowed here: its result is not bounded by its input")))
        }
        None => Ok(()),
    }
}

/// The keyword that a text opens with, where it is not one of a query.
fn other_verb(tokens: &[Token]) -> Option<String> {
    let first = tokens.iter().find(|t| !matches!(t, Token::Whitespace(_)))?;
    let Token::Word(word) = first else { return None };
    let query = matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::EXPLAIN | Keyword::VALUES);
    (!query && word.keyword != Keyword::NoKeyword).then(|| word.value.to_uppercase())
}

/// How many relations a statement reads when each use of a CTE counts what the CTE reads.
fn relations_written_out(statement: &Statement) -> u64 {
    /// What each CTE reads, by its name, at whatever depth it is declared.
    #[derive(Default)]
    struct Ctes(HashMap<String, Vec<String>>);
    impl Visitor for Ctes {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.0.entry(cte.alias.name.value.to_lowercase()).or_default().extend(relations(&cte.query));
            }
            ControlFlow::Continue(())
        }
    }
    /// A CTE that is being counted already (a recursive one) counts once.
    fn weight(name: &str, ctes: &HashMap<String, Vec<String>>, known: &mut HashMap<String, u64>) -> u64 {
        if let Some(&weight) = known.get(name) {
            return weight;
        }
        known.insert(name.to_owned(), 1);
        let Some(reads) = ctes.get(name) else { return 1 };
        let total =
            reads.iter().fold(0_u64, |sum, read| sum.saturating_add(weight(read, ctes, known))).max(1);
        known.insert(name.to_owned(), total);
        total
    }
    let mut ctes = Ctes::default();
    let _ = statement.visit(&mut ctes);
    let mut known = HashMap::new();
    relations(statement).iter().fold(0, |sum, name| sum.saturating_add(weight(name, &ctes.0, &mut known)))
}

fn relations(node: &impl Visit) -> Vec<String> {
    let mut names = Vec::new();
    let _ = visit_relations(node, |name| {
        names.push(name.to_string().to_lowercase());
        ControlFlow::<()>::Continue(())
    });
    names
}

/// Tokens whose number bounds the depth and width of the plan.
fn chains(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::UNION
                | Keyword::SELECT
                | Keyword::JOIN
                | Keyword::CASE
                | Keyword::WHEN
                | Keyword::INTERSECT
                | Keyword::EXCEPT
        ),
        Token::Whitespace(_) | Token::Number(..) | Token::Comma | Token::Period | Token::SemiColon => false,
        Token::SingleQuotedString(_) | Token::RParen | Token::RBracket | Token::EOF => false,
        _ => true,
    }
}

/// The first call of a function whose result is not bounded by its input and is not `known` to be.
fn unbounded_call(tokens: &[Token], known: &[&str]) -> Option<String> {
    let mut solid = tokens.iter().filter(|t| !matches!(t, Token::Whitespace(_))).peekable();
    while let Some(token) = solid.next() {
        let Token::Word(word) = token else { continue };
        let name = word.value.to_lowercase();
        let unbounded = UNBOUNDED_FUNCTIONS.contains(&name.as_str()) && !known.contains(&name.as_str());
        if unbounded && matches!(solid.peek(), Some(Token::LParen)) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(sql: &str) -> &'static str {
        match only_statement(sql, &SqlLimits::default()) {
            Ok(_) => "ok",
            Err(Error::BadSql { .. }) => "bad",
            Err(Error::Forbidden { .. }) => "forbidden",
            Err(_) => "other",
        }
    }

    #[test]
    fn verify_lets_only_one_bounded_query_pass() {
        let ors = format!("SELECT 1 WHERE {}", vec!["a = 1"; 2000].join(" OR "));
        let pluses = format!("SELECT {}", vec!["1"; 3000].join("+"));
        let unions = vec!["SELECT 1"; 600].join(" UNION ALL ");
        let deep = format!("SELECT {}1{}", "(".repeat(4000), ")".repeat(4000));
        let doubling: String = (1..30)
            .map(|i| format!(", t{i} AS (SELECT * FROM t{0} UNION ALL SELECT * FROM t{0})", i - 1))
            .collect();
        let doubling = format!("WITH t0 AS (SELECT 1 AS x){doubling} SELECT count(*) FROM t29");
        for (sql, expected) in [
            (doubling.as_str(), "bad"),
            ("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT * FROM n", "ok"),
            ("SELECT 1", "ok"),
            ("EXPLAIN SELECT 1", "ok"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "ok"),
            ("SELECT 1; SELECT 2", "bad"),
            ("", "bad"),
            ("SELEC", "bad"),
            ("INSERT INTO commits VALUES (1)", "forbidden"),
            ("COPY commits TO '/tmp/x'", "forbidden"),
            ("CREATE TABLE x AS SELECT 1", "forbidden"),
            ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "forbidden"),
            ("SET datafusion.execution.batch_size = 1", "forbidden"),
            ("PREPARE p AS SELECT 1", "forbidden"),
            ("EXPLAIN INSERT INTO commits VALUES (1)", "forbidden"),
            ("EXPLAIN ANALYZE INSERT INTO commits VALUES (1)", "forbidden"),
            ("SELECT repeat('x', 1500000000)", "bad"),
            (ors.as_str(), "bad"),
            (pluses.as_str(), "bad"),
            (unions.as_str(), "bad"),
            (deep.as_str(), "bad"),
        ] {
            assert_eq!(verdict(sql), expected, "{}", &sql[..sql.len().min(60)]);
        }
    }
}
