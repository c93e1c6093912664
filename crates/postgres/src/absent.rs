//! Parts of a question about the catalogue that ask for what Plimsoll has none of: keys, indexes, sequences, defaults.
//!
//! Drivers ask for them in joins and subqueries that the query engine cannot plan. Such a part has no rows whatever else
//! is in it, so it is written as what it comes to: no rows, NULL or FALSE. A subquery for one value becomes one that the
//! query engine sees to have one.
//! Invariant: a statement keeps its columns, its rows and its bound values.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident,
    JoinOperator, Query, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value, Visit,
    VisitMut, Visitor, VisitorMut, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Tables of `pg_catalog` and `information_schema` without a row about anything that a user may read.
const ABSENT: [&str; 21] = [
    "pg_attrdef",
    "pg_auth_members",
    "pg_collation",
    "pg_constraint",
    "pg_enum",
    "pg_foreign_table",
    "pg_index",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_policy",
    "pg_publication",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_sequence",
    "pg_statistic_ext",
    "pg_trigger",
    "constraint_column_usage",
    "key_column_usage",
    "referential_constraints",
    "routines",
    "table_constraints",
];

/// Columns that the tables of the catalogue here do not have: nothing is set in them.
const ABSENT_COLUMNS: [&str; 7] = ["attacl", "datacl", "nspacl", "proacl", "relacl", "reloptions", "typacl"];

/// Columns that name a function, which PostgreSQL compares with the numbers of functions.
const FUNCTIONS: [&str; 4] = ["typinput", "typoutput", "typreceive", "typsend"];

/// Without GROUP BY, these make one row of none.
const AGGREGATES: [&str; 12] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
];

/// Rewrites a statement; false where nothing in it asks for what is absent.
pub fn leave_out(statement: &mut Statement) -> bool {
    let before = placeholders(statement);
    let mut folding = Folding { changed: false };
    let _ = VisitMut::visit(statement, &mut folding);
    if folding.changed
        && let Statement::Query(query) = statement
    {
        if is_empty(query) {
            typed(query);
        }
        let left = placeholders_of(query);
        keep(query, before.into_iter().filter(|(name, _)| !left.contains_key(name)));
    }
    folding.changed
}

struct Folding {
    changed: bool,
}

