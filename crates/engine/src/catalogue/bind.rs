//! Puts values into parsed SQL: each `$name` becomes a typed literal.
//!
//! Where the values change what a shared view says, that view's query, bound to them, becomes a CTE of the query that
//! reads it and so hides the view of that name. So does each view that reads one. A view that is asked of another
//! relation becomes a CTE as well (`calls.rs`).
//!
//! Invariant: a value never becomes more than one literal, whatever text it holds: it takes the place of one expression
//! of a query that was parsed before.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, CastKind, Cte, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Query, TableAlias, With,
    helpers::attached_token::AttachedToken, visit_expressions, visit_expressions_mut,
};

use super::calls::{self, Renames};
use super::value::{BadParam, Values, values};
use super::{Catalogue, Metric, Param, Value, View, graph};
use crate::sql::relations;

/// A query with its values.
#[derive(Debug, Clone)]
pub struct Bound {
    pub query: Query,
    /// Whether views have become CTEs of it: then its places are not those of one file.
    pub has_views: bool,
}

/// What takes the place of names.
pub(super) struct Binding<'c> {
    catalogue: &'c Catalogue,
    as_of_us: i64,
    known_at_us: i64,
    values: Values<'c>,
    /// The shared views that say something else with these values than by themselves.
    changed: BTreeSet<&'c str>,
}

impl<'c> Binding<'c> {
    pub fn of_metric(
        catalogue: &'c Catalogue,
        metric: &'c Metric,
        as_of_us: i64,
        known_at_us: i64,
        given: &BTreeMap<String, String>,
    ) -> Result<Self, BadParam> {
        let values = values(metric, given)?;
        let changed = changed(catalogue, metric, &values);
        Ok(Self { catalogue, as_of_us, known_at_us, values, changed })
    }

    pub fn of_view(catalogue: &'c Catalogue, view: &'c View, as_of_us: i64, known_at_us: i64) -> Self {
        let read = graph::closure(std::slice::from_ref(&view.name), &catalogue.views).into_iter();
        let params = read.flat_map(|view| &view.params);
        // A view's own parameters come last, and so go before those of the views that it reads.
        let values = params.map(|param| (param.name.as_str(), param.default.clone())).collect();
        Self { catalogue, as_of_us, known_at_us, values, changed: BTreeSet::new() }
    }

    /// The query of a metric or view.
    pub fn query(&self, name: &str) -> Bound {
        let mut query = self.text(name, &Renames::new());
        let mut wanted = relations(&query);
        let mut changed = Vec::new();
        for view in self.catalogue.views.iter().rev() {
            if self.changed.contains(view.name.as_str()) && wanted.contains(&view.name) {
                let inner = self.text(&view.name, &Renames::new());
                wanted.extend(relations(&inner));
                changed.push(cte(&view.name, inner));
            }
        }
        let has_views = !changed.is_empty() || !calls::of(&self.catalogue.parsed[name]).is_empty();
        insert_ctes(&mut query, 0, changed.into_iter().rev());
        Bound { query, has_views }
    }

    /// One file's query, with its values, the relations that it is to read, and the calls of views in it written out.
    pub fn text(&self, name: &str, renames: &Renames) -> Query {
        let mut query = self.catalogue.parsed[name].clone();
        let literals = self.literals(name, literal);
        let _ = visit_expressions_mut(&mut query, |expr| {
            if let Some(name) = placeholder(expr) {
                *expr = literals[name].clone();
            }
            ControlFlow::<()>::Continue(())
        });
        calls::rename(&mut query, renames);
        let Catalogue { parsed, views, .. } = self.catalogue;
        calls::write_out(&mut query, parsed, views, |view, renames| self.text(view, renames));
        query
    }

    /// The text of a metric as people read it: as it was written, with values, if it is all there is; else as one line.
    pub fn shown(&self, metric: &Metric) -> String {
        let bound = self.query(&metric.name);
        if bound.has_views {
            return bound.query.to_string();
        }
        substitute(&metric.sql, &self.literals(&metric.name, |value| literal(value).to_string()))
    }

