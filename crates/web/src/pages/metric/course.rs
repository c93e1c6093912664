//! How a metric goes over time: from its rows where they are weeks or days, else from one evaluation a week.
//!
//! Invariant: the number of evaluations is bounded by what they cost: a chart asks for fewer weeks of a slow metric and
//! says so. Series beyond [`SERIES_MAX`] are in the table only.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc, Weekday};
use engine::{Level, Metric, Series};
use maud::{Markup, html};

use super::MetricVisit;
use crate::pages::figure;
use crate::pages::rows::Rows;
use crate::pages::words;
use report::chart::{self, Bar, Bars, Head, Tone};
use surface::Problem;

/// Lines that can be told apart.
const SERIES_MAX: usize = 7;
const BARS_MAX: usize = 24;
/// What may be asked for; the first is shown.
const WEEKS: [usize; 3] = [13, 26, 52];
/// About how long all evaluations of a chart may take together.
const BUDGET_SECONDS: f64 = 4.0;
const STEPS_MIN: usize = 4;

type Points = Vec<(DateTime<Utc>, Option<f64>)>;

pub fn weeks(given: Option<&str>) -> Result<usize, Problem> {
    let Some(given) = given else { return Ok(WEEKS[0]) };
    let weeks = WEEKS.into_iter().find(|weeks| weeks.to_string() == given);
    weeks.ok_or_else(|| Problem::bad_parameter("weeks", "must be one of 13, 26, 52"))
}

/// A bar for each row, where rows are few and differ by one label.
pub fn bars(metric: &Metric, rows: &Rows<'_>) -> Option<Bars> {
    let values = rows.numbers(&metric.value);
    if rows.len() == 0 || rows.len() > BARS_MAX || values.iter().flatten().any(|value| *value < 0.0) {
        return None;
    }
    let bar = |(label, value): (String, &Option<f64>)| Bar {
        label,
        value: *value,
        said: value.map_or("no figure".to_owned(), |value| said(metric, value)),
        tone: Tone::Series(0),
    };
    let title = format!("{}, {}", metric.title, words::plain(&metric.value));
    let bars = names(metric, rows, &[]).into_iter().zip(&values).map(bar).collect();
    Some(Bars { head: Head::new("bars", &title), bars })
}

fn said(metric: &Metric, value: f64) -> String {
    if words::is_share(&metric.value) { words::percent(value) } else { words::amount(value, &metric.unit) }
}

/// The chart of a metric whose rows are weeks, days or reports of their own.
pub fn in_rows(metric: &Metric, rows: &Rows<'_>) -> Option<Markup> {
    if metric.level == Level::Person {
        return None;
    }
    let (time, label): (Vec<Option<DateTime<Utc>>>, &str) =
        if metric.labels.iter().any(|label| label == "week") {
            (rows.texts("week").iter().map(|week| monday(week.as_deref()?)).collect(), "week")
        } else if metric.labels.iter().any(|label| label == "day") {
            (
                rows.dates("day")
                    .into_iter()
                    .map(|day| Some(day?.and_time(Default::default()).and_utc()))
                    .collect(),
                "day",
            )
        } else {
            return None;
        };
    let (values, complete) = (rows.numbers(&metric.value), rows.flags("complete"));
    let mut series: BTreeMap<String, Points> = BTreeMap::new();
    for (row, name) in names(metric, rows, &[label]).into_iter().enumerate() {
        // A week that is not over would look like a fall.
        if let Some(at) = time[row].filter(|_| complete[row] != Some(false)) {
            series.entry(name).or_default().push((at, values[row]));
        }
    }
    let note = complete.contains(&Some(false));
    (!series.is_empty()).then(|| {
        html! {
            (drawn(metric, "rows", series))
            @if note { p.legend-note { "Complete weeks; the one that is not over is in the table." } }
        }
    })
}

/// The Monday of `2026-W36`.
fn monday(week: &str) -> Option<DateTime<Utc>> {
    let (year, week) = week.split_once("-W")?;
    let monday = NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)?;
    Some(monday.and_time(Default::default()).and_utc())
}

/// What tells rows apart, without the labels in `but`. A title stands for the id that it belongs to.
fn names(metric: &Metric, rows: &Rows<'_>, but: &[&str]) -> Vec<String> {
    let titled = metric.labels.iter().any(|label| label == "title");
    let labels = metric.labels.iter().map(String::as_str);
    let labels: Vec<&str> =
        if titled { vec!["title"] } else { labels.filter(|label| !but.contains(label)).collect() };
    let columns: Vec<Vec<Option<String>>> = labels.into_iter().map(|label| rows.texts(label)).collect();
    let name = |row: usize| {
        let parts: Vec<&str> =
            columns.iter().map(|column| column[row].as_deref().unwrap_or("(none)")).collect();
        if parts.is_empty() { metric.title.clone() } else { parts.join(" · ") }
    };
    (0..rows.len()).map(name).collect()
}

