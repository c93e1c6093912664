//! Two processes on one data directory: the second is told so, and the first does not notice.

use crate::harness::Place;

#[test]
fn a_second_process_gets_a_clear_error() {
    let place = Place::new();
    let server = place.serve("");
    for arguments in [&["query", "review_load"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let output = place.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
        assert!(stderr.contains("data"), "the directory is named: {stderr}");
        assert!(stderr.contains("process") || stderr.contains("lock"), "the reason is named: {stderr}");
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_killed_process_leaves_no_lock_behind() {
    let place = Place::new();
    let mut server = place.serve("");
    server.running.kill();
    place.stdout(&["query", "review_load"]);
}
