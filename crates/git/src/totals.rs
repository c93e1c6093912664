//! What a run came to, as sums over its commits.
//!
//! Invariant: the totals of two parts of a history add up to those of both.
//! Deliberately lacking: anything about a single commit.

/// Faults named in [`Totals`].
pub(crate) const FAULTS_MAX: usize = 10;

/// What a run came to. Lines and files are those of `git log --numstat -M`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub repository: String,
    pub commits: u64,
    pub merges: u64,
    /// Rows of `--numstat`.
    pub files: u64,
    pub renames: u64,
    pub binary_files: u64,
    pub additions: u64,
    pub deletions: u64,
    /// Commits with a `Reviewed-by` trailer.
    pub reviewed_commits: u64,
    /// Commits whose files could not be told because objects are missing or damaged.
    pub incomplete_commits: u64,
    /// Commits that are missing or damaged themselves.
    pub absent_commits: u64,
    /// Commits told by an earlier run that the branch no longer has.
    pub gone_commits: u64,
    /// The first things that could not be read.
    pub faults: Vec<String>,
    pub bytes: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: Totals) {
        self.commits += other.commits;
        self.merges += other.merges;
        self.files += other.files;
        self.renames += other.renames;
        self.binary_files += other.binary_files;
        self.additions += other.additions;
        self.deletions += other.deletions;
        self.reviewed_commits += other.reviewed_commits;
        self.incomplete_commits += other.incomplete_commits;
        self.absent_commits += other.absent_commits;
        self.gone_commits += other.gone_commits;
        self.bytes += other.bytes;
        self.faults.extend(other.faults);
        self.faults.truncate(FAULTS_MAX);
    }
}
