//! `check`: every view and metric file, planned on empty tables; problems as `file:line`.

use engine::Problem;

use super::{print, tell};
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline;

pub fn run(config: &Config, arguments: CheckArgs) -> Result<(), Failure> {
    let more: Vec<_> = arguments.dir.into_iter().collect();
    if let Some(missing) = more.iter().find(|dir| !dir.is_dir()) {
        return Err(Failure::misuse(format!(
            "{} is not a directory; name one with view/ or metric/ in it",
            missing.display()
        )));
    }
    let catalogue = match pipeline::catalogue(config, &more) {
        Ok(catalogue) => catalogue,
        Err(problems) => return report(&problems),
    };
    let problems = crate::runtime::runtime("plimsoll")?.block_on(catalogue.check_plans());
    if !problems.is_empty() {
        return report(&problems);
    }
    tell(&format!("{} views and {} metrics, no problems", catalogue.views.len(), catalogue.metrics.len()));
    Ok(())
}

pub fn report(problems: &[Problem]) -> Result<(), Failure> {
    let lines: String = problems.iter().map(|problem| format!("{}\n", problem.pointed())).collect();
    print(lines.as_bytes())?;
    let found = match problems.len() {
        1 => "1 problem in the catalogue; fix it".to_owned(),
        count => format!("{count} problems in the catalogue; fix them"),
    };
    Err(Failure::failed(format!("{found} and run 'plimsoll check' again")))
}
