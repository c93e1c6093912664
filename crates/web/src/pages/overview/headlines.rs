//! The three headline cards: a value, what it means in a sentence, its course, and its range over the last weeks.
//!
//! Deliberately absent: any judgement of a change. What is more than normal variation, the metric `signals` says.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use maud::{Markup, PreEscaped, html};

use crate::pages::figure::late;
use crate::pages::risk;
use crate::pages::rows::Rows;
use crate::pages::visit::{Filter, Visit};
use crate::pages::words;
use report::chart::{Head, Look, Spark, Tone};
use surface::Problem;

/// Weeks before this one.
const WEEKS: usize = 12;

struct Card<'a> {
    title: &'a str,
    metric: &'a str,
    value: String,
    of: String,
    says: Markup,
    course: Markup,
}

impl Card<'_> {
    fn html(&self, visit: &Visit<'_>) -> Markup {
        html! {
            section.card aria-label=(self.title) {
                h2 { a href=(visit.lens.link(&format!("/metric/{}", self.metric), &[])) { (self.title) } }
                p.value { (self.value) " " small { (self.of) } }
                p.says { (self.says) }
                div.course { (self.course) }
            }
        }
    }
}

fn missing(visit: &Visit<'_>, title: &str, metric: &str) -> Markup {
    let says = html! { span.soft { "Not evaluated yet." } };
    let (value, of) = ("–".to_owned(), String::new());
    Card { title, metric, value, of, says, course: html! {} }.html(visit)
}

pub async fn load(visit: &Visit<'_>) -> Markup {
    let (title, metric) = ("Review load", "review_load");
    let Some(shown) = visit.perhaps(metric).await else { return missing(visit, title, metric) };
    let rows = Rows::of(&shown);
    let (teams, open) = (rows.texts("team"), rows.numbers("open_reviews"));
    let (each, overloaded) = (rows.numbers("open_per_reviewer"), rows.numbers("overloaded_reviewers"));
    let overloaded: f64 = overloaded.iter().flatten().sum();
    let busiest = most(&each).and_then(|row| Some((teams[row].as_deref()?, each[row]?, open[row]?)));
    let says = html! {
        @if let Some((team, each, open)) = busiest {
            strong { (team) } " has the most: " (words::amount(open, "reviews")) ", " (words::amount(each, "")) " per reviewer. "
        }
        @if overloaded > 0.0 {
            span.flag { (words::count(overloaded as usize, "reviewer is", "reviewers are")) " overloaded." }
        } @else { "Nobody is overloaded." }
    };
    let value = sum(&open).map_or("–".to_owned(), |sum| words::amount(sum, ""));
    let course = late(&visit.lens.link("/overview/load", &[]), "Reading the last weeks …");
    Card { title, metric, value, of: "open reviews".to_owned(), says, course }.html(visit)
}

pub async fn load_course(visit: &Visit<'_>) -> Result<Markup, Problem> {
    let weeks = weekly(visit, "review_load", |rows| sum(&rows.numbers("open_reviews"))).await?;
    Ok(course("load", "Open reviews, week by week", &weeks, |value| format!("{value:.0}")))
}

pub async fn balance(visit: &Visit<'_>) -> Markup {
    let (title, metric) = ("Delegation balance", "delegation_balance");
    let Some(shown) = visit.perhaps(metric).await else { return missing(visit, title, metric) };
    let rows = Rows::of(&shown);
    let (teams, people) = (rows.texts("team"), rows.numbers("people"));
    let (owners, lead) = (rows.numbers("effective_owners"), rows.numbers("lead_critical_share"));
    let keeps = rows.flags("lead_keeps_too_much");
    let share = |row: usize| Some(-(owners[row]? / people[row]?));
    let narrowest = most(&(0..rows.len()).map(share).collect::<Vec<_>>());
    let says = html! {
        @if let Some(row) = narrowest {
            "Work is most concentrated in " strong { (teams[row].as_deref().unwrap_or("(none)")) } ": effectively "
            (words::amount(owners[row].unwrap_or_default(), "")) " of its " (words::amount(people[row].unwrap_or_default(), "people"))
            " carry it. "
        }
        @let keeping: Vec<usize> = (0..rows.len()).filter(|row| keeps[*row] == Some(true)).collect();
        @for row in keeping {
            span.flag {
                "The lead of " (teams[row].as_deref().unwrap_or("(none)")) " keeps "
                (words::percent(lead[row].unwrap_or_default())) " of the critical work. "
            }
        }
    };
    let value = spread(&rows).map_or("–".to_owned(), words::percent);
    let of = "of people carry the open work".to_owned();
    let course = late(&visit.lens.link("/overview/balance", &[]), "Reading the last weeks …");
    Card { title, metric, value, of, says, course }.html(visit)
}

pub async fn balance_course(visit: &Visit<'_>) -> Result<Markup, Problem> {
    let weeks = weekly(visit, "delegation_balance", spread).await?;
    Ok(course("balance", "Share of people who carry the open work, week by week", &weeks, words::percent))
}

/// The people among whom work would be spread as evenly as it is now, as a share of all.
fn spread(rows: &Rows<'_>) -> Option<f64> {
    let (owners, people) = (rows.numbers("effective_owners"), rows.numbers("people"));
    let known = owners.iter().zip(&people).filter_map(|(owners, people)| Some(((*owners)?, (*people)?)));
    let (owners, people) = known.fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
    (people > 0.0).then(|| owners / people)
}

