//! Files that this process makes are for its user alone: data, caches and what is kept between steps.
//!
//! Deliberately absent: what is there already, whose permissions are the operator's.

use std::sync::OnceLock;

/// What a new file may not be, as the user who started us has it.
static GIVEN: OnceLock<u32> = OnceLock::new();

/// From now on new directories are 0700 and new files 0600. To be called before there are threads.
pub fn start() {
    // SAFETY: umask takes a number, gives one and cannot fail.
    let given = unsafe { libc::umask(0o077) };
    let _ = GIVEN.set(given);
}

/// The permissions of a file that the user asked for, such as a report: as any other program would make it.
pub fn asked_for() -> u32 {
    0o666 & !GIVEN.get().copied().unwrap_or(0o077)
}
