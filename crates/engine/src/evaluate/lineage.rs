//! What a row rests on: the keys of all rows that went into it, through any SQL.
//!
//! [`annotate`] rewrites a logical plan so that each row carries, in one more column, the `key_hash` of
//! every view or event row it was made from: a filter passes it on, a join puts two together, a group
//! collects those of its rows. This is why-provenance by plan rewriting (Cui and Widom 2000; Glavic and
//! Alonso 2009). It works on any metric, so a new metric explains itself without code.
//! Invariant: the other columns and the rows are those of the plan as it stood.
//! Deliberately absent: rows that only decided that others count (`IN`, `EXISTS` and scalar subqueries),
//! and what a recursive query read.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, not_impl_err};
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::array_agg;
use datafusion::functions_nested::expr_fn::{array_concat, array_distinct, flatten, make_array};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, Filter, Join, Limit, LogicalPlan, Projection, Sort, SubqueryAlias, Union,
    Unnest, Window, lit,
};

/// The column that carries the keys.
pub const KEYS: &str = "__keys";
const LEFT: &str = "__keys_left";
const RIGHT: &str = "__keys_right";
const KEY: &str = "key_hash";

/// `plan` with the column [`KEYS`] after its own.
pub fn annotate(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let one = |input: &Arc<LogicalPlan>| annotate(input).map(Arc::new);
    Ok(match plan {
        LogicalPlan::Projection(node) => {
            let exprs = node.expr.iter().cloned().chain([keys()]).collect();
            LogicalPlan::Projection(Projection::try_new(exprs, one(&node.input)?)?)
        }
        LogicalPlan::Filter(node) => {
            LogicalPlan::Filter(Filter::try_new(node.predicate.clone(), one(&node.input)?)?)
        }
        LogicalPlan::Sort(node) => LogicalPlan::Sort(Sort { input: one(&node.input)?, ..node.clone() }),
        LogicalPlan::Limit(node) => LogicalPlan::Limit(Limit { input: one(&node.input)?, ..node.clone() }),
        LogicalPlan::Window(node) => {
            let window = Window::try_new(node.window_expr.clone(), one(&node.input)?)?;
            with_keys(plan.schema(), keys(), LogicalPlan::Window(window))?
        }
        LogicalPlan::Unnest(node) => {
            let unnest = Unnest::try_new(one(&node.input)?, node.exec_columns.clone(), node.options.clone())?;
            with_keys(plan.schema(), keys(), LogicalPlan::Unnest(unnest))?
        }
        LogicalPlan::SubqueryAlias(node) => {
            let alias = SubqueryAlias::try_new(one(&node.input)?, node.alias.clone())?;
            let inner = Expr::Column(Column::new(Some(node.alias.clone()), KEYS));
            with_keys(plan.schema(), inner, LogicalPlan::SubqueryAlias(alias))?
        }
        LogicalPlan::Aggregate(node) => {
            grouped(plan.schema(), one(&node.input)?, node.group_expr.clone(), node.aggr_expr.clone())?
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let columns = columns(input.schema()).collect();
            grouped(plan.schema(), one(input)?, columns, Vec::new())?
        }
        LogicalPlan::Join(node) => joined(node)?,
        LogicalPlan::Union(node) => {
            let inputs = node.inputs.iter().map(one).collect::<Result<_>>()?;
            LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?)
        }
        LogicalPlan::TableScan(_) => scanned(plan)?,
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) | LogicalPlan::RecursiveQuery(_) => {
            with_keys(plan.schema(), none(), plan.clone())?
        }
        other => return not_impl_err!("an explanation through {}", other.display()),
    })
}

/// A table's own keys: those that it carries from a step before, else its `key_hash`.
fn scanned(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema();
    let named = |name: &str| {
        let index = schema.fields().iter().position(|field| field.name() == name)?;
        Some(Expr::Column(Column::from(schema.qualified_field(index))))
    };
    let keys = match (named(KEYS), named(KEY)) {
        (Some(carried), _) => carried,
        (None, Some(key)) => make_array(vec![key]),
        (None, None) => none(),
    };
    let exprs = columns(schema).chain([keys.alias(KEYS)]).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan.clone()))?))
}

fn grouped(
    schema: &DFSchema,
    input: Arc<LogicalPlan>,
    group: Vec<Expr>,
    mut aggregates: Vec<Expr>,
) -> Result<LogicalPlan> {
    aggregates.push(array_agg(keys()).alias(KEYS));
    let aggregate = LogicalPlan::Aggregate(Aggregate::try_new(input, group, aggregates)?);
    let collected = coalesce(vec![array_distinct(flatten(keys())), none()]);
    with_keys(schema, collected, aggregate)
}

fn joined(node: &Join) -> Result<LogicalPlan> {
    let side = |input: &LogicalPlan, name: &str| {
        let exprs = columns(input.schema()).chain([keys().alias(name)]).collect();
        Ok::<_, datafusion::error::DataFusionError>(Arc::new(LogicalPlan::Projection(Projection::try_new(
            exprs,
            Arc::new(annotate(input)?),
        )?)))
    };
    let join = LogicalPlan::Join(Join::try_new(
        side(&node.left, LEFT)?,
        side(&node.right, RIGHT)?,
        node.on.clone(),
        node.filter.clone(),
        node.join_type,
        node.join_constraint,
        node.null_equality,
        node.null_aware,
    )?);
    // A semi join gives the columns of one side only.
    let sides: Vec<Expr> = [LEFT, RIGHT]
        .into_iter()
        .filter(|name| join.schema().fields().iter().any(|field| field.name() == name))
        .map(|name| coalesce(vec![Expr::Column(Column::new_unqualified(name)), none()]))
        .collect();
    let both = if sides.len() == 1 { sides[0].clone() } else { array_concat(sides) };
    with_keys(&node.schema, both, join)
}

