//! Horizontal bars: one value for each team, project or kind.

use maud::{Markup, html};

use super::colour::Tone;
use super::frame::{self, Anchor, Head, Look, fitted, width_of};

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub label: String,
    /// `None` where there is none, or where it may not be shown; `said` tells which.
    pub value: Option<f64>,
    /// The value as it is written.
    pub said: String,
    pub tone: Tone,
}

/// Bars from zero, in the order given. The height of a look is ignored: each bar has its row.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    pub head: Head,
    pub bars: Vec<Bar>,
}

const ROW: f64 = 28.0;
/// Half of a bar's thickness.
const HALF: f64 = 9.0;
const EDGE: f64 = 6.0;

impl Bars {
    pub fn svg(&self, look: Look) -> String {
        let bottom = EDGE + self.bars.len() as f64 * ROW;
        let look = Look { height: (bottom + EDGE) as u32, ..look };
        frame::framed(&self.head, &self.description(), look, &self.drawing(look, bottom))
    }

    fn drawing(&self, look: Look, bottom: f64) -> Markup {
        let (width, paint) = (f64::from(look.width), look.paint);
        let left =
            self.bars.iter().map(|bar| width_of(&bar.label)).fold(0.0, f64::max).min(width * 0.4) + 10.0;
        let right =
            self.bars.iter().map(|bar| width_of(&bar.said)).fold(0.0, f64::max).min(width / 3.0) + 12.0;
        let room = (width - left - right).max(20.0);
        let values = self.bars.iter().filter_map(|bar| bar.value);
        let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let place = |value: f64| left + if most > 0.0 { room * (value / most).clamp(0.0, 1.0) } else { 0.0 };
        let rows = (0..).map(|row| EDGE + (f64::from(row) + 0.5) * ROW);
        html! {
            @for (bar, middle) in self.bars.iter().zip(rows) {
                @let end = bar.value.map_or(left, |value| place(value).max(left + 1.5));
                @let said = if bar.value.is_some() { Tone::Ink } else { Tone::Soft };
                (paint.text(Tone::Ink, Anchor::End, (left - 7.0, middle), &fitted(&bar.label, left - 10.0)))
                (paint.block(bar.tone, 1.0, (left, middle - HALF), (end, middle + HALF)))
                (paint.text(said, Anchor::Start, (end + 6.0, middle), &bar.said))
            }
            (paint.line(Tone::Grid, 1.5, &[(left, EDGE), (left, bottom)]))
        }
    }
}
