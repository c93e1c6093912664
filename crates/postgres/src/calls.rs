//! Metrics as functions of time: `review_load(as_of => '2026-01-01')` in FROM, and over a range
//! `review_load(from => '2026-01-01', to => '2026-02-01', step => '7d')`.
//!
//! The query engine has no named arguments, so a call is taken out of the statement before it is planned, and the name
//! of a table takes its place. Invariant: an argument is one constant; it never becomes SQL.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, NaiveDateTime, Utc};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ParamValues;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, SelectItem, SetExpr, Statement,
    TableAlias, TableFactor, Value, VisitMut, VisitorMut, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use engine::{Catalogue, Metric, ParamType, relation_name};

use super::refusal::Refusal;
use super::values::Values;
use surface::moment;

/// A call of a metric.
#[derive(Clone, Debug)]
pub struct Call {
    pub metric: Metric,
    /// The table that has taken its place.
    pub table: String,
    arguments: BTreeMap<String, Expr>,
}

/// Arguments that every metric takes, with what they are.
const MOMENTS: [&str; 4] = ["as_of", "known_at", "from", "to"];
/// Arguments without a name are these.
const BY_POSITION: [&str; 2] = ["as_of", "known_at"];

/// Takes the calls of metrics out of `statement`.
pub fn take(statement: &mut Statement, catalogue: &Catalogue) -> Result<Vec<Call>, Refusal> {
    let mut taking = Taking { catalogue, calls: Vec::new() };
    match statement.visit(&mut taking) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(taking.calls),
    }
}

struct Taking<'c> {
    catalogue: &'c Catalogue,
    calls: Vec<Call>,
}

impl VisitorMut for Taking<'_> {
    type Break = Refusal;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Refusal> {
        match self.replace(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }
}

impl Taking<'_> {
    fn replace(&mut self, factor: &mut TableFactor) -> Result<(), Refusal> {
        let (name, arguments, alias) = match factor {
            TableFactor::Table { name, args: Some(arguments), alias, .. } => (name, &arguments.args, alias),
            TableFactor::Function { name, args, alias, .. } => (name, &*args, alias),
            _ => return Ok(()),
        };
        let Some(metric) = relation_name(name).and_then(|name| self.catalogue.metric(&name)) else {
            return Ok(());
        };
        let table = format!("{} {}", metric.name, self.calls.len() + 1);
        let arguments = named(metric, arguments)?;
        let alias = alias.take().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::new(metric.name.clone()),
            columns: Vec::new(),
            at: None,
        });
        self.calls.push(Call { metric: metric.clone(), table: table.clone(), arguments });
        *factor = TableFactor::Table {
            name: ObjectName::from(vec![Ident::with_quote('"', table)]),
            alias: Some(alias),
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        };
        Ok(())
    }
}

fn named(metric: &Metric, arguments: &[FunctionArg]) -> Result<BTreeMap<String, Expr>, Refusal> {
    let mut given = BTreeMap::new();
    for (index, argument) in arguments.iter().enumerate() {
        let older;
        let (name, argument) = match argument {
            FunctionArg::Named { name, arg, .. } => (name.value.to_lowercase(), arg),
            // The older spelling of a name, which the parser takes for an operator.
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp {
                left,
                op: BinaryOperator::Assignment,
                right,
            })) if matches!(**left, Expr::Identifier(_)) => {
                older = FunctionArgExpr::Expr(right.as_ref().clone());
                (left.to_string().to_lowercase(), &older)
            }
            FunctionArg::Unnamed(arg) => {
                let name = BY_POSITION.get(index).ok_or_else(|| {
                    Refusal::parameter(format!("name the arguments of {}: as_of => ...", metric.name))
                })?;
                ((*name).to_owned(), arg)
            }
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => {
                (name.value.to_lowercase(), arg)
            }
            FunctionArg::ExprNamed { name, .. } => {
                return Err(Refusal::parameter(format!("{name} is no name of an argument")));
            }
        };
        let FunctionArgExpr::Expr(value) = argument else {
            return Err(Refusal::parameter(format!("argument {name} needs a value")));
        };
        if kind(metric, &name).is_none() {
            let known = MOMENTS.iter().copied().chain(["step", "team"]);
            let known: Vec<_> = known.chain(metric.params.iter().map(|param| param.name.as_str())).collect();
            return Err(Refusal::new(
                "42883",
                format!("{} has no argument {name:?}; it has {}", metric.name, known.join(", ")),
            ));
        }
        if given.insert(name.clone(), value.clone()).is_some() {
            return Err(Refusal::parameter(format!("argument {name} is given twice")));
        }
    }
    if given.contains_key("as_of") && given.contains_key("from") {
        return Err(Refusal::parameter("give as_of for one moment, or from, to and step for a range"));
    }
    if !given.contains_key("from") && (given.contains_key("to") || given.contains_key("step")) {
        return Err(Refusal::parameter("a range needs from => ..., its first moment"));
    }
    Ok(given)
}

/// What an argument is, for those who bind values to it.
fn kind(metric: &Metric, argument: &str) -> Option<DataType> {
    if MOMENTS.contains(&argument) {
        return Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    }
    if argument == "step" || argument == "team" {
        return Some(DataType::Utf8);
    }
    let param = metric.params.iter().find(|param| param.name == argument)?;
    Some(match param.type_ {
        ParamType::Int => DataType::Int64,
        ParamType::Float => DataType::Float64,
        ParamType::Bool => DataType::Boolean,
        ParamType::Text | ParamType::Duration => DataType::Utf8,
    })
}

