//! From a statement to its rows, for one user.
//!
//! Invariants: a metric's rows pass the rules of its HTTP route before a statement sees them; the event tables and the
//! views are there only for those who may send SQL over HTTP; rows leave as [`ShownStatement`]; a bound statement is
//! planned on what is known when it runs, not on what was known when it was prepared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use engine::{AS_OF, Metric, Query, relations};
use surface::{
    App, Parts, Problem, Scope, ShownRows, ShownStatement, Sight, SqlAccess, SqlTables, TablesPlan,
};

use super::arrays;
use super::calls::{self, Call, Question};
use super::introspection::{Introspection, in_utc};
use super::refusal::Refusal;
use super::settings::Settings;
use super::statement::{self, Ask};
use super::users::User;
use super::values::Values;

/// What a statement takes and gives.
#[derive(Clone, Debug)]
pub struct Description {
    /// The type of each `$n`, as far as it is known.
    pub parameters: Vec<Option<DataType>>,
    pub columns: SchemaRef,
}

/// What a statement is asked for.
enum Purpose<'v> {
    Columns,
    Rows(&'v Values),
}

pub struct Reader {
    app: Arc<App>,
    parser: PostgresCompatibilityParser,
    introspection: Introspection,
}

impl Reader {
    pub fn new(app: Arc<App>) -> Result<Reader, String> {
        let introspection = Introspection::new().map_err(|error| error.to_string())?;
        Ok(Reader { app, parser: PostgresCompatibilityParser::new(), introspection })
    }

    /// The statements of a text.
    pub async fn read(self: Arc<Self>, text: String) -> Result<Vec<Ask>, Refusal> {
        let reader = Arc::clone(&self);
        let work = async move {
            let limits = reader.app.parts()?.engine.sql_limits().clone();
            statement::read(&reader.parser, &text, &limits)
        };
        self.bounded(None, work).await
    }

    pub async fn describe(
        self: Arc<Self>,
        user: Arc<User>,
        settings: Settings,
        mut statement: Statement,
    ) -> Result<Description, Refusal> {
        let (reader, timeout) = (Arc::clone(&self), settings.statement_timeout());
        let work = async move {
            let arrays = arrays::as_elements(&mut statement);
            let (tables, calls) = reader.tables(&user, &settings, &mut statement, Purpose::Columns).await?;
            let plan = reader.plan(&tables, &user, statement).await?;
            let parameters = parameters(plan.plan(), &calls, arrays)?;
            // Parameters without a type leave types open; the plan's own columns are told then.
            let columns = engine::columns_of(tables.session(), plan.plan())
                .unwrap_or_else(|_| plan.plan().schema().inner().clone());
            Ok(Description { parameters, columns })
        };
        self.bounded(timeout, work).await
    }

    /// Runs a query to its end.
    pub async fn rows(
        self: Arc<Self>,
        user: Arc<User>,
        settings: Settings,
        mut statement: Statement,
        values: Values,
    ) -> Result<ShownStatement, Refusal> {
        let (reader, timeout) = (Arc::clone(&self), settings.statement_timeout());
        let work = async move {
            let values = arrays::spread(&mut statement, values)?;
            let (tables, _) = reader.tables(&user, &settings, &mut statement, Purpose::Rows(&values)).await?;
            let plan = reader.plan(&tables, &user, statement).await?;
            let plan = plan.with_values(ParamValues::from(values))?;
            let rows_max = reader.app.bounds.rows_max;
            Ok(tables.run(plan, rows_max).await?)
        };
        self.bounded(timeout, work).await
    }

