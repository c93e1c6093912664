//! What `doctor` sees on this machine: directory, disk, lock, clock, secrets, catalogue.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Finding, fail, ok, warn};
use crate::config::Config;
use crate::failure::Failure;
use crate::pipeline;
use surface::Secret;
use surface::moment;

/// With less free disk than this Plimsoll soon stops: what it acknowledges must be on disk first.
const DISK_BYTES_MIN: u64 = 256 << 20;
/// Beside the disk that statements may spill to, this much room is comfortable.
const DISK_BYTES_EASY: u64 = 1 << 30;
/// A file may be written a little after the clock was read.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(60);
/// Problems of the catalogue that are printed in full.
const PROBLEMS_SHOWN: usize = 3;
/// Group and others may read the file.
const READABLE_BY_OTHERS: u32 = 0o044;

/// Files can be made and synced where the data lives, or where it would be made.
pub fn data_dir(config: &Config) -> Finding {
    let name = "data directory";
    let dir = &config.data_dir;
    let place = existing(dir);
    let probe = place.join(format!(".plimsoll-doctor-{}", std::process::id()));
    let tried = File::create_new(&probe).and_then(|file| file.sync_all());
    let _ = std::fs::remove_file(&probe);
    if let Err(error) = tried {
        let remedy = "let plimsoll's account write there, or name another directory with --data or data_dir";
        return fail(name, format!("{}: cannot write there: {error}", place.display()), remedy);
    }
    if place == *dir {
        ok(name, format!("{}: writable", dir.display()))
    } else {
        ok(name, format!("{}: does not exist yet, and can be created", dir.display()))
    }
}

/// The directory itself, or the nearest one above it that there is.
fn existing(dir: &Path) -> PathBuf {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    if whole.exists() {
        return dir.to_owned();
    }
    whole.ancestors().find(|above| above.exists()).map_or_else(|| PathBuf::from("/"), Path::to_path_buf)
}

pub fn disk(config: &Config) -> Finding {
    let name = "disk";
    let place = existing(&config.data_dir);
    let Some(free) = free_bytes(&place) else {
        return warn(name, "'df -Pk' does not report the free space", "check the free space yourself");
    };
    let detail = format!("{:.1} GiB free at {}", free as f64 / f64::from(1 << 30), place.display());
    let easy = DISK_BYTES_EASY + config.limits.sql_spill_bytes_max;
    if free < DISK_BYTES_MIN {
        return fail(name, detail, "make room: events are accepted only while they can be written to disk");
    }
    if free < easy {
        let remedy = "make room, or lower limits.sql_spill_bytes_max, the disk that statements may use";
        return warn(name, detail, remedy);
    }
    ok(name, detail)
}

/// As POSIX `df` prints it: the number before the percentage, in KiB.
fn free_bytes(place: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(place).output().ok()?;
    free_of(&String::from_utf8(output.stdout).ok()?)
}

fn free_of(text: &str) -> Option<u64> {
    let fields: Vec<&str> = text.lines().nth(1)?.split_whitespace().collect();
    let percentage = fields
        .iter()
        .rposition(|field| field.strip_suffix('%').is_some_and(|digits| digits.parse::<u32>().is_ok()))?;
    Some(fields.get(percentage.checked_sub(1)?)?.parse::<u64>().ok()? << 10)
}

/// Whether a process has the data directory open.
pub enum Lock {
    Absent,
    Free,
    Held,
    Unreadable(String),
}

/// Takes and leaves the lock in no time; a process that starts at that very moment would be turned away once.
pub fn lock(config: &Config) -> Lock {
    match File::open(config.data_dir.join("lock")) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Lock::Absent,
        Err(error) => Lock::Unreadable(error.to_string()),
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Lock::Free,
            Err(std::fs::TryLockError::WouldBlock) => Lock::Held,
            Err(std::fs::TryLockError::Error(error)) => Lock::Unreadable(error.to_string()),
        },
    }
}

