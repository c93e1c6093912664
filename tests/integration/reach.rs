//! Who can reach the ports from other machines, which are addresses of a network namespace here.

use std::path::Path;
use std::process::Command;

use crate::harness::{Place, did_not_run, tool};

#[test]
fn beyond_this_machine_there_is_tls_or_a_proxy_and_a_token() {
    let works = |flags: &[&str]| {
        let tried = Command::new("unshare").args(flags).args(["ip", "link"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    // Root may do without a namespace of users, which some systems forbid.
    let ways = [&["--user", "--map-root-user", "--net"][..], &["--net"]];
    let Some(flags) = ways.into_iter().find(|flags| works(flags)) else {
        let reason = "needs unshare with namespaces, and ip";
        return did_not_run("beyond_this_machine_there_is_tls_or_a_proxy_and_a_token", reason);
    };
    let place = Place::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/reach.sh");
    let mut shell = Command::new("unshare");
    shell.args(flags).arg("sh").arg(script).current_dir(place.path());
    shell.env("PLIMSOLL", env!("CARGO_BIN_EXE_plimsoll"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PLIMSOLL_") {
            shell.env_remove(name);
        }
    }
    let said = tool(&mut shell);
    let expected = [
        "no token: 401",
        "token: 200",
        "another name: 421",
        "without TLS: 400",
        "ask for https://",
        "renewed: 200",
        "the old certificate: 000",
        "past the proxy: 000",
        "the proxy without a token: 401",
        "the proxy with one: 200",
        "SQL past the proxy: closed",
        "SQL of the proxy: answered",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}