/// A call with its values.
pub enum Question {
    At(engine::Query),
    Over { query: engine::Query, from: DateTime<Utc>, to: Option<DateTime<Utc>>, step: Option<String> },
}

impl Call {
    /// Whether it is over a range, which gives its rows a column of their moment.
    pub fn is_range(&self) -> bool {
        self.arguments.contains_key("from")
    }

    /// The types of the bound values that stand for whole arguments.
    pub fn parameters(&self) -> impl Iterator<Item = (String, DataType)> {
        self.arguments
            .iter()
            .filter_map(|(name, value)| Some((placeholder(value)?.to_owned(), kind(&self.metric, name)?)))
    }

    /// The bound values that arguments use, also inside expressions.
    pub fn placeholders(&self) -> Vec<String> {
        let mut names = Vec::new();
        for value in self.arguments.values() {
            let _ = visit_expressions(value, |expr| {
                names.extend(placeholder(expr).map(str::to_owned));
                ControlFlow::<()>::Continue(())
            });
        }
        names
    }

    /// The call as a question to the engine; `constants` is a session without tables.
    pub async fn question(&self, values: &Values, constants: &SessionContext) -> Result<Question, Refusal> {
        let mut given = BTreeMap::new();
        for (name, value) in &self.arguments {
            if let Some(text) = constant(value, values, constants).await? {
                given.insert(name.clone(), text);
            }
        }
        // Nothing and "now" mean what leaving it out means, so that a dashboard can have a field for it.
        let mut time = |name: &str| {
            let text = given.remove(name).filter(|text| !matches!(text.as_str(), "" | "now"));
            text.map(|text| time(name, &text)).transpose()
        };
        let (as_of, known_at, from, to) = (time("as_of")?, time("known_at")?, time("from")?, time("to")?);
        let (step, team) = (given.remove("step"), given.remove("team"));
        let query = engine::Query { as_of, known_at, team, params: given, what_if: None };
        Ok(match from {
            Some(from) => Question::Over { query, from, to, step },
            None if self.is_range() => {
                return Err(Refusal::parameter("argument from is NULL; a range needs it"));
            }
            None => Question::At(query),
        })
    }
}

/// The name of a bound value that stands alone.
pub fn placeholder(value: &Expr) -> Option<&str> {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a constant expression; `None` for NULL, which means the default.
async fn constant(
    value: &Expr,
    values: &Values,
    constants: &SessionContext,
) -> Result<Option<String>, Refusal> {
    if let Some(name) = placeholder(value) {
        return values.text(name);
    }
    if let Expr::Value(value) = value {
        match &value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => return Ok(Some(text.clone())),
            Value::Boolean(flag) => return Ok(Some(flag.to_string())),
            Value::Null => return Ok(None),
            _ => {}
        }
    }
    let not_constant = |_| Refusal::parameter(format!("{value} is no constant; arguments of metrics are"));
    let plan = engine::plan_statement(constants, select(value)).await.map_err(not_constant)?;
    let plan = plan.with_param_values(ParamValues::from(values.clone()))?;
    let row = engine::collect_rows(constants, plan, 1).await.map_err(not_constant)?;
    let (row, _held) = row.into_batch()?;
    let text = cast(row.column(0), &DataType::Utf8)?;
    let text = datafusion::arrow::array::AsArray::as_string::<i32>(&text);
    Ok(text.iter().next().flatten().map(str::to_owned))
}

/// `SELECT value`.
fn select(value: &Expr) -> Statement {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, "SELECT 1").expect("the text parses");
    let Some(Statement::Query(mut query)) = statements.pop() else { unreachable!("the text is a query") };
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![SelectItem::UnnamedExpr(value.clone())];
    }
    Statement::Query(query)
}

/// A moment as people or PostgreSQL write it; without a zone it is UTC.
fn time(name: &str, text: &str) -> Result<DateTime<Utc>, Refusal> {
    moment::parse(text).or_else(|reason| {
        let zoned = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z").map(|time| time.to_utc());
        let plain = |format| NaiveDateTime::parse_from_str(text, format).map(|time| time.and_utc());
        let read =
            zoned.or_else(|_| plain("%Y-%m-%d %H:%M:%S%.f")).or_else(|_| plain("%Y-%m-%dT%H:%M:%S%.f"));
        read.ok()
            .and_then(|time| moment::parse(&moment::format(time)).ok())
            .ok_or_else(|| Refusal::parameter(format!("argument {name}: {reason}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_as_people_and_drivers_write_them() {
        for (text, expect) in [
            ("2026-03-02", "2026-03-02T23:59:59.999999Z"),
            ("2026-03-02T09:14:00Z", "2026-03-02T09:14:00Z"),
            ("2026-03-02 09:14:00+02", "2026-03-02T07:14:00Z"),
            ("2026-03-02 09:14:00.5+02:00", "2026-03-02T07:14:00.500Z"),
            ("2026-03-02 09:14:00", "2026-03-02T09:14:00Z"),
            ("2026-03-02T09:14:00", "2026-03-02T09:14:00Z"),
        ] {
            assert_eq!(time("as_of", text).map(moment::format).unwrap(), expect, "{text}");
        }
        for text in ["soon", "9999-01-01 00:00:00", ""] {
            assert_eq!(time("as_of", text).unwrap_err().code, "22023", "{text}");
        }
    }
}