/// The columns of `schema`, then `keys` under its name.
fn with_keys(schema: &DFSchema, keys: Expr, input: LogicalPlan) -> Result<LogicalPlan> {
    let exprs = columns(schema).chain([keys.alias(KEYS)]).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?))
}

/// All columns but the keys that a step's table carries.
fn columns(schema: &DFSchema) -> impl Iterator<Item = Expr> + '_ {
    schema.iter().filter(|(_, field)| field.name() != KEYS).map(|field| Expr::Column(Column::from(field)))
}

fn keys() -> Expr {
    Expr::Column(Column::new_unqualified(KEYS))
}

fn none() -> Expr {
    lit(ScalarValue::List(ScalarValue::new_list(&[], &DataType::Int64, true)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::Int64Type;
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;

    fn table(context: &SessionContext, name: &str, rows: &[(i64, &str, i64)]) {
        let keys: Int64Array = rows.iter().map(|row| row.0).collect::<Vec<_>>().into();
        let teams: StringArray = rows.iter().map(|row| Some(row.1)).collect();
        let sizes: Int64Array = rows.iter().map(|row| row.2).collect::<Vec<_>>().into();
        let batch = RecordBatch::try_from_iter([
            (KEY, Arc::new(keys) as _),
            ("team", Arc::new(teams) as _),
            ("size", Arc::new(sizes) as _),
        ]);
        let batch = batch.unwrap();
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        context.register_table(name, Arc::new(table)).unwrap();
    }

    /// First column as text, and the keys of each row, ascending.
    async fn lineage(sql: &str) -> Vec<(String, Vec<i64>)> {
        let context = SessionContext::new();
        table(&context, "a", &[(1, "x", 10), (2, "x", 20), (3, "y", 5)]);
        table(&context, "b", &[(7, "x", 1), (8, "y", 1), (9, "y", 1)]);
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        let plain = context.execute_logical_plan(plan.clone()).await.unwrap().collect().await.unwrap();
        let frame = context.execute_logical_plan(annotate(&plan).unwrap()).await.unwrap();
        let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut found = Vec::new();
        for batch in &batches {
            let names = arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
            let lists = batch.column(batch.num_columns() - 1).as_list::<i32>();
            for row in 0..batch.num_rows() {
                let mut keys = lists.value(row).as_primitive::<Int64Type>().values().to_vec();
                keys.sort_unstable();
                found.push((names.as_string::<i32>().value(row).to_owned(), keys));
            }
        }
        let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        assert_eq!(count(&batches), count(&plain), "{sql}");
        found.sort();
        found
    }

    #[tokio::test]
    async fn keys_go_through_every_kind_of_plan() {
        for (sql, expect) in [
            ("SELECT team FROM a WHERE size > 5", vec![("x", vec![1]), ("x", vec![2])]),
            ("SELECT team, SUM(size) FROM a GROUP BY team", vec![("x", vec![1, 2]), ("y", vec![3])]),
            ("SELECT DISTINCT team FROM b", vec![("x", vec![7]), ("y", vec![8, 9])]),
            (
                "SELECT a.team, COUNT(*) FROM a JOIN b ON a.team = b.team GROUP BY a.team",
                vec![("x", vec![1, 2, 7]), ("y", vec![3, 8, 9])],
            ),
            (
                "SELECT a.team FROM a LEFT JOIN b ON a.size = b.size ORDER BY a.size LIMIT 1",
                vec![("y", vec![3])],
            ),
            (
                "SELECT team FROM a WHERE team IN (SELECT team FROM b WHERE key_hash = 8)",
                vec![("y", vec![3])],
            ),
            (
                "WITH c AS (SELECT team, MAX(size) AS m FROM a GROUP BY team) SELECT c.team FROM c UNION ALL SELECT team FROM b WHERE key_hash = 7",
                vec![("x", vec![1, 2]), ("x", vec![7]), ("y", vec![3])],
            ),
            (
                "SELECT team FROM (SELECT team, ROW_NUMBER() OVER (PARTITION BY team ORDER BY size) AS n FROM a) AS r WHERE n = 2",
                vec![("x", vec![2])],
            ),
            (
                "SELECT UNNEST(list) AS t FROM (SELECT make_array(team) AS list FROM a WHERE key_hash = 3) AS l",
                vec![("y", vec![3])],
            ),
            ("SELECT CAST(COUNT(*) AS VARCHAR) AS n FROM a WHERE size > 100", vec![("0", vec![])]),
        ] {
            let expect: Vec<(String, Vec<i64>)> =
                expect.into_iter().map(|(name, keys)| (name.to_owned(), keys)).collect();
            assert_eq!(lineage(sql).await, expect, "{sql}");
        }
    }
}
