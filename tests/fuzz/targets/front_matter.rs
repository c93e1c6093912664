//! A metric's file: a metric, or problems that name file and line.
#![no_main]

use std::sync::LazyLock;

use engine::Catalogue;
use libfuzzer_sys::fuzz_target;

static DIR: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("plimsoll-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("metric")).expect("a folder");
    dir
});

fuzz_target!(|text: &[u8]| {
    std::fs::write(DIR.join("metric/mine.sql"), text).expect("a file");
    if let Err(problems) = Catalogue::load(&[DIR.clone()]) {
        assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
    }
});
