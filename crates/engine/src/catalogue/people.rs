//! Which columns of a query hold people, found by following its plan from the tables.
//!
//! In tables, and in views that are folded from them, people stand in columns of known names. From there a column holds
//! people if its text comes from one that does: by any function, in a list or as a part of a structure. What only decides
//! (a filter, a join, a `WHEN`) and what is no text (a count, a flag) tells nobody's name.
//! Invariant: in doubt a column holds people. Deliberately absent: names inside free text of the events, such as titles.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType, ScalarValue};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

/// Columns of tables and of folded views that hold people, wherever they are text or lists of it.
const COLUMNS: [&str; 29] = [
    "person",
    "identity",
    "reviewer",
    "reviewers",
    "assignee",
    "assignees",
    "author",
    "authors",
    "author_name",
    "author_email",
    "author_login",
    "committer",
    "committer_email",
    "co_authors",
    "by",
    "who",
    "merged_by",
    "reporter",
    "owner",
    "owners",
    "lead",
    "member",
    "members",
    "knower",
    "knowers",
    "suggested",
    "top_reviewer",
    "top_author",
    "top_assignee",
];

/// Where in a column people are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Held {
    #[default]
    Nobody,
    Everywhere,
    /// In these parts of a structure, or of the structures of a list.
    Parts(BTreeSet<String>),
}

impl Held {
    fn or(self, other: Held) -> Held {
        match (self, other) {
            (Held::Nobody, held) | (held, Held::Nobody) => held,
            (Held::Parts(mut some), Held::Parts(more)) => {
                some.extend(more);
                Held::Parts(some)
            }
            _ => Held::Everywhere,
        }
    }

    fn part(&self, name: &str) -> Held {
        match self {
            Held::Parts(parts) if !parts.contains(name) => Held::Nobody,
            Held::Nobody => Held::Nobody,
            _ => Held::Everywhere,
        }
    }

    /// How the front matter names what a column holds: the column, or a part of it.
    pub(super) fn paths(&self, column: &str) -> Vec<String> {
        match self {
            Held::Nobody => Vec::new(),
            Held::Everywhere => vec![column.to_owned()],
            Held::Parts(parts) => parts.iter().map(|part| format!("{column}.{part}")).collect(),
        }
    }
}

/// Tables by name, with their columns.
pub(super) type Known = BTreeMap<String, BTreeMap<String, Held>>;

/// What the columns of a table hold by their names.
pub(super) fn by_name(fields: &Fields) -> BTreeMap<String, Held> {
    fields.iter().map(|field| (field.name().clone(), named(field))).collect()
}

/// Whether a column of a table or of a folded view holds people, by its name.
pub fn holds_people(field: &Field) -> bool {
    named(field) != Held::Nobody
}

fn named(field: &Field) -> Held {
    let is_person = COLUMNS.contains(&field.name().as_str());
    match structure(field.data_type()) {
        Some(parts) => {
            let parts: BTreeSet<String> = parts
                .iter()
                .filter(|part| named(part) != Held::Nobody)
                .map(|part| part.name().clone())
                .collect();
            if parts.is_empty() { Held::Nobody } else { Held::Parts(parts) }
        }
        None if is_person && has_text(field.data_type()) => Held::Everywhere,
        None => Held::Nobody,
    }
}

/// The parts of a structure, or of the structures of a list.
fn structure(kind: &DataType) -> Option<&Fields> {
    match kind {
        DataType::Struct(parts) => Some(parts),
        DataType::List(item) | DataType::LargeList(item) => structure(item.data_type()),
        _ => None,
    }
}

fn has_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::List(item) | DataType::LargeList(item) => has_text(item.data_type()),
        DataType::Struct(parts) => parts.iter().any(|part| has_text(part.data_type())),
        DataType::Dictionary(_, value) => has_text(value),
        DataType::Map(entries, _) => has_text(entries.data_type()),
        _ => false,
    }
}

