//! Whether the addresses that `serve` listens on are free, or already ours.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::{Finding, fail, ok};
use crate::commands::health;
use crate::config::Config;

/// `served`: a process has the data directory open.
pub fn http(config: &Config, served: bool) -> Finding {
    let name = "http address";
    match config.listen_address() {
        Ok(address) => listens(
            name,
            address,
            served && is_alive(address),
            "choose another address with --listen or http.listen",
        ),
        Err(bad) => fail(name, format!("{} {}", bad.key, bad.message), "see plimsoll.example.toml"),
    }
}

/// Nothing where the PostgreSQL protocol is off. The lock shows whether what listens there is ours.
pub fn postgres(config: &Config, served: bool) -> Option<Finding> {
    let name = "postgres address";
    match config.postgres.address() {
        Ok(None) => None,
        Ok(Some(address)) => {
            Some(listens(name, address, served, "choose another address with postgres.listen"))
        }
        Err(bad) => Some(fail(name, format!("{} {}", bad.key, bad.message), "see plimsoll.example.toml")),
    }
}

/// `ours`: what listens there, if something does, is the server that this configuration is of.
fn listens(name: &str, address: SocketAddr, ours: bool, remedy: &str) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => ok(name, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && ours => {
            ok(name, format!("a server answers at {address}"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            fail(name, format!("another program listens on {address}"), format!("stop it, or {remedy}"))
        }
        Err(error) => fail(name, format!("cannot listen on {address}: {error}"), remedy),
    }
}

/// Whether `/healthz` says what ours says.
fn is_alive(address: SocketAddr) -> bool {
    health::get(address, "/healthz").is_ok_and(|(status, body)| status == 200 && body == "ok\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn a_busy_port_is_told() {
        let busy = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = busy.local_addr().expect("it listens");
        let mut config = Config::default();
        config.http.listen = address.to_string();
        assert_eq!(http(&config, false).verdict, Verdict::Fail);
        assert!(postgres(&config, false).is_none(), "it is off");
        config.postgres.listen = address.to_string();
        let verdict = |served| postgres(&config, served).expect("it is on").verdict;
        assert_eq!((verdict(false), verdict(true)), (Verdict::Fail, Verdict::Ok));
        drop(busy);
        assert_eq!(http(&config, false).verdict, Verdict::Ok);
    }
}
