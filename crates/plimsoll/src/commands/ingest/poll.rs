//! `ingest github`, `ingest gitlab` and `ingest jira`: what a tool reports over its REST interface.
//!
//! Invariant: a token is named and read from there, and no line that is printed holds it.

use std::time::Duration;

use chrono::SecondsFormat;
use ingest::{Login, PollCursor, PollPlan, RestClient, Tool};

use super::{cursor_path, load, spinner};
use crate::cli::{IngestGithubArgs, IngestGitlabArgs, IngestJiraArgs, PollArgs};
use crate::commands::tell;
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline;
use surface::Secret;

/// Waits that are shorter than this are not worth a line.
const WAIT_TOLD: Duration = Duration::from_secs(5);

pub async fn github(config: &Config, arguments: IngestGithubArgs) -> Result<(), Failure> {
    let login = token(&arguments.poll)?.map_or(Login::Nobody, Login::Bearer);
    run(config, Tool::GitHub, arguments.url, arguments.repos, login, arguments.poll).await
}

pub async fn gitlab(config: &Config, arguments: IngestGitlabArgs) -> Result<(), Failure> {
    let login = token(&arguments.poll)?.map_or(Login::Nobody, Login::PrivateToken);
    run(config, Tool::GitLab, arguments.url, arguments.projects, login, arguments.poll).await
}

pub async fn jira(config: &Config, arguments: IngestJiraArgs) -> Result<(), Failure> {
    let login = match (token(&arguments.poll)?, arguments.user) {
        (None, _) => Login::Nobody,
        (Some(token), None) => Login::Bearer(token),
        (Some(password), Some(user)) => Login::Basic { user, password },
    };
    let scopes = [arguments.projects, arguments.jql].concat();
    run(config, Tool::Jira, arguments.url, scopes, login, arguments.poll).await
}

fn token(arguments: &PollArgs) -> Result<Option<Vec<u8>>, Failure> {
    let Some(source) = &arguments.token else { return Ok(None) };
    let secret = Secret::read(source).map_err(|error| Failure::misuse(format!("--token {error}")))?;
    Ok(Some(secret.bytes().to_vec()))
}

async fn run(
    config: &Config,
    tool: Tool,
    url: String,
    scopes: Vec<String>,
    login: Login,
    arguments: PollArgs,
) -> Result<(), Failure> {
    let cursor = cursor_path(config, "poll", arguments.target.to_kafka);
    if arguments.again {
        PollCursor::forget(&cursor, tool, &url).map_err(|error| pipeline::log_failure(&error))?;
    }
    let since = arguments.since.map(|since| since.to_rfc3339_opts(SecondsFormat::Secs, true));
    let plan = PollPlan { tool, scopes, since };
    let name = tool.format().name();
    let work = move |log: &mut dyn ingest::Produce| {
        let bar = spinner(name);
        let shown = bar.clone();
        let pause = Box::new(move |wait: Duration, why: &str| {
            if wait >= WAIT_TOLD {
                shown.suspend(|| tell(&format!("plimsoll: {why}; continuing in {} s", wait.as_secs())));
            }
            std::thread::sleep(wait);
        });
        let mut client = RestClient::new(&url, login, pause)?;
        let totals = ingest::poll(&plan, &mut client, &cursor, log, &mut |what, items| {
            bar.set_message(what.to_owned());
            bar.set_position(items);
        })?;
        bar.finish_and_clear();
        Ok(totals.describe(client.base(), "bodies"))
    };
    load(config, arguments.target.to_kafka, work).await
}
