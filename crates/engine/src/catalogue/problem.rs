//! One thing wrong with one file, and the text that it points at.
//!
//! Where a message names something (`'no_such_column'`), the place of that name in the file is the place of the
//! problem; a place that the parser told is kept. Deliberately absent: guesses where nothing is named.

use std::fmt;

/// One thing wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: String,
    /// From 1.
    pub line: usize,
    pub message: String,
    /// First character that is meant, from 1; 0 where only the line is known.
    pub column: usize,
    /// Characters that are meant.
    pub width: usize,
    /// The line as it stands in the file.
    pub text: String,
}

impl Problem {
    pub fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> Problem {
        let (file, message) = (file.into(), message.into());
        Problem { file, line, message, column: 0, width: 0, text: String::new() }
    }

    /// At a place that is known.
    pub fn at(mut self, column: usize, width: usize) -> Problem {
        (self.column, self.width) = (column, width);
        self
    }

    /// Finds what the message names in `text`, the whole file: on its line, and where `onward`, after it.
    pub fn point(&mut self, text: &str, onward: bool) {
        let lines: Vec<&str> = text.lines().collect();
        if self.column == 0 {
            let here = self.line.saturating_sub(1)..lines.len().min(self.line);
            let after = self.line..if onward { lines.len() } else { self.line };
            let names = named(&self.message);
            let mut places = [here, after].into_iter().flat_map(|range| {
                let lines = &lines;
                names.iter().flat_map(move |name| {
                    range
                        .clone()
                        .filter_map(move |line| Some((line, find(lines[line], name)?, name.chars().count())))
                })
            });
            if let Some((line, column, width)) = places.next() {
                (self.line, self.column, self.width) = (line + 1, column, width);
            }
        }
        self.text =
            lines.get(self.line.saturating_sub(1)).map_or_else(String::new, |line| (*line).to_owned());
        let end = self.text.chars().count();
        if self.column > end {
            (self.column, self.width) = (end.max(1), 1);
        }
        self.width = self.width.min(end + 1 - self.column.min(end)).max(usize::from(self.column > 0));
    }

    /// The problem, its line, and what is meant underlined.
    pub fn pointed(&self) -> String {
        if self.text.trim().is_empty() {
            return self.to_string();
        }
        let number = self.line.to_string();
        let mut shown = format!("{self}\n {number} | {}", self.text);
        if self.column > 0 {
            // Tabs stay tabs, so that the marks stand where the text does.
            let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
            let before: String = self.text.chars().take(self.column - 1).map(blank).collect();
            let (margin, marks) = (" ".repeat(number.len()), "^".repeat(self.width));
            shown.push_str(&format!("\n {margin} | {before}{marks}"));
        }
        shown
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// What a message names, the likeliest first: what stands in quotes or after a word that says so.
fn named(message: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let name = name.trim_matches(|c: char| matches!(c, '.' | ',' | ':' | ';' | '"' | '`' | '\''));
        if !name.is_empty() {
            names.push(name.to_owned());
            // The planner names a column with its table, the text may not.
            names.extend(name.rsplit_once('.').map(|(_, last)| last.to_owned()));
        }
    };
    let first = message.split("; did you mean").next().unwrap_or(message);
    for word in ["no field named ", "names ", "lists ", "reads ", "parameter ", "with ", "cannot read "] {
        if let Some((_, after)) = first.split_once(word) {
            add(after.split(' ').next().unwrap_or_default());
        }
    }
    for quote in ['\'', '"', '`'] {
        if let Some(quoted) = first.split(quote).nth(1) {
            add(quoted);
        }
    }
    for word in first.split(' ').filter(|word| word.starts_with('$')) {
        add(word);
    }
    if let Some((name, _)) = first.split_once(" is neither a table") {
        add(name);
    }
    names
}

/// The column of `name` as a whole word in a line, from 1, in any case; not in an SQL comment.
fn find(line: &str, name: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let (line, name) = (line.to_lowercase(), name.to_lowercase());
    let is_front = line.starts_with("-- ");
    let end = if is_front { line.len() } else { line.find("--").unwrap_or(line.len()) };
    let mut from = 0;
    while let Some(at) = line[from..end].find(&name) {
        let (start, stop) = (from + at, from + at + name.len());
        let before = line[..start].chars().next_back().is_some_and(part) && name.starts_with(part);
        if !before && !line[stop..].chars().next().is_some_and(part) {
            return Some(line[..start].chars().count() + 1);
        }
        from = stop;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "-- +++\n-- value = \"m\"\n-- +++\nSELECT\n  r.reviewer, -- reviewr\n\tCOUNT(REVIEWR) AS n\nFROM reviews AS r\n";

    fn check(line: usize, message: &str, expect: &str) {
        let mut problem = Problem::new("f.sql", line, message);
        problem.point(FILE, true);
        let shown = problem.pointed();
        let shown = shown.split_once('\n').map_or("", |(_, text)| text);
        assert_eq!(shown, expect, "{message}");
    }

    #[test]
    fn a_problem_points_at_what_it_names() {
        let reviewr = " 6 | \tCOUNT(REVIEWR) AS n\n   | \t      ^^^^^^^";
        check(4, "no field named reviewr; did you mean 'reviews.reviewer'?", reviewr);
        check(6, "no field named reviews.reviewr", reviewr);
        check(
            2,
            "value names m, which is not a numeric output column",
            " 2 | -- value = \"m\"\n   |             ^",
        );
        check(
            7,
            "reviews is neither a table nor a view that loaded",
            " 7 | FROM reviews AS r\n   |      ^^^^^^^",
        );
        check(1, "front matter: missing field `unit`", " 1 | -- +++");
        check(40, "beyond the end", "");
    }

    #[test]
    fn a_place_that_is_known_stays_and_ends_with_its_line() {
        for (column, width, expect) in [(3, 2, (3, 2)), (3, 90, (3, 15)), (90, 1, (17, 1))] {
            let mut problem = Problem::new("f.sql", 7, "expected something else").at(column, width);
            problem.point(FILE, true);
            assert_eq!((problem.line, problem.column, problem.width), (7, expect.0, expect.1));
        }
    }
}
