//! What is typed to start a server: `serve` and `demo`.

use chrono::{DateTime, Utc};
use clap::Args;

use surface::moment;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address to serve on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Print the summary and exit without serving
    #[arg(long)]
    pub once: bool,
    /// Seed of the generator: the same seed and moment give the same organisation
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The moment at which the example ends: RFC 3339 or a date [default: now]
    #[arg(long, value_name = "T", value_parser = moment::parse)]
    pub as_of: Option<DateTime<Utc>>,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
}
