//! The `<svg>` element around a chart, and the few shapes that charts are made of.
//!
//! Lengths are in units of a [`Look`], from the upper left corner.

use maud::{Markup, html};

use super::colour::{Paint, Tone};

/// Height of text.
pub const TEXT: f64 = 13.0;
/// How wide a letter is of its height, in wide fonts: the reader's is not known here.
const EM_SHARE: f64 = 0.62;

/// The place that a chart is for; text keeps its size, so a narrow place has a narrow drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub paint: Paint,
}

impl Look {
    pub const WIDE: Look = Look { width: 900, height: 310, paint: Paint::Theme };
    /// For screens of phones.
    pub const NARROW: Look = Look { width: 340, height: 260, paint: Paint::Theme };
    pub const SPARK: Look = Look { width: 150, height: 40, paint: Paint::Theme };
}

/// What a chart is called. The description is for those who do not see it; empty, it is made from the figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Unique on its page, and a name in HTML.
    pub id: String,
    pub title: String,
    pub description: String,
}

impl Head {
    pub fn new(id: &str, title: &str) -> Head {
        Head { id: id.to_owned(), title: title.to_owned(), description: String::new() }
    }
}

/// The drawing with its name and what it says.
pub fn framed(head: &Head, description: &str, look: Look, drawing: &Markup) -> String {
    let (title_id, text_id) = (format!("{}-title", head.id), format!("{}-text", head.id));
    let fixed = look.paint == Paint::Fixed;
    html! {
        svg class="chart" role="img" aria-labelledby={ (title_id) " " (text_id) }
            viewBox={ "0 0 " (look.width) " " (look.height) }
            width=[fixed.then_some(look.width)] height=[fixed.then_some(look.height)]
            font-family="system-ui,sans-serif" font-size=(TEXT) xmlns="http://www.w3.org/2000/svg" {
            title id=(title_id) { (head.title) }
            desc id=(text_id) { (description) }
            (drawing)
        }
    }
    .into_string()
}

pub type Point = (f64, f64);

/// The side of a text that is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Paint {
    pub fn line(self, tone: Tone, width: f64, points: &[Point]) -> Markup {
        html! {
            polyline points=(listed(points)) fill="none" stroke=(tone.value(self)) stroke-width=(width) {}
        }
    }

    pub fn area(self, tone: Tone, opacity: f64, points: &[Point]) -> Markup {
        html! { polygon points=(listed(points)) fill=(tone.value(self)) fill-opacity=(opacity) {} }
    }

    pub fn block(self, tone: Tone, opacity: f64, (left, top): Point, (right, bottom): Point) -> Markup {
        html! {
            rect x=(tenths(left)) y=(tenths(top)) width=(tenths(right - left)) height=(tenths(bottom - top))
                fill=(tone.value(self)) fill-opacity=[(opacity < 1.0).then_some(opacity)] {}
        }
    }

    pub fn dot(self, tone: Tone, radius: f64, (x, y): Point) -> Markup {
        html! { circle cx=(tenths(x)) cy=(tenths(y)) r=(radius) fill=(tone.value(self)) {} }
    }

    /// A text whose half height is at `middle`.
    pub fn text(self, tone: Tone, anchor: Anchor, (x, middle): Point, text: &str) -> Markup {
        const BASELINE: f64 = TEXT * 0.35;
        let anchor = match anchor {
            Anchor::Start => None,
            Anchor::Middle => Some("middle"),
            Anchor::End => Some("end"),
        };
        html! {
            text x=(tenths(x)) y=(tenths(middle + BASELINE)) fill=(tone.value(self)) text-anchor=[anchor] { (text) }
        }
    }

    /// A text that stands out from what it lies on.
    pub fn bold(self, tone: Tone, anchor: Anchor, at: Point, text: &str) -> Markup {
        html! {
            g font-weight="bold" stroke=(Tone::Paper.value(self)) stroke-width="3" paint-order="stroke" {
                (self.text(tone, anchor, at, text))
            }
        }
    }
}

fn listed(points: &[Point]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", tenths(*x), tenths(*y))).collect::<Vec<_>>().join(" ")
}

/// No eye sees less than a tenth, and pages stay small.
fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// About how wide a text is at most.
pub fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * TEXT * EM_SHARE
}

/// The text, cut to about `width`.
pub fn fitted(text: &str, width: f64) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let fits = (width / (TEXT * EM_SHARE)).floor() as usize;
    text.chars().take(fits.saturating_sub(1)).chain(['…']).collect()
}