pub async fn drift(visit: &Visit<'_>) -> Markup {
    let (title, metric) = ("Milestone drift", "milestone_forecast");
    let Some(shown) = visit.perhaps(metric).await else { return missing(visit, title, metric) };
    let outlooks = risk::outlooks(&Rows::of(&shown));
    let told: Vec<_> = outlooks.iter().filter(|outlook| outlook.p_hit.is_some()).collect();
    let late = told.iter().filter(|outlook| outlook.likely_late).count();
    let furthest = told.iter().filter_map(|o| Some((o.p50_on? - o.due_on?, o))).max_by_key(|(far, _)| *far);
    let says = html! {
        @match furthest {
            Some((far, outlook)) if far.num_days() > 0 => {
                "Furthest off is "
                a href=(visit.lens.link(&risk::path(&outlook.milestone), &[])) { (outlook.title) }
                ": even odds of being done " (words::count(far.num_days() as usize, "day", "days")) " after its date. "
            }
            _ => { "Every forecast is on its date or before it. " }
        }
        @if told.len() < outlooks.len() {
            (words::count(outlooks.len() - told.len(), "milestone has", "milestones have")) " no forecast."
        }
    };
    let (value, of) = (format!("{late} of {}", told.len()), "milestones likely late".to_owned());
    let course = match visit.perhaps("milestone_trend").await {
        Some(trend) => course(
            "drift",
            "Share of milestones likely late, week by week",
            &lateness(&Rows::of(&trend)),
            words::percent,
        ),
        None => html! {},
    };
    Card { title, metric, value, of, says, course }.html(visit)
}

/// The share of milestones that were likely late, week by week.
fn lateness(rows: &Rows<'_>) -> Vec<Option<f64>> {
    let (at, likely) = (rows.moments("reported_at"), rows.flags("likely_late"));
    let mut weeks: BTreeMap<_, (f64, f64)> = BTreeMap::new();
    for (at, likely) in at.into_iter().zip(likely) {
        let (late, all) = weeks.entry(at).or_default();
        if let Some(likely) = likely {
            *late += f64::from(u8::from(likely));
            *all += 1.0;
        }
    }
    weeks.into_values().map(|(late, all)| (all > 0.0).then(|| late / all)).collect()
}

/// One figure of a metric at each of the last weeks.
async fn weekly(
    visit: &Visit<'_>,
    name: &str,
    figure: impl Fn(&Rows<'_>) -> Option<f64>,
) -> Result<Vec<Option<f64>>, Problem> {
    let metric = crate::request::metric_named(visit.parts, name)?;
    let steps = visit.series(&metric, Filter::default(), &visit.weekly(WEEKS)).await?;
    Ok(steps.iter().map(|step| figure(&Rows::of(step))).collect())
}

/// The sparkline, the change since last week, and between which values the weeks before were.
///
/// Whether a change is more than normal variation is for the metric `signals` to say, which the page shows further down.
fn course(id: &str, title: &str, weeks: &[Option<f64>], said: impl Fn(f64) -> String) -> Markup {
    let (before, now) = weeks.split_at(weeks.len().saturating_sub(1));
    let range = range(before);
    let (last, now) = (before.last().copied().flatten(), now.first().copied().flatten());
    let known = weeks.iter().flatten().count();
    let description = format!(
        "{title}: the last {known} weeks{}",
        match (last, now) {
            (Some(last), Some(now)) => format!(", {} last week and {} now", said(last), said(now)),
            _ => String::new(),
        }
    );
    let head = Head { id: format!("spark-{id}"), title: title.to_owned(), description };
    let spark = Spark { head, values: weeks.to_vec(), range: range.clone(), tone: Tone::Series(0) };
    html! {
        div {
            p {
                @match last.zip(now) {
                    Some((last, now)) if said(last) == said(now) => { "As last week" }
                    Some((last, now)) => {
                        strong { (if now > last { "▲" } else { "▼" }) " from " (said(last)) } " last week"
                    }
                    None => { span.soft { "No figure of last week" } }
                }
            }
            @if let Some(range) = &range {
                @let (least, most) = (said(*range.start()), said(*range.end()));
                p.soft { "Weeks before: " (least) @if most != least { " to " (most) } }
            }
        }
        (PreEscaped(spark.svg(Look::SPARK)))
    }
}

/// The least and the most of the weeks that have a figure.
fn range(weeks: &[Option<f64>]) -> Option<RangeInclusive<f64>> {
    let known = weeks.iter().flatten();
    known.fold(None, |range: Option<RangeInclusive<f64>>, &week| {
        Some(range.map_or(week..=week, |range| range.start().min(week)..=range.end().max(week)))
    })
}

fn sum(values: &[Option<f64>]) -> Option<f64> {
    let known = values.iter().flatten();
    values.iter().any(Option::is_some).then(|| known.sum())
}

/// The row with the largest value; of equal ones the first.
fn most(values: &[Option<f64>]) -> Option<usize> {
    let known = values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?)));
    known.reduce(|most, next| if next.1 > most.1 { next } else { most }).map(|(row, _)| row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_largest_is_most() {
        assert_eq!(most(&[Some(1.0), None, Some(3.0), Some(3.0)]), Some(2));
        assert_eq!(most(&[None]), None);
        assert_eq!(sum(&[None, Some(1.0), Some(2.0)]), Some(3.0));
        assert_eq!(sum(&[None]), None);
    }

    #[test]
    fn a_course_shows_the_change_and_the_range_of_the_weeks_before() {
        let weeks: Vec<Option<f64>> = [10, 12, 9, 10, 12, 11, 30].map(|n| Some(f64::from(n))).to_vec();
        let text = course("x", "Things", &weeks, |value| format!("{value:.0}")).0;
        assert!(text.contains("▲ from 11") && text.contains("Weeks before: 9 to 12"), "{text}");
        let text = course("x", "Things", &[Some(1.0), Some(1.0)], |value| format!("{value:.0}")).0;
        assert!(text.contains("As last week"), "{text}");
        assert_eq!(range(&[None]), None);
    }
}