    fn literals<T>(&self, name: &str, of: impl Fn(&Literal<'_>) -> T) -> BTreeMap<&str, T> {
        let definition = self.catalogue.definitions.get(name).map(String::as_str).unwrap_or_default();
        let given = [
            ("as_of", Literal::Moment(self.as_of_us)),
            ("known_at", Literal::Moment(self.known_at_us)),
            ("definition", Literal::Text(definition)),
        ];
        let values = self.values.iter().map(|(&name, value)| (name, Literal::from(value)));
        given.into_iter().chain(values).map(|(name, value)| (name, of(&value))).collect()
    }
}

/// The shared views that say something else for this metric than by themselves. Values given can only make them more
/// than they are by default.
fn changed<'c>(catalogue: &'c Catalogue, metric: &Metric, values: &Values<'_>) -> BTreeSet<&'c str> {
    let differs = |param: &Param| {
        let declared = metric.params.iter().find(|own| own.name == param.name);
        values.get(param.name.as_str()) != Some(&param.default)
            || declared.is_none_or(|own| own.default != param.default)
    };
    let mut changed = BTreeSet::new();
    for view in graph::closure(&metric.reads, &catalogue.views).into_iter().filter(|view| view.is_shared()) {
        if view.params.iter().any(differs) || view.from.iter().any(|name| changed.contains(name.as_str())) {
            changed.insert(view.name.as_str());
        }
    }
    changed
}

/// The name of an expression that is `$name`.
fn placeholder(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(name), .. }) => {
            name.strip_prefix('$')
        }
        _ => None,
    }
}

/// How many values a query takes.
pub(super) fn placeholders(query: &Query) -> usize {
    let mut found = 0;
    let _ = visit_expressions(query, |expr| {
        found += usize::from(placeholder(expr).is_some());
        ControlFlow::<()>::Continue(())
    });
    found
}

pub(super) fn cte(name: &str, query: Query) -> Cte {
    Cte {
        alias: TableAlias { explicit: false, name: calls::ident(name), columns: Vec::new(), at: None },
        query: Box::new(query),
        from: None,
        materialized: None,
        closing_paren_token: AttachedToken::empty(),
    }
}

pub(super) fn insert_ctes(query: &mut Query, place: usize, ctes: impl ExactSizeIterator<Item = Cte>) {
    if ctes.len() > 0 {
        let none = || With { with_token: AttachedToken::empty(), recursive: false, cte_tables: Vec::new() };
        query.with.get_or_insert_with(none).cte_tables.splice(place..place, ctes);
    }
}

/// A value as SQL has it.
enum Literal<'v> {
    /// Microseconds since 1970, UTC.
    Moment(i64),
    Int(i64),
    Float(f64),
    Text(&'v str),
    Bool(bool),
    /// Milliseconds.
    Duration(i64),
}

impl<'v> From<&'v Value> for Literal<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Int(value) => Literal::Int(*value),
            Value::Float(value) => Literal::Float(*value),
            Value::Text(value) => Literal::Text(value),
            Value::Bool(value) => Literal::Bool(*value),
            Value::Duration(ms) => Literal::Duration(*ms),
        }
    }
}

/// Literals say their types: the query engine guesses those of placeholders, and not always.
fn literal(value: &Literal<'_>) -> Expr {
    match value {
        Literal::Moment(us) => {
            let type_ = text("Timestamp(Microsecond, Some(\"UTC\"))");
            call("arrow_cast", [number(*us), type_])
        }
        Literal::Int(value) if *value < 0 => cast(text(value.to_string()), DataType::BigInt(None)),
        Literal::Int(value) => number(*value),
        Literal::Float(value) => cast(text(format!("{value:?}")), DataType::Double(ExactNumberInfo::None)),
        Literal::Text(value) => text(*value),
        Literal::Bool(value) => Expr::value(ast::Value::Boolean(*value)),
        Literal::Duration(ms) => Expr::Interval(ast::Interval {
            value: Box::new(text(format!("{ms} milliseconds"))),
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        }),
    }
}

fn text(value: impl Into<String>) -> Expr {
    Expr::value(ast::Value::SingleQuotedString(value.into()))
}

fn number(value: i64) -> Expr {
    Expr::value(ast::Value::Number(value.to_string(), false))
}

fn cast(value: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(value), data_type, array: false, format: None }
}

fn call(name: &str, args: [Expr; 2]) -> Expr {
    let args = args.map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).to_vec();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A text with the literals where its placeholders are, for people to read.
fn substitute(sql: &str, literals: &BTreeMap<&str, String>) -> String {
    let placeholders = graph::placeholders(sql).expect("the catalogue tokenised this SQL when it loaded");
    let mut out = String::with_capacity(sql.len() + placeholders.len() * 64);
    let mut rest = placeholders.into_iter().peekable();
    for (index, line) in sql.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let mut done = 0;
        while let Some(placeholder) = rest.next_if(|placeholder| placeholder.line == index + 1) {
            let literal = literals
                .get(placeholder.text.as_str())
                .expect("the catalogue checked that every placeholder is declared");
            let start = line.char_indices().nth(placeholder.column - 1).map_or(line.len(), |(at, _)| at);
            out.push_str(&line[done..start]);
            out.push_str(literal);
            done = start + 1 + placeholder.text.len();
        }
        out.push_str(&line[done..]);
    }
    out
}
