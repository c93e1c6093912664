//! Where a request comes from: which name it was sent to, whether somebody passed it on, and which page sent it.
//!
//! Invariants: a request names one host, and it is ours, which stops DNS rebinding; what changes or computes something for
//! a page is asked by our own pages only. Deliberately absent: who asks (`access`), TLS and CORS.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use surface::Problem;

/// What proxies add to a request that they pass on.
const PASSED_ON: [&str; 7] =
    ["forwarded", "via", "x-real-ip", "x-client-ip", "x-original-host", "cf-connecting-ip", "true-client-ip"];
const PASSED_ON_PREFIX: &str = "x-forwarded-";

/// # Errors
/// 400 for a request that does not say clearly what it is for, 421 for another's host, 403 for another's page.
pub fn admit(hosts: &[String], request: &Request) -> Result<(), Problem> {
    if request.uri().authority().is_some() || request.uri().scheme().is_some() {
        return Err(Problem::bad_request("the target must be a path such as /metrics: this is no proxy"));
    }
    let host = host(request.headers())?;
    if !is_loopback(host) && !is_configured(host, hosts) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown-host",
            "the Host header names no host of this server; add the name to http.hosts",
        ));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && !is_same_origin(request.headers(), host) {
        return Err(Problem::forbidden("posts from pages of other sites are refused"));
    }
    Ok(())
}

/// Whether a request was sent from this machine, to this machine, as far as it tells.
pub fn is_direct(headers: &HeaderMap) -> bool {
    let passed_on = |name: &str| name.starts_with(PASSED_ON_PREFIX) || PASSED_ON.contains(&name);
    host(headers).is_ok_and(is_loopback) && !headers.keys().any(|name| passed_on(name.as_str()))
}

/// The one host that a request names.
fn host(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Ok(host.to_str().unwrap_or_default()),
        (None, _) => Err(Problem::bad_request("the request has no Host header")),
        (Some(_), Some(_)) => Err(Problem::bad_request("the request has several Host headers; send one")),
    }
}

/// Browsers say which page sends a request. Programs say nothing.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return ["same-origin", "none"].iter().any(|own| site.as_bytes() == own.as_bytes());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    let of = origin.as_ref().and_then(|origin| Some((origin.scheme_str()?, origin.authority()?)));
    let Some((scheme, authority)) = of else { return false };
    let port =
        |authority: &Authority| authority.port_u16().or((scheme == "https").then_some(443)).unwrap_or(80);
    host.parse::<Authority>()
        .is_ok_and(|own| own.host().eq_ignore_ascii_case(authority.host()) && port(&own) == port(authority))
}

/// Loopback names and addresses, with any port.
fn is_loopback(host: &str) -> bool {
    let name = name(host);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn is_configured(host: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|own| own.eq_ignore_ascii_case(name(host)) || own.eq_ignore_ascii_case(host))
}

/// A host without its port.
fn name(host: &str) -> &str {
    if host.parse::<IpAddr>().is_ok() {
        host
    } else if let Some(inner) = host.strip_prefix('[') {
        inner.split(']').next().unwrap_or_default()
    } else {
        host.rsplit_once(':').map_or(host, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn status(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let hosts = ["plimsoll.example.com".to_owned()];
        admit(&hosts, &request).map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn only_own_hosts_are_served() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8080",
            "[::1]",
            "plimsoll.example.com",
            "plimsoll.example.com:443",
        ] {
            assert_eq!(status("GET", "/", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "10.0.0.1",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "[",
            "[::2]:80",
        ] {
            assert_eq!(status("GET", "/", &[("host", host)]), 421, "{host}");
        }
    }

    #[test]
    fn a_request_names_one_host_and_a_path() {
        assert_eq!(status("GET", "/", &[]), 400);
        assert_eq!(status("GET", "/", &[("host", "localhost"), ("host", "localhost")]), 400);
        assert_eq!(status("GET", "http://localhost/", &[("host", "localhost")]), 400);
        assert_eq!(status("CONNECT", "localhost:80", &[("host", "localhost")]), 400);
    }

    #[test]
    fn only_own_pages_post() {
        let post = |host: &str, headers: &[(&str, &str)]| {
            status("POST", "/api/v1/sql", &[&[("host", host)], headers].concat())
        };
        for (host, headers, expect) in [
            ("localhost:8080", &[][..], 200),
            ("localhost:8080", &[("sec-fetch-site", "same-origin")], 200),
            ("localhost:8080", &[("sec-fetch-site", "none")], 200),
            ("localhost:8080", &[("sec-fetch-site", "same-site")], 403),
            ("localhost:8080", &[("sec-fetch-site", "cross-site")], 403),
            ("localhost:8080", &[("origin", "http://localhost:8080")], 200),
            ("localhost:8080", &[("origin", "http://localhost:3000")], 403),
            ("localhost:8080", &[("origin", "http://evil.example")], 403),
            ("localhost:8080", &[("origin", "null")], 403),
            ("[::1]:8080", &[("origin", "http://[::1]:8080")], 200),
            ("plimsoll.example.com", &[("origin", "https://plimsoll.example.com")], 200),
            ("plimsoll.example.com", &[("origin", "https://plimsoll.example.com:8443")], 403),
            ("localhost:8080", &[("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")], 200),
        ] {
            assert_eq!(post(host, headers), expect, "{host} {headers:?}");
        }
        assert_eq!(status("GET", "/", &[("host", "localhost"), ("origin", "http://evil.example")]), 200);
    }

    #[test]
    fn what_a_proxy_passes_on_is_not_direct() {
        let direct = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().expect("a value"));
            }
            is_direct(&headers)
        };
        assert!(direct(&[("host", "127.0.0.1:8080"), ("accept", "*/*")]));
        assert!(!direct(&[("host", "plimsoll.example.com")]));
        for name in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-client-cert", "forwarded", "via"] {
            assert!(!direct(&[("host", "localhost"), (name, "x")]), "{name}");
        }
    }
}
