//! A line so small that it stands beside a number: no axes, only its course, what is normal, and where it ends.

use std::ops::RangeInclusive;

use plotters::prelude::{Circle, PathElement, Rectangle};

use super::colour::Tone;
use super::frame::{self, FINE, Head, Look, fill, stroke};
use super::plot::{drawn, span};

#[derive(Clone, Debug, PartialEq)]
pub struct Spark {
    pub head: Head,
    /// At equal distances, the oldest first.
    pub values: Vec<Option<f64>>,
    /// Where values usually are.
    pub normal: Option<RangeInclusive<f64>>,
    pub tone: Tone,
}

const EDGE: i32 = 5 * FINE;

impl Spark {
    pub fn svg(&self, look: Look) -> String {
        let (width, height) = (look.width as i32 * FINE, look.height as i32 * FINE);
        let limits = self.normal.iter().flat_map(|normal| [*normal.start(), *normal.end()]);
        let all = span(self.values.iter().flatten().copied().chain(limits));
        let room = (all.end() - all.start()).max(f64::MIN_POSITIVE);
        let y = |value: f64| {
            let share = if all.end() > all.start() { (value - all.start()) / room } else { 0.5 };
            height - EDGE - (share * f64::from(height - 2 * EDGE)).round() as i32
        };
        let steps = (self.values.len().max(2) - 1) as f64;
        let x = |n: usize| EDGE + (n as f64 / steps * f64::from(width - 2 * EDGE)).round() as i32;
        frame::framed(&self.head, &self.head.description, look, |sheet| {
            if let Some(normal) = &self.normal {
                let corners = [(0, y(*normal.end())), (width, y(*normal.start()))];
                drawn(sheet.draw(&Rectangle::new(corners, fill(Tone::Soft, 0.16))));
            }
            let known = |n: usize| self.values[n].map(|value| (x(n), y(value)));
            for run in (0..self.values.len()).collect::<Vec<_>>().split(|n| self.values[*n].is_none()) {
                let points: Vec<_> = run.iter().filter_map(|n| known(*n)).collect();
                if points.len() > 1 {
                    drawn(sheet.draw(&PathElement::new(points, stroke(self.tone, 4))));
                }
            }
            if let Some(last) = (0..self.values.len()).rev().find_map(known) {
                drawn(sheet.draw(&Circle::new(last, 6, fill(self.tone, 1.0))));
            }
        })
    }
}
