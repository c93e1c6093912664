//! A moment on both clocks: the instant that a question is asked of.
//!
//! Deliberately absent: the time of day; nothing here looks at a clock.

/// A moment on both clocks, µs: what had happened by `as_of`, of what was known by `known_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    pub as_of_us: i64,
    pub known_at_us: i64,
}

impl Moment {
    /// Everything, whenever it happened or was known.
    pub const ALL: Moment = Moment { as_of_us: i64::MAX, known_at_us: i64::MAX };
}
