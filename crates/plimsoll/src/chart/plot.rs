//! Lines, bands and marks over a time axis. Fans, slip charts and ranges are all made of these (`time.rs`).

use std::ops::RangeInclusive;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, PathElement, Polygon, Rectangle, SVGBackend,
};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, VPos};

use super::colour::Tone;
use super::frame::{self, FINE, Head, Look, Sheet, TEXT, fill, fitted, stroke, width_of, write, write_as};
use super::scale::{self, Ticks};

/// What the vertical axis counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Numbers of this unit.
    Number(String),
    /// Dates, as days since 1970.
    Date,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Straight,
    /// Holds until the next point.
    Step,
    /// A line of lesser weight, for what is compared with.
    Thin,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub name: String,
    pub tone: Tone,
    pub shape: Shape,
    /// Days since 1970, in order; no value is a gap.
    pub points: Vec<(f64, Option<f64>)>,
}

/// What lies between two values, in front of nothing and behind all lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    pub name: String,
    pub tone: Tone,
    /// From 0 to 1.
    pub opacity: f64,
    /// Days since 1970, low, high.
    pub points: Vec<(f64, f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// A moment, as days since 1970.
    Time(f64),
    Value(f64),
}

/// A line across the chart, such as a due date or a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub name: String,
    pub tone: Tone,
    pub at: At,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    pub head: Head,
    pub axis: Axis,
    pub bands: Vec<Band>,
    pub lines: Vec<Line>,
    pub marks: Vec<Mark>,
}

/// Room around the plotting area, in units of a look.
const ROW: i32 = 20;
const TOP: i32 = 10;
const RIGHT: i32 = 14;
const BELOW: i32 = 24;

/// An entry of the legend, and its place.
struct Named {
    at: i32,
    row: i32,
    name: String,
    tone: Tone,
    opacity: f64,
}

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

impl Plot {
    pub fn svg(&self, look: Look) -> String {
        frame::framed(&self.head, &self.description(), look, |sheet| self.draw(sheet, look))
    }

    fn draw(&self, sheet: &Sheet<'_>, look: Look) {
        let (width, height) = (look.width as i32, look.height as i32);
        let legend = self.legend(width * FINE);
        let rows = legend.iter().map(|named| named.row + 1).max().unwrap_or(0);
        let named_above = self.marks.iter().any(|mark| matches!(mark.at, At::Time(_)));
        let top = TOP + rows * ROW + if named_above { ROW } else { 0 };
        let y = self.values(((height - top - BELOW) / 44).max(2) as usize);
        let left = y.marks.iter().map(|(_, text)| width_of(text)).max().unwrap_or(0) / FINE + 8;
        let x = scale::dates(self.times(), ((width - left - RIGHT) / 76).max(2) as usize);
        let mut builder = ChartBuilder::on(sheet);
        builder.margin_top(top * FINE).margin_bottom(BELOW * FINE);
        builder.margin_left(left * FINE).margin_right(RIGHT * FINE);
        let built = builder.build_cartesian_2d(x.from..x.to, y.from..y.to);
        let Ok(mut chart) = built else { return }; // no room to draw in
        grid(sheet, &chart, &x, &y);
        self.draw_series(&mut chart);
        self.draw_marks(sheet, &chart, (&x, &y));
        for Named { at, row, name, tone, opacity } in &legend {
            let middle = (TOP + row * ROW) * FINE;
            let swatch = [(*at, middle - 4), (at + 20, middle + 4)];
            drawn(sheet.draw(&Rectangle::new(swatch, fill(*tone, *opacity))));
            write(sheet, name, Tone::Ink, (HPos::Left, VPos::Center), (at + 28, middle));
        }
    }

