//! The charts over time that pages and reports show: a series for each team, a slip chart, a burn-up with its forecast.

use chrono::{DateTime, NaiveDate, Utc};

use super::colour::Tone;
use super::frame::Head;
use super::plot::{At, Axis, Band, Line, Mark, Plot, Shape};
use super::scale::{day, instant};

/// Moments with their values, in order; no value is a gap.
pub type Points = Vec<(DateTime<Utc>, Option<f64>)>;

/// A line for each name; `unit` is what the numbers are in, such as `reviews`.
pub fn over_time(head: Head, unit: &str, series: impl IntoIterator<Item = (String, Points)>) -> Plot {
    let line = |(n, (name, points)): (usize, (String, Points))| Line {
        name,
        tone: Tone::Series(n),
        shape: Shape::Straight,
        points: points.into_iter().map(|(at, value)| (instant(at), value)).collect(),
    };
    Plot {
        head,
        axis: Axis::Number(unit.to_owned()),
        bands: Vec::new(),
        lines: series.into_iter().enumerate().map(line).collect(),
        marks: Vec::new(),
    }
}

/// What was said of a milestone's end at each review.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slip {
    /// Review, due date, and when the forecast has it done at even odds.
    pub reviews: Vec<(DateTime<Utc>, Option<NaiveDate>, Option<NaiveDate>)>,
    pub baseline: Option<NaiveDate>,
}

/// The due date and the forecast for each review date: level lines are on time, rising ones slip.
pub fn slip(head: Head, slip: &Slip) -> Plot {
    type Of = fn(&(DateTime<Utc>, Option<NaiveDate>, Option<NaiveDate>)) -> Option<NaiveDate>;
    let line = |name: &str, tone, shape, of: Of| Line {
        name: name.to_owned(),
        tone,
        shape,
        points: slip.reviews.iter().map(|review| (instant(review.0), of(review).map(day))).collect(),
    };
    Plot {
        head,
        axis: Axis::Date,
        bands: Vec::new(),
        lines: vec![
            line("due date", Tone::Series(0), Shape::Step, |review| review.1),
            line("forecast, even odds", Tone::Series(1), Shape::Straight, |review| review.2),
        ],
        marks: slip.baseline.map(|on| mark("baseline", Tone::Soft, At::Value(day(on)))).into_iter().collect(),
    }
}

/// A milestone's work so far, and when it may be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Fan {
    pub unit: String,
    /// Day, done, scope.
    pub history: Vec<(NaiveDate, f64, f64)>,
    /// Likelihoods in percent and their dates, the earliest first.
    pub done_by: Vec<(u8, NaiveDate)>,
    pub due: Option<NaiveDate>,
    pub baseline: Option<NaiveDate>,
}

/// A burn-up whose forecast opens like a fan: from what is done now to the scope at each likelihood's date.
pub fn fan(head: Head, fan: &Fan) -> Plot {
    let line = |name: &str, tone, shape, of: fn(&(NaiveDate, f64, f64)) -> f64| Line {
        name: name.to_owned(),
        tone,
        shape,
        points: fan.history.iter().map(|entry| (day(entry.0), Some(of(entry)))).collect(),
    };
    let mut lines = vec![
        line("scope", Tone::Soft, Shape::Step, |entry| entry.2),
        line("done", Tone::Series(0), Shape::Step, |entry| entry.1),
    ];
    let mut bands = Vec::new();
    if let Some(&(today, done, scope)) = fan.history.last() {
        let open = fan.done_by.iter().filter(|(_, on)| *on > today).collect::<Vec<_>>();
        for (n, pair) in open.windows(2).enumerate() {
            let (from, to) = (day(pair[0].1), day(pair[1].1));
            let start = day(today);
            let between = |at: f64, end: f64| done + (scope - done) * ((at - start) / (end - start)).min(1.0);
            bands.push(Band {
                name: format!("{} to {}% likely done", pair[0].0, pair[1].0),
                tone: Tone::Series(1),
                opacity: if n == 0 { 0.5 } else { 0.22 },
                points: [start, from, to].map(|at| (at, between(at, to), between(at, from))).to_vec(),
            });
        }
        if let Some((likely, first)) = open.first() {
            let points = vec![(day(today), Some(done)), (day(*first), Some(scope))];
            let name = format!("{likely}% likely done");
            lines.push(Line { name, tone: Tone::Series(1), shape: Shape::Thin, points });
        }
        if let Some((_, last)) = open.last() {
            let points = vec![(day(today), Some(scope)), (day(*last), Some(scope))];
            lines.push(Line { name: String::new(), tone: Tone::Soft, shape: Shape::Thin, points });
        }
    }
    let due = fan.due.map(|on| mark("due", Tone::Alarm, At::Time(day(on))));
    let baseline = fan.baseline.filter(|on| Some(*on) != fan.due);
    let baseline = baseline.map(|on| mark("baseline", Tone::Soft, At::Time(day(on))));
    let marks = baseline.into_iter().chain(due).collect();
    Plot { head, axis: Axis::Number(fan.unit.clone()), bands, lines, marks }
}

fn mark(name: &str, tone: Tone, at: At) -> Mark {
    Mark { name: name.to_owned(), tone, at }
}
