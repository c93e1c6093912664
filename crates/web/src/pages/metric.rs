//! `/metric/{name}`: one metric with its chart, table, controls, definition and downloads; `.json` is the API's answer.
//!
//! Everything comes from the metric's front matter and its rows, so a file that a user drops into a directory has its
//! page with no code. Deliberately absent: charts of single people, and any ranking of them.

mod controls;
mod course;
mod definition;
mod events;

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use engine::{Level, Metric};
use maud::{Markup, html};

use super::figure;
use super::layout::{Page, Stamp};
use super::rows::Rows;
use super::table::{self, Extras};
use super::visit::{Filter, Visit};
use super::words;
use surface::output::Encoding;
use surface::{Shown, Sight};

use crate::api;
use crate::query_string::QueryString;
use crate::request::{MetricName, Visitor, metric_of};
use surface::Problem;

pub use definition::view;
pub use events::page as explain;

/// A visit to one metric.
struct MetricVisit<'a> {
    visit: Visit<'a>,
    metric: Metric,
    filter: Filter,
    rest: QueryString,
}

impl MetricVisit<'_> {
    /// `parameters` are those of the page beside team and the metric's own.
    fn read<'a>(
        visitor: &'a Visitor,
        name: MetricName,
        parameters: &[&str],
    ) -> Result<MetricVisit<'a>, Problem> {
        let metric = metric_of(visitor.site.app.parts()?, name)?;
        let own = metric.params.iter().map(|param| param.name.as_str());
        let known: Vec<&str> = parameters.iter().copied().chain(["team"]).chain(own).collect();
        let (visit, mut rest) = visitor.visit(&known)?;
        // A form sends its empty fields too.
        let mut take = |name: &str| rest.take(name).filter(|value| !value.is_empty());
        let team = take("team");
        let params = metric.params.iter().filter_map(|param| Some((param.name.clone(), take(&param.name)?)));
        let params: BTreeMap<String, String> = params.collect();
        Ok(MetricVisit { visit, metric, filter: Filter { team, params }, rest })
    }

    fn path(&self) -> String {
        format!("/metric/{}", self.metric.name)
    }

    /// An address with the moment, team and parameters of this one.
    fn link(&self, path: &str, more: &[(&str, &str)]) -> String {
        let team = self.filter.team.as_deref().map(|team| ("team", team));
        let params = self.filter.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = more.iter().copied().chain(team).chain(params).collect();
        self.visit.lens.link(path, &all)
    }
}

pub async fn page(visitor: Visitor, name: MetricName) -> Result<Response, Problem> {
    if let Ok(Path(name)) = &name
        && let Some(name) = name.strip_suffix(".json")
    {
        return api::one(&visitor, Ok(Path(name.to_owned())), None).await;
    }
    let asked = MetricVisit::read(&visitor, name, &[])?;
    let shown = asked.visit.narrowed(asked.metric.clone(), asked.filter.clone()).await?;
    let teams = teams(&asked, &shown).await;
    let explains = asked.visit.sight(&asked.metric).await? == Sight::All;
    let main = html! {
        (heading(&asked))
        (controls::form(&asked, &teams))
        (charts(&asked, &shown))
        section aria-labelledby="rows" {
            div.split {
                h2 id="rows" { "Rows" }
                ul.downloads {
                    @for encoding in Encoding::ALL {
                        li { a href=(download(&asked, encoding)) download=[(encoding != Encoding::Json).then_some("")] { (encoding.name()) } }
                    }
                }
            }
            div.panel { (rows(&asked, &shown, explains)?) }
        }
        (definition::section(&asked))
    };
    let stamp = Stamp::of(shown.result(), &asked.visit.lens);
    let page = Page {
        title: &asked.metric.title,
        here: "/catalogue",
        path: &asked.path(),
        moment: false,
        stamp,
        main,
    };
    Ok(page.response(&asked.visit))
}

