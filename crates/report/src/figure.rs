//! Drawings of a report: next to the words, never in their place, since some mail programs show none.

use super::answers::Answers;
use super::facts::Row;
use super::grid::Urgency;
use super::part::Figure;
use super::risk::Outlook;
use super::words;
use crate::chart::{self, Bar, Bars, Head, Look, Paint, Spark};

const SPARK: Look = Look { width: 140, height: 40, paint: Paint::Fixed };
const BARS: Look = Look { width: 600, height: 0, paint: Paint::Fixed };

/// A signal's series with the band of what is usual.
pub fn process(answers: &Answers, row: &Row) -> Option<Figure> {
    let (team, series) = (row.text("team")?, row.text("series")?);
    let of_series = |point: &&Row| {
        point.text("team") == Some(team) && point.text("series") == Some(series) && point.is("complete")
    };
    let points: Vec<Option<f64>> =
        answers.now.of("weekly_series").iter().filter(of_series).map(|point| point.number("value")).collect();
    if points.len() < 2 {
        return None;
    }
    let weeks = points.len();
    let plain: String = series.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let place = answers.now.of("signals").iter().position(|signal| signal == row)?;
    let mut head = Head::new(
        &format!("spark-{place}-{plain}"),
        &format!("{}: {}", words::team(team), series.replace('_', " ")),
    );
    head.description = format!("The last {weeks} weeks; the band is the usual range.");
    let normal = row.number("lower").zip(row.number("upper")).map(|(lower, upper)| lower..=upper);
    Some(Figure {
        caption: String::new(),
        svg: Spark { head, values: points, range: normal, tone: chart::Tone::Series(0) }.svg(SPARK),
    })
}

/// How late each milestone is likely to be.
pub fn lateness(outlooks: &[&Outlook<'_>]) -> Option<Figure> {
    let bars: Vec<Bar> = outlooks
        .iter()
        .filter(|outlook| outlook.due().is_some() && outlook.p_hit().is_some())
        .map(|outlook| {
            let late = outlook.late_days();
            Bar {
                label: outlook.title.clone(),
                value: late.map(|late| late.max(0) as f64),
                said: late.map_or_else(|| "no end in sight".to_owned(), words::days),
                tone: if outlook.urgency() == Urgency::Act {
                    chart::Tone::Alarm
                } else {
                    chart::Tone::Series(1)
                },
            }
        })
        .collect();
    if bars.len() < 2 {
        return None;
    }
    let caption = "Days from each date to the day by which the milestone is likely done".to_owned();
    let mut head = Head::new("lateness", &caption);
    head.description = "One bar for each milestone at risk; the table below has the same numbers.".to_owned();
    Some(Figure { caption, svg: Bars { head, bars }.svg(BARS) })
}