    fn legend(&self, width: i32) -> Vec<Named> {
        let bands = self.bands.iter().map(|band| (&band.name, band.tone, band.opacity));
        let all = self.lines.iter().map(|line| (&line.name, line.tone, 1.0)).chain(bands);
        let (mut at, mut row, mut placed) = (8, 0, Vec::new());
        for (name, tone, opacity) in all.filter(|(name, _, _)| !name.is_empty()) {
            let name = fitted(name, width - 60);
            let needs = 28 + width_of(&name) + 24;
            if at > 8 && at + needs > width {
                (at, row) = (8, row + 1);
            }
            placed.push(Named { at, row, name, tone, opacity });
            at += needs;
        }
        placed
    }

    fn draw_series(&self, chart: &mut Chart<'_>) {
        for band in &self.bands {
            let low = band.points.iter().map(|(x, low, _)| (*x, *low));
            let high = band.points.iter().rev().map(|(x, _, high)| (*x, *high));
            let edge: Vec<_> = low.chain(high).collect();
            drawn(chart.draw_series([Polygon::new(edge, fill(band.tone, band.opacity))]));
        }
        for line in &self.lines {
            let weight = if line.shape == Shape::Thin { 3 } else { 5 };
            for run in line.runs() {
                if let [only] = run.as_slice() {
                    drawn(chart.draw_series([Circle::new(*only, 6, fill(line.tone, 1.0))]));
                } else {
                    drawn(chart.draw_series([PathElement::new(run, stroke(line.tone, weight))]));
                }
            }
            if line.shape != Shape::Thin
                && let Some((x, Some(y))) = line.points.iter().rfind(|(_, y)| y.is_some())
            {
                drawn(chart.draw_series([Circle::new((*x, *y), 7, fill(line.tone, 1.0))]));
            }
        }
    }

    fn draw_marks(&self, sheet: &Sheet<'_>, chart: &Chart<'_>, (x, y): (&Ticks, &Ticks)) {
        let mut free_from = i32::MIN;
        let mut marks: Vec<&Mark> = self.marks.iter().collect();
        marks.sort_by(|a, b| a.at.number().total_cmp(&b.at.number()));
        for mark in marks {
            let line = match mark.at {
                At::Time(at) => [(at, y.from), (at, y.to)],
                At::Value(at) => [(x.from, at), (x.to, at)],
            };
            let [from, to] = line.map(|point| chart.backend_coord(&point));
            for (a, b) in dashes(from, to) {
                drawn(sheet.draw(&PathElement::new([a, b], stroke(mark.tone, 3))));
            }
            let bold = FontStyle::Bold;
            if let At::Value(_) = mark.at {
                let anchor = (HPos::Right, VPos::Bottom);
                write_as(sheet, &mark.name, mark.tone, anchor, (to.0, to.1 - 6), bold);
                continue;
            }
            // Names beside each other, or in each other's place: the one that comes later goes right of its line.
            let wide = width_of(&mark.name) * 11 / 10;
            let right_end = sheet.dim_in_pixel().0 as i32 - 4;
            let start = (to.0 - wide / 2).max(free_from).min(right_end - wide);
            if start >= free_from {
                let anchor = (HPos::Left, VPos::Bottom);
                write_as(sheet, &mark.name, mark.tone, anchor, (start, to.1 - 6), bold);
                free_from = start + wide + 12;
            }
        }
    }