impl VisitorMut for Folding {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) = item
                    && let Some(alias) = absent_column(expr).cloned()
                {
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if query.with.is_none() && !is_empty(query) {
            let whole = matches!(*query.body, SetExpr::Select(_));
            if self.body(&mut query.body) && whole {
                (query.order_by, query.limit_clause, query.fetch) = (None, None, None);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let value = match expr {
            Expr::Subquery(query) if is_empty(query) => Value::Null,
            Expr::Exists { subquery, negated } | Expr::InSubquery { subquery, negated, .. }
                if is_empty(subquery) =>
            {
                Value::Boolean(*negated)
            }
            _ if absent_column(expr).is_some() => Value::Null,
            // Whatever decides, it decides between nothing and nothing.
            Expr::Case { conditions, else_result, .. }
                if conditions.iter().map(|when| &when.result).chain(else_result.as_deref()).all(is_null) =>
            {
                Value::Null
            }
            // ARRAY(SELECT ...): lists of roles and rights, in the catalogue.
            Expr::Function(Function { args: FunctionArguments::Subquery(_), .. }) => Value::Null,
            Expr::Function(call) if joins_nothing(call) => Value::Null,
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                self.changed |= by_name(left, right) || by_name(right, left);
                return ControlFlow::Continue(());
            }
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right }
                if is_null(left) && is_null(right) =>
            {
                Value::Null
            }
            Expr::Subquery(query) => {
                self.one_row(query);
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        self.changed = true;
        *expr = Expr::value(value);
        ControlFlow::Continue(())
    }
}

impl Folding {
    /// The query engine wants to see that a subquery has one row at most.
    fn one_row(&mut self, query: &mut Query) {
        if let SetExpr::Select(select) = query.body.as_mut()
            && query.limit_clause.is_none()
            && !aggregates(select)
            && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
            && let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
                select.projection.as_mut_slice()
            && let Some(most) = expression(&format!("max({value})"))
        {
            *value = most;
            self.changed = true;
        }
    }

    /// Writes a body, or each branch of a UNION, as one without rows if it has none.
    fn body(&mut self, body: &mut SetExpr) -> bool {
        match body {
            SetExpr::Select(select) => {
                let Some(empty) = has_no_rows(select).then(|| without_rows(select, "NULL")).flatten() else {
                    return false;
                };
                *body = empty;
                self.changed = true;
                true
            }
            SetExpr::SetOperation { left, right, .. } => {
                let (left, right) = (self.body(left), self.body(right));
                left || right
            }
            _ => false,
        }
    }
}

fn absent_column(expr: &Expr) -> Option<&Ident> {
    column(expr).filter(|column| ABSENT_COLUMNS.contains(&column.value.as_str()))
}

fn column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

/// Compares a function that is named with the name of another, in the place of its number.
fn by_name(number: &mut Expr, function: &Expr) -> bool {
    let is_function = column(function).is_some_and(|column| FUNCTIONS.contains(&column.value.as_str()));
    match number {
        Expr::CompoundIdentifier(parts) if is_function => match parts.last_mut() {
            Some(last) if last.value == "oid" => {
                last.value = "proname".to_owned();
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a list that is not there is to be one text.
fn joins_nothing(call: &Function) -> bool {
    let FunctionArguments::List(list) = &call.args else { return false };
    let first = match list.args.first() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) => first,
        _ => return false,
    };
    called(call).is_some_and(|name| name == "array_to_string") && is_null(first)
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value == Value::Null)
}

/// Whether a query is one that [`without_rows`] made.
fn is_empty(query: &Query) -> bool {
    matches!(&*query.body, SetExpr::Select(select) if is_made(select))
}

fn is_made(select: &Select) -> bool {
    let is_false = |expr: &Expr| matches!(expr, Expr::Value(value) if value.value == Value::Boolean(false));
    select.from.is_empty() && select.selection.as_ref().is_some_and(is_false)
}

fn has_no_rows(select: &Select) -> bool {
    let grouped = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if !by.is_empty());
    !is_made(select) && (grouped || !aggregates(select)) && select.from.iter().any(is_absent)
}

/// Whether a SELECT list aggregates, its subqueries aside.
fn aggregates(select: &Select) -> bool {
    struct Aggregates {
        depth: usize,
    }
    impl Visitor for Aggregates {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(call) if self.depth == 0 && call.over.is_none() => match called(call) {
                    Some(name) if AGGREGATES.contains(&name.as_str()) => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                },
                _ => ControlFlow::Continue(()),
            }
        }
    }
    select.projection.visit(&mut Aggregates { depth: 0 }).is_break()
}

/// The name of a function, without the schema's.
fn called(call: &Function) -> Option<String> {
    call.name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase())
}

/// Whether what is joined has no rows because one of its parts, which every row needs, has none.
fn is_absent(from: &TableWithJoins) -> bool {
    let mut absent = is_absent_relation(&from.relation);
    for join in &from.joins {
        let right = is_absent_relation(&join.relation);
        absent = match &join.join_operator {
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => absent || right,
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => absent,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => right,
            JoinOperator::FullOuter(_) => absent && right,
            _ => return false,
        };
    }
    absent
}

