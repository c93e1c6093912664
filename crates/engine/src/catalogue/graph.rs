//! What reads what: relations named in SQL, the order of views, and the definition hash.
//!
//! Invariant: after [`resolve`] and [`order`] without problems, every name that any SQL reads exists,
//! and no view reads itself, however indirectly.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{self, Query};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError};
use xxhash_rust::xxh3::Xxh3;

use super::load::{self, Source};
use super::{Metric, Param, Problem, View, calls};

/// The event tables that SQL may read.
pub(super) const TABLES: [&str; event::Table::ALL.len()] = event::Table::NAMES;

/// A `$name` in SQL.
pub(super) struct Placeholder {
    /// Without the dollar sign.
    pub text: String,
    /// Line and column of the dollar sign, from 1, in characters.
    pub line: usize,
    pub column: usize,
}

pub(super) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location()
}

pub(super) fn placeholders(sql: &str) -> Result<Vec<Placeholder>, TokenizerError> {
    let found = tokens(sql)?.into_iter().filter_map(|token| match token.token {
        Token::Placeholder(text) => Some(Placeholder {
            text: text.trim_start_matches('$').to_owned(),
            line: token.span.start.line as usize,
            column: token.span.start.column as usize,
        }),
        _ => None,
    });
    Ok(found.collect())
}

/// The one `SELECT` of a file.
pub(super) fn parse(
    source: &Source,
    sql: &str,
    sql_line: usize,
    problems: &mut Vec<Problem>,
) -> Option<Query> {
    let mut statements = match DFParser::parse_sql(sql) {
        Ok(statements) => statements,
        Err(error) => {
            let text = error.to_string();
            let (line, column) = (number_after(&text, "Line: "), number_after(&text, "Column: "));
            let mut problem = source.problem(sql_line + line.max(1) - 1, told(&text));
            if column > 0 {
                let rest = sql.lines().nth(line.max(1) - 1).unwrap_or_default().chars().skip(column - 1);
                let width = rest.take_while(|c| c.is_alphanumeric() || *c == '_').count().max(1);
                problem = problem.at(column, width);
            }
            problems.push(problem);
            return None;
        }
    };
    if let (Some(Statement::Statement(statement)), true) = (statements.pop_front(), statements.is_empty())
        && let ast::Statement::Query(query) = *statement
    {
        return Some(*query);
    }
    problems.push(source.problem(sql_line, "must hold exactly one SELECT"));
    None
}

/// The number that follows `name` in a parser's message, else 0.
fn number_after(message: &str, name: &str) -> usize {
    let after = message.split(name).nth(1).unwrap_or_default();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// A message of the parser or planner on one line, without its layers, its list of all columns, and places, which
/// are told apart.
pub(super) fn told(message: &str) -> String {
    let lines: Vec<&str> = message.lines().filter(|line| !line.starts_with("Valid fields are")).collect();
    let mut text =
        lines.join("; ").replace(". Did you mean", "; did you mean").replace(".; Did you", "; did you");
    for layer in
        ["SQL error: ", "Schema error: ", "Error during planning: ", "type_coercion; ", "caused by; "]
    {
        text = text.replace(layer, "");
    }
    for layer in ["ParserError(\"", "TokenizerError(\""] {
        if let Some(inner) = text.strip_prefix(layer) {
            text = inner.split(" at Line: ").next().unwrap_or(inner).trim_end_matches("\")").to_owned();
        }
    }
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}

/// Reports relations that do not exist, and calls of views that mean nothing; metrics read tables and views, never each
/// other, and what is materialised reads nothing that is not.
pub(super) fn resolve(
    views: &[View],
    metrics: &[Metric],
    parsed: &BTreeMap<String, Query>,
    problems: &mut Vec<Problem>,
) {
    let known = |name: &str| TABLES.contains(&name) || views.iter().any(|view| view.name == name);
    let readers =
        views.iter().map(|view| (&view.name, &view.file, view.sql_line, &view.sql, &view.from)).chain(
            metrics
                .iter()
                .map(|metric| (&metric.name, &metric.file, metric.sql_line, &metric.sql, &metric.reads)),
        );
    for (reader, file, sql_line, sql, reads) in readers {
        let given: BTreeSet<_> =
            calls::of(&parsed[reader]).into_iter().filter_map(|call| call.argument).collect();
        let unknown = reads.iter().filter(|name| !known(name) && !given.contains(*name));
        let unknown =
            unknown.map(|name| (name.clone(), format!("{name} is neither a table nor a view that loaded")));
        for (name, message) in unknown.chain(calls::check(&parsed[reader], parsed, views)) {
            // A shipped file is right by itself: what it does not fit is the user's.
            let own = views.iter().find(|view| view.name == name && !load::is_shipped(&view.file));
            if let Some(view) = own.filter(|_| load::is_shipped(file)) {
                let message =
                    format!("the CTEs of Plimsoll's own files have the name {name}; rename the file");
                let problem = Problem::new(view.file.clone(), 1, message);
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
                continue;
            }
            let line = sql.lines().position(|line| line.contains(name.as_str())).unwrap_or(0);
            problems.push(Problem::new(file.clone(), sql_line + line, message));
        }
    }
    for view in views {
        let wrong = calls::check_over(view, &parsed[&view.name], views);
        problems.extend(wrong.map(|message| Problem::new(view.file.clone(), 1, message)));
    }
    for view in views.iter().filter(|view| !view.is_shared()) {
        let shared = |name: &&String| views.iter().any(|other| other.name == **name && other.is_shared());
        for name in view.from.iter().filter(shared) {
            let message = format!("a view with a key cannot read {name}, which has none");
            problems.push(Problem::new(view.file.clone(), view.sql_line, message));
        }
    }
}

/// Sorts views so that each comes after those it reads; equals by name.
pub(super) fn order(views: Vec<View>, problems: &mut Vec<Problem>) -> Vec<View> {
    let mut waiting: BTreeMap<String, View> =
        views.into_iter().map(|view| (view.name.clone(), view)).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.values().find(|view| !view.from.iter().any(|name| waiting.contains_key(name)));
        let Some(name) = ready.map(|view| view.name.clone()) else {
            for view in waiting.values() {
                let names: Vec<_> =
                    view.from.iter().filter(|name| waiting.contains_key(*name)).map(String::as_str).collect();
                let message = format!("view {} is part of a cycle through {}", view.name, names.join(", "));
                problems.push(Problem::new(view.file.clone(), 1, message));
            }
            ordered.extend(std::mem::take(&mut waiting).into_values());
            break;
        };
        ordered.extend(waiting.remove(&name));
    }
    ordered
}

