//! Disks that are full or broken, and a log that is not the one that was read.

use super::*;
use crate::Source as _;

#[test]
fn after_a_failed_sync_the_log_takes_nothing_more() {
    let disk = Disk::default();
    let log = disk.open();
    log.append(entries(0..5)).unwrap();
    disk.state().fail_sync = true;
    let error = log.append(entries(5..6)).unwrap_err();
    assert!(error.to_string().contains("a write failed"), "{error}");
    disk.state().fail_sync = false;
    assert_eq!(log.append(entries(5..6)).unwrap_err(), error);
    assert_eq!(log.next_offset(), 5);
    drop(log);
    let log = disk.after_power_cut(1).open();
    assert!((5..=6).contains(&log.next_offset()));
    check_dense(&log);
}

#[test]
fn a_full_disk_is_waited_out_and_loses_nothing() {
    let disk = Disk::default();
    let log = disk.open();
    log.append(entries(0..5)).unwrap();
    let mut source = LocalSource::new(&log, &positions(&log, 0)).unwrap();
    disk.state().full = true;
    let error = log.append(entries(5..6)).unwrap_err();
    assert!(error.to_string().contains("make room"), "{error}");
    assert!(matches!(log.failure(), Some(LogFailure::Full(_))));
    // At once, so that a sender hears it before it gives up.
    let begun = Instant::now();
    assert_eq!(log.append(entries(5..6)).unwrap_err(), error);
    assert!(begun.elapsed() < Duration::from_millis(400));
    // A reader waits; it does not end the process.
    source.poll(Duration::from_millis(1), &mut |_| true).unwrap();

    disk.state().full = false;
    let deadline = Instant::now() + Duration::from_secs(30);
    while log.failure().is_some() {
        assert!(Instant::now() < deadline, "{:?}", log.failure());
        std::thread::sleep(Duration::from_millis(20));
    }
    let next = log.append(entries(log.next_offset() as usize..8)).unwrap().end;
    assert_eq!(next, 8);
    check_dense(&log);
    let mut seen = source.position();
    while seen < 8 {
        source.poll(Duration::from_millis(50), &mut |_| true).unwrap();
        seen = source.position();
    }
    drop((source, log));
    check_dense(&disk.open());
}

#[test]
fn a_failed_sync_is_not_taken_for_a_full_disk() {
    let disk = Disk::default();
    let log = disk.open();
    disk.state().fail_sync = true;
    log.append(entries(0..1)).unwrap_err();
    assert!(matches!(log.failure(), Some(LogFailure::Broken(_))), "{:?}", log.failure());
}

#[test]
fn a_log_that_was_made_again_is_refused_however_long_it_is() {
    let [old, new] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let old = LocalLog::open(old.path()).unwrap();
    let new = LocalLog::open(new.path()).unwrap();
    for records in [0, 2, 3, 4] {
        let next = new.next_offset() as usize;
        new.append(entries(next..records)).unwrap();
        let error = LocalSource::new(&new, &positions(&old, 3)).err().unwrap().to_string();
        assert!(error.contains("made again") && error.contains("accept-gap local/0"), "{error}");
        let gap = new.gap(&positions(&old, 3)).unwrap();
        assert_eq!((gap.span.base, gap.span.next, &gap.span.log), (3, 0, new.id()));
    }
    assert!(new.gap(&positions(&new, 4)).is_err());
}
