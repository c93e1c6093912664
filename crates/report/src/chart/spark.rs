//! A line so small that it fits next to a number: no axes, only its course, a range to compare it with, and where it ends.

use std::ops::RangeInclusive;

use maud::html;

use super::colour::Tone;
use super::frame::{self, Head, Look};
use super::scale::span;

#[derive(Clone, Debug, PartialEq)]
pub struct Spark {
    pub head: Head,
    /// At equal distances, the oldest first.
    pub values: Vec<Option<f64>>,
    /// A range to compare the last value with.
    pub range: Option<RangeInclusive<f64>>,
    pub tone: Tone,
}

const EDGE: f64 = 5.0;

impl Spark {
    pub fn svg(&self, look: Look) -> String {
        let (width, height, paint) = (f64::from(look.width), f64::from(look.height), look.paint);
        let limits = self.range.iter().flat_map(|range| [*range.start(), *range.end()]);
        let all = span(self.values.iter().flatten().copied().chain(limits));
        let room = all.end() - all.start();
        let y = |value: f64| {
            let share = if room > 0.0 { (value - all.start()) / room } else { 0.5 };
            height - EDGE - share * (height - 2.0 * EDGE)
        };
        let steps = (self.values.len().max(2) - 1) as f64;
        let x = |n: usize| EDGE + n as f64 / steps * (width - 2.0 * EDGE);
        let points: Vec<_> =
            self.values.iter().enumerate().map(|(n, value)| value.map(|value| (x(n), y(value)))).collect();
        let drawing = html! {
            @if let Some(range) = &self.range {
                (paint.block(Tone::Soft, 0.16, (0.0, y(*range.end())), (width, y(*range.start()))))
            }
            @for run in points.split(Option::is_none).filter(|run| run.len() > 1) {
                (paint.line(self.tone, 2.0, &run.iter().flatten().copied().collect::<Vec<_>>()))
            }
            @if let Some(last) = points.iter().rev().flatten().next() { (paint.dot(self.tone, 3.0, *last)) }
        };
        frame::framed(&self.head, &self.head.description, look, &drawing)
    }
}
