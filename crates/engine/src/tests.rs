//! The engine as a whole: against itself (`engine_tests`), against cases that are data (`golden`), and against a reading
//! of the rules in another language (`oracle`).
//!
//! Deliberately absent: what one file promises, which is tested there.

mod engine_tests;

mod golden;

mod oracle;
