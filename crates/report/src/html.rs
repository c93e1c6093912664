//! A report as one HTML page that also is a mail: tables for layout, styles in the page, nothing fetched, no script.
//!
//! Mail programs that drop drawings still show every number, in words or a table. Printed, it is the PDF: margins and
//! breaks are in the style. Invariant: text from events is escaped, by the template.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::detail::Section;
use super::grid::{Cell, Grid, Urgency};
use super::part::{Item, Part};
use super::report::Report;

/// Light only: mail programs turn colours as they like, and a page that fights them is unreadable in half of them.
const STYLE: &str = "
body{margin:0;padding:0;background:#eef1f4;color:#1b242d;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
table{border-collapse:collapse}
.sheet{width:100%;max-width:700px;margin:0 auto;background:#ffffff;table-layout:fixed}
.sheet>tbody>tr>td{padding:0 32px 28px}
.sheet>tbody>tr>td.head{background:#16324a;color:#ffffff;padding:24px 32px 20px}
h1{font-size:24px;line-height:1.25;margin:0}
h2{font-size:19px;line-height:1.3;margin:28px 0 10px;padding-top:18px;border-top:2px solid #16324a}
h3{font-size:16px;margin:22px 0 6px}
h4{font-size:14px;margin:18px 0 2px}
p{margin:0 0 8px}
.period{margin:4px 0 0;color:#c9d6e2}
.example{background:#fff3cd;color:#4a3b00;padding:10px 14px;margin:20px 0 0;border-left:4px solid #c79a00}
.short{margin:20px 0 0;padding:14px 18px;background:#eef4f9;border-left:4px solid #16324a}
.short p{margin:4px 0;font-size:17px}
.note{color:#5a6672}
.item{width:100%;margin:0 0 10px}
.item td{vertical-align:top;padding:0}
.item td.mark{width:5px;background:#c7ced6}
.item td.act{background:#b3261e}
.item td.watch{background:#c77700}
.item td.good{background:#2a7d4f}
.item td.said{padding:0 0 0 12px}
.item td.drawing{width:150px;padding:2px 0 0 12px;text-align:right}
.item p{margin:0}
.because{color:#5a6672;font-size:14px}
.proposal{font-size:15px}
.wide{overflow-x:auto}
.grid{width:100%;margin:6px 0 4px;font-size:14px;font-variant-numeric:tabular-nums}
.grid th{text-align:left;vertical-align:bottom;font-weight:600;color:#5a6672;padding:4px 10px 4px 0;border-bottom:1px solid #aab4be}
.grid td{text-align:left;vertical-align:top;padding:4px 10px 4px 0;border-bottom:1px solid #dfe4e9}
.grid th.n,.grid td.n{text-align:right}
.grid th:last-child,.grid td:last-child{padding-right:4px}
.grid td.act{border-left:4px solid #b3261e;padding-left:6px}
.grid td.watch{border-left:4px solid #c77700;padding-left:6px}
.grid td.good{border-left:4px solid #2a7d4f;padding-left:6px}
.matrix td{border:1px solid #ffffff;width:15%;height:34px;padding:5px 6px;font-size:13px}
.matrix td.act{background:#f3c9c5;border-left:1px solid #ffffff}
.matrix td.watch{background:#fae3bd;border-left:1px solid #ffffff}
.matrix td.good{background:#d5ecdd;border-left:1px solid #ffffff}
.small{font-size:13px;color:#5a6672}
.small p{margin:0 0 4px}
.code{font-family:ui-monospace,Consolas,monospace;font-size:12px;overflow-wrap:anywhere}
svg{max-width:100%;height:auto}
@media (max-width:520px){
.sheet>tbody>tr>td,.sheet>tbody>tr>td.head{padding-left:16px;padding-right:16px}
.item td.drawing{display:none}
.grid{font-size:13px}
}
@page{size:A4;margin:16mm 14mm}
@media print{
body{background:#ffffff;font-size:10pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.sheet,.sheet>tbody,.sheet>tbody>tr,.sheet>tbody>tr>td{display:block;max-width:none}
.sheet>tbody>tr>td{padding-left:0;padding-right:0}
.sheet>tbody>tr>td.head{padding:14px 18px}
h2,h3,h4{break-after:avoid}
.item,.grid tr,svg{break-inside:avoid}
h4+.small{break-after:avoid}
.grid{font-size:8.5pt}
.short p{font-size:11pt}
.because,.proposal,.small{font-size:9pt}
.detail{break-before:page}
.wide{overflow:visible}
}
";

pub fn page(report: &Report) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light";
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                table.sheet role="presentation" align="center" {
                    tbody {
                        tr { td.head { (head(report)) } }
                        tr { td { (body(report)) } }
                    }
                }
            }
        }
    };
    format!("{}\n", markup.into_string())
}

fn head(report: &Report) -> Markup {
    html! {
        h1 { (report.title) }
        p.period { (report.period) @if let Some(team) = &report.team { ", team " (team) } }
    }
}

fn body(report: &Report) -> Markup {
    html! {
        @if let Some(example) = report.example {
            p.example role="note" { "This is " (example) ": no real people, no real work." }
        }
        div.short { @for line in &report.in_short { p { (line) } } }
        @for part in &report.parts { (self::part(part)) }
        div.detail {
            h2 id="detail" { "In detail" }
            p.note { "Every metric, for those who want to look closer. " code { "plimsoll query NAME" } " shows all rows and columns of one." }
            @for section in &report.detail { (self::section(section)) }
        }
        (footer(report))
    }
}

fn part(part: &Part) -> Markup {
    html! {
        h2 id=(part.id) { (part.title) }
        @if let Some(note) = &part.note { p.note { (note) } }
        @for item in &part.items { (self::item(item)) }
        @for figure in &part.figures {
            h3 { (figure.caption) }
            p { (PreEscaped(&figure.svg)) }
        }
        @for table in &part.tables {
            @if !table.title.is_empty() { h3 { (table.title) } }
            (grid(table, part.id == "matrix"))
        }
    }
}

fn item(item: &Item) -> Markup {
    html! {
        table.item role="presentation" { tbody { tr {
            td class=(format!("mark {}", class(item.urgency))) {}
            td.said {
                p { (item.sentence) }
                @if let Some(because) = &item.because { p.because { (because) } }
                @if let Some(proposal) = &item.proposal { p.proposal { strong { "Proposal: " } (proposal) } }
            }
            @if let Some(figure) = &item.figure { td.drawing { (PreEscaped(&figure.svg)) } }
        } } }
    }
}

fn section(section: &Section) -> Markup {
    html! {
        h3 { (section.title) }
        @for shown in &section.metrics {
            div.shown {
                h4 { (shown.title) }
                p.small { (shown.help) }
                (grid(&shown.grid, false))
                p.small { span.code { (shown.metric) ", definition " (shown.definition) } }
            }
        }
    }
}

fn grid(grid: &Grid, matrix: bool) -> Markup {
    html! {
        @if grid.rows.is_empty() { p.note { "No rows." } } @else {
            div.wide {
                table class=(if matrix { "grid matrix" } else { "grid" }) {
                    thead { tr { @for column in &grid.columns {
                        th scope="col" class=[column.number.then_some("n")] { (column.title) }
                    } } }
                    tbody { @for row in &grid.rows { tr {
                        @for (cell, column) in row.iter().zip(&grid.columns) { (self::cell(cell, column.number)) }
                    } } }
                }
            }
        }
        @if let Some(note) = &grid.note { p.small { (note) } }
    }
}

fn cell(cell: &Cell, number: bool) -> Markup {
    let class = cell.urgency.map(class).or(number.then_some("n"));
    html! { td class=[class] { (cell.text) } }
}

fn class(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Good => "good",
        Urgency::Plain => "plain",
        Urgency::Watch => "watch",
        Urgency::Act => "act",
    }
}

fn footer(report: &Report) -> Markup {
    let footer = &report.footer;
    html! {
        h2 { "What this rests on" }
        div.small {
            @for line in &footer.completeness { p { (line) } }
            p { "As of " (footer.as_of) ", with what was known at " (footer.known_at) "." }
            p.code { "Log position: " (footer.positions()) ". Definitions: " (footer.definitions) "." }
            @if !footer.about_people.is_empty() {
                p { "Left out of every report because they are about single people: " (footer.about_people.join(", ")) "." }
            }
        }
    }
}
