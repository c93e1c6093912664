//! What changed since last week: signals of teams, and milestones whose risk or date is another one. Nothing else is
//! news; a number that went up inside its limits has not changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use chrono::TimeDelta;
use engine::Listed;
use maud::{Markup, html};
use surface::{Problem, ShownDiff, Sight};

use crate::pages::risk;
use crate::pages::rows::Rows;
use crate::pages::visit::Visit;
use crate::pages::words;
use crate::request::metric_named;

/// Somebody or something that changed, and how.
struct Change {
    who: Markup,
    sentences: Vec<(Markup, String)>,
}

pub async fn list(visit: &Visit<'_>) -> Result<Markup, Problem> {
    let mut changes = Vec::new();
    if let Some(shown) = visit.perhaps("signals").await {
        changes.extend(signals(visit, &Rows::of(&shown)));
    }
    let since = visit.as_of() - TimeDelta::weeks(1);
    let drift = diff(visit, "milestone_drift").await?;
    changes.extend(moved_dates(visit, &Rows::of_diff(&drift)));
    let risk = diff(visit, "milestone_risk").await?;
    changes.extend(other_risks(visit, &risk));
    Ok(html! {
        @if changes.is_empty() {
            p { "No change beyond normal variation since " (words::date(since.date_naive())) "." }
        } @else {
            ul.changes {
                @for change in &changes {
                    li {
                        span.who { (change.who) }
                        div {
                            @for (what, why) in &change.sentences {
                                p { (what) @if !why.is_empty() { " " span.why { (why) } } }
                            }
                        }
                    }
                }
            }
        }
        p.soft.small {
            "Teams: figures of the last complete week too far from their usual to be chance. Milestones: compared with "
            (words::date(since.date_naive())) "."
        }
    })
}

fn signals(visit: &Visit<'_>, rows: &Rows<'_>) -> Vec<Change> {
    let (teams, series) = (rows.texts("team"), rows.texts("series"));
    let (called_out, meaning, week) = (rows.flags("called_out"), rows.texts("meaning"), rows.texts("week"));
    let (latest, mean) = (rows.numbers("latest"), rows.numbers("mean"));
    let (lower, upper) = (rows.numbers("lower"), rows.numbers("upper"));
    let said = |value: Option<f64>| {
        value.map_or("–".to_owned(), |value| words::amount((value * 10.0).round() / 10.0, ""))
    };
    let mut changes: BTreeMap<&str, Change> = BTreeMap::new();
    for row in (0..rows.len()).filter(|row| called_out[*row] == Some(true)) {
        let (team, series) =
            (teams[row].as_deref().unwrap_or("(none)"), series[row].as_deref().unwrap_or("?"));
        let link = visit.lens.link("/metric/signals", &[("team", team)]);
        let change = changes
            .entry(team)
            .or_insert_with(|| Change { who: html! { a href=(link) { (team) } }, sentences: Vec::new() });
        let name = words::sentence(&words::plain(series));
        let name = name.trim_end_matches('.');
        let (meaning, week) = (meaning[row].as_deref(), week[row].as_deref());
        let what = html! {
            (name) " " strong { (said(latest[row])) } " in " (week.unwrap_or("the last week")) ", " (meaning.unwrap_or("a signal")) "."
        };
        let why = format!("Mean {}, normal {} to {}.", said(mean[row]), said(lower[row]), said(upper[row]));
        change.sentences.push((what, why));
    }
    changes.into_values().collect()
}

/// The metric at the moment looked at and a week before, as the visitor may see it.
async fn diff(visit: &Visit<'_>, name: &str) -> Result<ShownDiff, Problem> {
    let metric = metric_named(visit.parts, name)?;
    let sight = visit.sight(&metric).await?;
    if sight != Sight::All {
        return Err(Problem::forbidden("what changed is not for this token"));
    }
    let (to, query) = (visit.as_of(), visit.query(Default::default()));
    let query = engine::Query { as_of: None, ..query };
    let (engine, app) = (visit.parts.engine.clone(), Arc::clone(visit.app));
    let span = (to - TimeDelta::weeks(1), to);
    let diff =
        async move { app.wall.diff(&engine, &metric, &query, span, (&Sight::All, Listed::Nothing)).await };
    visit.parts.compute(diff).await
}

