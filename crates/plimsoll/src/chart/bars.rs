//! Horizontal bars: one value for each team, project or kind.

use plotters::prelude::{PathElement, Rectangle};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, VPos};

use super::colour::Tone;
use super::frame::{self, FINE, Head, Look, Sheet, fill, fitted, stroke, width_of, write, write_as};
use super::plot::drawn;

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub label: String,
    /// `None` where there is none, or where it may not be shown; `said` tells which.
    pub value: Option<f64>,
    /// The value as it is written.
    pub said: String,
    pub tone: Tone,
}

/// Bars from zero, in the order given. The height of a look has no say: each bar has its row.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    pub head: Head,
    pub bars: Vec<Bar>,
    /// A value to compare with, and its name.
    pub normal: Option<(f64, String)>,
}

const ROW: i32 = 28;
/// Half of a bar's thickness.
const HALF: i32 = 9;
const EDGE: i32 = 6;

impl Bars {
    pub fn svg(&self, look: Look) -> String {
        let above = if self.normal.is_some() { ROW } else { EDGE };
        let height = self.bars.len() as i32 * ROW + above + EDGE;
        let look = Look { height: height as u32, ..look };
        frame::framed(&self.head, &self.description(), look, |sheet| self.draw(sheet, look, above))
    }

    fn draw(&self, sheet: &Sheet<'_>, look: Look, above: i32) {
        let width = look.width as i32 * FINE;
        let widest = |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| width_of(t)).max().unwrap_or(0);
        let left = widest(&mut self.bars.iter().map(|bar| &bar.label)).min(width * 2 / 5) + 20;
        let right = widest(&mut self.bars.iter().map(|bar| &bar.said)).min(width / 3) + 24;
        let room = f64::from((width - left - right).max(40));
        let values = self.bars.iter().filter_map(|bar| bar.value).chain(self.normal.iter().map(|(n, _)| *n));
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let place = |value: f64| match most > 0.0 {
            true => left + (room * (value / most).clamp(0.0, 1.0)).round() as i32,
            false => left,
        };
        for (row, bar) in (0..).zip(&self.bars) {
            let middle = (above + row * ROW + ROW / 2) * FINE;
            let label = fitted(&bar.label, left - 20);
            write(sheet, &label, Tone::Ink, (HPos::Right, VPos::Center), (left - 14, middle));
            let end = bar.value.map_or(left, |value| place(value).max(left + 3));
            let corners = [(left, middle - HALF * FINE), (end, middle + HALF * FINE)];
            drawn(sheet.draw(&Rectangle::new(corners, fill(bar.tone, 1.0))));
            let (tone, at) = match bar.value {
                Some(_) => (Tone::Ink, (end + 12, middle)),
                None => (Tone::Soft, (left + 12, middle)),
            };
            write(sheet, &bar.said, tone, (HPos::Left, VPos::Center), at);
        }
        let bottom = (above + self.bars.len() as i32 * ROW) * FINE;
        drawn(sheet.draw(&PathElement::new([(left, above * FINE), (left, bottom)], stroke(Tone::Grid, 3))));
        if let Some((value, name)) = &self.normal {
            let at = place(*value);
            drawn(
                sheet.draw(&PathElement::new([(at, above * FINE - 6), (at, bottom)], stroke(Tone::Soft, 3))),
            );
            let anchor = (HPos::Center, VPos::Bottom);
            let half = width_of(name) / 2;
            let at = at.clamp(half + 4, (width - half - 4).max(half + 4));
            write_as(sheet, name, Tone::Soft, anchor, (at, above * FINE - 10), FontStyle::Bold);
        }
    }
}
