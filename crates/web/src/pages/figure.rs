//! A chart on a page: drawn once for wide screens and once for phones, with its figures as a table.

use maud::{Markup, PreEscaped, html};

use report::chart::{Bars, Head, Look, Plot};

pub fn plot(plot: &Plot) -> Markup {
    let narrow = Plot { head: narrow(&plot.head), ..plot.clone() };
    figure(&plot.svg(Look::WIDE), &narrow.svg(Look::NARROW), &plot.table())
}

pub fn bars(bars: &Bars) -> Markup {
    let narrow = Bars { head: narrow(&bars.head), ..bars.clone() };
    figure(&bars.svg(Look::WIDE), &narrow.svg(Look::NARROW), &bars.table())
}

/// Both drawings stand in the page, so their names differ; one of them is never displayed.
fn narrow(head: &Head) -> Head {
    Head { id: format!("{}-narrow", head.id), ..head.clone() }
}

fn figure(broad: &str, narrow: &str, table: &Markup) -> Markup {
    html! {
        figure.figure {
            div.broad { (PreEscaped(broad)) }
            div.narrow { (PreEscaped(narrow)) }
            details {
                summary { "Figures of this chart" }
                div.wide tabindex="0" role="region" aria-label="Figures of the chart" { (table) }
            }
        }
    }
}

/// A part of the page that the script loads; without it, a link leads there.
pub fn late(address: &str, promise: &str) -> Markup {
    html! {
        div data-load=(address) aria-live="polite" {
            p.waiting { (promise) " " a href=(address) { "Open it on its own" } "." }
        }
    }
}
