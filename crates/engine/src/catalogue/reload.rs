//! The user's files while the program runs: what is sound comes into force, what is broken keeps its last good text.
//!
//! Invariants: a catalogue that comes out of here has no problem; one broken file holds nobody else's change up; the
//! materialised views stay those that the engine folded when it started, so a change of one is a problem that says
//! so. Deliberately absent: watching (whoever serves asks for a [`Stamp`] now and then) and the shipped files.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::load::{self, Kind, Source};
use super::{Catalogue, Problem, View};

/// What the directories look like from outside: changes when a file is added, removed or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(BTreeMap<PathBuf, Option<(SystemTime, u64, u64)>>);

impl Stamp {
    pub fn of(dirs: &[PathBuf]) -> Stamp {
        let mut files = BTreeMap::new();
        let mut add = |path: PathBuf| {
            let meta = std::fs::symlink_metadata(&path).ok();
            let meta = meta.and_then(|meta| Some((meta.modified().ok()?, meta.len(), meta.ino())));
            files.insert(path, meta);
        };
        for folder in dirs.iter().flat_map(|dir| ["view", "metric"].map(|kind| dir.join(kind))) {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| is_sql(path)).for_each(&mut add);
        }
        dirs.iter().map(|dir| dir.join(load::PARAMS)).for_each(&mut add);
        Stamp(files)
    }
}

fn is_sql(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sql")
}

/// Reads the user's directories again.
#[derive(Debug)]
pub struct Reloader {
    dirs: Vec<PathBuf>,
    /// The files in force.
    good: Vec<Source>,
    /// Whether what is in force was planned here once; nobody does so at start.
    planned: bool,
}

/// What came of reading again.
#[derive(Debug)]
pub struct Reloaded {
    /// `None` where even the files in force do not fit together any more.
    pub catalogue: Option<Catalogue>,
    /// Of files that are not in force as they stand.
    pub problems: Vec<Problem>,
}

impl Reloader {
    /// To be made when the files of `dirs` are in force as they stand.
    pub fn new(dirs: Vec<PathBuf>) -> Reloader {
        let mut good = Vec::new();
        dirs.iter().for_each(|dir| load::directory(dir, &mut good, &mut Vec::new()));
        Reloader { dirs, good, planned: false }
    }

    /// The files as they stand now, each broken one by its last good text or left out. `running` is in force.
    pub async fn read(&mut self, running: &Catalogue) -> Reloaded {
        let (mut sources, mut problems) = (Vec::new(), Vec::new());
        self.dirs.iter().for_each(|dir| load::directory(dir, &mut sources, &mut problems));
        self.keep_unreadable(&mut sources, &problems);
        self.keep_removed_views(&mut sources, running, &mut problems);
        loop {
            let (catalogue, found) = attempt(&sources, running, self.planned).await;
            if found.is_empty() {
                (self.good, self.planned) = (sources, true);
                return Reloaded { catalogue, problems };
            }
            let files: BTreeSet<&str> = found.iter().map(|problem| problem.file.as_str()).collect();
            let fell_back = self.fall_back(&mut sources, &files);
            problems.extend(found);
            problems.sort();
            problems.dedup();
            if !fell_back {
                return Reloaded { catalogue: None, problems };
            }
        }
    }

    fn good(&self, file: &str) -> Option<&Source> {
        self.good.iter().find(|source| source.file == file)
    }

    /// Files and directories that cannot be read just now count as they last did.
    fn keep_unreadable(&self, sources: &mut Vec<Source>, problems: &[Problem]) {
        for problem in problems {
            let within = |source: &&Source| Path::new(&source.file).starts_with(&problem.file);
            for source in self.good.iter().filter(within) {
                if !sources.iter().any(|other| other.file == source.file) {
                    sources.push(source.clone());
                }
            }
        }
    }

    fn keep_removed_views(
        &self,
        sources: &mut Vec<Source>,
        running: &Catalogue,
        problems: &mut Vec<Problem>,
    ) {
        let keyed = |source: &&Source| {
            source.kind == Kind::View && running.view(&source.name).is_some_and(|view| !view.is_shared())
        };
        for source in self.good.iter().filter(keyed) {
            if !sources.iter().any(|other| other.kind == Kind::View && other.name == source.name) {
                problems.push(source.problem(
                    1,
                    "was removed; a view with a key is folded at start, so restart to let it go",
                ));
                sources.push(source.clone());
            }
        }
    }

