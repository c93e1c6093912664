//! A metric has the parameters of the shared views that it reads, beside its own.
//!
//! Invariant: after [`params`] without problems, every `$name` of the metric's SQL is known, every
//! parameter that it declares is used by it or by a view, and no two views mean different things by one name.

use std::collections::BTreeMap;

use super::{Metric, Param, Problem, View, graph, value};

pub(super) fn params(metric: &mut Metric, views: &[View], problems: &mut Vec<Problem>) {
    let file = metric.file.clone();
    let mut problem = |line, message: String| problems.push(Problem::new(file.clone(), line, message));
    let mut inherited: BTreeMap<&str, (&View, &Param)> = BTreeMap::new();
    for view in graph::closure(&metric.reads, views) {
        for param in &view.params {
            if let Some(own) = metric.params.iter().find(|own| own.name == param.name) {
                if own.type_ != param.type_ {
                    let message = format!(
                        "parameter {} is of type {} in {}, which this metric reads",
                        own.name,
                        param.type_.as_str(),
                        view.name
                    );
                    problem(own.line, message);
                }
            } else if let Some((other, first)) = inherited.get(param.name.as_str())
                && !first.means(param)
            {
                let message = format!(
                    "{} and {} differ in the parameter {}; declare it here",
                    other.name, view.name, param.name
                );
                problem(1, message);
            }
            inherited.entry(&param.name).or_insert((view, param));
        }
    }
    let used = graph::placeholders(&metric.sql).unwrap_or_default();
    let own = |name: &str| metric.params.iter().any(|param| param.name == name);
    for name in &used {
        if !value::is_given(&name.text) && !own(&name.text) && !inherited.contains_key(name.text.as_str()) {
            problem(metric.sql_line + name.line - 1, format!("${} is not declared in params", name.text));
        }
    }
    for param in &metric.params {
        if !used.iter().any(|name| name.text == param.name) && !inherited.contains_key(param.name.as_str()) {
            problem(param.line, format!("parameter {} is declared and not used", param.name));
        }
    }
    let more: Vec<Param> =
        inherited.into_iter().filter(|(name, _)| !own(name)).map(|(_, (_, param))| param.clone()).collect();
    metric.params.extend(more);
    metric.params.sort_by(|a, b| a.name.cmp(&b.name));
}
