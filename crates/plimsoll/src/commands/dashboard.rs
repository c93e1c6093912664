//! `dashboard`: Grafana dashboards of the catalogue, one file each.

use super::{print, tell};
use crate::cli::DashboardArgs;
use crate::config::{Config, Visibility};
use crate::failure::Failure;
use crate::pipeline;
use web::dashboards;

pub fn run(config: &Config, arguments: &DashboardArgs) -> Result<(), Failure> {
    let catalogue = pipeline::sound_catalogue(config)?;
    let files = dashboards(&catalogue, config.people.visibility == Visibility::All);
    let dir = &arguments.out;
    let failed =
        |error: std::io::Error| Failure::failed(format!("could not write to {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut written = String::new();
    for file in &files {
        let path = dir.join(&file.name);
        std::fs::write(&path, &file.content).map_err(failed)?;
        written.push_str(&format!("{}\n", path.display()));
    }
    print(written.as_bytes())?;
    tell("point a Grafana dashboard provider at them; docs/postgres.md has the names of the data sources");
    Ok(())
}
