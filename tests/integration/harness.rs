//! Starts, asks, stops and kills the executable under test.
//!
//! Invariant: nothing of the caller's environment reaches it (no PLIMSOLL_ variables, no configuration
//! file), and nothing that a test started outlives it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http_client::{self, Response};

/// How long anything may take to come about on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Asks until there is an answer; panics, naming what was waited for, when `PATIENCE` is over.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(POLL_INTERVAL);
    }
}

/// Says, past the test runner's capture, that a test did not run, and leaves a line for tests/run.
pub fn did_not_run(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "did not run: {test}: {reason}");
    if let Some(file) = std::env::var_os("PLIMSOLL_TEST_SKIPPED") {
        let mut file = File::options().append(true).create(true).open(file).unwrap();
        writeln!(file, "{test}: {reason}").unwrap();
    }
}

/// A folder of its own for one test, with a data directory in it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PLIMSOLL_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs one command to its end, on the place's data directory.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().arg("--data").arg(self.data()).args(arguments).output().unwrap()
    }

    /// Runs one command that must succeed; its stdout.
    pub fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "plimsoll {arguments:?}: {}\n{stderr}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts one command and leaves it running.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        self.spawn_with(arguments, &[])
    }

    /// The same, with variables in its environment.
    pub fn spawn_with(&self, arguments: &[&str], variables: &[(&str, &OsStr)]) -> Running {
        let log = self.path().join("stderr.log");
        let stderr = File::options().append(true).create(true).open(&log).unwrap();
        let mut command = self.command();
        command.envs(variables.iter().copied());
        command.arg("--data").arg(self.data()).args(arguments).stdout(Stdio::null()).stderr(stderr);
        Running { child: command.spawn().unwrap(), log }
    }

    /// Starts `serve` on a free port and waits until it is ready; `config` is the text of plimsoll.toml.
    pub fn serve(&self, config: &str) -> Server {
        self.write("plimsoll.toml", config);
        self.start_server(&["serve"])
    }

    /// Starts a command that takes `--listen` and waits until it is ready.
    pub fn start_server(&self, arguments: &[&str]) -> Server {
        self.start_with(arguments, &[])
    }

    /// The same with variables in its environment.
    pub fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut server = Server {
            running: self.spawn_with(&[arguments, &["--listen", &listen]].concat(), &variables),
            port,
        };
        wait_for("the server to be ready", || {
            server.assert_alive();
            let answer = http_client::send(server.port, "GET", "/readyz", &[], b"").ok()?;
            (answer.status == 200).then_some(())
        });
        server
    }

    /// Starts a command that takes `--listen` and waits for nothing.
    pub fn launch_server(&self, arguments: &[&str]) -> Server {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        Server { running: self.spawn(&[arguments, &["--listen", &listen]].concat()), port }
    }
}

/// A process that is killed when the test forgets it.
pub struct Running {
    pub child: Child,
    log: PathBuf,
}

impl Running {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// kill -9, in the middle of whatever it does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        wait_for("the process to stop", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- stderr of the process under test\n{}", self.log());
        }
    }
}

/// A running `serve` or `demo`.
pub struct Server {
    pub running: Running,
    pub port: u16,
}

impl Server {
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.running.child.try_wait().unwrap() {
            panic!("the server ended ({status}): {}", self.running.log());
        }
    }

    /// The value of a series on /metrics, if it is there.
    pub fn series(&self, series: &str) -> Option<f64> {
        let page = self.get("/metrics").text();
        let line =
            page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
        line.map(|value| value.parse().unwrap())
    }

    pub fn wait_for_series(&self, series: &str, expect: f64) {
        wait_for(&format!("{series} to be {expect}"), || (self.series(series) == Some(expect)).then_some(()));
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Response {
        self.send("POST", path, &[("Content-Type", content_type)], body.as_ref())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        http_client::send(self.port, method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.running.log()))
    }

    /// The rows of a metric, as the route prints them.
    pub fn rows(&self, metric_and_query: &str) -> Value {
        let answer = self.get(&format!("/api/v1/metrics/{metric_and_query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["rows"].clone()
    }

    /// The answer of a SQL statement of one row and one column, as a whole number.
    pub fn count(&self, sql: &str) -> i64 {
        let answer = self.sql(sql);
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
        let json = answer.json();
        let row = json["rows"][0].as_object().unwrap_or_else(|| panic!("{sql}: {json}"));
        row.values().next().and_then(Value::as_i64).unwrap_or_else(|| panic!("{sql}: {json}"))
    }

    pub fn sql(&self, sql: &str) -> Response {
        let body = serde_json::json!({ "sql": sql }).to_string();
        self.post("/api/v1/sql", "application/json", body)
    }

    /// Events in all tables; `None` while the server does not answer yet.
    pub fn events(&self) -> Option<i64> {
        let sql = "SELECT (SELECT count(*) FROM commits) + (SELECT count(*) FROM reviews) \
                   + (SELECT count(*) FROM tickets) + (SELECT count(*) FROM directory) AS n";
        let headers = [("Content-Type", "text/plain")];
        let answer = http_client::send(self.port, "POST", "/api/v1/sql", &headers, sql.as_bytes()).ok()?;
        if answer.status == 503 {
            return None;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["rows"][0]["n"].as_i64()
    }

    pub fn wait_for_count(&self, sql: &str, expect: i64) {
        let mut last = 0;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            last = self.count(sql);
            if last >= expect {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        assert_eq!(last, expect, "{sql}\n{}", self.running.log());
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Runs another program (git, kcat, promtool, ...) that must succeed; its stdout.
pub fn tool(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