    /// Puts the last good text in the place of each of `files`, or leaves it out. False where none could be.
    fn fall_back(&self, sources: &mut Vec<Source>, files: &BTreeSet<&str>) -> bool {
        // A file as it last was may be broken by another one, and sound again with that one as it last was.
        let mut replaced = false;
        for source in sources.iter_mut().filter(|source| files.contains(source.file.as_str())) {
            if let Some(good) = self.good(&source.file).filter(|good| good.text != source.text) {
                *source = good.clone();
                replaced = true;
            }
        }
        let before = sources.len();
        if !replaced {
            sources.retain(|source| !files.contains(source.file.as_str()));
        }
        replaced || sources.len() < before
    }
}

/// The catalogue of the shipped files and `sources`, or why there is none.
async fn attempt(
    sources: &[Source],
    running: &Catalogue,
    planned: bool,
) -> (Option<Catalogue>, Vec<Problem>) {
    let all = load::shipped().into_iter().chain(sources.iter().cloned()).collect();
    let catalogue = match Catalogue::from_sources(all, Vec::new()) {
        Ok(catalogue) => catalogue,
        Err(problems) => return (None, problems),
    };
    let mut problems = match planned {
        true => catalogue.check_plans_beside(running).await,
        false => catalogue.check_plans().await,
    };
    for view in catalogue.keyed() {
        if !running.keyed().any(|known| is_same(known, view)) {
            let message = "is a view with a key, which is folded at start; restart to take it as it stands";
            problems.push(Problem::new(&view.file, 1, message));
        }
    }
    (problems.is_empty().then_some(catalogue), problems)
}

