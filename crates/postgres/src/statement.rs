//! What a client's text asks for.
//!
//! Invariant: a kind of statement is named here or it is refused; nothing that writes, reaches files or changes the
//! query engine is named. A text with one such statement is refused whole, before anything of it runs.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CloseCursor, DiscardObject, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Reset,
    Set, SetExpr, Statement, TableFactor, Value, Visit, Visitor, visit_relations,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_pg_catalog::sql::rules::{self, SqlStatementRewriteRule};
use engine::{SqlLimits, check_calls, check_statement, check_text};

use super::absent;
use super::dialect;
use super::introspection::CATALOGUE_FUNCTIONS;
use super::refusal::Refusal;

/// Statements in one text.
const STATEMENTS_MAX: usize = 16;
/// A series of numbers that is short enough for everybody.
const SERIES_MAX: u64 = 10_000;

#[derive(Clone, Debug)]
pub enum Ask {
    /// SELECT, or EXPLAIN of one.
    Query(Box<Statement>),
    /// The name of a setting and its new value, if it is not to have its default again.
    Set(String, Option<String>),
    ResetAll,
    Show(String),
    ShowAll,
    /// There is nothing to be undone, so a transaction is no more than what the client is told.
    Begin,
    Commit,
    Rollback,
    /// Done by saying so.
    Nothing(&'static str),
    /// The statement of that name, or all.
    Deallocate(Option<String>),
    DiscardAll,
}

/// The statements of a text, rewritten from PostgreSQL's SQL to what the query engine has. It recurses over the text:
/// call it on a thread with a large stack.
pub fn read(
    parser: &PostgresCompatibilityParser,
    text: &str,
    limits: &SqlLimits,
) -> Result<Vec<Ask>, Refusal> {
    check_text(text, &PostgreSqlDialect {}, limits)?;
    let statements = parse(parser, text).map_err(|error| Refusal::new("42601", error.to_string()))?;
    if statements.len() > STATEMENTS_MAX {
        let count = statements.len();
        return Err(Refusal::new(
            "54000",
            format!("{count} statements at once; at most {STATEMENTS_MAX} are taken"),
        ));
    }
    statements.into_iter().map(|statement| ask(statement, limits)).collect()
}

/// What a driver asks of PostgreSQL's catalogue is made into what the engine can answer: the parser takes a subquery in a
/// SELECT list for something that nobody needs, and makes it NULL or one row of it. All else keeps its subqueries.
fn parse(parser: &PostgresCompatibilityParser, text: &str) -> Result<Vec<Statement>, ParserError> {
    let rewritten = parser.parse(text)?;
    let Ok(own) = Parser::parse_sql(&PostgreSqlDialect {}, text) else { return Ok(rewritten) };
    if own.len() != rewritten.len() {
        return Ok(rewritten);
    }
    let choose = |(mut own, rewritten): (Statement, Statement)| {
        if !asks_the_catalogue(&own) && !asks_the_catalogue(&rewritten) {
            return spelt(own);
        }
        let left = absent::leave_out(&mut own).then(|| parser.parse(&own.to_string()).ok()).flatten();
        left.and_then(|mut left| left.pop()).unwrap_or(rewritten)
    };
    Ok(own.into_iter().zip(rewritten).map(choose).collect())
}

fn asks_the_catalogue(statement: &Statement) -> bool {
    let found = visit_relations(statement, |name| {
        let parts: Vec<String> =
            name.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.to_lowercase()).collect();
        let is_theirs =
            matches!(parts.first().map(String::as_str), Some("pg_catalog" | "information_schema"));
        let is_known = parts.last().is_some_and(|name| name.starts_with("pg_"));
        if is_theirs || is_known { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found.is_break()
}

/// The rules of the parser that leave what a statement means.
fn spelt(statement: Statement) -> Statement {
    let rules: [&dyn SqlStatementRewriteRule; 9] = [
        &rules::AliasDuplicatedProjectionRewrite,
        &rules::ResolveUnqualifiedIdentifier,
        &rules::RewriteArrayAnyAllOperation,
        &rules::StripCallableQualifier,
        &rules::FixArrayLiteral,
        &rules::CurrentUserVariableToSessionUserFunctionCall,
        &rules::StripCollate,
        &rules::RewritePgCatalogOperator,
        &rules::FixVersionColumnName,
    ];
    rules.iter().fold(statement, |statement, rule| rule.rewrite(statement))
}

fn ask(statement: Statement, limits: &SqlLimits) -> Result<Ask, Refusal> {
    Ok(match statement {
        Statement::Set(set) => return setting(set),
        Statement::Reset(reset) => match reset.reset {
            Reset::ALL => Ask::ResetAll,
            Reset::ConfigurationParameter(name) => Ask::Set(plain(&name), None),
        },
        Statement::ShowVariable { variable } => {
            let words: Vec<String> = variable.iter().map(|word| word.value.to_lowercase()).collect();
            match words.join(" ").as_str() {
                "all" => Ask::ShowAll,
                "time zone" => Ask::Show("timezone".to_owned()),
                "transaction isolation level" => Ask::Show("transaction_isolation".to_owned()),
                "session authorization" => Ask::Show("session_authorization".to_owned()),
                _ => Ask::Show(words.join(".")),
            }
        }
        Statement::StartTransaction { ref statements, .. } if statements.is_empty() => Ask::Begin,
        Statement::Commit { .. } => Ask::Commit,
        Statement::Rollback { savepoint: None, .. } => Ask::Rollback,
        Statement::Rollback { savepoint: Some(_), .. } => Ask::Nothing("ROLLBACK"),
        Statement::Savepoint { .. } => Ask::Nothing("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Ask::Nothing("RELEASE"),
        Statement::Deallocate { name, .. } => {
            let all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
            Ask::Deallocate((!all).then_some(name.value))
        }
        // What pools send when they take a connection back: there are no cursors and no notices here.
        Statement::Close { cursor: CloseCursor::All } => Ask::Nothing("CLOSE CURSOR ALL"),
        Statement::UNLISTEN { .. } => Ask::Nothing("UNLISTEN"),
        Statement::Discard { object_type: DiscardObject::ALL } => Ask::DiscardAll,
        mut statement if is_query(&statement) => {
            dialect::adapt(&mut statement)?;
            check_statement(&statement)?;
            // What was rewritten is what will run, so that is what is looked at.
            check_text(&statement.to_string(), &PostgreSqlDialect {}, limits)?;
            let series: &[&str] = if has_short_series(&statement) { &["generate_series"] } else { &[] };
            check_calls(&statement, &[CATALOGUE_FUNCTIONS, series].concat())?;
            Ask::Query(Box::new(statement))
        }
        statement => return Err(refused(&statement)),
    })
}

fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Query(query) => !matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ),
        Statement::Explain { statement, .. } => {
            matches!(**statement, Statement::Query(_)) && is_query(statement)
        }
        _ => false,
    }
}

/// Whether every `generate_series` in it counts to a small number, or over an array: catalogue queries of drivers do that.
fn has_short_series(statement: &Statement) -> bool {
    const SERIES: &str = "generate_series";
    fn is_short(bound: &FunctionArg) -> bool {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(bound)) = bound else { return false };
        match bound {
            Expr::Value(value) => {
                matches!(&value.value, Value::Number(text, _) if text.parse().is_ok_and(|n: u64| n <= SERIES_MAX))
            }
            Expr::Function(call) => {
                let name = call.name.to_string().to_lowercase();
                matches!(name.as_str(), "array_lower" | "array_upper" | "array_length")
            }
            _ => false,
        }
    }
    struct Short(bool);
    impl Visitor for Short {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let (name, bounds) = match factor {
                TableFactor::Table { name, args: Some(bounds), .. } => (name, &bounds.args),
                TableFactor::Function { name, args, .. } => (name, args),
                _ => return ControlFlow::Continue(()),
            };
            self.0 &= !name.to_string().eq_ignore_ascii_case(SERIES) || bounds.iter().all(is_short);
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Function(call) = expr {
                self.0 &= !call.name.to_string().to_lowercase().contains(SERIES);
            }
            ControlFlow::Continue(())
        }
    }
    let mut short = Short(true);
    let _ = statement.visit(&mut short);
    short.0
}

