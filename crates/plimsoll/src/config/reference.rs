//! What is written from the rows of `keys.rs`: `plimsoll.example.toml`, and the tables of `docs/configuration.md`.
//!
//! Invariant: both files have every key, with its default. `PLIMSOLL_BLESS=1 cargo test --bin plimsoll reference` writes
//! them. Deliberately absent from the program itself: it reads configurations and writes none.

use std::fmt::Write;
use std::path::PathBuf;

use super::Config;
use super::layers::{default_leaves, lines_of_keys};
use super::section::{Group, Key, Kind, Section};

const BEGIN: &str = "<!-- generated: keys -->\n";
const END: &str = "<!-- end -->";

/// What the example begins with.
const HEAD: &str = "\
# Every key that Plimsoll understands. A line such as `#key = value` shows a default: to change it, remove the # and
# edit the value. Lines that begin with `# ` explain.
#
# A value comes from the last of: the default, this file (./plimsoll.toml or --config FILE), an environment variable
# (http.listen is PLIMSOLL_HTTP_LISTEN; lists are separated by commas), a flag. `plimsoll config` prints the
# configuration in force and where each value comes from. An unknown key is an error.
";

/// The text of a key, and the lines of its example.
fn text_and_example(key: &Key) -> (Vec<&str>, Vec<&str>) {
    let (mut text, mut example, mut fenced) = (Vec::new(), Vec::new(), false);
    for line in key.text.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        match (line.starts_with("```"), fenced) {
            (true, _) => fenced = !fenced,
            (false, true) => example.push(line),
            (false, false) => text.push(line),
        }
    }
    (text, example)
}

fn default_of(key: &Key) -> String {
    default_leaves().get(key.path).map(|(value, _)| value.to_string()).unwrap_or_default()
}

fn name_of(key: &Key) -> &str {
    key.path.rsplit_once('.').map_or(key.path, |(_, name)| name)
}

fn comment(out: &mut String, indent: &str, lines: &[&str]) {
    for line in lines {
        out.push_str(format!("# {indent}{line}").trim_end());
        out.push('\n');
    }
}

fn example_file() -> String {
    let mut out = HEAD.to_owned();
    for group in Config::groups() {
        if !group.path.is_empty() {
            out.push('\n');
            let about: Vec<&str> = group.about.iter().map(|line| line.trim_start()).collect();
            comment(&mut out, "", &about);
            let _ = writeln!(out, "[{}]", group.path);
        }
        for key in group.keys {
            let (text, example) = text_and_example(key);
            out.push('\n');
            comment(&mut out, "", &text);
            match key.kind {
                Kind::Table => {
                    let _ = writeln!(out, "[{}]", key.path);
                    comment(&mut out, "    ", &example);
                }
                Kind::Text | Kind::Texts | Kind::Number | Kind::Switch | Kind::Tables => {
                    let _ = writeln!(out, "#{} = {}", name_of(key), default_of(key));
                    comment(&mut out, "    ", &example);
                }
            }
        }
    }
    out
}

fn tables() -> String {
    let mut out = String::new();
    for group in Config::groups() {
        let heading = if group.path.is_empty() {
            "Above all sections".to_owned()
        } else {
            format!("`[{}]`", group.path)
        };
        let _ = writeln!(out, "\n## {heading}\n");
        if !group.about.is_empty() {
            let about: Vec<&str> = group.about.iter().map(|line| line.trim_start()).collect();
            let _ = writeln!(out, "{}\n", about.join("\n"));
        }
        out.push_str("| key | value | default | what it does |\n|---|---|---|---|\n");
        for key in group.keys {
            out.push_str(&table_row(key));
        }
        examples(&mut out, &group);
    }
    out.push('\n');
    out
}

fn table_row(key: &Key) -> String {
    let (text, _) = text_and_example(key);
    let bounds = key.bounds.as_ref().map_or_else(String::new, |bounds| {
        let unit = if key.kind == Kind::Text { " bytes" } else { "" };
        format!(", {} to {}{unit}", bounds.start(), bounds.end())
    });
    let default = match default_of(key) {
        empty if empty.is_empty() => String::new(),
        value => format!("`{value}`"),
    };
    let text = text.join(" ").replace('|', "\\|").replace('*', "\\*");
    format!("| `{}` | {}{bounds} | {default} | {text} |\n", key.path, key.kind.name())
}

fn examples(out: &mut String, group: &Group) {
    for key in group.keys {
        let (_, example) = text_and_example(key);
        if example.is_empty() {
            continue;
        }
        let header = if key.kind == Kind::Table { format!("[{}]\n", key.path) } else { String::new() };
        let _ = writeln!(out, "\n```toml\n{header}{}\n```", example.join("\n"));
    }
}

fn root(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Compares a file with what it must be, or writes it.
fn check(file: &str, wanted: &str) {
    let path = root(file);
    if std::env::var_os("PLIMSOLL_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == wanted, "{file} is out of date: PLIMSOLL_BLESS=1 cargo test --bin plimsoll reference");
}

#[test]
fn the_example_is_written_from_the_rows() {
    check("plimsoll.example.toml", &example_file());
}

#[test]
fn the_reference_is_written_from_the_rows() {
    let text = std::fs::read_to_string(root("docs/configuration.md")).unwrap();
    let start = text.find(BEGIN).expect("docs/configuration.md has a generated block") + BEGIN.len();
    let end = start + text[start..].find(END).unwrap();
    let mut wanted = text.clone();
    wanted.replace_range(start..end, &tables());
    check("docs/configuration.md", &wanted);
}

/// As it is, the example changes nothing; without the # before its keys, it still sets every key to its default.
#[test]
fn the_example_shows_the_defaults() {
    let text = example_file();
    assert_eq!(toml::from_str::<Config>(&text), Ok(Config::default()));
    let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line != "#";
    let lines = text.lines().map(|line| if is_key(line) { &line[1..] } else { line });
    let set: String = lines.map(|line| format!("{line}\n")).collect();
    assert_eq!(toml::from_str::<Config>(&set), Ok(Config::default()));
    let lines = lines_of_keys(&set);
    for key in Config::groups().iter().flat_map(|group| group.keys) {
        assert!(lines.contains_key(key.path), "{} is not in the example", key.path);
        let (text, _) = text_and_example(key);
        assert!(
            text.last().is_some_and(|line| line.ends_with('.')),
            "the text of {} is not a sentence",
            key.path
        );
    }
}

/// Every example of a key is a configuration.
#[test]
fn the_examples_are_understood() {
    for key in Config::groups().iter().flat_map(|group| group.keys) {
        let (_, example) = text_and_example(key);
        let header = if key.kind == Kind::Table { format!("[{}]\n", key.path) } else { String::new() };
        let text = format!("{header}{}", example.join("\n"));
        toml::from_str::<Config>(&text).unwrap_or_else(|error| panic!("{}: {error}", key.path));
    }
}

#[test]
fn tables_of_any_keys_are_the_open_sections() {
    let groups = Config::groups();
    let keys = groups.iter().flat_map(|group| group.keys);
    let mut open: Vec<&str> = keys.filter(|key| key.kind == Kind::Table).map(|key| key.path).collect();
    open.sort_unstable();
    assert_eq!(open, [super::ENDINGS, super::FORMATS, super::SETTINGS]);
}
