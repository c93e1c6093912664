//! `completions` and `man`: what the definition of the command line says, for shells and for `man`.
//!
//! Invariant: nothing is written here that the definition does not have, so neither can be out of date.

use clap::CommandFactory;

use super::{print, tell};
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::failure::Failure;

pub fn completions(arguments: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    print(&script)
}

pub fn pages(arguments: &ManArgs) -> Result<(), Failure> {
    let command = Cli::command();
    let Some(dir) = &arguments.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::failed(format!("could not make the manual page: {error}")))?;
        return print(&page);
    };
    let failed =
        |error| Failure::failed(format!("could not write manual pages to {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(command, dir).map_err(failed)?;
    tell(&format!("manual pages are in {0}; read one with 'man {0}/plimsoll.1'", dir.display()));
    Ok(())
}
