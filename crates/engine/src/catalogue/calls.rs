//! Shared views that are asked of another relation: `view(relation)`.
//!
//! Such a view names in its front matter, as `over`, the relation that its reader may put another in the place of. A call
//! is written out before the query is planned: the view, and each view between it and that relation, becomes a CTE whose
//! query reads the reader's relation instead. Its name is the text of the call, which no file can have.
//!
//! Invariant: a call changes what it stands for and nothing else; a view that is read without one is the same for all
//! its readers. So no CTE may have the name of a shared view, and [`check`] finds where a name would be taken for another.
//! Deliberately absent: arguments that are no relations, and calls in users' SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, TableAlias, TableFactor, TableFunctionArgs,
    Visit, VisitMut, Visitor, VisitorMut,
};

use super::load::is_name;
use super::{View, bind, graph};
use crate::sql::{ident_name, relation_name, relations};

/// What takes the place of a relation, or of a call with its argument: `name`, or `name(argument)`.
pub(super) type Renames = BTreeMap<String, String>;

/// A relation with arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    pub view: String,
    /// The name of a relation, if that is what the one argument is.
    pub argument: Option<String>,
}

/// The calls in a query.
pub(super) fn of(query: &Query) -> BTreeSet<Call> {
    struct Calls(BTreeSet<Call>);
    impl Visitor for Calls {
        type Break = Infallible;
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
            if let TableFactor::Table { name, args: Some(args), .. } = factor
                && let Some(view) = relation_name(name)
            {
                self.0.insert(Call { view, argument: argument(args) });
            }
            ControlFlow::Continue(())
        }
    }
    let mut calls = Calls(BTreeSet::new());
    let ControlFlow::Continue(()) = Visit::visit(query, &mut calls);
    calls.0
}

/// The tables and views that a query reads, by itself or by giving them to a view that it calls.
pub(super) fn reads(query: &Query) -> BTreeSet<String> {
    let mut reads = relations(query);
    let outer = outer(query);
    let given = of(query).into_iter().filter_map(|call| call.argument);
    reads.extend(given.filter(|argument| !outer.contains(argument)));
    reads
}

/// What a query reads by its plain name, or by giving a view the relation that it reads anyway.
fn reads_as_it_is(query: &Query, views: &[View]) -> BTreeSet<String> {
    struct Plain(BTreeSet<String>);
    impl Visitor for Plain {
        type Break = Infallible;
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                self.0.extend(relation_name(name));
            }
            ControlFlow::Continue(())
        }
    }
    let mut plain = Plain(BTreeSet::new());
    let ControlFlow::Continue(()) = Visit::visit(query, &mut plain);
    let same = of(query).into_iter().filter(|call| call.argument.as_deref() == over(views, &call.view));
    plain.0.extend(same.map(|call| call.view));
    plain.0
}

/// The CTEs that a query begins with.
fn outer(query: &Query) -> Vec<String> {
    query.with.iter().flat_map(|with| &with.cte_tables).map(|cte| ident_name(&cte.alias.name)).collect()
}

fn argument(args: &TableFunctionArgs) -> Option<String> {
    match args.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name)))] => Some(ident_name(name)),
        _ => None,
    }
}

/// Reads other relations. What was read keeps its name in the columns.
pub(super) fn rename(query: &mut Query, renames: &Renames) {
    struct Renaming<'r>(&'r Renames);
    impl VisitorMut for Renaming<'_> {
        type Break = Infallible;
        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
            let TableFactor::Table { name, args, alias, .. } = factor else {
                return ControlFlow::Continue(());
            };
            let Some(old) = relation_name(name) else { return ControlFlow::Continue(()) };
            let key = match args.as_ref().map(argument) {
                None => Some(old.clone()),
                Some(argument) => argument.map(|argument| called(&old, &argument)),
            };
            if let Some(new) = key.and_then(|key| self.0.get(&key)) {
                *name = ObjectName::from(vec![ident(new)]);
                *args = None;
                if *new != old && alias.is_none() {
                    let name = ident(&old);
                    *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
                }
            }
            ControlFlow::Continue(())
        }
    }
    if !renames.is_empty() {
        let ControlFlow::Continue(()) = VisitMut::visit(query, &mut Renaming(renames));
    }
}

/// Puts the CTEs of its calls into a query. `text` is the query of a view that reads other relations.
pub(super) fn write_out(
    query: &mut Query,
    parsed: &BTreeMap<String, Query>,
    views: &[View],
    text: impl Fn(&str, &Renames) -> Query,
) {
    let mut renames = Renames::new();
    let mut made = BTreeSet::new();
    for Call { view, argument } in of(query) {
        let (over, argument) = over(views, &view).zip(argument).expect("the catalogue checked the calls");
        if argument == over {
            renames.insert(called(&view, &argument), view);
            continue;
        }
        renames.insert(called(&view, &argument), called(&view, &argument));
        let between = between(parsed, views, &view, over);
        let inner = inner(&between, over, &argument);
        for view in between {
            let name = called(&view.name, &argument);
            if made.insert(name.clone()) {
                let own = text(&view.name, &inner);
                let read = relations(&own);
                let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
                let is_read = ctes.map(|cte| read.contains(&ident_name(&cte.alias.name)));
                let place = is_read.enumerate().filter(|(_, is_read)| *is_read).last();
                let place = place.map_or(0, |(last, _)| last + 1);
                bind::insert_ctes(query, place, [bind::cte(&name, own)].into_iter());
            }
        }
    }
    rename(query, &renames);
}