pub fn lock_finding(lock: &Lock) -> Finding {
    let name = "lock";
    match lock {
        Lock::Absent => ok(name, "no process has used the data directory yet"),
        Lock::Free => ok(name, "free: no process has the data directory open"),
        Lock::Held => ok(name, "held: a plimsoll process has the data directory open; ask it over HTTP"),
        Lock::Unreadable(error) => fail(
            name,
            format!("cannot find out whether the data directory is in use: {error}"),
            "run doctor as the account that runs plimsoll; network file systems need working locks",
        ),
    }
}

/// A clock that goes back would date new events before old ones.
pub fn clock(config: &Config, now: DateTime<Utc>) -> Finding {
    let name = "clock";
    let newest = ["log", "events/_delta_log"]
        .iter()
        .filter_map(|part| std::fs::read_dir(config.data_dir.join(part)).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok())
        .max()
        .map(DateTime::<Utc>::from);
    match newest {
        Some(newest) if newest > now + CLOCK_SLACK => fail(
            name,
            format!(
                "the time here is {}, but the data directory was written at {}",
                moment::format(now),
                moment::format(newest)
            ),
            "set the clock, preferably with NTP: 'as of' and 'known at' use it",
        ),
        Some(_) => ok(name, format!("{}, after the last write", moment::format(now))),
        None => ok(name, moment::format(now)),
    }
}

/// Who may ask over HTTP.
pub fn access(config: &Config) -> Finding {
    let name = "access";
    let count = config.tokens.len();
    if count > 0 {
        let tokens = if count == 1 { "token" } else { "tokens" };
        return ok(name, format!("{count} {tokens}; nobody reads over HTTP without one"));
    }
    if config.http.hosts.is_empty() {
        return ok(
            name,
            "no tokens: this machine alone is answered, and everybody on it may read, run SQL and post events",
        );
    }
    warn(
        name,
        format!(
            "http.hosts has {}, but there are no tokens: all but signed webhooks is refused there",
            config.http.hosts.join(", ")
        ),
        "run 'plimsoll token new NAME' for each program and person, and put the lines that it prints into the configuration",
    )
}

/// Every secret that the configuration names can be read, by us and by nobody else.
pub fn secrets(config: &Config) -> Vec<Finding> {
    let webhooks = &config.webhooks;
    [
        ("webhooks.github.secret", &webhooks.github.secret),
        ("webhooks.gitlab.secret", &webhooks.gitlab.secret),
        ("webhooks.gitlab.token", &webhooks.gitlab.token),
        ("webhooks.jira.secret", &webhooks.jira.secret),
        ("webhooks.gerrit.secret", &webhooks.gerrit.secret),
        ("webhooks.gitea.secret", &webhooks.gitea.secret),
        ("people.pseudonyms", &config.people.pseudonyms),
    ]
    .into_iter()
    .filter(|(_, source)| !source.is_empty())
    .map(|(key, source)| secret(key, source))
    .chain(
        config
            .tokens
            .iter()
            .filter(|token| !token.secret.is_empty())
            .map(|token| secret(&format!("tokens {}", token.name), &token.secret)),
    )
    .chain(
        config
            .postgres
            .users
            .iter()
            .map(|user| secret(&format!("postgres.users {}", user.name), &user.password)),
    )
    .collect()
}

fn secret(key: &str, source: &str) -> Finding {
    if let Err(error) = Secret::read(source) {
        let remedy = "set it, or leave the key empty: the server does not start otherwise";
        return fail(key, format!("it {error}"), remedy);
    }
    if let Some(path) = source.strip_prefix("file:")
        && let Ok(metadata) = std::fs::metadata(path)
        && metadata.permissions().mode() & READABLE_BY_OTHERS != 0
    {
        return warn(key, format!("other accounts can read {path}"), format!("chmod 600 {path}"));
    }
    ok(key, "readable")
}

