//! `replay`: two versions of a metric's definition over the same history.

use engine::{Catalogue, Query};
use surface::Wall;

use super::check::report;
use super::print;
use super::query::{encoding, example_footer, steps, unprintable, with_store};
use crate::cli::ReplayArgs;
use crate::config::Config;
use crate::failure::Failure;
use surface::output;

pub fn run(config: &Config, arguments: ReplayArgs) -> Result<(), Failure> {
    let encoding = encoding(arguments.format)?;
    let against = &arguments.against;
    if !against.exists() {
        return Err(Failure::misuse(format!(
            "{} does not exist; give a metric's .sql file, or a directory with view/ or metric/ in it",
            against.display()
        )));
    }
    let failed = |error: engine::Error| Failure::engine(&error);
    let series = steps(config, &arguments.steps).map_err(failed)?;
    let query = Query {
        as_of: arguments.at.as_of,
        known_at: arguments.given.known_at,
        params: arguments.given.params.into_iter().collect(),
        ..Query::default()
    };
    let other = match Catalogue::load_against(&config.catalogue.dirs, against, &arguments.metric) {
        Ok(other) => other,
        Err(problems) => return report(&problems),
    };
    let runtime = crate::runtime::runtime("plimsoll")?;
    let problems = runtime.block_on(other.check_plans());
    if !problems.is_empty() {
        return report(&problems);
    }
    runtime.block_on(with_store(config, async |store| {
        let name = &arguments.metric;
        let found =
            store.engine.replay(name, other.clone(), &query, series.as_ref()).await.map_err(failed)?;
        let example = store.example.is_some();
        let bytes = match encoding {
            Some(encoding) => {
                let shown = Wall::own_data(None).replay(found).expect("one's own data is open");
                output::replay(&shown, name, encoding, example)
            }
            None => {
                let mut footer = vec![format!(
                    "{} of {} rows differ; definition {}, against {}",
                    found.differ,
                    found.rows.num_rows(),
                    found.definition,
                    found.against
                )];
                footer.extend(example_footer(example));
                output::table(&found.rows, &footer).map(String::into_bytes)
            }
        };
        print(&bytes.map_err(unprintable)?)
    }))
}
