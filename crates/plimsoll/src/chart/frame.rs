//! The sheet that a chart is drawn on, and the `<svg>` element around it.
//!
//! Plotters places things on whole pixels; charts are drawn twice as large as they are named, so that lines stay fine.

use maud::html;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBAColor, ShapeStyle, TextStyle};

use super::colour::{self, Tone};

/// Drawing units for each unit of a [`Look`].
pub const FINE: i32 = 2;
/// Height of text, in units of a look.
pub const TEXT: i32 = 13;
/// How wide a letter is of its height, in wide fonts: the reader's is not known here.
const EM_SHARE: f64 = 0.62;
/// Plotters draws text smaller than it is asked to by this factor.
const PLOTTERS_TEXT: f64 = 1.24;
const NOTHING_FAILS: &str = "a drawing into a string has nothing that can fail";

/// Whether colours follow the page's theme or are the light ones, for mails and prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Theme,
    Fixed,
}

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

pub type Sheet<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws with `draw`, and names the result.
pub fn framed(head: &Head, description: &str, look: Look, draw: impl FnOnce(&Sheet<'_>)) -> String {
    let mut drawn = String::new();
    let size = (look.width * FINE as u32, look.height * FINE as u32);
    {
        let sheet = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        draw(&sheet);
        sheet.present().expect(NOTHING_FAILS);
    }
    let start = drawn.find('>').map_or(0, |end| end + 1); // our own element takes the place of plotters'
    let end = drawn.rfind("</svg>").unwrap_or(drawn.len());
    let body = drawn[start..end]
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" stroke=\"none\"", "")
        .replace("\n</text>", "</text>")
        .replace(">\n", ">")
        .replace(" \"/>", "\"/>");
    let (title_id, text_id) = (format!("{}-title", head.id), format!("{}-text", head.id));
    let view = format!("0 0 {} {}", size.0, size.1);
    let fixed = look.paint == Paint::Fixed;
    html! {
        svg class="chart" role="img" aria-labelledby={ (title_id) " " (text_id) } viewBox=(view)
            width=[fixed.then_some(look.width)] height=[fixed.then_some(look.height)]
            font-family="system-ui,sans-serif" xmlns="http://www.w3.org/2000/svg" {
            title id=(title_id) { (head.title) }
            desc id=(text_id) { (description) }
            (maud::PreEscaped(colour::resolve(&body, look.paint)))
        }
    }
    .into_string()
}

pub fn fill(tone: Tone, opacity: f64) -> ShapeStyle {
    ShapeStyle { color: mixed(tone, opacity), filled: true, stroke_width: 0 }
}

/// `width` in halves of a unit.
pub fn stroke(tone: Tone, width: u32) -> ShapeStyle {
    ShapeStyle { color: mixed(tone, 1.0), filled: false, stroke_width: width }
}

fn mixed(tone: Tone, opacity: f64) -> RGBAColor {
    tone.sentinel().mix(opacity)
}

/// A text whose anchor is at `at`, in drawing units.
pub fn write(sheet: &Sheet<'_>, text: &str, tone: Tone, (h, v): (HPos, VPos), at: (i32, i32)) {
    write_as(sheet, text, tone, (h, v), at, FontStyle::Normal);
}

pub fn write_as(
    sheet: &Sheet<'_>,
    text: &str,
    tone: Tone,
    (h, v): (HPos, VPos),
    at: (i32, i32),
    style: FontStyle,
) {
    let size = f64::from(TEXT * FINE) * PLOTTERS_TEXT;
    let font = ("sans-serif", size, style).into_font();
    let colour = tone.sentinel();
    let style = TextStyle::from(font).color(&colour).pos(Pos::new(h, v));
    sheet.draw_text(text, &style, at).expect(NOTHING_FAILS);
}

/// About how wide a text is at most, in drawing units.
pub fn width_of(text: &str) -> i32 {
    let em = f64::from(TEXT * FINE);
    (text.chars().count() as f64 * em * EM_SHARE).ceil() as i32
}

/// The text, cut to about `width` drawing units.
pub fn fitted(text: &str, width: i32) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let fits = (f64::from(width) / (f64::from(TEXT * FINE) * EM_SHARE)).floor() as usize;
    text.chars().take(fits.saturating_sub(1)).chain(['…']).collect()
}