fn moved_dates(visit: &Visit<'_>, rows: &Rows<'_>) -> Vec<Change> {
    let (milestones, titles) = (rows.texts("milestone"), rows.texts("title"));
    let (difference, sentence) = (rows.numbers("difference"), rows.texts("sentence"));
    (0..rows.len())
        .filter(|row| difference[*row].is_some_and(|days| days != 0.0))
        .map(|row| {
            let sentence = sentence[row].as_deref().unwrap_or_default();
            let (headline, causes) = sentence.split_once(": ").unwrap_or((sentence, ""));
            let what = html! { "Its date against the baseline: " (headline) "." };
            Change {
                who: named(visit, milestones[row].as_deref(), titles[row].as_deref()),
                sentences: vec![(what, because(causes))],
            }
        })
        .collect()
}

fn other_risks(visit: &Visit<'_>, diff: &ShownDiff) -> Vec<Change> {
    let rows = Rows::of_diff(diff);
    let (milestones, titles, kind) = (rows.texts("milestone"), rows.texts("title"), rows.texts("row"));
    let sentence = rows.texts("sentence");
    let name = |row: usize| named(visit, milestones[row].as_deref(), titles[row].as_deref());
    let mut changes = Vec::new();
    for (row, sentence) in sentence.iter().enumerate() {
        let Some((before, after)) = cell(diff, row, "colour") else { continue };
        let share = |text: &str| text.parse().map_or_else(|_| text.to_owned(), words::percent);
        let odds = cell(diff, row, "p_hit").map(|(before, after)| (share(&before), share(&after)));
        let what = html! {
            "Risk went from " (level(&before)) " to " strong { (level(&after)) } "."
            @if let Some((before, after)) = odds { " The odds of its date went from " (before) " to " (after) "." }
        };
        let causes = sentence.as_deref().and_then(|text| text.rsplit_once(": "));
        let why = because(causes.map_or("", |(_, causes)| causes));
        changes.push(Change { who: name(row), sentences: vec![(what, why)] });
    }
    for (wanted, who) in [("added", "New milestones"), ("removed", "No longer open")] {
        let of_kind: Vec<usize> =
            (0..rows.len()).filter(|row| kind[*row].as_deref() == Some(wanted)).collect();
        if !of_kind.is_empty() {
            let what = html! { @for (n, row) in of_kind.into_iter().enumerate() { @if n > 0 { ", " } (name(row)) } "." };
            changes.push(Change { who: html! { (who) }, sentences: vec![(what, String::new())] });
        }
    }
    changes
}

/// A colour of risk in words.
fn level(colour: &str) -> &str {
    match colour {
        "red" => "high",
        "amber" => "raised",
        "green" => "low",
        other => other,
    }
}

fn because(causes: &str) -> String {
    if causes.is_empty() { String::new() } else { words::sentence(causes) }
}

fn named(visit: &Visit<'_>, milestone: Option<&str>, title: Option<&str>) -> Markup {
    let id = milestone.unwrap_or_default();
    html! { a href=(visit.lens.link(&risk::path(id), &[])) { (title.unwrap_or(id)) } }
}

/// What a column of a changed row was and is.
fn cell(diff: &ShownDiff, row: usize, column: &str) -> Option<(String, String)> {
    let lists = diff.diff().rows.column_by_name("cells")?.as_list_opt::<i32>()?;
    let cells = lists.value(row);
    let cells = cells.as_struct_opt()?;
    let text = |name: &str| cells.column_by_name(name).map(|texts| texts.as_string::<i32>().clone());
    let (names, before, after) = (text("column")?, text("before")?, text("after")?);
    let at = (0..names.len()).find(|at| names.value(*at) == column)?;
    Some((before.value(at).to_owned(), after.value(at).to_owned()))
}
