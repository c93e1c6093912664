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
use super::calls::check_calls;
use crate::error::Error;

/// Relations that a query reads once its CTEs are written out: planning does write them out.
const RELATIONS_MAX: u64 = 200;

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
    let mut statements = Parser::parse_sql(&GenericDialect {}, sql).map_err(|e| bad(e.to_string()))?;
    match (statements.pop(), statements.len()) {
        (None, _) => Err(bad("the query is empty")),
        (Some(statement), 0) => {
            check_statement(&statement)?;
            check_calls(&statement, &[])?;
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

/// The keyword that a text opens with, where it is not one of a query.
fn other_verb(tokens: &[Token]) -> Option<String> {
    let mut solid = tokens.iter().filter(|t| !matches!(t, Token::Whitespace(_)));
    let Token::Word(word) = solid.next()? else { return None };
    // The parser knows no EXPLAIN of EXPLAIN; what it says of one is about its grammar.
    if word.keyword == Keyword::EXPLAIN {
        let words = solid.map_while(|token| match token {
            Token::Word(word) => Some(word.keyword),
            _ => None,
        });
        let options = |word: &Keyword| !matches!(word, Keyword::SELECT | Keyword::WITH | Keyword::VALUES);
        let again = words.take_while(options).any(|word| word == Keyword::EXPLAIN);
        return again.then(|| "EXPLAIN of EXPLAIN".to_owned());
    }
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
        let relations = format!("SELECT 1 FROM {}", vec!["commits"; 201].join(", "));
        let windows = format!("SELECT {}", vec!["count(*) OVER ()"; 33].join(", "));
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
            ("EXPLAIN EXPLAIN SELECT 1", "forbidden"),
            ("EXPLAIN ANALYZE VERBOSE EXPLAIN SELECT 1", "forbidden"),
            ("EXPLAIN SELECT explain FROM commits", "ok"),
            ("SELECT [1, 2] || 3, lower('A') || upper('b'), date_trunc('day', now())", "ok"),
            ("SELECT CAST([1] AS BIGINT[])", "ok"),
            ("SELECT CAST([1] AS BIGINT[1000000000])", "bad"),
            ("SELECT LIST_RESIZE([1], 400000000)", "bad"),
            ("SELECT \"array_resize\"([1], 400000000)", "bad"),
            ("SELECT nobody_knows(1)", "bad"),
            ("SELECT arrow_cast('a', 'FixedSizeBinary(2000000000)')", "bad"),
            ("SELECT * FROM generate_series(1, 10)", "bad"),
            ("SELECT count(*) OVER (ORDER BY seq) FROM commits", "ok"),
            ("SELECT array_agg(seq) OVER (ORDER BY seq) FROM commits", "bad"),
            ("SELECT string_agg(sha, ',') FROM commits", "ok"),
            ("SELECT count(*) FROM commits GROUP BY CUBE (a, b, c)", "ok"),
            ("SELECT count(*) FROM commits GROUP BY CUBE (a, b, c, d, e, f, g, h, i)", "bad"),
            ("SELECT MAP {'a': 1}", "bad"),
            ("SELECT repeat('x', 1500000000)", "bad"),
            (relations.as_str(), "bad"),
            (windows.as_str(), "bad"),
            (ors.as_str(), "bad"),
            (pluses.as_str(), "bad"),
            (unions.as_str(), "bad"),
            (deep.as_str(), "bad"),
        ] {
            assert_eq!(verdict(sql), expected, "{}", &sql[..sql.len().min(60)]);
        }
    }
}
