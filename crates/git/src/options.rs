//! What a run reads, and how much it may use for it.
//!
//! Invariant: none between the fields; every value is usable.
//! Deliberately lacking: where the repository is; that is the run's own argument.

/// Where a walk starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The checked-out branch, like `git log`.
    #[default]
    Head,
    /// All local and remote branches, like `git log HEAD --branches --remotes`.
    Branches,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub scope: Scope,
    /// The repository's name in events; by default `owner/name` of the remote `origin`, else the
    /// directory's name.
    pub name: Option<String>,
    /// Threads that compare files; 0 means one for each core.
    pub threads: usize,
    /// Decoded objects kept.
    pub cache_bytes: usize,
    /// Events handed over at once, about.
    pub batch_events: usize,
    /// An earlier end to a batch of large events.
    pub batch_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            scope: Scope::Head,
            name: None,
            threads: 0,
            cache_bytes: 256 << 20,
            batch_events: 8_192,
            batch_bytes: 16 << 20,
        }
    }
}