fn is_absent_relation(relation: &TableFactor) -> bool {
    match relation {
        TableFactor::Table { name, args: None, .. } => {
            let parts: Vec<String> = name
                .0
                .iter()
                .filter_map(|part| part.as_ident())
                .map(|part| part.value.to_lowercase())
                .collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            match parts.as_slice() {
                ["pg_catalog" | "information_schema", name] => ABSENT.contains(name),
                [name] => name.starts_with("pg_") && ABSENT.contains(name),
                _ => false,
            }
        }
        TableFactor::Derived { subquery, .. } => is_empty(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => is_absent(table_with_joins),
        _ => false,
    }
}

/// The columns of a SELECT and no row; `None` where their names are not in it.
fn without_rows(select: &Select, value: &str) -> Option<SetExpr> {
    let column = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(expr) => Some(named(expr)),
        _ => None,
    };
    let names = select.projection.iter().map(column).collect::<Option<Vec<_>>>()?;
    let mut seen = BTreeMap::<String, usize>::new();
    let columns = names.iter().map(|name| {
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        let name = if *times == 1 { name.clone() } else { format!("{name}_{times}") };
        format!("{value} AS \"{}\"", name.replace('"', "\"\""))
    });
    let text = format!("SELECT {} WHERE false", columns.collect::<Vec<_>>().join(", "));
    parsed(&text).map(|select| SetExpr::Select(Box::new(select)))
}

/// What PostgreSQL calls the column of an expression without a name.
fn named(expr: &Expr) -> String {
    let last = |parts: &[Ident]| parts.last().map(|ident| ident.value.clone());
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => last(parts).unwrap_or_default(),
        Expr::Cast { expr, .. } | Expr::Nested(expr) | Expr::Collate { expr, .. } => named(expr),
        Expr::Function(call) => called(call).unwrap_or_default(),
        Expr::Case { .. } => "case".to_owned(),
        _ => "?column?".to_owned(),
    }
}

/// Columns of a result have a type: text, as those of unknown values do.
fn typed(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_ref()
        && let Some(body) = without_rows(select, "NULL::TEXT")
    {
        *query.body = body;
    }
}

/// Bound values by name, each with the type that the text gives it.
type Placeholders = BTreeMap<String, Expr>;

fn placeholders(statement: &Statement) -> Placeholders {
    match statement {
        Statement::Query(query) => placeholders_of(query),
        _ => Placeholders::new(),
    }
}

