//! `[postgres]`: who may connect to the PostgreSQL port, and from where.
//!
//! Invariant: there is a password for each user, and TLS wherever others can reach; no key turns either off.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::keys::Postgres;
use super::listen::Port;
use super::{BadValue, Scope, bad};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresUser {
    pub name: String,
    /// `env:NAME` or `file:PATH`.
    pub password: String,
    pub scopes: Vec<Scope>,
    /// Whose it is, for person-level metrics; empty for a program's.
    #[serde(default)]
    pub person: String,
}

impl Postgres {
    /// The address to listen on, if any.
    pub fn address(&self) -> Result<Option<SocketAddr>, BadValue> {
        match self.listen.trim() {
            "" => Ok(None),
            _ => self.port().address().map(Some),
        }
    }

    fn port(&self) -> Port<'_> {
        Port {
            listen: ("postgres.listen", &self.listen),
            tls_certificate: ("postgres.tls_certificate", &self.tls_certificate),
            tls_key: ("postgres.tls_key", &self.tls_key),
            trusted_proxies: ("postgres.trusted_proxies", &self.trusted_proxies),
            example: "127.0.0.1:5433",
        }
    }

    /// What the surface takes of it, if it listens.
    pub fn options(&self) -> Result<Option<postgres::Options>, BadValue> {
        let Some(address) = self.address()? else { return Ok(None) };
        let account = |user: &PostgresUser| postgres::Account {
            name: user.name.clone(),
            password: user.password.clone(),
            scopes: user.scopes.clone(),
            person: user.person.clone(),
        };
        Ok(Some(postgres::Options {
            address,
            accounts: self.users.iter().map(account).collect(),
            tls: self.port().tls()?,
            proxies: self.port().proxies()?,
            connections_max: self.connections_max,
            message_bytes_max: self.message_bytes_max,
            statements_max: self.statements_max,
            startup_timeout: Duration::from_millis(self.startup_timeout_ms),
            idle_timeout: Duration::from_millis(self.idle_timeout_ms),
        }))
    }

    pub(super) fn validate(&self) -> Result<(), BadValue> {
        for (index, user) in self.users.iter().enumerate() {
            let twice = self.users[..index].iter().any(|other| other.name == user.name);
            let wrong = match user {
                _ if user.name.is_empty() || user.name.contains('\0') => "has a user without a name",
                _ if twice => "has a user twice",
                _ if user.password.is_empty() => "has a user without a password",
                _ if user.scopes.is_empty() => "has a user without scopes; give read, sql or admin",
                _ if user.scopes.contains(&Scope::Ingest) => {
                    "has a user with the scope ingest, but nothing is written over this protocol"
                }
                _ => continue,
            };
            return bad("postgres.users", format!("{wrong} (user {}, {:?})", index + 1, user.name));
        }
        if self.address()?.is_some() {
            return self.port().validate();
        }
        self.port().tls().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_postgres_port_needs_passwords_and_beyond_loopback_tls() {
        let check = |listen: &str, rest: &str, expect: &str| {
            let text = format!("[postgres]\nlisten = {listen:?}\n{rest}");
            let config: Config = toml::from_str(&text).expect("it parses");
            let said =
                config.validate().map_or_else(|bad| format!("{} {}", bad.key, bad.message), |()| "ok".into());
            assert!(said.contains(expect), "{text}: {said}");
        };
        let user = "[[postgres.users]]\nname = \"g\"\npassword = \"env:P\"\nscopes = [\"read\"]\n";
        let tls = "tls_certificate = \"c.pem\"\ntls_key = \"k.pem\"\n";
        check("", "", "ok");
        check("127.0.0.1:5433", user, "ok");
        check("0.0.0.0:5433", user, "postgres.listen is 0.0.0.0:5433, which others can reach");
        check("0.0.0.0:5433", &format!("{tls}{user}"), "ok");
        check("0.0.0.0:5433", &format!("trusted_proxies = [\"172.16.0.0/12\"]\n{user}"), "ok");
        check(
            "0.0.0.0:5433",
            &format!("trusted_proxies = [\"grafana\"]\n{user}"),
            "postgres.trusted_proxies has",
        );
        check("127.0.0.1:5433", &format!("tls_key = \"k.pem\"\n{user}"), "postgres.tls_certificate is empty");
        check("here", user, "postgres.listen is \"here\", not an address");
        check("127.0.0.1:5433", &format!("{user}{user}"), "postgres.users has a user twice (user 2");
        check("", &user.replace("read", "ingest"), "nothing is written");
        check(
            "",
            &user.replace("env:P", "hunter2"),
            "a user \"g\" whose password takes env:NAME or file:PATH",
        );
    }
}