    /// Runs `work` where users' SQL runs: with a large stack, for a bounded time, for as long as somebody waits.
    async fn bounded<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let engine = self.app.parts()?.engine.clone();
        engine.sql_task(timeout, async move { Ok(work.await) }).await?
    }

    async fn plan(
        &self,
        tables: &SqlTables,
        user: &User,
        statement: Statement,
    ) -> Result<TablesPlan, Refusal> {
        let read = relations(&statement);
        let planned = tables.plan(statement).await.map_err(Refusal::from);
        match planned {
            Err(refusal) if refusal.code == "42P01" => Err(self.hidden(user, &read).unwrap_or(refusal)),
            planned => planned,
        }
    }

    /// Why a table that is there is not there for this user.
    fn hidden(&self, user: &User, read: &BTreeSet<String>) -> Option<Refusal> {
        let catalogue = self.app.parts().ok()?.engine.catalogue();
        let log = |name: &str| event::Table::ALL.iter().any(|table| table.name() == name);
        let named = |name: &&String| log(name) || catalogue.views.iter().any(|view| view.name == **name);
        let table = read.iter().find(named)?;
        self.access(user).is_none().then(|| {
            Refusal::privilege(format!(
                "{table} needs a user with the scope \"sql\", and sql over the network as for POST /api/v1/sql \
                 (http.sql, people.visibility, people.pseudonyms)"
            ))
        })
    }

    /// Access to the event tables and the views, as for SQL over HTTP.
    fn access(&self, user: &User) -> Option<SqlAccess> {
        if user.caller.has(Scope::Sql) { user.caller.may_sql(&self.app.wall).ok() } else { None }
    }

    /// What `statement` reads. The calls of metrics are taken out of it.
    async fn tables(
        &self,
        user: &User,
        settings: &Settings,
        statement: &mut Statement,
        purpose: Purpose<'_>,
    ) -> Result<(SqlTables, Vec<Call>), Refusal> {
        let parts = self.app.parts()?;
        let catalogue = parts.engine.catalogue();
        let calls = calls::take(statement, &catalogue)?;
        let read = relations(statement);
        let access = self.access(user);
        let sees_tables = access.is_some();
        let tables = SqlTables::open(&parts.engine, access, &read).await?;
        for metric in &catalogue.metrics {
            let named = read.contains(&metric.name);
            let rows = match &purpose {
                Purpose::Rows(_) if named => self.ask(user, metric, Question::At(Query::default())).await?,
                Purpose::Rows(_) | Purpose::Columns => {
                    if !sees_tables && !user.caller.may_list(&self.app.access, metric) {
                        if named {
                            user.caller.sight(&self.app, metric).await?;
                        }
                        continue;
                    }
                    let Some(columns) = columns(parts, metric, named).await? else { continue };
                    ShownRows::none(columns)
                }
            };
            tables.put(&metric.name, rows)?;
        }
        let constants = parts.engine.empty_sql_session();
        in_utc(&constants);
        for call in &calls {
            let rows = match &purpose {
                Purpose::Columns => {
                    let columns =
                        columns(parts, &call.metric, true).await?.expect("columns of what is named");
                    ShownRows::none(if call.is_range() { with_moment(&columns) } else { columns })
                }
                Purpose::Rows(values) => {
                    let question = call.question(values, &constants).await?;
                    self.ask(user, &call.metric, question).await?
                }
            };
            tables.put(&call.table, rows)?;
        }
        self.introspection.install(tables.session(), &user.name, settings).await?;
        Ok((tables, calls))
    }

    /// A metric's rows as this user may see them.
    async fn ask(&self, user: &User, metric: &Metric, question: Question) -> Result<ShownRows, Refusal> {
        let sight = match self.access(user) {
            Some(_) => Sight::All,
            None => user.caller.sight(&self.app, metric).await?,
        };
        match question {
            Question::At(query) => Ok(self.app.ask(metric, query, &sight).await?.into_rows()),
            Question::Over { query, from, to, step } => {
                let series = self.app.bounds.series(from, to, step.as_deref())?;
                Ok(self.app.ask_series(metric, query, series, &sight).await?.into_rows())
            }
        }
    }
}

/// The columns of a metric; of one that is not named, only if they are known already.
async fn columns(parts: &Parts, metric: &Metric, named: bool) -> Result<Option<SchemaRef>, Problem> {
    let board = parts.engine.board();
    if let Some(result) = board.results.get(&metric.name) {
        return Ok(Some(result.rows.schema()));
    }
    if !named {
        return Ok(None);
    }
    let (engine, name) = (parts.engine.clone(), metric.name.clone());
    let result = parts.compute(async move { engine.query(&name, &Query::default()).await }).await?;
    Ok(Some(result.rows.schema()))
}

/// The columns of a range.
fn with_moment(columns: &SchemaRef) -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let moment = Arc::new(Field::new(AS_OF, time, false));
    Arc::new(Schema::new([moment].into_iter().chain(columns.fields().iter().cloned()).collect::<Vec<_>>()))
}

/// The type of each `$n`: of an argument, of what it is cast to, of what it or, in an array, each element is compared
/// with, and a number of rows.
fn parameters(
    plan: &LogicalPlan,
    calls: &[Call],
    arrays: BTreeSet<String>,
) -> Result<Vec<Option<DataType>>, Refusal> {
    let mut types: BTreeMap<String, Option<DataType>> = plan.get_parameter_types()?.into_iter().collect();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for count in [&limit.skip, &limit.fetch].into_iter().flatten() {
                if let Expr::Placeholder(placeholder) = count.as_ref() {
                    types.insert(placeholder.id.clone(), Some(DataType::Int64));
                }
            }
        }
        for expression in node.expressions() {
            expression.apply(|part| {
                if let Expr::Cast(cast) = part
                    && let Expr::Placeholder(placeholder) = cast.expr.as_ref()
                {
                    let known = types.entry(placeholder.id.clone()).or_default();
                    known.get_or_insert_with(|| cast.field.data_type().clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    for name in arrays {
        let kind = types.entry(name).or_default();
        *kind = Some(arrays::array_of(kind.take()));
    }
    for call in calls {
        for name in call.placeholders() {
            types.entry(name).or_default();
        }
        types.extend(call.parameters().map(|(name, kind)| (name, Some(kind))));
    }
    let mut numbered = Vec::new();
    for (name, kind) in types {
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let number = number.filter(|number| (1..=usize::from(u16::MAX)).contains(number));
        let number = number.ok_or_else(|| Refusal::new("42P02", format!("there is no parameter {name}")))?;
        if numbered.len() < number {
            numbered.resize(number, None);
        }
        numbered[number - 1] = kind;
    }
    Ok(numbered)
}
