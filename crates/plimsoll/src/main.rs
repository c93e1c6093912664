//! `plimsoll`: engineering metrics that can be audited at any past date.
//!
//! What was typed (`cli`) becomes what is meant (`config`), then one command runs. Exit codes are
//! decided here: 0 done, 1 could not be done, 2 was asked wrongly. Results go to stdout, everything
//! else to stderr, and an error is one line.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cli;
mod config;

mod commands;
mod deliver;
mod example;
mod pipeline;
mod reload;
mod serve;
mod stop;

mod durable;
mod erasure;
mod failure;
mod files;
mod memory;
mod private;
mod runtime;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use cli::{Cli, Command, Invocation};
use config::{Config, LogFormat};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: engine::Metered<mimalloc::MiMalloc> = engine::Metered(mimalloc::MiMalloc);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::BrokenPipe) {
                // Nobody may be reading stderr either; the exit code still reports it.
                let _ = writeln!(std::io::stderr(), "plimsoll: {failure}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run() -> Result<(), Failure> {
    match cli::parse(std::env::args_os())? {
        Invocation::Print(text) => commands::print(text.as_bytes()),
        Invocation::Run(cli) => execute(*cli),
    }
}

fn execute(cli: Cli) -> Result<(), Failure> {
    memory::keep_small();
    let listen = match &cli.command {
        Command::Demo(arguments) => arguments.listen.clone(),
        Command::Serve(arguments) => arguments.listen.clone(),
        Command::Ingest(_)
        | Command::Query(_)
        | Command::Explain(_)
        | Command::Replay(_)
        | Command::Diff(_)
        | Command::Report(_)
        | Command::Sql(_)
        | Command::People(_)
        | Command::Token(_)
        | Command::AcceptGap(_)
        | Command::Check(_)
        | Command::Dashboard(_)
        | Command::Config
        | Command::Doctor(_)
        | Command::Health(_)
        | Command::Completions(_)
        | Command::Man(_) => None,
    };
    let flags = config::Flags { config: cli.config, data: cli.data.clone(), listen };
    // Variables that are not unicode cannot be ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let resolved = config::resolve(&flags, environment);
    // These say something however broken the configuration is.
    match &cli.command {
        Command::Doctor(arguments) => return commands::doctor::run(&resolved, arguments),
        Command::Completions(arguments) => return commands::manual::completions(arguments),
        Command::Man(arguments) => return commands::manual::pages(arguments),
        _ => {}
    }
    let resolution = resolved?;
    resolution
        .config
        .check_data_dir()
        .map_err(|wrong| Failure::misuse(format!("{} {}", wrong.key, wrong.message)))?;
    engine::configure_endings(&resolution.config.catalogue.endings)
        .map_err(|wrong| Failure::misuse(format!("{}: {wrong}", config::ENDINGS)))?;
    // A dashboard's files are for Grafana, which is somebody else.
    if !matches!(cli.command, Command::Dashboard(_)) {
        private::start();
    }
    let stays = matches!(cli.command, Command::Serve(_));
    start_log(&resolution.config, if stays { &resolution.config.log.filter } else { "error" })?;
    if stays || matches!(cli.command, Command::Config) {
        for warning in &resolution.warnings {
            let _ = writeln!(std::io::stderr(), "plimsoll: {warning}");
        }
    }
    match cli.command {
        Command::Demo(arguments) => commands::demo::run(resolution.config, cli.data, &arguments),
        Command::Ingest(command) => commands::ingest::run(resolution.config, command),
        Command::Serve(_) => commands::serve(resolution.config),
        Command::Query(arguments) => commands::query::metric(&resolution.config, arguments),
        Command::Explain(arguments) => commands::explain::run(&resolution.config, arguments),
        Command::Diff(arguments) => commands::diff::run(&resolution.config, arguments),
        Command::Replay(arguments) => commands::replay::run(&resolution.config, arguments),
        Command::Report(command) => commands::report::run(&resolution.config, command),
        Command::Sql(arguments) => commands::query::sql(&resolution.config, arguments),
        Command::Token(command) => commands::token::run(command),
        Command::People(command) => commands::people::run(&resolution.config, command),
        Command::AcceptGap(arguments) => commands::accept_gap::run(&resolution.config, &arguments),
        Command::Check(arguments) => commands::check::run(&resolution.config, arguments),
        Command::Dashboard(arguments) => commands::dashboard::run(&resolution.config, &arguments),
        Command::Config => commands::print(resolution.render().as_bytes()),
        Command::Health(arguments) => commands::health::run(&resolution.config, &arguments),
        Command::Doctor(_) | Command::Completions(_) | Command::Man(_) => {
            unreachable!("they ran before the configuration was needed")
        }
    }
}

/// Log lines go to stderr; one-shot commands log errors only, because their own line reports the rest.
fn start_log(config: &Config, filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::misuse(format!("log.filter is {filter:?}: {error}; give a level such as info"))
    })?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour);
    match config.log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