fn refused(statement: &Statement) -> Refusal {
    let text = statement.to_string();
    let written = match statement {
        Statement::Explain { statement, .. } => statement.to_string(),
        _ => text.clone(),
    };
    let verb = |text: &str| text.split_whitespace().next().unwrap_or_default().to_uppercase();
    match verb(&written).as_str() {
        "COPY" => {
            Refusal::privilege("COPY is not allowed here: only SELECT, and EXPLAIN of one, read the tables")
        }
        verb @ ("INSERT" | "UPDATE" | "DELETE" | "MERGE" | "CREATE" | "DROP" | "ALTER" | "TRUNCATE"
        | "GRANT" | "REVOKE" | "VACUUM" | "ANALYZE" | "COMMENT" | "LOCK" | "WITH" | "IMPORT"
        | "CALL") => Refusal::new("25006", format!("cannot execute {verb} in a read-only transaction")),
        verb => Refusal::unsupported(format!(
            "{verb} is not supported here: there are SELECT, EXPLAIN SELECT, SHOW, SET of session settings, and BEGIN to COMMIT"
        )),
    }
}

fn setting(set: Set) -> Result<Ask, Refusal> {
    match set {
        Set::SingleAssignment { variable, values, .. } => {
            let words: Vec<String> = values.iter().map(word).collect::<Result<_, _>>()?;
            let default = matches!(values.as_slice(), [Expr::Identifier(ident)]
                if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"));
            Ok(Ask::Set(plain(&variable), (!default).then(|| words.join(", "))))
        }
        Set::SetTimeZone { value, .. } => Ok(Ask::Set("timezone".to_owned(), Some(word(&value)?))),
        Set::SetNames { charset_name, .. } => {
            Ok(Ask::Set("client_encoding".to_owned(), Some(charset_name.value)))
        }
        Set::SetTransaction { .. } => Ok(Ask::Nothing("SET")),
        other => Err(Refusal::unsupported(format!("SET {other} is not supported here"))),
    }
}

/// A setting's name as it was meant, without quotes.
fn plain(name: &ObjectName) -> String {
    let part = |part: &ObjectNamePart| match part {
        ObjectNamePart::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    };
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}

fn word(value: &Expr) -> Result<String, Refusal> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => Ok(text.clone()),
            Value::Boolean(flag) => Ok(if *flag { "on" } else { "off" }.to_owned()),
            other => Err(Refusal::parameter(format!("{other} is no value of a setting"))),
        },
        Expr::Identifier(Ident { value, .. }) => Ok(value.clone()),
        Expr::UnaryOp { .. } => Ok(value.to_string()),
        other => Err(Refusal::parameter(format!("{other} is no value of a setting"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match read(&PostgresCompatibilityParser::new(), text, &SqlLimits::default()) {
            Ok(asks) => asks
                .iter()
                .map(|ask| match ask {
                    Ask::Query(_) => "query".to_owned(),
                    Ask::Set(name, value) => format!("{name}={}", value.as_deref().unwrap_or("default")),
                    other => format!("{other:?}"),
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(refusal) => refusal.code.to_owned(),
        }
    }

    #[test]
    fn statements_are_named_or_refused() {
        let ors = format!("SELECT 1 WHERE {}", vec!["a = 1"; 2000].join(" OR "));
        let many = "SELECT 1;".repeat(17);
        for (text, expect) in [
            ("SELECT 1", "query"),
            ("select 1; select 2;", "query query"),
            ("EXPLAIN SELECT 1", "query"),
            ("EXPLAIN ANALYZE SELECT 1", "query"),
            ("VALUES (1)", "query"),
            ("SET application_name = 'x'", "application_name=x"),
            ("SET SESSION datestyle TO ISO, MDY", "datestyle=ISO, MDY"),
            ("SET extra_float_digits = 3", "extra_float_digits=3"),
            ("SET statement_timeout TO DEFAULT", "statement_timeout=default"),
            ("SET TIME ZONE 'UTC'", "timezone=UTC"),
            ("SET NAMES 'utf8'", "client_encoding=utf8"),
            ("RESET ALL", "ResetAll"),
            ("SHOW server_version_num", "Show(\"server_version_num\")"),
            ("SHOW TRANSACTION ISOLATION LEVEL", "Show(\"transaction_isolation\")"),
            ("SHOW ALL", "ShowAll"),
            ("BEGIN", "Begin"),
            ("START TRANSACTION READ ONLY", "Begin"),
            ("BEGIN; SELECT 1; COMMIT", "Begin query Commit"),
            ("ABORT", "Rollback"),
            ("ROLLBACK TO SAVEPOINT a", "Nothing(\"ROLLBACK\")"),
            ("DISCARD ALL", "DiscardAll"),
            ("DEALLOCATE ALL", "Deallocate(None)"),
            ("CLOSE ALL", "Nothing(\"CLOSE CURSOR ALL\")"),
            ("CLOSE c", "0A000"),
            ("UNLISTEN *", "Nothing(\"UNLISTEN\")"),
            ("UNLISTEN x", "Nothing(\"UNLISTEN\")"),
            (
                "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL",
                "query Nothing(\"CLOSE CURSOR ALL\") Nothing(\"UNLISTEN\") ResetAll",
            ),
            ("SET datafusion.execution.batch_size = 1", "datafusion.execution.batch_size=1"),
            ("SELECT 1; INSERT INTO commits VALUES (1)", "25006"),
            ("INSERT INTO commits VALUES (1)", "25006"),
            ("CREATE TABLE x AS SELECT 1", "25006"),
            ("DROP TABLE commits", "25006"),
            ("EXPLAIN ANALYZE INSERT INTO commits VALUES (1)", "25006"),
            ("WITH a AS (SELECT 1) INSERT INTO commits SELECT * FROM a", "25006"),
            ("COPY commits TO '/tmp/x'", "42501"),
            ("COPY (SELECT 1) TO STDOUT", "42501"),
            ("PREPARE p AS INSERT INTO commits VALUES (1)", "0A000"),
            ("PREPARE p AS SELECT 1", "0A000"),
            ("EXECUTE p", "0A000"),
            ("LISTEN x", "0A000"),
            ("SET ROLE admin", "0A000"),
            ("SELEC", "42601"),
            ("SELECT repeat('x', 1500000000)", "42601"),
            ("SELECT * FROM generate_series(1, 100000000000)", "42601"),
            ("SELECT generate_series(1, 5)", "42601"),
            ("SELECT * FROM generate_series(1, 5), generate_series(1, n)", "42601"),
            ("SELECT * FROM generate_series(1, array_upper(current_schemas(false), 1)) AS s(r)", "query"),
            (ors.as_str(), "54001"),
            (many.as_str(), "54000"),
        ] {
            assert_eq!(said(text), expect, "{}", &text[..text.len().min(60)]);
        }
    }
}