    fn values(&self, marks_max: usize) -> Ticks {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, y)| *y));
        let bands = self.bands.iter().flat_map(|band| band.points.iter().flat_map(|(_, l, h)| [*l, *h]));
        let marks = self.marks.iter().filter_map(|mark| match mark.at {
            At::Value(at) => Some(at),
            At::Time(_) => None,
        });
        let span = span(lines.chain(bands).chain(marks));
        match self.axis {
            Axis::Number(_) => scale::numbers(span, marks_max),
            Axis::Date => {
                let room = ((span.end() - span.start()) * 0.08).max(2.0);
                scale::dates(span.start() - room..=span.end() + room, marks_max)
            }
        }
    }

    fn times(&self) -> RangeInclusive<f64> {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
        let bands = self.bands.iter().flat_map(|band| band.points.iter().map(|(x, _, _)| *x));
        let marks = self.marks.iter().filter_map(|mark| match mark.at {
            At::Time(at) => Some(at),
            At::Value(_) => None,
        });
        span(lines.chain(bands).chain(marks))
    }

    /// Days since 1970 of every line's and band's points, each once, in order.
    pub(super) fn moments(&self) -> Vec<f64> {
        let lines = self.lines.iter().flat_map(|line| line.points.iter().map(|(x, _)| *x));
        let mut moments: Vec<f64> =
            lines.chain(self.bands.iter().flat_map(|band| band.points.iter().map(|(x, _, _)| *x))).collect();
        moments.sort_by(f64::total_cmp);
        moments.dedup();
        moments
    }

    pub(super) fn said(&self, value: f64) -> String {
        match &self.axis {
            Axis::Number(_) => scale::number(value),
            Axis::Date => scale::long_date(value),
        }
    }
}

impl Line {
    /// Stretches without a gap.
    fn runs(&self) -> Vec<Vec<(f64, f64)>> {
        let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut open = false;
        for &(x, y) in &self.points {
            let Some(y) = y else {
                open = false;
                continue;
            };
            match runs.last_mut().filter(|_| open) {
                Some(run) => {
                    if let (Shape::Step, Some(&(_, before))) = (self.shape, run.last()) {
                        run.push((x, before));
                    }
                    run.push((x, y));
                }
                None => runs.push(vec![(x, y)]),
            }
            open = true;
        }
        runs
    }
}

impl At {
    fn number(self) -> f64 {
        match self {
            At::Time(at) | At::Value(at) => at,
        }
    }
}

fn grid(sheet: &Sheet<'_>, chart: &Chart<'_>, x: &Ticks, y: &Ticks) {
    for (value, text) in &y.marks {
        let [from, to] = [x.from, x.to].map(|at| chart.backend_coord(&(at, *value)));
        drawn(sheet.draw(&PathElement::new([from, to], stroke(Tone::Grid, 2))));
        write(sheet, text, Tone::Soft, (HPos::Right, VPos::Center), (from.0 - 10, from.1));
    }
    let right_end = sheet.dim_in_pixel().0 as i32 - 2;
    let mut free_from = i32::MIN;
    for (value, text) in &x.marks {
        let (at, below) = chart.backend_coord(&(*value, y.from));
        drawn(sheet.draw(&PathElement::new([(at, below), (at, below + 8)], stroke(Tone::Grid, 2))));
        let start = (at - width_of(text) / 2).min(right_end - width_of(text)).max(2);
        if start >= free_from {
            let place = (start, below + (BELOW - TEXT / 2 - 3) * FINE);
            write(sheet, text, Tone::Soft, (HPos::Left, VPos::Center), place);
            free_from = start + width_of(text) + 10;
        }
    }
}

/// Pieces of a line along one axis.
fn dashes(from: (i32, i32), to: (i32, i32)) -> Vec<((i32, i32), (i32, i32))> {
    const DASH: i32 = 12;
    const GAP: i32 = 8;
    let length = (to.0 - from.0).abs().max((to.1 - from.1).abs());
    let along = |at: i32| (from.0 + (to.0 - from.0).signum() * at, from.1 + (to.1 - from.1).signum() * at);
    (0..length).step_by((DASH + GAP) as usize).map(|at| (along(at), along((at + DASH).min(length)))).collect()
}

/// From the least to the largest; nothing is a span of one day.
pub(super) fn span(values: impl Iterator<Item = f64>) -> RangeInclusive<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { low..=high } else { 0.0..=1.0 }
}

pub(super) fn drawn<T, E: std::fmt::Debug>(result: Result<T, E>) {
    result.map(drop).expect("a drawing into a string has nothing that can fail");
}