/// The views among `names` and all that they read, however indirectly, in the order of `views`.
pub(super) fn closure<'a>(names: &[String], views: &'a [View]) -> Vec<&'a View> {
    let mut wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    for view in views.iter().rev() {
        if wanted.contains(view.name.as_str()) {
            wanted.extend(view.from.iter().map(String::as_str));
        }
    }
    views.iter().filter(|view| wanted.contains(view.name.as_str())).collect()
}

/// Hashes of what SQL texts mean.
pub(super) struct Definitions<'v> {
    views: &'v [View],
    /// The words of each view, which most metrics read in common.
    words: BTreeMap<&'v str, Vec<String>>,
}

impl<'v> Definitions<'v> {
    pub fn new(views: &'v [View]) -> Definitions<'v> {
        let words = views.iter().map(|view| (view.name.as_str(), words(&view.sql))).collect();
        Definitions { views, words }
    }

    pub fn of_view(&self, view: &View) -> String {
        self.hash(&view.name, &self.words[view.name.as_str()], &view.from, &view.params)
    }

    pub fn of_metric(&self, metric: &Metric) -> String {
        self.hash(&metric.name, &words(&metric.sql), &metric.reads, &metric.params)
    }

    /// Of an SQL text, of the views that it reads and of what its parameters are by default.
    fn hash(&self, name: &str, own: &[String], reads: &[String], params: &[Param]) -> String {
        let mut hash = Xxh3::new();
        hash.update(&crate::functions::DEFINITION_VERSION.to_le_bytes());
        crate::functions::lists().iter().for_each(|list| update(&mut hash, list));
        let read = closure(reads, self.views).into_iter();
        let read = read.map(|view| (view.name.as_str(), &*self.words[view.name.as_str()], &*view.params));
        for (name, words, params) in read.chain([(name, own, params)]) {
            update(&mut hash, name);
            words.iter().for_each(|word| update(&mut hash, word));
            for param in params {
                update(&mut hash, &param.name);
                update(&mut hash, &param.default.to_string());
            }
        }
        format!("{:016x}", hash.digest())
    }
}

/// A text without its layout and comments.
fn words(sql: &str) -> Vec<String> {
    let tokens = tokens(sql).unwrap_or_default().into_iter();
    tokens
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .map(|token| token.token.to_string())
        .collect()
}

fn update(hash: &mut Xxh3, part: &str) {
    hash.update(part.as_bytes());
    hash.update(&[0x1f]);
}
