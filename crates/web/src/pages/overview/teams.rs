//! One line for each team: its load, how long it takes to answer, how its work is spread, and its signals.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::pages::rows::Rows;
use crate::pages::table;
use crate::pages::visit::Visit;
use crate::pages::words;

/// What one metric says of each team.
type ByTeam = BTreeMap<String, f64>;

#[derive(Default)]
struct Columns {
    open: ByTeam,
    each: ByTeam,
    overloaded: ByTeam,
    response_hours: ByTeam,
    owners: ByTeam,
    people: ByTeam,
    age_days: ByTeam,
    signals: ByTeam,
}

pub async fn table(visit: &Visit<'_>) -> Markup {
    let mut columns = Columns::default();
    if let Some(shown) = visit.perhaps("review_load").await {
        let rows = Rows::of(&shown);
        columns.open = by_team(&rows, &rows.numbers("open_reviews"));
        columns.each = by_team(&rows, &rows.numbers("open_per_reviewer"));
        columns.overloaded = by_team(&rows, &rows.numbers("overloaded_reviewers"));
    }
    if let Some(shown) = visit.perhaps("review_response_time").await {
        let rows = Rows::of(&shown);
        let (hours, complete) = (rows.numbers("response_p50_hours"), rows.flags("complete"));
        // Rows stand in the order of weeks, so the last complete one of a team stays.
        let hours: Vec<_> =
            hours.into_iter().zip(complete).map(|(h, c)| h.filter(|_| c == Some(true))).collect();
        columns.response_hours = by_team(&rows, &hours);
    }
    if let Some(shown) = visit.perhaps("delegation_balance").await {
        let rows = Rows::of(&shown);
        columns.owners = by_team(&rows, &rows.numbers("effective_owners"));
        columns.people = by_team(&rows, &rows.numbers("people"));
    }
    if let Some(shown) = visit.perhaps("wip_age").await {
        let rows = Rows::of(&shown);
        columns.age_days = by_team(&rows, &rows.numbers("p85_days"));
    }
    if let Some(shown) = visit.perhaps("signals").await {
        let rows = Rows::of(&shown);
        for (team, called_out) in rows.texts("team").into_iter().zip(rows.flags("called_out")) {
            if let (Some(team), Some(called_out)) = (team, called_out) {
                *columns.signals.entry(team).or_default() += f64::from(u8::from(called_out));
            }
        }
    }
    columns.html(visit)
}

fn by_team(rows: &Rows<'_>, values: &[Option<f64>]) -> ByTeam {
    rows.texts("team").into_iter().zip(values).filter_map(|(team, value)| Some((team?, (*value)?))).collect()
}

impl Columns {
    fn html(&self, visit: &Visit<'_>) -> Markup {
        let mut teams: Vec<&String> = self.open.keys().chain(self.people.keys()).collect();
        teams.sort();
        teams.dedup();
        let link =
            |metric: &str, team: &str| visit.lens.link(&format!("/metric/{metric}"), &[("team", team)]);
        let linked = |metric: &str, team: &str, text: Option<String>| {
            html! { @match text { Some(text) => a href=(link(metric, team)) { (text) }, None => span.soft { "–" } } }
        };
        let number =
            |of: &ByTeam, team: &str, unit: &str| of.get(team).map(|value| words::amount(*value, unit));
        html! {
            @if teams.is_empty() { p.soft { "No team has work yet." } }
            @else {
                (table::frame("teams", &["Team", "#Open reviews", "#For each reviewer", "#Overloaded", "#First answer, median", "#Work is carried by", "#Oldest in progress, P85", "#Called out"], &html! {
                    @for team in teams {
                        tr {
                            th scope="row" { (team) }
                            td.n { (linked("review_load", team, number(&self.open, team, ""))) }
                            td.n { (number(&self.each, team, "").unwrap_or("–".to_owned())) }
                            td.n {
                                @match self.overloaded.get(team.as_str()) {
                                    Some(n) if *n > 0.0 => span.flag { (words::amount(*n, "")) },
                                    Some(_) => span.soft { "none" },
                                    None => span.soft { "–" },
                                }
                            }
                            td.n { (linked("review_response_time", team, number(&self.response_hours, team, "h"))) }
                            td.n { (linked("delegation_balance", team, self.carried(team))) }
                            td.n { (linked("wip_age", team, number(&self.age_days, team, "days"))) }
                            td.n {
                                @match self.signals.get(team.as_str()) {
                                    Some(n) if *n > 0.0 => a href=(link("signals", team)) { (words::amount(*n, "")) },
                                    Some(_) => span.soft { "none" },
                                    None => span.soft { "–" },
                                }
                            }
                        }
                    }
                }))
            }
        }
    }

    fn carried(&self, team: &str) -> Option<String> {
        let (owners, people) = (self.owners.get(team)?, self.people.get(team)?);
        Some(format!("{owners:.1} of {}", words::amount(*people, "")))
    }
}
