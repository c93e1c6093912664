//! `health`: asks the server of this configuration whether it is alive, for container platforms.
//!
//! Invariant: it opens no data directory and ends within seconds, so it may run as often as one likes.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::print;
use crate::cli::HealthArgs;
use crate::config::Config;
use crate::failure::Failure;

/// For each of connecting, sending and waiting.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_BYTES_MAX: u64 = 16 << 10;

pub fn run(config: &Config, arguments: &HealthArgs) -> Result<(), Failure> {
    let address =
        config.listen_address().map_err(|bad| Failure::misuse(format!("{} {}", bad.key, bad.message)))?;
    let path = if arguments.ready { "/readyz" } else { "/healthz" };
    match get(address, path) {
        Ok((200, body)) => print(body.as_bytes()),
        Ok((status, body)) => Err(Failure::failed(format!("{address}{path} answers {status}: {body}"))),
        Err(error) => Err(Failure::failed(format!("no server answers at {address}: {error}"))),
    }
}

/// Where this machine reaches what listens on all of its addresses.
fn within_reach(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Status and body of one GET. A server that has TLS answers this machine without it.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let address = within_reach(address);
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let not_http = || std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not an HTTP server");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(not_http)?;
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    Ok((status.ok_or_else(not_http)?, body.to_owned()))
}
