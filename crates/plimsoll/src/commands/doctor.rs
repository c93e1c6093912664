//! `doctor`: what would keep this installation from working, each finding with what to do about it.
//!
//! Invariants: it changes nothing, and may run next to a server that has the data directory open; every question to
//! another program has a time limit; one broken part does not stop the other checks.
//! Deliberately absent: mending.

mod kafka;
mod local;
mod ports;

use std::fmt;

use serde_json::json;

use super::print;
use crate::cli::{DoctorArgs, Format};
use crate::config::{Config, Resolution};
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    name: String,
    verdict: Verdict,
    detail: String,
    /// What to do; empty where nothing is to be done.
    remedy: String,
}

fn ok(name: &str, detail: impl Into<String>) -> Finding {
    Finding { name: name.to_owned(), verdict: Verdict::Ok, detail: detail.into(), remedy: String::new() }
}

fn warn(name: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { name: name.to_owned(), verdict: Verdict::Warn, detail: detail.into(), remedy: remedy.into() }
}

fn fail(name: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { name: name.to_owned(), verdict: Verdict::Fail, detail: detail.into(), remedy: remedy.into() }
}

pub fn run(resolved: &Result<Resolution, Failure>, arguments: &DoctorArgs) -> Result<(), Failure> {
    let show = match arguments.format {
        Format::Table => table,
        Format::Json => json_text,
        Format::Csv | Format::Arrow | Format::Parquet => {
            return Err(Failure::misuse("doctor prints --format table or json"));
        }
    };
    let mut findings = Vec::new();
    match resolved {
        Err(failure) => findings.push(fail(
            "configuration",
            failure.to_string(),
            "fix it and run 'plimsoll doctor' again: every other check needs it",
        )),
        Ok(resolution) => {
            findings.push(configuration(resolution));
            look_at(&resolution.config, &mut findings)?;
        }
    }
    print(show(&findings).as_bytes())?;
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        1 => Err(Failure::failed("1 check failed; fix it and run 'plimsoll doctor' again")),
        failed => {
            Err(Failure::failed(format!("{failed} checks failed; fix them and run 'plimsoll doctor' again")))
        }
    }
}

fn look_at(config: &Config, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let held = local::lock(config);
    let served = matches!(held, local::Lock::Held);
    findings.push(local::data_dir(config));
    findings.push(local::disk(config));
    findings.push(local::lock_finding(&held));
    findings.push(local::clock(config, chrono::Utc::now()));
    findings.push(ports::http(config, served));
    findings.extend(ports::postgres(config, served));
    findings.push(local::access(config));
    findings.extend(local::secrets(config));
    findings.push(local::catalogue(config)?);
    findings.extend(kafka::findings(config));
    Ok(())
}

fn configuration(resolution: &Resolution) -> Finding {
    match resolution.warnings.as_slice() {
        [] => ok("configuration", "valid; 'plimsoll config' prints it"),
        warnings => warn("configuration", warnings.join("; "), "correct the name, or unset the variable"),
    }
}

/// One line a finding, and its remedy below it.
fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let detail = clean(&finding.detail);
        text.push_str(&format!("{:4}  {:width$}  {detail}\n", finding.verdict, finding.name));
        if !finding.remedy.is_empty() {
            text.push_str(&format!("{:width$}do: {}\n", "", clean(&finding.remedy), width = width + 8));
        }
    }
    text
}

/// Text from elsewhere cannot drive the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn json_text(findings: &[Finding]) -> String {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            let mut check =
                json!({ "name": finding.name, "verdict": finding.verdict.as_str(), "detail": finding.detail });
            if !finding.remedy.is_empty() {
                check["remedy"] = json!(finding.remedy);
            }
            check
        })
        .collect();
    let sound = findings.iter().all(|finding| finding.verdict != Verdict::Fail);
    format!("{}\n", json!({ "ok": sound, "checks": checks }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_stands_below_its_finding() {
        let findings = [ok("disk", "9 GiB free"), fail("address", "in use", "choose another")];
        assert_eq!(
            table(&findings),
            "ok    disk     9 GiB free\nfail  address  in use\n               do: choose another\n"
        );
        let json: serde_json::Value = serde_json::from_str(&json_text(&findings)).expect("it is JSON");
        assert_eq!(
            (json["ok"].as_bool(), json["checks"][1]["remedy"].as_str()),
            (Some(false), Some("choose another"))
        );
        assert!(json["checks"][0].get("remedy").is_none());
    }
}
