//! The relations that a query reads: tables, views and metrics, wherever their names are.
//!
//! A name is resolved as the query engine does it: a CTE hides a relation of its name from what comes after it, not from
//! itself, and only within its query; a name with a schema is never a CTE. Letter case counts in quotes only.
//! Invariant: nothing that the query engine would read is left out, so this may decide who sees what.
//! Deliberately absent: columns, functions, and names in texts and comments.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, SetExpr, SetOperator, TableFactor, Visit, Visitor,
};

use crate::evaluate::session::{SQL_CATALOG, SQL_SCHEMA};

/// The relations that a statement, or a part of one, reads. One of another schema is there with that schema.
pub fn relations(part: &impl Visit) -> BTreeSet<String> {
    uses(part).into_keys().collect()
}

/// The same, with how often each is read.
pub fn uses(part: &impl Visit) -> BTreeMap<String, usize> {
    let mut walk = Walk::default();
    let ControlFlow::Continue(()) = part.visit(&mut walk);
    walk.found
}

/// The name of a relation of ours: with no schema, or with `public`.
pub fn relation_name(name: &ObjectName) -> Option<String> {
    let parts: Vec<String> =
        name.0.iter().map(|part| part.as_ident().map(ident_name)).collect::<Option<_>>()?;
    match parts.as_slice() {
        [name] => Some(name.clone()),
        [schema, name] if schema == SQL_SCHEMA => Some(name.clone()),
        [catalog, schema, name] if catalog == SQL_CATALOG && schema == SQL_SCHEMA => Some(name.clone()),
        _ => None,
    }
}

/// What an identifier names: without quotes it is in lower case.
pub fn ident_name(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// The CTEs of one query, the first `visible` of which can be read.
#[derive(Clone)]
struct Scope {
    /// Each with where its query is, which is how the walk knows that it is there.
    ctes: Vec<(*const Query, String)>,
    visible: usize,
    recursive: bool,
}

#[derive(Default)]
struct Walk {
    scopes: Vec<Scope>,
    found: BTreeMap<String, usize>,
}

impl Walk {
    fn read(&mut self, name: &ObjectName) {
        let Some(relation) = relation_name(name) else { return self.add(name.to_string(), 1) };
        let mut visible = self.scopes.iter().flat_map(|scope| &scope.ctes[..scope.visible]);
        let is_cte = name.0.len() == 1 && visible.any(|(_, cte)| *cte == relation);
        if !is_cte {
            self.add(relation, 1);
        }
    }

    fn add(&mut self, relation: String, times: usize) {
        *self.found.entry(relation).or_default() += times;
    }

    /// Of a CTE's query, which one of the query around it it is.
    fn place(&self, query: &Query) -> Option<usize> {
        self.scopes.last()?.ctes.iter().position(|(cte, _)| std::ptr::eq(*cte, query))
    }

    /// A recursive CTE can be read in the second part of its union. In the first its name is still that of another
    /// relation.
    fn enter_recursive(&mut self, query: &Query, place: usize) {
        let Some(scope) = self.scopes.last().filter(|scope| scope.recursive) else { return };
        let SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } = query.body.as_ref() else {
            return;
        };
        let own = scope.ctes[place].1.clone();
        let mut first = Walk { scopes: self.scopes.clone(), found: BTreeMap::new() };
        let ControlFlow::Continue(()) = left.visit(&mut first);
        if let Some(times) = first.found.get(&own) {
            self.add(own, *times);
        }
        self.show(place);
        // Of such a query the query engine drops the CTEs, so both parts read what is outside.
        if query.with.is_some() {
            let mut parts = Walk { scopes: self.scopes.clone(), found: first.found };
            parts.read_tables(&query.body);
            let ControlFlow::Continue(()) = right.visit(&mut parts);
            parts.found.into_iter().for_each(|(relation, times)| self.add(relation, times));
        }
    }

    fn show(&mut self, place: usize) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.visible = scope.visible.max(place + 1);
        }
    }

    /// `TABLE name`, which is a whole query.
    fn read_tables(&mut self, body: &SetExpr) {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.read_tables(left);
                self.read_tables(right);
            }
            SetExpr::Table(table) => {
                let parts = table.schema_name.iter().chain(&table.table_name);
                self.read(&ObjectName(parts.map(Ident::new).map(ObjectNamePart::Identifier).collect()));
            }
            _ => {}
        }
    }
}

