//! `explain`: the rows of a metric, the events behind them, and the formula.

use engine::{Explanation, Query};
use surface::Wall;

use super::print;
use super::query::{encoding, footer, unprintable, with_store};
use crate::cli::ExplainArgs;
use crate::config::Config;
use crate::failure::Failure;
use surface::output::{self, Encoding};

pub fn run(config: &Config, arguments: ExplainArgs) -> Result<(), Failure> {
    let encoding = encoding(arguments.format)?;
    let query = Query {
        as_of: arguments.at.as_of,
        known_at: arguments.given.known_at,
        params: arguments.given.params.into_iter().collect(),
        ..Query::default()
    };
    let wanted = arguments.wanted.into_iter().collect();
    crate::runtime::runtime("plimsoll")?.block_on(with_store(config, async |store| {
        let failed = |error: engine::Error| Failure::engine(&error);
        let metric = store.engine.metric(&arguments.metric).map_err(failed)?;
        let limit = arguments.limit as usize;
        let wall = Wall::own_data(None);
        let shown = wall.explain(&store.engine, &metric, &query, &wanted, limit);
        let shown = shown.await.map_err(failed)?;
        let example = store.example.is_some();
        let bytes = match encoding {
            Some(Encoding::Json) => output::explanation(&shown, example),
            Some(encoding) => output::rows(&shown.events(), encoding, example),
            None => text(shown.found(), example).map(String::into_bytes),
        };
        print(&bytes.map_err(unprintable)?)
    }))
}

fn text(found: &Explanation, example: bool) -> Result<String, arrow::error::ArrowError> {
    let basis = format!(
        "based on {} events of {} subjects{}",
        found.events_total,
        found.subjects,
        if found.events.num_rows() < found.events_total {
            format!("; the newest {} of them", found.events.num_rows())
        } else {
            String::new()
        }
    );
    let mut text = format!("{}: {}\n\n", found.title, found.help);
    text.push_str(&output::table(&found.result.rows, &[])?);
    text.push_str(&format!("\n{basis}\n\n"));
    text.push_str(&output::table(&found.events, &footer(&found.result, example))?);
    text.push_str("for the formula, see --format json or queries/metric\n");
    Ok(text)
}
