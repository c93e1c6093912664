//! The review episodes of one change while its events go by: what `review_episodes` folds.
//!
//! Invariant: a step costs a logarithm of the change's episodes, however many requests it has open, but for what ends or
//! pauses all of them: a close ends each once, and pauses are bounded by [`PAUSES_MAX`].

use std::collections::{BTreeSet, HashMap, HashSet};

use arrow::array::{Array, TimestampMicrosecondArray};

use super::Columns;
use crate::functions::gathered::{Entry, RowPlace};
use crate::functions::scalar::is_bot;

/// Begins and ends of pauses in all episodes of a change. A change that goes to draft and back once more while so many
/// requests are open stays as it is for their clocks: each pause stands in each of them.
const PAUSES_MAX: usize = 100_000;
/// Requests that reopenings of a change bring back. A change that is closed and opened once more while so many wait starts
/// without them.
const REVIVED_MAX: usize = 100_000;
/// What forges call every account that somebody deleted: nobody knows whether two of them are one.
pub(super) const DELETED_ACCOUNT: &str = "ghost";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Removed,
    Mooted,
    /// A request that repeats one which waits.
    Asked,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Removed => "removed",
            Outcome::Mooted => "mooted",
            Outcome::Asked => "asked",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    Requested,
    Team,
    Volunteered,
    /// What meant nothing under its name: a removal without a request, or a request that repeats one.
    Stray,
}

impl RequestKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            RequestKind::Requested => "requested",
            RequestKind::Team => "team",
            RequestKind::Volunteered => "volunteered",
            RequestKind::Stray => "stray",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Episode<'a> {
    pub(super) kind: RequestKind,
    pub(super) reviewer: Option<&'a str>,
    pub(super) team: Option<&'a str>,
    pub(super) opened: i64,
    pub(super) ended: Option<(i64, Outcome)>,
    pub(super) inferred: bool,
    pub(super) dismissed: bool,
    pub(super) pauses: Vec<i64>,
    pub(super) request: Option<RowPlace>,
    pub(super) end: Option<RowPlace>,
    /// Which events of the change began and ended it, counted in their order.
    pub(super) opened_step: i64,
    pub(super) ended_step: Option<i64>,
}

impl<'a> Episode<'a> {
    fn open(
        kind: RequestKind,
        reviewer: Option<&'a str>,
        team: Option<&'a str>,
        entry: &Entry,
        step: i64,
    ) -> Self {
        Episode {
            kind,
            reviewer,
            team,
            opened: entry.at,
            ended: None,
            inferred: false,
            dismissed: false,
            pauses: Vec::new(),
            request: Some(entry.place()),
            end: None,
            opened_step: step,
            ended_step: None,
        }
    }

    fn end(&mut self, outcome: Outcome, entry: &Entry, step: i64) {
        if self.pauses.len() % 2 == 1 {
            self.pauses.push(entry.at);
        }
        self.ended = Some((entry.at, outcome));
        self.ended_step = Some(step);
        self.end = Some(entry.place());
    }
}

/// Whose review a request asks for: a person's, or that of a team.
type Asked<'a> = (Option<&'a str>, Option<&'a str>);

fn asked<'a>(reviewer: Option<&'a str>, team: Option<&'a str>) -> Asked<'a> {
    (reviewer, team.filter(|_| reviewer.is_none()))
}

/// One change while its events go by.
#[derive(Default)]
pub(super) struct ChangeHistory<'a> {
    pub(super) author: Option<&'a str>,
    draft: bool,
    pub(super) closed: bool,
    /// Whether the source records reviews, so that trailers add nothing.
    recorded: bool,
    pub(super) episodes: Vec<Episode<'a>>,
    /// The episodes that are open, by their place in `episodes`; of these the requests of people, and those that wait in
    /// the queue of a team.
    open: BTreeSet<usize>,
    of_reviewer: HashMap<&'a str, usize>,
    of_team: HashMap<&'a str, usize>,
    queue: BTreeSet<usize>,
    /// The last episode that a reviewer answered.
    answered: HashMap<&'a str, usize>,
    pauses: usize,
    /// Its newest commit, as far as events of the change itself tell.
    head: Option<&'a str>,
    /// Who commented since the last push, request or verdict.
    sitting: HashSet<&'a str>,
    /// Requests that wait while the change is closed, with their place in `episodes`: opening it again brings them back.
    waiting: HashMap<Asked<'a>, usize>,
    revived: usize,
    /// How many events went by.
    steps: i64,
}

