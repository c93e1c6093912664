//! The form above a metric: the moment with its slider, the team, and the metric's own parameters.
//!
//! It is a plain form whose fields are the query; the slider is shown where the script runs and fills the date in.

use engine::{Param, ParamType};
use maud::{Markup, html};

use super::MetricVisit;

/// How far back the slider goes.
const WEEKS: i64 = 78;

pub fn form(asked: &MetricVisit<'_>, teams: &[String]) -> Markup {
    let visit = &asked.visit;
    let today = visit.now.format("%Y-%m-%d").to_string();
    let as_of = day(visit.lens.given("as_of"));
    let back = visit.lens.as_of.map_or(0, |at| ((visit.now - at).num_days() as f64 / 7.0).round() as i64);
    let changed = !asked.filter.params.is_empty() || visit.lens.known_at.is_some();
    html! {
        form.controls.panel method="get" action=(asked.path()) aria-label="What is shown" {
            div.row {
                div.field {
                    label for="as_of" { "As of" }
                    input id="as_of" type="date" name="as_of" max=(today) value=(as_of);
                }
                div.field.slide {
                    label for="weeks-back" { "Weeks back: " output id="moment-shown" for="weeks-back" { @if as_of.is_empty() { "now" } @else { (as_of) } } }
                    input id="weeks-back" type="range" min=(-WEEKS) max="0" step="1" value=(-back.clamp(0, WEEKS))
                        data-slides="as_of" data-shows="moment-shown" data-today=(today);
                }
                @if !teams.is_empty() {
                    div.field {
                        label for="team" { "Team" }
                        select id="team" name="team" {
                            option value="" { "all" }
                            @for team in teams {
                                option value=(team) selected[asked.filter.team.as_deref() == Some(team)] { (team) }
                            }
                        }
                    }
                }
                button type="submit" { "Show" }
            }
            details open[changed] {
                summary { "As known at, and parameters" }
                div.parameters {
                    div.field {
                        label for="known_at" { "As known at" }
                        input id="known_at" type="date" name="known_at" max=(today) value=(day(visit.lens.given("known_at")));
                        small { "what had been observed by the end of that day" }
                    }
                    @for param in &asked.metric.params { (field(asked, param)) }
                }
            }
        }
    }
}

/// A date field takes days only.
fn day(given: &str) -> &str {
    given.get(..10).unwrap_or_default()
}

fn field(asked: &MetricVisit<'_>, param: &Param) -> Markup {
    let id = format!("param-{}", param.name);
    let value = asked.filter.params.get(&param.name).map(String::as_str).unwrap_or_default();
    let default = param.default.to_string();
    let limits = [&param.min, &param.max].map(|limit| limit.as_ref().map(ToString::to_string));
    let [min, max] = limits;
    html! {
        div.field {
            label for=(id) { (super::words::heading(&param.name)) }
            @match param.type_ {
                ParamType::Bool => {
                    select id=(id) name=(param.name) {
                        @for choice in ["true", "false"] {
                            @let chosen = if value.is_empty() { choice == default } else { choice == value };
                            option value=(if choice == default { "" } else { choice }) selected[chosen] { (choice) }
                        }
                    }
                }
                ParamType::Text if !param.values.is_empty() => {
                    select id=(id) name=(param.name) {
                        @for choice in &param.values {
                            @let chosen = if value.is_empty() { *choice == default } else { choice == value };
                            option value=(if *choice == default { "" } else { choice }) selected[chosen] { (choice) }
                        }
                    }
                }
                ParamType::Int | ParamType::Float => {
                    input id=(id) name=(param.name) type="number" step=(if param.type_ == ParamType::Int { "1" } else { "any" })
                        min=[min.as_ref()] max=[max.as_ref()] placeholder=(default) value=(value);
                }
                ParamType::Text | ParamType::Duration => {
                    input id=(id) name=(param.name) type="text" placeholder=(default) value=(value);
                }
            }
            @if !param.help.is_empty() { small { (param.help) } }
        }
    }
}