/// The views and metrics, those of the configured directories included, plan on empty tables.
pub fn catalogue(config: &Config) -> Result<Finding, Failure> {
    let name = "catalogue";
    let (summary, problems) = match pipeline::catalogue(config, &[]) {
        Ok(catalogue) => {
            let problems = crate::runtime::runtime("plimsoll")?.block_on(catalogue.check_plans());
            (format!("{} views and {} metrics", catalogue.views.len(), catalogue.metrics.len()), problems)
        }
        Err(problems) => (String::new(), problems),
    };
    if problems.is_empty() {
        return Ok(ok(name, summary));
    }
    let mut told: Vec<String> = problems.iter().take(PROBLEMS_SHOWN).map(ToString::to_string).collect();
    if problems.len() > PROBLEMS_SHOWN {
        told.push(format!("and {} more", problems.len() - PROBLEMS_SHOWN));
    }
    Ok(fail(name, told.join("; "), "run 'plimsoll check' to see each one"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    fn config(dir: &Path) -> Config {
        Config { data_dir: dir.to_owned(), ..Config::default() }
    }

    #[test]
    fn free_disk_is_read_from_df() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        for (line, expect) in [
            ("/dev/vda 100 40 60 40% /", Some(60 << 10)),
            ("host:/a b c 100 40 61 40% /mnt/50% full", Some(61 << 10)),
            ("nonsense", None),
        ] {
            assert_eq!(free_of(&format!("{head}{line}\n")), expect, "{line}");
        }
        assert!(free_bytes(Path::new("/")).is_some());
    }

    #[test]
    fn a_public_name_without_tokens_is_reported() {
        let mut config = Config::default();
        assert_eq!(access(&config).verdict, Verdict::Ok);
        config.http.hosts = vec!["plimsoll.example.com".to_owned()];
        let finding = access(&config);
        assert!(
            finding.verdict == Verdict::Warn && finding.remedy.contains("plimsoll token new"),
            "{finding:?}"
        );
        let token = "[[tokens]]\nname = \"t\"\nsecret = \"env:NO_SUCH_TOKEN\"\nscopes = [\"read\"]\n";
        config.tokens = toml::from_str::<Config>(token).expect("it parses").tokens;
        assert_eq!(access(&config).verdict, Verdict::Ok);
        assert!(secrets(&config).iter().any(|finding| finding.verdict == Verdict::Fail), "it cannot be read");
    }

    #[test]
    fn directories_are_tried() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(data_dir(&config(dir.path())).verdict, Verdict::Ok);
        let absent = data_dir(&config(&dir.path().join("a/b")));
        assert!(absent.verdict == Verdict::Ok && absent.detail.contains("can be created"), "{absent:?}");
        assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0, "nothing is left behind");
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("written");
        assert_eq!(data_dir(&config(&file)).verdict, Verdict::Fail);
    }

    #[test]
    fn a_clock_behind_the_data_is_told() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("log")).expect("made");
        std::fs::write(dir.path().join("log/1"), "").expect("written");
        let now = Utc::now();
        assert_eq!(clock(&config(dir.path()), now).verdict, Verdict::Ok);
        assert_eq!(clock(&config(dir.path()), now - TimeDelta::hours(1)).verdict, Verdict::Fail);
    }

    #[test]
    fn the_lock_is_seen_and_left() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        assert!(matches!(lock(&config(dir.path())), Lock::Absent));
        let file = File::create(dir.path().join("lock")).expect("made");
        assert!(matches!(lock(&config(dir.path())), Lock::Free));
        file.try_lock().expect("nobody has it");
        assert!(matches!(lock(&config(dir.path())), Lock::Held));
    }

    #[test]
    fn secrets_are_for_one_account() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "s3cret").expect("written");
        let source = format!("file:{}", file.path().display());
        for (mode, verdict) in [(0o600, Verdict::Ok), (0o644, Verdict::Warn)] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("set");
            let finding = secret("webhooks.github.secret", &source);
            assert_eq!(finding.verdict, verdict);
            assert!(!format!("{finding:?}").contains("s3cret"));
        }
        assert_eq!(secret("webhooks.github.secret", "env:PLIMSOLL_NO_SUCH_VARIABLE").verdict, Verdict::Fail);
    }
}