/// What each output column of a plan holds.
pub(super) fn held(plan: &LogicalPlan, known: &Known) -> Vec<Held> {
    let of = |input: &LogicalPlan| held(input, known);
    let found: Vec<Held> = match plan {
        LogicalPlan::TableScan(scan) => {
            let table = known.get(scan.table_name.table());
            let of =
                |field: &std::sync::Arc<Field>| table.and_then(|columns| columns.get(field.name()).cloned());
            scan.projected_schema.fields().iter().map(|field| of(field).unwrap_or_default()).collect()
        }
        LogicalPlan::Projection(node) => exprs(&node.expr, &node.input, known),
        LogicalPlan::Aggregate(node) => {
            // With grouping sets there is a column for their number, too; it is no text.
            let mut found = exprs(&node.group_expr, &node.input, known);
            found.truncate(plan.schema().fields().len() - node.aggr_expr.len());
            found.resize(plan.schema().fields().len() - node.aggr_expr.len(), Held::Nobody);
            found.extend(exprs(&node.aggr_expr, &node.input, known));
            found
        }
        LogicalPlan::Window(node) => {
            let mut found = of(&node.input);
            found.extend(exprs(&node.window_expr, &node.input, known));
            found
        }
        LogicalPlan::Join(node) => match node.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => of(&node.left),
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => of(&node.right),
            _ => of(&node.left).into_iter().chain(of(&node.right)).collect(),
        },
        LogicalPlan::Union(node) => {
            let all: Vec<Vec<Held>> = node.inputs.iter().map(|input| of(input)).collect();
            let column = |at: usize| {
                all.iter().filter_map(|input| input.get(at).cloned()).fold(Held::Nobody, Held::or)
            };
            (0..plan.schema().fields().len()).map(column).collect()
        }
        LogicalPlan::RecursiveQuery(node) => {
            let more = of(&node.recursive_term);
            of(&node.static_term).into_iter().zip(more).map(|(first, more)| first.or(more)).collect()
        }
        LogicalPlan::Unnest(node) => {
            let input = of(&node.input);
            let column = |(field, at): (&std::sync::Arc<Field>, &usize)| {
                let held = input.get(*at).cloned().unwrap_or_default();
                if node.struct_type_columns.contains(at) {
                    held.part(field.name().rsplit('.').next().unwrap_or_default())
                } else {
                    held
                }
            };
            node.schema.fields().iter().zip(&node.dependency_indices).map(column).collect()
        }
        LogicalPlan::Distinct(Distinct::On(node)) => exprs(&node.select_expr, &node.input, known),
        other => other.inputs().first().map(|input| of(input)).unwrap_or_default(),
    };
    let mut found = found.into_iter();
    let fields = plan.schema().fields().iter();
    fields.map(|field| fitted(field, found.next().unwrap_or_default())).collect()
}

/// A function that makes structures of several columns says by their names where the people are.
fn fitted(field: &Field, held: Held) -> Held {
    if !has_text(field.data_type()) {
        return Held::Nobody;
    }
    match (structure(field.data_type()), held) {
        (Some(_), Held::Everywhere) => match named(field) {
            Held::Nobody => Held::Everywhere,
            parts => parts,
        },
        (_, held) => held,
    }
}

fn exprs(list: &[Expr], input: &LogicalPlan, known: &Known) -> Vec<Held> {
    let (schema, from) = (input.schema(), held(input, known));
    let list = list.iter().flat_map(|expr| match expr {
        Expr::GroupingSet(sets) => sets.distinct_expr(),
        expr => vec![expr],
    });
    list.map(|expr| of(expr, schema, &from, known)).collect()
}