/// The metric at weekly moments.
pub async fn over_time(asked: &MetricVisit<'_>, weeks: usize) -> Result<Markup, Problem> {
    let (visit, metric) = (&asked.visit, &asked.metric);
    if metric.level == Level::Person {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "there are no charts of single people; the table has what may be shown",
        ));
    }
    let seconds = visit.parts.engine.board().tried.get(&metric.name).map_or(0.0, |tried| tried.seconds);
    let affordable = if seconds > 0.0 { (BUDGET_SECONDS / seconds) as usize } else { weeks };
    let steps = weeks.min(affordable.max(STEPS_MIN));
    let series = sparse(visit.weekly(weeks), steps);
    let found = visit.series(metric, asked.filter.clone(), &series).await?;
    let mut lines: BTreeMap<String, Points> = BTreeMap::new();
    for step in &found {
        let rows = Rows::of(step);
        for (name, value) in names(metric, &rows, &[]).into_iter().zip(rows.numbers(&metric.value)) {
            lines.entry(name).or_default().push((step.result().as_of, value));
        }
    }
    let link =
        |weeks: usize| asked.link(&format!("{}/over-time", asked.path()), &[("weeks", &weeks.to_string())]);
    Ok(html! {
        (drawn(metric, "course", lines))
        div.split {
            p.legend-note {
                (words::count(series.moments.len(), "evaluation", "evaluations")) " of the past " (words::count(weeks, "week", "weeks"))
                @if steps < weeks { ", fewer than one a week: each takes " (chart::number(seconds)) " s" }
                "."
            }
            p.steps {
                @for other in WEEKS {
                    @if other == weeks { strong { (other) " weeks" } } @else { a href=(link(other)) { (other) " weeks" } }
                }
            }
        }
    })
}

/// `steps` of the moments and the last, at distances as equal as they can be.
fn sparse(series: Series, steps: usize) -> Series {
    let last = series.moments.len() - 1;
    let chosen = (0..=steps).map(|n| n * last / steps.max(1));
    let mut moments: Vec<_> = chosen.map(|index| series.moments[index]).collect();
    moments.dedup();
    Series { moments, ..series }
}

fn drawn(metric: &Metric, id: &str, series: BTreeMap<String, Points>) -> Markup {
    let all = series.len();
    let last = |points: &Points| points.iter().rev().find_map(|(_, value)| *value).map_or(0.0, f64::abs);
    let moved = |points: &Points| {
        let known = points.iter().filter_map(|(_, value)| *value);
        known.clone().fold(f64::MIN, f64::max) - known.fold(f64::MAX, f64::min)
    };
    let mut by_size: Vec<(String, Points)> = series.into_iter().collect();
    if all > SERIES_MAX {
        by_size.sort_by(|a, b| {
            moved(&b.1)
                .total_cmp(&moved(&a.1))
                .then(last(&b.1).total_cmp(&last(&a.1)))
                .then_with(|| a.0.cmp(&b.0))
        });
        by_size.truncate(SERIES_MAX);
    }
    let title = format!("{}, {}", metric.title, words::plain(&metric.value));
    let plot = chart::over_time(Head::new(id, &title), &metric.unit, by_size);
    html! {
        h3 { (words::heading(&metric.value)) @if !heading_has(metric) { span.soft { ", " (metric.unit) } } }
        (figure::plot(&plot))
        @if all > SERIES_MAX {
            p.legend-note { "The " (SERIES_MAX) " that moved most, of " (all) "; name a team, or take a download, for the others." }
        }
    }
}

fn heading_has(metric: &Metric) -> bool {
    metric.unit == "ratio" || metric.value.split('_').any(|word| word == metric.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_their_mondays() {
        assert_eq!(monday("2026-W36").unwrap().to_rfc3339(), "2026-08-31T00:00:00+00:00");
        assert_eq!(monday("2026-36"), None);
        assert_eq!(weeks(None).unwrap(), 13);
        assert_eq!(weeks(Some("14")).unwrap_err().status.as_u16(), 400);
    }

    #[test]
    fn a_slow_metric_is_asked_less_often() {
        let at = |n: i64| DateTime::from_timestamp(n * 604_800, 0).unwrap();
        let series = Series { moments: (0..=13).map(at).collect(), rows_max: 10 };
        let few = sparse(series.clone(), 4);
        assert_eq!(few.moments, [0, 3, 6, 9, 13].map(at));
        assert_eq!(sparse(series.clone(), 13), series);
    }
}
