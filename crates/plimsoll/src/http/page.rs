//! The front page: each team-level metric's table, as plain HTML without scripts.
//!
//! Invariant: text from events is escaped, and a policy header forbids scripts all the same.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use engine::catalogue::{Level, Metric};
use engine::{Board, MetricResult};

use super::{App, Parts};
use crate::moment;
use crate::output::{EXAMPLE_NOTE, Table};
use crate::privacy;
use crate::problem::Problem;
use crate::query_string::QueryString;

/// Rows of one table; the rest is in json and csv.
const ROWS_MAX: usize = 10;
/// Sections in the order of what a lead looks for; others follow by name.
const SECTIONS: [&str; 4] = ["Review load", "Milestone drift", "Delegation balance", "Flow"];
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--line:light-dark(#d5d9de,#3a4149);--soft:light-dark(#566070,#9aa5b1);--note:light-dark(#fff3cd,#4a3b00)}\
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem}\
h1{margin:.5rem 0}h2{margin:2.5rem 0 0;border-bottom:1px solid var(--line)}h3{margin:1.5rem 0 0}\
p{margin:.25rem 0}.soft{color:var(--soft)}.note{background:var(--note);padding:.5rem .75rem;border-radius:.25rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.2rem .75rem .2rem 0;border-bottom:1px solid var(--line);white-space:nowrap}\
th{font-weight:600;color:var(--soft)}.n{text-align:right}nav{margin-top:1rem}nav a{margin-left:.6rem;white-space:nowrap}";

pub async fn index(State(app): State<Arc<App>>, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    QueryString::parse(raw.as_deref(), [])?;
    let parts = app.parts()?;
    let html =
        render(&app, parts, &parts.engine.board()).map_err(|error| Problem::internal(&error.to_string()))?;
    let head =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    Ok((head, html).into_response())
}

fn render(app: &App, parts: &Parts, board: &Board) -> Result<String, arrow::error::ArrowError> {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Plimsoll</title><style>{STYLE}</style></head><body><header><h1>Plimsoll</h1>"
    );
    if parts.example {
        push(
            &mut html,
            format_args!(
                "<p class=\"note\" role=\"note\">This is {EXAMPLE_NOTE}: no real people, no real work.</p>"
            ),
        );
    }
    push(
        &mut html,
        format_args!(
            "<p class=\"soft\">Evaluated {}. Also: <a href=\"/api/v1/metrics\">catalogue</a>, \
         <a href=\"/metrics\">Prometheus</a>.</p></header><main>",
            moment::format(board.evaluated_at)
        ),
    );
    let catalogue = parts.engine.catalogue();
    let mut metrics: Vec<&Metric> =
        catalogue.metrics.iter().filter(|metric| metric.level == Level::Team).collect();
    metrics.sort_by_key(|metric| place(metric));
    contents(&mut html, &metrics);
    let mut section = None;
    for metric in metrics {
        if section != Some(&metric.section) {
            push(&mut html, format_args!("<h2>{}</h2>", escape(&metric.section)));
            section = Some(&metric.section);
        }
        match board.results.get(&metric.name) {
            Some(result) => {
                let group_min = app.config.people.group_min;
                let result = privacy::shared(metric, result, group_min, app.pseudonyms.as_ref())?;
                metric_section(&mut html, metric, &result)?;
            }
            None => push(
                &mut html,
                format_args!(
                    "<section id=\"{}\"><h3>{}</h3><p class=\"soft\">Not evaluated yet.</p></section>",
                    metric.name,
                    escape(&metric.title)
                ),
            ),
        }
    }
    html.push_str("</main></body></html>\n");
    Ok(html)
}

/// The metric that a section is named after comes first in it.
fn place(metric: &Metric) -> (usize, &str, bool, &str) {
    let section = metric.section.as_str();
    let known = SECTIONS.iter().position(|known| *known == section).unwrap_or(SECTIONS.len());
    (known, section, metric.title != section, &metric.title)
}

/// Links to each metric, a line for each section.
fn contents(html: &mut String, metrics: &[&Metric]) {
    html.push_str("<nav aria-label=\"Metrics\">");
    for of_section in metrics.chunk_by(|a, b| a.section == b.section) {
        push(html, format_args!("<p><b>{}</b>", escape(&of_section[0].section)));
        for metric in of_section {
            push(html, format_args!(" <a href=\"#{}\">{}</a>", metric.name, escape(&metric.title)));
        }
        html.push_str("</p>");
    }
    html.push_str("</nav>");
}

fn metric_section(
    html: &mut String,
    metric: &Metric,
    result: &MetricResult,
) -> Result<(), arrow::error::ArrowError> {
    let table = Table::of(&result.rows, ROWS_MAX)?;
    push(
        html,
        format_args!(
            "<section id=\"{name}\"><h3>{}</h3><p>{} <a href=\"/api/v1/metrics/{name}\">json</a> \
         <a href=\"/api/v1/metrics/{name}?format=csv\">csv</a> <span class=\"soft\">definition {}</span></p>",
            escape(&metric.title),
            escape(&metric.help),
            escape(&result.definition),
            name = metric.name, // a file stem: the catalogue allows only [a-z0-9_]
        ),
    );
    if table.rows.is_empty() {
        html.push_str("<p class=\"soft\">No rows.</p></section>");
        return Ok(());
    }
    html.push_str("<div class=\"wide\"><table><thead><tr>");
    for (title, numeric) in table.titles.iter().zip(&table.numeric) {
        push(html, format_args!("<th scope=\"col\"{}>{}</th>", side(*numeric), escape(title)));
    }
    html.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        html.push_str("<tr>");
        for (cell, numeric) in row.iter().zip(&table.numeric) {
            push(html, format_args!("<td{}>{}</td>", side(*numeric), escape(cell)));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    if table.hidden > 0 {
        push(html, format_args!("<p class=\"soft\">{} more rows in json and csv.</p>", table.hidden));
    }
    html.push_str("</section>");
    Ok(())
}

fn side(numeric: bool) -> &'static str {
    if numeric { " class=\"n\"" } else { "" }
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).expect("a string takes any text");
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
    }
}
