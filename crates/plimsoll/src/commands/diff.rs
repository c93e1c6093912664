//! `diff`: what changed in a metric between two moments, one sentence a row.

use arrow::array::{Array, ArrayRef, AsArray};
use chrono::Utc;
use engine::{Diff, Listed, Metric, Query};
use surface::{Sight, Wall};

use super::print;
use super::query::{encoding, footer, unprintable, with_store};
use crate::cli::DiffArgs;
use crate::config::Config;
use crate::failure::Failure;
use surface::moment;
use surface::output;

/// Cells of a line, next to the value.
const CELLS_MAX: usize = 3;

pub fn run(config: &Config, arguments: DiffArgs) -> Result<(), Failure> {
    let encoding = encoding(arguments.format)?;
    let query = Query {
        known_at: arguments.given.known_at,
        team: arguments.team,
        params: arguments.given.params.into_iter().collect(),
        ..Query::default()
    };
    let span = (arguments.from, arguments.to.unwrap_or_else(Utc::now));
    crate::runtime::runtime("plimsoll")?.block_on(with_store(config, async |store| {
        let failed = |error: engine::Error| Failure::engine(&error);
        let engine = &store.engine;
        let metric = engine.metric(&arguments.metric).map_err(failed)?;
        let all = (&Sight::All, Listed::All);
        let shown = Wall::own_data(None).diff(engine, &metric, &query, span, all).await.map_err(failed)?;
        let example = store.example.is_some();
        let bytes = match encoding {
            Some(encoding) => output::diff(&shown, encoding, example),
            None => Ok(text(shown.diff(), &metric, example).into_bytes()),
        };
        print(&bytes.map_err(unprintable)?)
    }))
}

fn text(found: &Diff, metric: &Metric, example: bool) -> String {
    let count = found.rows.num_rows();
    let mut text = format!(
        "{} from {} to {}: {}\n\n",
        metric.title,
        moment::format(found.from),
        moment::format(found.to.as_of),
        match count {
            0 => "nothing changed".to_owned(),
            1 => "one row differs".to_owned(),
            count => format!("{count} rows differ"),
        }
    );
    let column = |name: &str| found.rows.column_by_name(name).expect("a diff has its columns");
    let labels: Vec<&ArrayRef> = metric.labels.iter().map(|label| column(label)).collect();
    let sentences = column("sentence").as_string::<i32>();
    for row in 0..count {
        let names: Vec<&str> = labels
            .iter()
            .filter(|label| label.is_valid(row))
            .map(|label| label.as_string::<i32>().value(row))
            .collect();
        let name = if names.is_empty() { &metric.name } else { &names.join(" / ") };
        let line = format!("{name}: {}{}", sentences.value(row), cells(column("cells"), row, &metric.value));
        text.extend(line.chars().filter(|c| !c.is_control()));
        text.push('\n');
    }
    for line in footer(&found.to, example) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// What else differs in a row.
fn cells(lists: &ArrayRef, row: usize, value: &str) -> String {
    let list = lists.as_list::<i32>().value(row);
    let cells = list.as_struct();
    let text = |column: usize, cell: usize| {
        let texts = cells.column(column).as_string::<i32>();
        if texts.is_valid(cell) { texts.value(cell) } else { "nothing" }
    };
    let mut told: Vec<String> = (0..cells.len())
        .filter(|&cell| text(0, cell) != value)
        .map(|cell| format!("{} {} to {}", text(0, cell), text(1, cell), text(2, cell)))
        .collect();
    if told.len() > CELLS_MAX {
        let more = told.len() - CELLS_MAX;
        told.truncate(CELLS_MAX);
        told.push(format!("{more} more"));
    }
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}
