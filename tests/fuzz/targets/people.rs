// The readers of files about people, without the rest of their crate, which would bring the engine.
#[path = "../../../crates/people/src/declared.rs"]
pub mod declared;
#[path = "../../../crates/people/src/files.rs"]
pub mod files;
#[path = "../../../crates/people/src/ical.rs"]
pub mod ical;
#[path = "../../../crates/people/src/mailmap.rs"]
pub mod mailmap;
#[path = "../../../crates/people/src/names.rs"]
pub mod names;
#[path = "../../../crates/people/src/owners.rs"]
pub mod owners;
