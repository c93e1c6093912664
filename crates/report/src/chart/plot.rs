//! Lines, bands and marks over a time axis. Fans, slip charts and ranges are all made of these (`time.rs`).

use std::ops::RangeInclusive;

use maud::{Markup, html};

use super::colour::{Paint, Tone};
use super::frame::{self, Anchor, Head, Look, Point, TEXT, fitted, width_of};
use super::scale::{self, Ticks, span};

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

/// Room around the plotting area.
const ROW: f64 = 20.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 14.0;
const BELOW: f64 = 24.0;
/// A chart whose legend takes more than its share becomes higher.
const HEIGHT_MIN: f64 = 120.0;
/// Between texts next to each other.
const APART: f64 = 6.0;

/// The rectangle that lines are drawn in, with its axes.
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Ticks,
    y: Ticks,
}

impl Plot {
    pub fn svg(&self, look: Look) -> String {
        let (width, paint) = (f64::from(look.width), look.paint);
        let (legend, top) = self.legend(width, paint);
        let area = self.area(width, f64::from(look.height), top);
        let drawing = html! {
            (area.grid(width, paint))
            (self.series(&area, paint))
            @for mark in self.marks(&area, width, paint) { (mark) }
            @for entry in legend { (entry) }
        };
        let look = Look { height: (area.bottom + BELOW) as u32, ..look };
        frame::framed(&self.head, &self.description(), look, &drawing)
    }

    /// The names of lines and bands, and where their last row ends.
    fn legend(&self, width: f64, paint: Paint) -> (Vec<Markup>, f64) {
        const EDGE: f64 = 4.0;
        let bands = self.bands.iter().map(|band| (&band.name, band.tone, band.opacity));
        let all = self.lines.iter().map(|line| (&line.name, line.tone, 1.0)).chain(bands);
        let (mut at, mut middle, mut entries) = (EDGE, TOP, Vec::new());
        for (name, tone, opacity) in all.filter(|(name, _, _)| !name.is_empty()) {
            let name = fitted(name, width - 30.0);
            let needs = 14.0 + width_of(&name);
            if at > EDGE && at + needs > width {
                (at, middle) = (EDGE, middle + ROW);
            }
            entries.push(html! {
                (paint.block(tone, opacity, (at, middle - 2.0), (at + 10.0, middle + 2.0)))
                (paint.text(Tone::Ink, Anchor::Start, (at + 14.0, middle), &name))
            });
            at += needs + 2.0 * APART;
        }
        let end = if entries.is_empty() { TOP } else { middle + ROW };
        (entries, end)
    }

    fn area(&self, width: f64, height: f64, top: f64) -> Area {
        let named_above = self.marks.iter().any(|mark| matches!(mark.at, At::Time(_)));
        let top = if named_above { top + ROW } else { top };
        let bottom = (height - BELOW).max(top + HEIGHT_MIN);
        let y = self.values(((bottom - top) / 44.0).max(2.0) as usize);
        let left = y.marks.iter().map(|(_, text)| width_of(text)).fold(0.0, f64::max) + 8.0;
        let right = width - RIGHT;
        let x = scale::dates(self.times(), ((right - left) / 76.0).max(2.0) as usize);
        Area { left, right, top, bottom, x, y }
    }

    fn series(&self, area: &Area, paint: Paint) -> Markup {
        html! {
            @for band in &self.bands {
                @let low = band.points.iter().map(|(x, low, _)| area.at(*x, *low));
                @let high = band.points.iter().rev().map(|(x, _, high)| area.at(*x, *high));
                (paint.area(band.tone, band.opacity, &low.chain(high).collect::<Vec<_>>()))
            }
            @for line in &self.lines {
                @let thin = line.shape == Shape::Thin;
                @let runs = line.runs(area);
                @for run in &runs {
                    @if let [only] = run.as_slice() {
                        (paint.dot(line.tone, 3.0, *only))
                    } @else {
                        (paint.line(line.tone, if thin { 1.5 } else { 2.5 }, run))
                    }
                }
                @if let Some(last) = runs.iter().flatten().last().filter(|_| !thin) {
                    (paint.dot(line.tone, 3.5, *last))
                }
            }
        }
    }