fn is_same(a: &View, b: &View) -> bool {
    (&a.name, &a.sql, &a.key, &a.from, &a.open) == (&b.name, &b.sql, &b.key, &b.from, &b.open)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "-- +++\n-- title = \"T\"\n-- help = \"H.\"\n-- unit = \"things\"\n-- labels = []\n\
                        -- value = \"n\"\n-- section = \"S\"\n-- panel = \"stat\"\n-- +++\n";

    fn metric(sql: &str) -> String {
        format!("{HEAD}{sql}\n")
    }

    struct Place {
        dir: tempfile::TempDir,
        reloader: Reloader,
        running: Catalogue,
    }

    impl Place {
        fn new(files: &[(&str, String)]) -> Place {
            let dir = tempfile::tempdir().unwrap();
            for kind in ["view", "metric"] {
                std::fs::create_dir(dir.path().join(kind)).unwrap();
            }
            for (name, text) in files {
                std::fs::write(dir.path().join(name), text).unwrap();
            }
            let dirs = vec![dir.path().to_owned()];
            let running = Catalogue::load(&dirs).unwrap();
            Place { dir, reloader: Reloader::new(dirs), running }
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.dir.path().join(name), text).unwrap();
        }

        /// Reads again; the SQL of each metric named, and the problems' files and lines.
        async fn read(&mut self, names: &[&str]) -> (Vec<Option<String>>, Vec<String>) {
            let Reloaded { catalogue, problems } = self.reloader.read(&self.running).await;
            self.running = catalogue.unwrap();
            let sql = |name: &&str| self.running.metric(name).map(|metric| metric.sql.trim().to_owned());
            let short = |problem: &Problem| {
                let file =
                    Path::new(&problem.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{file}:{}", problem.line)
            };
            (names.iter().map(sql).collect(), problems.iter().map(short).collect())
        }
    }

    #[tokio::test]
    async fn a_broken_file_keeps_its_good_text_and_holds_nobody_up() {
        let mut place = Place::new(&[
            ("metric/a.sql", metric("SELECT 1 AS n")),
            ("metric/b.sql", metric("SELECT 1 AS n")),
        ]);
        place.write("metric/a.sql", &metric("SELECT nothing AS n"));
        place.write("metric/b.sql", &metric("SELECT 2 AS n"));
        place.write("metric/c.sql", &metric("SELECT 3 AS m"));
        place.write("metric/d.sql", &metric("SELECT 4 AS n"));
        let some = |sql: &str| Some(sql.to_owned());
        let (sql, problems) = place.read(&["a", "b", "c", "d"]).await;
        assert_eq!(sql, [some("SELECT 1 AS n"), some("SELECT 2 AS n"), None, some("SELECT 4 AS n")]);
        assert_eq!(problems, ["a.sql:10", "c.sql:6"]);
        place.write("metric/a.sql", &metric("SELECT 5 AS n"));
        std::fs::remove_file(place.dir.path().join("metric/d.sql")).unwrap();
        place.write("metric/c.sql", "no front matter");
        let (sql, problems) = place.read(&["a", "b", "c", "d"]).await;
        assert_eq!(sql, [some("SELECT 5 AS n"), some("SELECT 2 AS n"), None, None]);
        assert_eq!(problems, ["c.sql:1"]);
        std::fs::remove_dir_all(place.dir.path()).unwrap();
        let (sql, problems) = place.read(&["a"]).await;
        assert_eq!(
            (sql, problems.len()),
            (vec![some("SELECT 5 AS n")], 1),
            "a directory that is away is no removal"
        );
    }

    #[tokio::test]
    async fn views_with_a_key_wait_for_a_restart_and_shared_ones_do_not() {
        let keyed = |n: i32| {
            format!(
                "-- +++\n-- help = \"H.\"\n-- key = [\"ticket\"]\n-- from = [\"tickets\"]\n-- +++\nSELECT key_hash, ticket, {n} AS n FROM tickets\n"
            )
        };
        let shared =
            |n: i32| format!("-- +++\n-- help = \"H.\"\n-- from = [\"k\"]\n-- +++\nSELECT {n} AS n FROM k\n");
        let mut place = Place::new(&[
            ("view/k.sql", keyed(1)),
            ("view/s.sql", shared(1)),
            ("metric/a.sql", metric("SELECT n FROM s")),
        ]);
        place.write("view/k.sql", &keyed(2));
        place.write("view/s.sql", &shared(2));
        place.write("view/new.sql", &keyed(3));
        place.write("metric/b.sql", &metric("SELECT n FROM new"));
        let (sql, problems) = place.read(&["a", "b"]).await;
        assert_eq!(sql, [Some("SELECT n FROM s".to_owned()), None]);
        assert_eq!(problems, ["b.sql:10", "k.sql:1", "new.sql:1"]);
        assert!(place.running.view("k").unwrap().sql.contains("1 AS n"));
        assert!(place.running.view("s").unwrap().sql.contains("2 AS n"));
        place.write("view/k.sql", &keyed(1));
        std::fs::remove_file(place.dir.path().join("view/k.sql")).unwrap();
        std::fs::remove_file(place.dir.path().join("view/new.sql")).unwrap();
        std::fs::remove_file(place.dir.path().join("metric/b.sql")).unwrap();
        let (_, problems) = place.read(&[]).await;
        assert_eq!(problems, ["k.sql:1"], "a view with a key cannot go while it is folded");
        assert!(place.running.view("k").is_some());
    }

    #[tokio::test]
    async fn shared_parameters_that_break_keep_their_last_good_text() {
        let days = |n: i32| format!("days = {{ type = \"int\", default = {n} }}\n");
        let reader = HEAD.replace("panel = \"stat\"", "panel = \"stat\"\n-- shared_params = [\"days\"]");
        let mut place =
            Place::new(&[("params.toml", days(1)), ("metric/a.sql", format!("{reader}SELECT $days AS n\n"))]);
        place.write("params.toml", "days = {");
        let (sql, problems) = place.read(&["a"]).await;
        assert_eq!(sql, [Some("SELECT $days AS n".to_owned())]);
        assert!(problems.contains(&"params.toml:1".to_owned()), "{problems:?}");
        place.write("params.toml", &days(2));
        let (_, problems) = place.read(&["a"]).await;
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(place.running.metric("a").unwrap().params[0].default.to_string(), "2");
    }

    #[test]
    fn a_stamp_changes_with_the_files() {
        let place = Place::new(&[("metric/a.sql", metric("SELECT 1 AS n"))]);
        let dirs = [place.dir.path().to_owned()];
        let first = Stamp::of(&dirs);
        assert_eq!(first, Stamp::of(&dirs));
        place.write("metric/a.sql", &metric("SELECT 10 AS n"));
        let second = Stamp::of(&dirs);
        assert_ne!(first, second);
        place.write("metric/notes.txt", "no metric");
        assert_eq!(second, Stamp::of(&dirs));
        std::fs::remove_file(place.dir.path().join("metric/a.sql")).unwrap();
        assert_ne!(second, Stamp::of(&dirs));
    }
}
