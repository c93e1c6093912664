//! Where the port is, who may connect, and the bounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use surface::Scope;
use surface::peers::Networks;

/// Where to listen, to whom, and the bounds.
#[derive(Clone, Debug)]
pub struct Options {
    pub address: SocketAddr,
    pub accounts: Vec<Account>,
    /// Certificate and key, files in PEM; with both, connections without TLS are refused.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where a proxy has the TLS: who may connect, besides this machine.
    pub proxies: Option<Networks>,
    pub connections_max: usize,
    pub message_bytes_max: usize,
    pub statements_max: usize,
    pub startup_timeout: Duration,
    pub idle_timeout: Duration,
}

/// Who may connect.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    /// `env:NAME` or `file:PATH`.
    pub password: String,
    pub scopes: Vec<Scope>,
    /// Whose it is, for person-level metrics; empty for a program's.
    pub person: String,
}
