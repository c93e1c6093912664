//! Whether the addresses that `serve` listens on are free, or already ours.

use std::net::{SocketAddr, TcpListener};

use super::{Finding, fail, ok};
use crate::commands::health;
use crate::config::Config;

/// `served`: a process has the data directory open.
pub fn http(config: &Config, served: bool) -> Finding {
    let name = "http address";
    let address = match config.listen_address() {
        Ok(address) => address,
        Err(bad) => return fail(name, format!("{} {}", bad.key, bad.message), "see plimsoll.example.toml"),
    };
    match TcpListener::bind(address) {
        Ok(_) => ok(name, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if served && is_alive(address) {
                return ok(name, format!("a server answers at {address}"));
            }
            let detail = format!("another program listens on {address}");
            fail(name, detail, "stop it, or choose another address with --listen or http.listen")
        }
        Err(error) => fail(
            name,
            format!("cannot listen on {address}: {error}"),
            "choose another address with --listen or http.listen",
        ),
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
        drop(busy);
        assert_eq!(http(&config, false).verdict, Verdict::Ok);
    }
}