fn placeholders_of(query: &Query) -> Placeholders {
    let mut found = Placeholders::new();
    let name = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    let _ = visit_expressions(query, |expr| {
        if let Expr::Cast { expr: inner, .. } = expr
            && let Some(name) = name(inner)
        {
            found.insert(name, expr.clone());
        } else if let Some(name) = name(expr) {
            found.entry(name).or_insert_with(|| expr.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Values that nothing reads any more are still bound by the client.
fn keep(query: &mut Query, lost: impl Iterator<Item = (String, Expr)>) {
    let bound = lost.map(|(_, value)| match value {
        Expr::Cast { .. } => format!("{value} IS NULL OR "),
        _ => format!("CAST({value} AS TEXT) IS NULL OR "),
    });
    let bound: String = bound.collect();
    let mut body = query.body.as_mut();
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    let SetExpr::Select(select) = body else { return };
    if bound.is_empty() {
        return;
    }
    let always = format!("{bound}true");
    let text = match &select.selection {
        Some(own) => format!("SELECT 1 WHERE ({own}) AND ({always})"),
        None => format!("SELECT 1 WHERE ({always})"),
    };
    if let Some(parsed) = parsed(&text) {
        select.selection = parsed.selection;
    }
}

/// An expression from its text.
pub fn expression(text: &str) -> Option<Expr> {
    match parsed(&format!("SELECT {text}"))?.projection.pop()? {
        SelectItem::UnnamedExpr(expr) => Some(expr),
        _ => None,
    }
}

fn parsed(text: &str) -> Option<Select> {
    match Parser::parse_sql(&PostgreSqlDialect {}, text).ok()?.pop()? {
        Statement::Query(query) => match *query.body {
            SetExpr::Select(select) => Some(*select),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_left_out_and_all_else_stays() {
        for (given, expected) in [
            ("SELECT relname FROM pg_class", "SELECT relname FROM pg_class"),
            (
                "SELECT c.oid, (SELECT adbin FROM pg_attrdef WHERE adrelid = c.oid) AS d FROM pg_class AS c",
                "SELECT c.oid, NULL AS d FROM pg_class AS c",
            ),
            (
                "SELECT conname AS name, count(*) FROM pg_catalog.pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid GROUP BY conname ORDER BY 1",
                "SELECT NULL::TEXT AS \"name\", NULL::TEXT AS \"count\" WHERE false",
            ),
            ("SELECT count(*) FROM pg_index", "SELECT count(*) FROM pg_index"),
            ("SELECT * FROM pg_index", "SELECT * FROM pg_index"),
            (
                "SELECT t.typname, e.labels FROM pg_type AS t LEFT JOIN (SELECT enumtypid, array_agg(enumlabel) AS labels FROM pg_enum GROUP BY enumtypid) AS e ON e.enumtypid = t.oid",
                "SELECT t.typname, e.labels FROM pg_type AS t LEFT JOIN (SELECT NULL AS \"enumtypid\", NULL AS \"labels\" WHERE false) AS e ON e.enumtypid = t.oid",
            ),
            (
                "SELECT a.x FROM (SELECT conkey AS x FROM pg_constraint) AS a, pg_class WHERE a.x = $1",
                "SELECT NULL::TEXT AS \"x\" WHERE (false) AND (CAST($1 AS TEXT) IS NULL OR true)",
            ),
            (
                "SELECT relname FROM pg_class WHERE NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = $1::INT) AND relname = $2",
                "SELECT relname FROM pg_class WHERE (true AND relname = $2) AND ($1::INT IS NULL OR true)",
            ),
            (
                "SELECT CASE WHEN (SELECT typcollation FROM pg_type WHERE oid = c.oid) <> $1 THEN (SELECT collname FROM pg_collation) ELSE NULL END AS x FROM pg_class AS c",
                "SELECT NULL AS x FROM pg_class AS c WHERE (CAST($1 AS TEXT) IS NULL OR true)",
            ),
            (
                "SELECT c.relname, c.reloptions FROM pg_catalog.pg_class AS c WHERE c.relacl IS NULL",
                "SELECT c.relname, NULL AS reloptions FROM pg_catalog.pg_class AS c WHERE NULL IS NULL",
            ),
            (
                "SELECT pubname, (SELECT string_agg(x, ',') FROM pg_class) FROM pg_publication UNION SELECT relname, array_to_string(relacl || array(SELECT relname FROM pg_class), ',') AS y FROM pg_class",
                "SELECT NULL AS \"pubname\", NULL AS \"?column?\" WHERE false UNION SELECT relname, NULL AS y FROM pg_class",
            ),
            (
                "SELECT conname FROM pg_constraint WHERE conrelid = $1 UNION SELECT relname FROM pg_class WHERE oid = $2",
                "SELECT NULL AS \"conname\" WHERE (false) AND (CAST($1 AS TEXT) IS NULL OR true) UNION SELECT relname FROM pg_class WHERE oid = $2",
            ),
            (
                "SELECT typname FROM pg_type AS t WHERE (SELECT c.relkind = 'c' FROM pg_class AS c WHERE c.oid = t.typrelid)",
                "SELECT typname FROM pg_type AS t WHERE (SELECT max(c.relkind = 'c') FROM pg_class AS c WHERE c.oid = t.typrelid)",
            ),
            (
                "SELECT p.proname FROM pg_type AS t LEFT JOIN pg_proc AS p ON p.oid = t.typreceive AND t.oid = p.prorettype",
                "SELECT p.proname FROM pg_type AS t LEFT JOIN pg_proc AS p ON p.proname = t.typreceive AND t.oid = p.prorettype",
            ),
            (
                "SELECT a FROM t WHERE a IN (SELECT b FROM routines)",
                "SELECT a FROM t WHERE a IN (SELECT b FROM routines)",
            ),
        ] {
            let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, given).unwrap().remove(0);
            let changed = leave_out(&mut statement);
            assert_eq!(changed, given != expected, "{given}");
            let expected = Parser::parse_sql(&PostgreSqlDialect {}, expected).unwrap().remove(0);
            assert_eq!(statement.to_string(), expected.to_string());
        }
    }
}