/// What is wrong with the calls of a query and with the names of its CTEs, each with the name that it is about.
pub(super) fn check(
    query: &Query,
    parsed: &BTreeMap<String, Query>,
    views: &[View],
) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let mut problem = |name: &str, message: String| problems.push((name.to_owned(), message));
    let names = ctes(query);
    for name in names.iter().filter(|name| views.iter().any(|view| view.name == **name && view.is_shared())) {
        problem(
            name,
            format!(
                "the CTE {name} has the name of a shared view; rename it, and ask a view of its rows by view(cte)"
            ),
        );
    }
    let outer = outer(query);
    for Call { view, argument } in of(query) {
        let Some(over) = over(views, &view) else {
            if views.iter().any(|known| known.name == view) {
                problem(&view, format!("{view} takes no relation: its front matter has no over"));
            }
            continue;
        };
        let Some(argument) = argument else {
            problem(&view, format!("{view} takes the name of one relation, in the place of {over}"));
            continue;
        };
        let known =
            graph::TABLES.contains(&argument.as_str()) || views.iter().any(|view| view.name == argument);
        if !known && !outer.contains(&argument) {
            let message =
                format!("{argument} is neither a table or view nor a CTE that this query begins with");
            problem(&view, message);
        }
        // The call becomes a CTE behind its argument, and the query engine refuses a name within another of the same.
        let before = outer.iter().position(|name| *name == argument).map_or(0, |place| place + 1);
        let mut seen = BTreeSet::from([&argument]);
        seen.extend(&outer[..before]);
        for between in between(parsed, views, &view, over) {
            let Some(own) = parsed.get(&between.name) else { continue };
            for name in ctes(own).iter().filter(|name| seen.contains(name)) {
                problem(name, format!("{} has a CTE {name} of its own; rename this one", between.name));
            }
            if let Some(name) = relations(own).iter().find(|name| **name != over && names.contains(*name)) {
                problem(name, format!("the CTE {name} hides what {} reads; rename it", between.name));
            }
        }
    }
    problems
}

/// What is wrong with the relation that a view lets its readers replace.
pub(super) fn check_over(view: &View, query: &Query, views: &[View]) -> Option<String> {
    let replaced = view.over.as_deref()?;
    let is_shared = views.iter().any(|other| other.name == replaced && other.is_shared());
    let is_read = graph::closure(&view.from, views).iter().any(|other| other.name == replaced);
    if !is_shared || !is_read {
        return Some(format!("over names {replaced}, which is not a shared view that {} reads", view.name));
    }
    let passes_on = |call: &Call| call.argument.as_deref() == Some(replaced);
    let other =
        of(query).into_iter().find(|call| passes_on(call) && over(views, &call.view) != Some(replaced))?;
    Some(format!("{} is asked of {replaced} here, in the place of another relation", other.view))
}

fn over<'v>(views: &'v [View], view: &str) -> Option<&'v str> {
    views.iter().find(|known| known.name == view)?.over.as_deref()
}

/// The views through which `view` reads `over`, itself the last. A view that asks of a relation of its own is none of them.
fn between<'v>(parsed: &BTreeMap<String, Query>, views: &'v [View], view: &str, over: &str) -> Vec<&'v View> {
    let mut on_the_way = BTreeSet::from([over]);
    let mut between = Vec::new();
    for view in graph::closure(&[view.to_owned()], views) {
        let Some(query) = parsed.get(&view.name).filter(|_| view.name != over) else { continue };
        if reads_as_it_is(query, views).iter().any(|name| on_the_way.contains(name.as_str())) {
            on_the_way.insert(&view.name);
            between.push(view);
        }
    }
    between
}

/// What the views between read instead.
fn inner(between: &[&View], over: &str, argument: &str) -> Renames {
    let mut renames = Renames::from([(over.to_owned(), argument.to_owned())]);
    for view in between {
        renames.insert(view.name.clone(), called(&view.name, argument));
        if view.over.as_deref() == Some(over) {
            renames.insert(called(&view.name, over), called(&view.name, argument));
        }
    }
    renames
}

fn called(view: &str, argument: &str) -> String {
    format!("{view}({argument})")
}

pub(super) fn ident(name: &str) -> Ident {
    if is_name(name) { Ident::new(name) } else { Ident::with_quote('"', name) }
}

/// The names that a query defines, at any depth.
fn ctes(query: &Query) -> BTreeSet<String> {
    struct Ctes(BTreeSet<String>);
    impl Visitor for Ctes {
        type Break = Infallible;
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
            let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
            self.0.extend(ctes.map(|cte| ident_name(&cte.alias.name)));
            ControlFlow::Continue(())
        }
    }
    let mut ctes = Ctes(BTreeSet::new());
    let ControlFlow::Continue(()) = Visit::visit(query, &mut ctes);
    ctes.0
}
