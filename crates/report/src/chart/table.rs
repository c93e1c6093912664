//! The figures of a chart as a table: what the drawing shows, for those who do not see it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::bars::Bars;
use super::plot::{At, Axis, Plot};
use super::scale;

impl Plot {
    /// A row for each moment, a column for each line, two for each band, and the marks below.
    pub fn table(&self) -> Markup {
        let lines: Vec<BTreeMap<u64, f64>> = self
            .lines
            .iter()
            .map(|line| line.points.iter().filter_map(|(x, y)| Some((x.to_bits(), (*y)?))).collect())
            .collect();
        html! {
            table {
                caption { (self.head.title) (self.unit()) }
                thead { tr {
                    th scope="col" { "Day" }
                    @for line in &self.lines { th scope="col" class="n" { (line.name) } }
                    @for band in &self.bands {
                        th scope="col" class="n" { (band.name) " from" }
                        th scope="col" class="n" { "to" }
                    }
                } }
                tbody {
                    @for at in self.moments() {
                        tr {
                            th scope="row" { (scale::long_date(at)) }
                            @for line in &lines {
                                td class="n" { (line.get(&at.to_bits()).map_or("–".to_owned(), |y| self.said(*y))) }
                            }
                            @for band in &self.bands {
                                @let edge = band.points.iter().find(|(x, _, _)| *x == at);
                                td class="n" { (edge.map_or("–".to_owned(), |(_, low, _)| self.said(*low))) }
                                td class="n" { (edge.map_or("–".to_owned(), |(_, _, high)| self.said(*high))) }
                            }
                        }
                    }
                    @for mark in &self.marks {
                        tr { th scope="row" { (mark.name) } td colspan="20" { (self.placed(mark.at)) } }
                    }
                }
            }
        }
    }

    /// What the chart says, in words.
    pub(super) fn description(&self) -> String {
        if !self.head.description.is_empty() {
            return self.head.description.clone();
        }
        let mut said = Vec::new();
        for line in &self.lines {
            let mut values = line.points.iter().filter_map(|(x, y)| Some((*x, (*y)?)));
            let Some(first) = values.next() else {
                said.push(format!("{}: no value", line.name));
                continue;
            };
            let last = values.next_back().unwrap_or(first);
            said.push(format!(
                "{}: {} on {}, {} on {}",
                line.name,
                self.said(first.1),
                scale::long_date(first.0),
                self.said(last.1),
                scale::long_date(last.0)
            ));
        }
        said.extend(self.marks.iter().map(|mark| format!("{}: {}", mark.name, self.placed(mark.at))));
        if said.is_empty() { "No figures yet.".to_owned() } else { format!("{}.", said.join("; ")) }
    }

    fn placed(&self, at: At) -> String {
        match at {
            At::Time(at) => scale::long_date(at),
            At::Value(value) => self.said(value),
        }
    }

    fn unit(&self) -> String {
        match &self.axis {
            Axis::Number(unit) if !unit.is_empty() => format!(", in {unit}"),
            Axis::Number(_) | Axis::Date => String::new(),
        }
    }
}

impl Bars {
    pub fn table(&self) -> Markup {
        html! {
            table {
                caption { (self.head.title) }
                tbody {
                    @for bar in &self.bars {
                        tr { th scope="row" { (bar.label) } td class="n" { (bar.said) } }
                    }
                }
            }
        }
    }

    pub(super) fn description(&self) -> String {
        if !self.head.description.is_empty() {
            return self.head.description.clone();
        }
        let said: Vec<String> = self.bars.iter().map(|bar| format!("{}: {}", bar.label, bar.said)).collect();
        if said.is_empty() { "No figures yet.".to_owned() } else { format!("{}.", said.join("; ")) }
    }
}