    fn marks(&self, area: &Area, width: f64, paint: Paint) -> Vec<Markup> {
        let mut free_from = f64::NEG_INFINITY;
        let mut marks: Vec<&Mark> = self.marks.iter().collect();
        marks.sort_by(|a, b| a.at.number().total_cmp(&b.at.number()));
        let drawn = marks.into_iter().map(|mark| {
            let (from, to) = match mark.at {
                At::Time(at) => (area.at(at, area.y.from), area.at(at, area.y.to)),
                At::Value(at) => (area.at(area.x.from, at), area.at(area.x.to, at)),
            };
            let above = to.1 - 3.0 - TEXT / 2.0;
            let (anchor, name_at) = match mark.at {
                At::Time(_) => (Anchor::Middle, beside(to.0, &mark.name, &mut free_from, width)),
                At::Value(_) => (Anchor::End, Some(to.0)),
            };
            html! {
                g stroke-dasharray="6 4" { (paint.line(mark.tone, 1.5, &[from, to])) }
                @if let Some(at) = name_at { (paint.bold(mark.tone, anchor, (at, above), &mark.name)) }
            }
        });
        drawn.collect()
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
        let marks = self.marks.iter().filter_map(|mark| match mark.at {
            At::Time(at) => Some(at),
            At::Value(_) => None,
        });
        span(self.moments().into_iter().chain(marks))
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
    /// Stretches without a gap, as they are drawn.
    fn runs(&self, area: &Area) -> Vec<Vec<Point>> {
        let stretches =
            self.points.split(|(_, y)| y.is_none_or(|y| !y.is_finite())).filter(|run| !run.is_empty());
        let drawn = stretches.map(|stretch| {
            let mut run: Vec<Point> = Vec::new();
            for (x, y) in stretch.iter().filter_map(|(x, y)| Some((*x, (*y)?))) {
                let (x, y) = area.at(x, y);
                if let (Shape::Step, Some(&(_, before))) = (self.shape, run.last()) {
                    run.push((x, before));
                }
                run.push((x, y));
            }
            run
        });
        drawn.collect()
    }
}

impl At {
    fn number(self) -> f64 {
        match self {
            At::Time(at) | At::Value(at) => at,
        }
    }
}

impl Area {
    fn at(&self, x: f64, y: f64) -> Point {
        let across = self.left + self.x.share(x) * (self.right - self.left);
        (across, self.bottom - self.y.share(y) * (self.bottom - self.top))
    }

    fn grid(&self, width: f64, paint: Paint) -> Markup {
        let (below, mut free_from) = (self.bottom, f64::NEG_INFINITY);
        html! {
            @for (value, text) in &self.y.marks {
                @let (_, y) = self.at(self.x.from, *value);
                (paint.line(Tone::Grid, 1.0, &[(self.left, y), (self.right, y)]))
                (paint.text(Tone::Soft, Anchor::End, (self.left - 5.0, y), text))
            }
            @for (value, text) in &self.x.marks {
                @let (x, _) = self.at(*value, self.y.from);
                (paint.line(Tone::Grid, 1.0, &[(x, below), (x, below + 4.0)]))
                @if let Some(at) = beside(x, text, &mut free_from, width) {
                    (paint.text(Tone::Soft, Anchor::Middle, (at, below + BELOW - TEXT / 2.0 - 3.0), text))
                }
            }
        }
    }
}

/// The middle of a text that should stand at `at`, right of all that is before `free_from`; none where it has no room.
fn beside(at: f64, text: &str, free_from: &mut f64, width: f64) -> Option<f64> {
    let half = width_of(text) / 2.0;
    let middle = at.max(half + 1.0).max(*free_from + half).min(width - half - 1.0);
    (middle - half >= *free_from).then(|| {
        *free_from = middle + half + APART;
        middle
    })
}
