//! What a user's statement calls, read from its syntax tree.
//!
//! Invariant: a function is allowed by name (`registry.rs`) or refused; what the parser makes a node of its own
//! (`EXTRACT`, `SUBSTRING`, `[1, 2]`) becomes a function that is allowed, or is refused here.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Function, ObjectName, Statement, TableFactor, Visit, Visitor,
};

use super::registry::{ALLOWED, OF_ROWS, REFUSED, WINDOWED};
use super::relations::ident_name;
use crate::error::Error;

/// Windows of one statement: each is computed over all rows at once.
const WINDOWS_MAX: usize = 32;
/// Sets that one GROUP BY groups by: a cube of n columns has 2^n.
const GROUPING_SETS_MAX: usize = 256;

/// Whether a statement calls only what users may. `also` are names that the surface adds.
pub fn check_calls(statement: &Statement, also: &[&str]) -> Result<(), Error> {
    let mut calls = Calls { also, windows: 0, sets: 1 };
    match statement.visit(&mut calls) {
        ControlFlow::Break(message) => Err(Error::BadSql { message }),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Calls<'a> {
    also: &'a [&'a str],
    windows: usize,
    /// The product of all grouping sets so far.
    sets: usize,
}

impl Calls<'_> {
    fn named(&self, name: &ObjectName) -> Result<(), String> {
        let called = called(name).ok_or_else(|| format!("{name} is no name of a function"))?;
        if self.also.contains(&called.as_str()) || ALLOWED.iter().any(|(allowed, _)| *allowed == called) {
            return Ok(());
        }
        if REFUSED.contains(&called.as_str()) {
            return Err(format!(
                "function '{called}' is not allowed here: its result or its time is not bounded by its input"
            ));
        }
        Err(format!("Invalid function '{called}': there is none of that name"))
    }

    fn function(&mut self, call: &Function) -> Result<(), String> {
        // It is no function of the registry: the planner knows it.
        if !is_unnest(&call.name) {
            self.named(&call.name)?;
        }
        if call.over.is_some() {
            self.windows += 1;
            let name = called(&call.name).unwrap_or_default();
            if !WINDOWED.contains(&name.as_str()) {
                return Err(format!(
                    "function '{name}' is not allowed over a window (OVER): each row would cost as much as all"
                ));
            }
            if self.windows > WINDOWS_MAX {
                return Err(format!(
                    "the query has over {WINDOWS_MAX} windows (OVER); at most {WINDOWS_MAX} are allowed"
                ));
            }
        }
        Ok(())
    }

    fn grouped(&mut self, sets: usize) -> Result<(), String> {
        self.sets = self.sets.saturating_mul(sets);
        if self.sets > GROUPING_SETS_MAX {
            return Err(format!(
                "the query groups by over {GROUPING_SETS_MAX} sets; at most {GROUPING_SETS_MAX} are allowed"
            ));
        }
        Ok(())
    }

    fn expression(&mut self, expression: &Expr) -> Result<(), String> {
        let refused = |what: &str| Err(format!("{what} is not supported here"));
        match expression {
            Expr::Function(call) => self.function(call),
            Expr::Cast { data_type, .. } => sized(data_type),
            Expr::Convert { data_type: Some(data_type), .. } => sized(data_type),
            Expr::Cube(columns) => {
                self.grouped(1_usize.checked_shl(columns.len() as u32).unwrap_or(usize::MAX))
            }
            Expr::Rollup(columns) => self.grouped(columns.len() + 1),
            Expr::GroupingSets(sets) => self.grouped(sets.len().max(1)),
            Expr::Map(_) | Expr::Dictionary(_) => refused("a map"),
            Expr::Lambda(_) => refused("a function as an argument"),
            Expr::MatchAgainst { .. } => refused("MATCH"),
            _ => Ok(()),
        }
    }
}

/// A list of a fixed length has that length in each row, whatever is in it.
fn sized(kind: &DataType) -> Result<(), String> {
    match kind {
        DataType::Array(ArrayElemTypeDef::SquareBracket(_, Some(_))) => {
            Err("an array type with a length is not supported here; leave the length out".to_owned())
        }
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(inner, None)
            | ArrayElemTypeDef::AngleBracket(inner)
            | ArrayElemTypeDef::Parenthesis(inner),
        ) => sized(inner),
        _ => Ok(()),
    }
}

/// The function's own name, without the schema's.
fn called(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(ident_name)
}

fn is_unnest(name: &ObjectName) -> bool {
    name.to_string().eq_ignore_ascii_case("unnest")
}

fn broken(result: Result<(), String>) -> ControlFlow<String> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(message) => ControlFlow::Break(message),
    }
}

impl Visitor for Calls<'_> {
    type Break = String;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        broken(self.expression(expression))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                // Of other names there is nothing, or a surface puts a table in their place: of a metric, which may
                // have the name of an aggregate.
                let gives_rows = called(name).is_some_and(|called| OF_ROWS.contains(&called.as_str()));
                broken(if gives_rows { self.named(name) } else { Ok(()) })
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