fn of(expr: &Expr, schema: &DFSchema, from: &[Held], known: &Known) -> Held {
    let all =
        |list: &[Expr]| list.iter().map(|expr| of(expr, schema, from, known)).fold(Held::Nobody, Held::or);
    match expr {
        Expr::Column(column) => {
            schema.maybe_index_of_column(column).and_then(|at| from.get(at).cloned()).unwrap_or_default()
        }
        Expr::Case(case) => {
            let then = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            then.map(|expr| of(expr, schema, from, known)).fold(Held::Nobody, Held::or)
        }
        Expr::ScalarFunction(call) => match (call.name(), call.args.as_slice()) {
            ("get_field", [inner, names @ ..]) => {
                let held = of(inner, schema, from, known);
                names.iter().filter_map(text).fold(held, |held, name| held.part(name))
            }
            ("named_struct", args) => {
                let parts = args.as_chunks::<2>().0.iter();
                let parts = parts.filter(|[_, value]| of(value, schema, from, known) != Held::Nobody);
                let parts: BTreeSet<String> =
                    parts.filter_map(|[name, _]| text(name).map(str::to_owned)).collect();
                if parts.is_empty() { Held::Nobody } else { Held::Parts(parts) }
            }
            (_, args) => all(args),
        },
        Expr::AggregateFunction(call) => all(&call.params.args),
        Expr::WindowFunction(call) => all(&call.params.args),
        Expr::ScalarSubquery(query) => held(&query.subquery, known).into_iter().next().unwrap_or_default(),
        other => {
            let mut found = Held::Nobody;
            let walked = other.apply_children(|child| {
                found = std::mem::take(&mut found).or(of(child, schema, from, known));
                Ok(TreeNodeRecursion::Continue)
            });
            if walked.is_ok() { found } else { Held::Everywhere }
        }
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use datafusion::datasource::empty::EmptyTable;
    use datafusion::prelude::SessionContext;
    use std::sync::Arc;

    async fn paths(sql: &str) -> Vec<String> {
        let context = SessionContext::new();
        let fields = ["repo", "reviewer"].map(|name| Field::new(name, DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let known = Known::from([("review".to_owned(), by_name(schema.fields()))]);
        context.register_table("review", Arc::new(EmptyTable::new(schema))).unwrap();
        let plan = context.sql(sql).await.unwrap().into_unoptimized_plan();
        let held = held(&plan, &known);
        let columns = plan.schema().fields().iter().zip(&held);
        columns.flat_map(|(field, held)| held.paths(field.name())).collect()
    }

    #[tokio::test]
    async fn people_are_followed_through_sql() {
        for (sql, expect) in [
            ("SELECT repo, reviewer AS approver FROM review", "approver"),
            ("SELECT upper(r.reviewer) || '!' AS x, COUNT(*) AS n FROM review r GROUP BY r.reviewer", "x"),
            ("SELECT repo, array_agg(DISTINCT reviewer) AS them FROM review GROUP BY repo", "them"),
            ("SELECT repo, COUNT(DISTINCT reviewer) AS n FROM review GROUP BY repo", ""),
            ("SELECT CASE WHEN reviewer = 'ada' THEN 'yes' ELSE repo END AS said FROM review", ""),
            ("SELECT named_struct('who', reviewer, 'where', repo) AS x FROM review", "x.who"),
            (
                "SELECT y.x['where'] AS a, y.x['who'] AS b FROM (SELECT named_struct('who', reviewer, 'where', repo) AS x FROM review) y",
                "b",
            ),
            (
                "WITH r AS (SELECT repo AS a, reviewer AS b FROM review) SELECT a FROM r UNION ALL SELECT b FROM r",
                "a",
            ),
            ("SELECT repo FROM review WHERE reviewer IN (SELECT reviewer FROM review)", ""),
            ("SELECT repo, (SELECT MAX(reviewer) FROM review) AS last FROM review", "last"),
            (
                "SELECT repo, first_value(reviewer) OVER (PARTITION BY repo ORDER BY repo) AS first FROM review",
                "first",
            ),
        ] {
            assert_eq!(paths(sql).await.join(" "), expect, "{sql}");
        }
    }
}