impl Visitor for Walk {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        if let Some(place) = self.place(query) {
            self.enter_recursive(query, place);
        }
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.scopes.push(Scope {
            ctes: ctes.map(|cte| (std::ptr::from_ref(&*cte.query), ident_name(&cte.alias.name))).collect(),
            visible: 0,
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
        });
        self.read_tables(&query.body);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        self.scopes.pop();
        if let Some(place) = self.place(query) {
            self.show(place);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<Infallible> {
        self.read(name);
        ControlFlow::Continue(())
    }

    /// `LATERAL f(x)`, which the walk does not take for a relation.
    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::Function { name, .. } = factor {
            self.read(name);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::{GenericDialect, PostgreSqlDialect};
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn check(sql: &str, expect: &str) {
        let read = |statements| relations(&statements).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(read(Parser::parse_sql(&GenericDialect {}, sql).unwrap()), expect, "{sql}");
        assert_eq!(read(Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap()), expect, "{sql}");
    }

    #[test]
    fn a_name_is_found_wherever_it_is() {
        for (sql, expect) in [
            ("SELECT 1", ""),
            ("SELECT t.x FROM secret AS t, open JOIN closed ON true", "closed open secret"),
            ("SELECT 1 WHERE EXISTS (SELECT 1 FROM secret)", "secret"),
            ("SELECT (SELECT max(x) FROM secret)", "secret"),
            (
                "SELECT x FROM open WHERE x IN (SELECT x FROM secret) ORDER BY (SELECT 1 FROM closed)",
                "closed open secret",
            ),
            ("SELECT 1 UNION (SELECT 2 EXCEPT SELECT x FROM secret)", "secret"),
            ("SELECT * FROM ((SELECT * FROM secret) AS a CROSS JOIN open)", "open secret"),
            ("EXPLAIN SELECT * FROM secret", "secret"),
            ("SELECT x FROM open UNION TABLE secret", "open secret"),
            ("SELECT * FROM secret(1)", "secret"),
            ("SELECT * FROM open, LATERAL secret(open.x)", "open secret"),
            ("SELECT 1 LIMIT (SELECT count(*) FROM secret)", "secret"),
        ] {
            check(sql, expect);
        }
    }

    #[test]
    fn words_that_are_no_relations_are_none() {
        for sql in [
            "SELECT 'secret' AS \"secret\"",
            "SELECT secret.x FROM open AS secret",
            "SELECT secret FROM open -- secret",
            "SELECT secret(x) FROM open /* FROM secret */",
        ] {
            let expect = if sql.contains("open") { "open" } else { "" };
            check(sql, expect);
        }
    }

    #[test]
    fn a_name_is_spelt_in_many_ways() {
        for (sql, expect) in [
            ("SELECT * FROM SeCrEt", "secret"),
            ("SELECT * FROM \"secret\"", "secret"),
            ("SELECT * FROM \"Secret\"", "Secret"),
            ("SELECT * FROM public.secret", "secret"),
            ("SELECT * FROM PUBLIC.\"secret\"", "secret"),
            ("SELECT * FROM plimsoll.public.secret", "secret"),
            ("SELECT * FROM other.secret", "other.secret"),
            ("SELECT * FROM information_schema.tables", "information_schema.tables"),
        ] {
            check(sql, expect);
        }
    }

    #[test]
    fn a_cte_hides_a_relation_where_the_query_engine_reads_the_cte() {
        for (sql, expect) in [
            ("WITH secret AS (SELECT 1 AS x) SELECT * FROM secret", ""),
            ("WITH secret AS (SELECT * FROM secret) SELECT * FROM secret", "secret"),
            ("WITH a AS (SELECT * FROM secret), secret AS (SELECT 1) SELECT * FROM secret, a", "secret"),
            ("WITH secret AS (SELECT 1) SELECT * FROM public.secret", "secret"),
            ("WITH \"Secret\" AS (SELECT 1) SELECT * FROM secret", "secret"),
            ("WITH SECRET AS (SELECT 1) SELECT * FROM \"secret\"", ""),
            ("SELECT * FROM (WITH secret AS (SELECT 1) SELECT * FROM secret) AS a, secret", "secret"),
            ("WITH a AS (WITH secret AS (SELECT 1) SELECT * FROM secret) SELECT * FROM secret", "secret"),
            ("WITH secret AS (SELECT 1) SELECT (SELECT count(*) FROM secret)", ""),
            ("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT * FROM n", ""),
            ("WITH RECURSIVE secret AS (SELECT * FROM secret) SELECT * FROM secret", "secret"),
            ("WITH RECURSIVE secret AS (SELECT x FROM secret UNION SELECT x FROM secret) SELECT 1", "secret"),
            (
                "WITH RECURSIVE n AS (WITH secret AS (SELECT 1 AS x) SELECT x FROM secret UNION ALL SELECT x FROM n) \
                 SELECT * FROM n",
                "secret",
            ),
        ] {
            check(sql, expect);
        }
    }

    #[test]
    fn each_use_counts() {
        let sql = "WITH a AS (SELECT * FROM t) SELECT * FROM t, a, a AS b WHERE x IN (SELECT x FROM t)";
        let statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        assert_eq!(uses(&statements), BTreeMap::from([("t".to_owned(), 3)]));
    }
}