impl<'a> ChangeHistory<'a> {
    /// All events of one change, in order.
    pub(super) fn of(columns: &Columns<'a>, entries: &[Entry]) -> ChangeHistory<'a> {
        let author = entries.iter().rev().find_map(|entry| columns.authors.get(entry));
        let mut change = ChangeHistory { author, ..ChangeHistory::default() };
        for entry in entries {
            change.step(columns, entry);
            change.steps += 1;
        }
        if !change.recorded {
            change.infer(columns, entries);
        }
        change
    }

    fn step(&mut self, columns: &Columns<'a>, entry: &Entry) {
        let type_ = columns.types.get(entry).unwrap_or_default();
        self.recorded |= type_.starts_with("review.");
        if type_.starts_with("change.") {
            self.pushed(columns.heads.get(entry));
        }
        match type_ {
            "change.opened" | "change.updated" => {
                self.closed &= type_ == "change.updated";
                if let Some(draft) = columns.draft(entry) {
                    self.set_draft(draft, entry.at);
                }
            }
            "change.ready" => self.set_draft(false, entry.at),
            "change.drafted" => self.set_draft(true, entry.at),
            "change.closed" | "change.merged" => {
                self.closed = true;
                for place in std::mem::take(&mut self.open) {
                    self.episodes[place].end(Outcome::Mooted, entry, self.steps);
                    let Episode { reviewer, team, .. } = self.episodes[place];
                    self.waiting.insert(asked(reviewer, team), place);
                }
                self.of_reviewer.clear();
                self.of_team.clear();
                self.queue.clear();
            }
            "change.reopened" => self.reopened(entry),
            "review.requested" => {
                self.requested(columns.reviewers.get(entry), columns.teams.get(entry), entry)
            }
            "review.request_removed" => {
                self.removed(columns.reviewers.get(entry), columns.teams.get(entry), entry)
            }
            "review.submitted" => {
                let reviewer = columns.reviewers.get(entry).or(columns.by.get(entry));
                self.submitted(reviewer, columns.verdicts.get(entry) == Some("commented"), entry)
            }
            "review.dismissed" => self.dismissed(columns.reviewers.get(entry)),
            _ => {}
        }
    }

    fn set_draft(&mut self, draft: bool, at: i64) {
        let pauses = self.pauses + self.open.len();
        if self.draft != draft && pauses <= PAUSES_MAX {
            (self.draft, self.pauses) = (draft, pauses);
            for &place in &self.open {
                self.episodes[place].pauses.push(at);
            }
        }
    }

    /// A head that is another one ends every sitting; a review may name an old one, so these are not asked.
    fn pushed(&mut self, head: Option<&'a str>) {
        if head.is_some() && head != self.head {
            self.head = head;
            self.sitting.clear();
        }
    }

    fn requested(&mut self, reviewer: Option<&'a str>, team: Option<&'a str>, entry: &Entry) {
        let kind = match (reviewer, team) {
            (Some(_), _) => RequestKind::Requested,
            (None, Some(_)) => RequestKind::Team,
            (None, None) => return,
        };
        self.sitting.clear();
        if self.find(reviewer, team).is_some() {
            let mut again = Episode::open(RequestKind::Stray, reviewer, team, entry, self.steps);
            again.end(Outcome::Asked, entry, self.steps);
            self.episodes.push(again);
            return;
        }
        let mut episode = Episode::open(kind, reviewer, team, entry, self.steps);
        if self.draft {
            episode.pauses.push(entry.at);
        }
        let place = self.episodes.len();
        match (self.closed, reviewer, team) {
            (true, ..) => {
                episode.end(Outcome::Mooted, entry, self.steps);
                self.waiting.insert(asked(reviewer, team), place);
            }
            (false, Some(reviewer), _) => {
                self.open.insert(place);
                self.of_reviewer.insert(reviewer, place);
            }
            (false, None, team) => {
                self.open.insert(place);
                self.queue.insert(place);
                self.of_team.extend(team.map(|team| (team, place)));
            }
        }
        self.episodes.push(episode);
    }

    /// Who was asked and had not answered is asked again, by whom they were asked before.
    fn reopened(&mut self, entry: &Entry) {
        let mut waiting: Vec<usize> = std::mem::take(&mut self.waiting).into_values().collect();
        waiting.sort_unstable();
        if !std::mem::replace(&mut self.closed, false) || self.revived + waiting.len() > REVIVED_MAX {
            return;
        }
        self.revived += waiting.len();
        for place in waiting {
            let Episode { reviewer, team, request, .. } = self.episodes[place];
            let again = self.episodes.len();
            self.requested(reviewer, team, entry);
            self.episodes[again].request = request;
        }
    }

    /// The open episode of a reviewer, or of a team's queue.
    fn find(&self, reviewer: Option<&str>, team: Option<&str>) -> Option<usize> {
        match (reviewer, team) {
            (Some(reviewer), _) => self.of_reviewer.get(reviewer).copied(),
            (None, Some(team)) => self.of_team.get(team).copied(),
            (None, None) => None,
        }
    }

    fn end(&mut self, place: usize, outcome: Outcome, entry: &Entry) {
        let episode = &mut self.episodes[place];
        self.open.remove(&place);
        match (episode.kind, episode.reviewer, episode.team) {
            (RequestKind::Team, _, Some(team)) => {
                self.queue.remove(&place);
                self.of_team.remove(team);
            }
            (_, Some(reviewer), _) => {
                self.of_reviewer.remove(reviewer);
            }
            _ => {}
        }
        episode.end(outcome, entry, self.steps);
    }

    fn removed(&mut self, reviewer: Option<&'a str>, team: Option<&'a str>, entry: &Entry) {
        if self.closed {
            self.waiting.remove(&asked(reviewer, team));
        } else if let Some(place) = self.find(reviewer, team) {
            self.end(place, Outcome::Removed, entry);
        } else if reviewer.is_some() {
            let mut episode = Episode::open(RequestKind::Stray, reviewer, None, entry, self.steps);
            episode.end(Outcome::Removed, entry, self.steps);
            self.episodes.push(episode);
        }
    }

    fn submitted(&mut self, reviewer: Option<&'a str>, only_comment: bool, entry: &Entry) {
        let Some(name) = reviewer else { return };
        let sits = only_comment && !self.sitting.insert(name);
        if !only_comment {
            self.sitting.clear();
        }
        let known = name != DELETED_ACCOUNT;
        let claims = known && self.author != reviewer && !is_bot(name);
        let own = self.find(reviewer, None).filter(|_| known);
        let of_queue = self.queue.first().copied().filter(|_| claims);
        self.waiting.remove(&asked(reviewer, None));
        let place = match own.or(of_queue) {
            Some(place) => {
                self.end(place, Outcome::Done, entry);
                self.episodes[place].reviewer = reviewer;
                place
            }
            None if sits => return,
            None => {
                let mut episode = Episode::open(RequestKind::Volunteered, reviewer, None, entry, self.steps);
                episode.request = None;
                episode.end(Outcome::Done, entry, self.steps);
                self.episodes.push(episode);
                self.episodes.len() - 1
            }
        };
        let last = self.answered.entry(name).or_insert(place);
        *last = place.max(*last);
    }

    fn dismissed(&mut self, reviewer: Option<&str>) {
        if let Some(&place) = reviewer.and_then(|reviewer| self.answered.get(reviewer)) {
            self.episodes[place].dismissed = true;
        }
    }

    fn infer(&mut self, columns: &Columns<'a>, entries: &[Entry]) {
        for (step, entry) in (0..).zip(entries) {
            let (trailers, row) = (&columns.trailers[entry.batch as usize], entry.row as usize);
            if trailers.lists.is_null(row) {
                continue;
            }
            let time = |times: &TimestampMicrosecondArray| times.is_valid(row).then(|| times.value(row));
            let committed = time(trailers.committed).map_or(entry.at, |at| at.min(entry.at));
            let authored = time(trailers.authored).unwrap_or(committed).min(committed);
            let offsets = trailers.lists.value_offsets();
            for index in offsets[row] as usize..offsets[row + 1] as usize {
                if trailers.names.is_null(index) {
                    continue;
                }
                let name = trailers.names.value(index);
                if self.answered.insert(name, self.episodes.len()).is_some() {
                    continue;
                }
                let mut episode = Episode::open(RequestKind::Volunteered, Some(name), None, entry, step);
                episode.opened = authored;
                episode.request = None;
                episode.inferred = true;
                episode.ended = Some((committed, Outcome::Done));
                episode.ended_step = Some(step);
                episode.end = Some(entry.place());
                self.episodes.push(episode);
            }
        }
    }
}
