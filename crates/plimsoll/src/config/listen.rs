//! Where the two ports listen, and what must hold before others can reach them.
//!
//! Invariant: beyond loopback a port has TLS, of its own or of the proxies that alone may connect to it, and everybody
//! who asks proves who they are; no key turns that off.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use surface::peers::Networks;

use super::{BadValue, Config, bad};

/// The keys of one port that say who can reach it.
pub(super) struct Port<'c> {
    pub listen: (&'static str, &'c str),
    pub tls_certificate: (&'static str, &'c str),
    pub tls_key: (&'static str, &'c str),
    pub trusted_proxies: (&'static str, &'c [String]),
    pub example: &'static str,
}

impl Port<'_> {
    pub fn address(&self) -> Result<SocketAddr, BadValue> {
        let (key, text) = self.listen;
        let text = text.trim();
        if let Some(Ok(port)) = text.strip_prefix("localhost:").map(str::parse::<u16>) {
            return Ok(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)));
        }
        text.parse().map_err(|_| BadValue {
            key,
            message: format!("is {text:?}, not an address; give one such as {}", self.example),
        })
    }

    /// Certificate and key.
    pub fn tls(&self) -> Result<Option<(PathBuf, PathBuf)>, BadValue> {
        let ((certificate, tls_certificate), (key, tls_key)) = (self.tls_certificate, self.tls_key);
        let missing =
            |key, there| Err(BadValue { key, message: format!("is empty, but there is a {there}") });
        match (tls_certificate.is_empty(), tls_key.is_empty()) {
            (true, true) => Ok(None),
            (false, false) => Ok(Some((tls_certificate.into(), tls_key.into()))),
            (true, false) => missing(certificate, "tls_key"),
            (false, true) => missing(key, "tls_certificate"),
        }
    }

    /// Who may connect besides this machine; `None`: everybody.
    pub fn proxies(&self) -> Result<Option<Networks>, BadValue> {
        let (key, texts) = self.trusted_proxies;
        let networks = Networks::parse(texts.iter().map(String::as_str)).map_err(|text| BadValue {
            key,
            message: format!("has {text:?}; give addresses or networks such as 10.0.0.7 or 10.0.0.0/8"),
        })?;
        Ok((!networks.is_empty()).then_some(networks))
    }

    pub fn validate(&self) -> Result<(), BadValue> {
        let (address, tls, proxies) = (self.address()?, self.tls()?, self.proxies()?);
        if address.ip().is_loopback() || tls.is_some() || proxies.is_some() {
            return Ok(());
        }
        bad(
            self.listen.0,
            format!(
                "is {address}, which others can reach; give {} and {}, or {} where a proxy in front has the TLS, or listen on 127.0.0.1:{}",
                last(self.tls_certificate.0),
                last(self.tls_key.0),
                last(self.trusted_proxies.0),
                address.port()
            ),
        )
    }
}

/// A key without its section.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

impl Config {
    pub(super) fn http_port(&self) -> Port<'_> {
        Port {
            listen: ("http.listen", &self.http.listen),
            tls_certificate: ("http.tls_certificate", &self.http.tls_certificate),
            tls_key: ("http.tls_key", &self.http.tls_key),
            trusted_proxies: ("http.trusted_proxies", &self.http.trusted_proxies),
            example: "127.0.0.1:8080",
        }
    }

    /// The address that HTTP listens on.
    pub fn listen_address(&self) -> Result<SocketAddr, BadValue> {
        self.http_port().address()
    }

    pub(super) fn validate_http_port(&self) -> Result<(), BadValue> {
        self.http_port().validate()?;
        let address = self.listen_address()?;
        if !address.ip().is_loopback() && self.tokens.is_empty() {
            let message = format!(
                "is {address}, which others can reach, and there are no tokens; make one with 'plimsoll token new NAME'"
            );
            return bad("http.listen", message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(listen: &str, rest: &str) -> String {
        let text = format!("[http]\nlisten = {listen:?}\n{rest}");
        let config: Config = toml::from_str(&text).expect("it parses");
        config.validate().map_or_else(|bad| format!("{} {}", bad.key, bad.message), |()| "ok".into())
    }

    const TOKEN: &str = "[[tokens]]\nname = \"a\"\nsecret = \"env:A\"\nscopes = [\"read\"]\n";
    const TLS: &str = "tls_certificate = \"c.pem\"\ntls_key = \"k.pem\"\n";
    const PROXY: &str = "trusted_proxies = [\"10.0.0.0/8\"]\n";

    #[test]
    fn loopback_needs_nothing() {
        for good in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:8080", "localhost:8080"] {
            assert_eq!(said(good, ""), "ok", "{good}");
        }
        for wrong in ["8080", "example.com:80"] {
            assert!(said(wrong, "").contains("not an address"), "{wrong}");
        }
    }

    #[test]
    fn beyond_loopback_there_is_tls_and_a_token() {
        for listen in ["0.0.0.0:8080", "[::]:8080", "192.168.1.4:80", "[::ffff:127.0.0.1]:80"] {
            for (rest, expect) in [
                (
                    String::new(),
                    "which others can reach; give tls_certificate and tls_key, or trusted_proxies",
                ),
                (
                    TOKEN.to_owned(),
                    "which others can reach; give tls_certificate and tls_key, or trusted_proxies",
                ),
                (TLS.to_owned(), "there are no tokens; make one with 'plimsoll token new NAME'"),
                (PROXY.to_owned(), "there are no tokens; make one with 'plimsoll token new NAME'"),
                (format!("{TLS}{TOKEN}"), "ok"),
                (format!("{PROXY}{TOKEN}"), "ok"),
            ] {
                let said = said(listen, &rest);
                assert!(said.contains(expect), "{listen} {rest}: {said}");
            }
        }
    }

    #[test]
    fn half_a_certificate_and_a_proxy_without_an_address_are_refused() {
        assert!(said("127.0.0.1:1", "tls_key = \"k.pem\"\n").starts_with("http.tls_certificate is empty"));
        assert!(said("127.0.0.1:1", "tls_certificate = \"c.pem\"\n").starts_with("http.tls_key is empty"));
        let message = said("127.0.0.1:1", "trusted_proxies = [\"proxy.example\"]\n");
        assert!(message.starts_with("http.trusted_proxies has \"proxy.example\""), "{message}");
    }
}