/// `GET /metric/{name}/over-time`: the chart over past weeks, as a part or as a page.
pub async fn over_time(visitor: Visitor, name: MetricName) -> Result<Response, Problem> {
    let mut asked = MetricVisit::read(&visitor, name, &["weeks"])?;
    let weeks = course::weeks(asked.rest.take("weeks").as_deref())?;
    let markup = course::over_time(&asked, weeks).await?;
    if asked.visit.fragment {
        return Ok(super::layout::fragment(&markup));
    }
    let main = html! { (heading(&asked)) div.panel { (markup) } p { a href=(asked.link(&asked.path(), &[])) { "The whole page of this metric" } } };
    let stamp = Stamp::board(&asked.visit);
    let path = format!("{}/over-time", asked.path());
    Ok(Page { title: &asked.metric.title, here: "/catalogue", path: &path, moment: true, stamp, main }
        .response(&asked.visit))
}

fn heading(asked: &MetricVisit<'_>) -> Markup {
    let metric = &asked.metric;
    html! {
        p.eyebrow { a href=(asked.visit.lens.link("/catalogue", &[])) { (metric.section) } }
        h1 { (metric.title) }
        p.lead { (metric.help) }
        @if metric.level == Level::Person {
            p { span.chip { "about single people" } " " span.soft.small { "Shown as people.visibility allows; never ranked." } }
        }
    }
}

/// The teams that can be chosen: those of the rows without a team chosen.
async fn teams(asked: &MetricVisit<'_>, shown: &Shown) -> Vec<String> {
    let mut teams = match &asked.filter.team {
        None => Rows::of(shown).texts("team"),
        Some(_) => asked
            .visit
            .perhaps(&asked.metric.name)
            .await
            .map_or(Vec::new(), |all| Rows::of(&all).texts("team")),
    };
    teams.extend(asked.filter.team.clone().map(Some));
    teams.sort();
    teams.dedup();
    teams.into_iter().flatten().collect()
}

fn charts(asked: &MetricVisit<'_>, shown: &Shown) -> Markup {
    if asked.metric.level == Level::Person {
        return html! {};
    }
    let direct = course::in_rows(&asked.metric, &Rows::of(shown));
    let later = asked.link(&format!("{}/over-time", asked.path()), &[]);
    html! {
        section aria-labelledby="chart" {
            @if let Some(course) = direct {
                h2 id="chart" { "Over time" }
                div.panel { (course) }
            } @else {
                h2 id="chart" { "Now and over time" }
                @if let Some(bars) = course::bars(&asked.metric, &Rows::of(shown)) { div.panel { (figure::bars(&bars)) } }
                div.panel { (figure::late(&later, "Evaluating past weeks …")) }
            }
        }
    }
}

fn download(asked: &MetricVisit<'_>, encoding: Encoding) -> String {
    asked.link(&format!("/api/v1/metrics/{}", asked.metric.name), &[("format", encoding.name())])
}

fn rows(asked: &MetricVisit<'_>, shown: &Shown, explains: bool) -> Result<Markup, Problem> {
    if shown.result().rows.num_rows() == 0 {
        return Ok(html! { p { "No rows: nothing of this kind had happened by then." } });
    }
    let labels: Vec<(String, Vec<Option<String>>)> =
        asked.metric.labels.iter().map(|name| (name.clone(), Rows::of(shown).texts(name))).collect();
    let path = format!("{}/explain", asked.path());
    let why = |row: usize| {
        let wanted: Option<Vec<(&str, &str)>> =
            labels.iter().map(|(name, values)| Some((name.as_str(), values[row].as_deref()?))).collect();
        // A label without a value cannot be asked for.
        let Some(wanted) = wanted else { return html! { span.soft { "–" } } };
        let params = asked.filter.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let wanted: Vec<(&str, &str)> = wanted.into_iter().chain(params).collect();
        let of: Vec<&str> = wanted.iter().map(|(_, value)| *value).collect();
        html! { a href=(asked.visit.lens.link(&path, &wanted)) aria-label={ "Why: " (of.join(", ")) } { "why" } }
    };
    let extras = explains.then_some(Extras { last: &why, last_heading: "Events" });
    let table = table::table(shown.metric(), &shown.result().rows, &asked.visit.lens, extras)?;
    Ok(html! {
        (table)
        @if shown.result().suppressed > 0 {
            p.soft {
                (words::count(shown.result().suppressed as usize, "row is", "rows are"))
                " over too few people to show their numbers."
            }
        }
    })
}
