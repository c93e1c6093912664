//! `review_episodes(at, seq, event_id, type, repo, change, author, draft, reviewer, team, by, verdict, reviewers,
//! authored_at, committed_at, head)`: the review episodes of one change, as a list of structs.
//!
//! An episode is (change, reviewer) from the earliest unanswered request to that reviewer's next submitted
//! review (`done`), the request's removal (`removed`), or the change's close or merge (`mooted`).
//!
//! - A request while one is open changes nothing; one after the end starts a new episode. A request on a
//!   change that is closed is mooted at once. Opening a change again asks those again who had been asked and had not
//!   answered: as a new episode, from then on, of the same request.
//! - A request to a team waits in the team's queue (`kind` team, reviewer NULL) until it is claimed: the first
//!   submitted review by somebody who has no open request of their own, is not the author and is no bot takes
//!   the earliest of the open team requests. The claimed episode then names the reviewer and the team.
//! - A submitted review that answers nothing is an episode of its own (`kind` volunteered, of no length). Comment-only
//!   reviews by one person count once until the next push, request or verdict: hosts make a review of each single remark.
//! - Draft pauses the clock. `pauses` holds the begin and end of each pause in turn; an odd count means that
//!   the change is a draft still, and `paused_since` says since when. `paused_ms` sums those that ended.
//! - A dismissed review stays an answer; its episode is flagged `dismissed`.
//! - Self-reviews and bots are flagged, not left out. `ghost`, which forges call every deleted account, is nobody in
//!   particular: its reviews answer no request, and none of its own is a self-review.
//! - Where the source records no review event at all, the reviewers that a commit names give one volunteered
//!   episode each, from authored to committed, flagged `inferred`.
//! - No episode begins or ends after the event that tells of it: a commit that claims a later time than its
//!   event has is taken at the event's.
//!
//! - A removal that meets no request of that name, and a request that repeats one which waits (outcome `asked`), are kept, of
//!   kind `stray` and of no length: they may mean something for another name of the person.
//!
//! `opened_step` and `ended_step` count the events of the change, so that what happened in one microsecond has an order.
//! The author is the last one named by an event of the change. Order of episodes: as they began.

mod history;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Int64Array, ListArray, StringViewArray,
    StringViewBuilder, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimestampMicrosecondType};
use datafusion::common::Result;

use self::history::{ChangeHistory, DELETED_ACCOUNT, Episode};
use super::gathered::{EVENT_ID, Entry, RowPlace, Sorted, Texts, lists};
use super::scalar::is_bot;
use super::types::{check_types, texts, timestamp};

const TYPE: usize = 3;
const REPO: usize = 4;
const CHANGE: usize = 5;
const AUTHOR: usize = 6;
const DRAFT: usize = 7;
const REVIEWER: usize = 8;
const TEAM: usize = 9;
const BY: usize = 10;
const VERDICT: usize = 11;
const REVIEWERS: usize = 12;
const AUTHORED: usize = 13;
const COMMITTED: usize = 14;
const HEAD: usize = 15;

fn moments() -> DataType {
    DataType::List(Arc::new(Field::new("item", timestamp(), true)))
}

fn item() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    let flag = |name: &str| Field::new(name, DataType::Boolean, true);
    Fields::from(vec![
        text("repo"),
        text("change"),
        text("author"),
        text("reviewer"),
        text("team"),
        text("kind"),
        Field::new("opened_at", timestamp(), true),
        Field::new("ended_at", timestamp(), true),
        text("outcome"),
        text("verdict"),
        text("requested_by"),
        Field::new("paused_ms", DataType::Int64, true),
        Field::new("paused_since", timestamp(), true),
        Field::new("pauses", moments(), true),
        flag("self_review"),
        flag("bot"),
        flag("inferred"),
        flag("dismissed"),
        flag("is_open"),
        flag("change_open"),
        text("request_event"),
        text("end_event"),
        Field::new("opened_step", DataType::Int64, true),
        Field::new("ended_step", DataType::Int64, true),
    ])
}

pub(super) fn output(fields: &[FieldRef]) -> Result<DataType> {
    let text = || DataType::Utf8View;
    let wanted = [
        ("effective_at", timestamp()),
        ("seq", DataType::Int64),
        ("event_id", text()),
        ("type", text()),
        ("repo", text()),
        ("change", text()),
        ("author", text()),
        ("draft", DataType::Boolean),
        ("reviewer", text()),
        ("team", text()),
        ("by", text()),
        ("verdict", text()),
        ("reviewers", texts()),
        ("authored_at", timestamp()),
        ("committed_at", timestamp()),
        ("head", text()),
    ];
    check_types("review_episodes", fields, &wanted)?;
    Ok(DataType::List(Arc::new(Field::new("item", DataType::Struct(item()), true))))
}

/// The columns that the state machine reads.
struct Columns<'a> {
    types: Texts<'a>,
    authors: Texts<'a>,
    reviewers: Texts<'a>,
    teams: Texts<'a>,
    by: Texts<'a>,
    verdicts: Texts<'a>,
    heads: Texts<'a>,
    drafts: Vec<&'a BooleanArray>,
    trailers: Vec<Trailers<'a>>,
}

/// The reviewers that commits name, of one batch.
struct Trailers<'a> {
    lists: &'a ListArray,
    names: &'a StringViewArray,
    authored: &'a TimestampMicrosecondArray,
    committed: &'a TimestampMicrosecondArray,
}

impl<'a> Columns<'a> {
    fn new(rows: &'a Sorted) -> Self {
        let trailers = |batch: &'a Vec<ArrayRef>| {
            let lists = batch[REVIEWERS].as_list::<i32>();
            Trailers {
                lists,
                names: lists.values().as_string_view(),
                authored: batch[AUTHORED].as_primitive::<TimestampMicrosecondType>(),
                committed: batch[COMMITTED].as_primitive::<TimestampMicrosecondType>(),
            }
        };
        Columns {
            types: Texts(rows.texts(TYPE)),
            authors: Texts(rows.texts(AUTHOR)),
            reviewers: Texts(rows.texts(REVIEWER)),
            teams: Texts(rows.texts(TEAM)),
            by: Texts(rows.texts(BY)),
            verdicts: Texts(rows.texts(VERDICT)),
            heads: Texts(rows.texts(HEAD)),
            drafts: rows.batches.iter().map(|batch| batch[DRAFT].as_boolean()).collect(),
            trailers: rows.batches.iter().map(trailers).collect(),
        }
    }

    fn draft(&self, entry: &Entry) -> Option<bool> {
        let (drafts, row) = (self.drafts[entry.batch as usize], entry.row as usize);
        drafts.is_valid(row).then(|| drafts.value(row))
    }
}

pub(super) fn fold(rows: &Sorted) -> Result<ArrayRef> {
    let columns = Columns::new(rows);
    let mut out = Output::new(rows);
    for range in rows.ranges() {
        out.change(ChangeHistory::of(&columns, &rows.entries[range.clone()]), &rows.entries[range]);
    }
    out.finish()
}

/// Result columns under construction. Texts that stand in the input are picked from it at the end.
struct Output<'a> {
    rows: &'a Sorted,
    lengths: Vec<usize>,
    /// Where repo and change of the episode's change stand.
    places: Vec<Option<RowPlace>>,
    authors: StringViewBuilder,
    reviewers: StringViewBuilder,
    teams: StringViewBuilder,
    kinds: StringViewBuilder,
    outcomes: StringViewBuilder,
    opened: Vec<i64>,
    ended: Vec<Option<i64>>,
    paused_ms: Vec<i64>,
    paused_since: Vec<Option<i64>>,
    pauses: Vec<i64>,
    pause_counts: Vec<usize>,
    flags: [BooleanBuilder; 6],
    requests: Vec<Option<RowPlace>>,
    ends: Vec<Option<RowPlace>>,
    opened_steps: Vec<i64>,
    ended_steps: Vec<Option<i64>>,
}

impl<'a> Output<'a> {
    fn new(rows: &'a Sorted) -> Self {
        Output {
            rows,
            lengths: Vec::with_capacity(rows.groups),
            places: Vec::new(),
            authors: StringViewBuilder::new(),
            reviewers: StringViewBuilder::new(),
            teams: StringViewBuilder::new(),
            kinds: StringViewBuilder::new(),
            outcomes: StringViewBuilder::new(),
            opened: Vec::new(),
            ended: Vec::new(),
            paused_ms: Vec::new(),
            paused_since: Vec::new(),
            pauses: Vec::new(),
            pause_counts: Vec::new(),
            flags: Default::default(),
            requests: Vec::new(),
            ends: Vec::new(),
            opened_steps: Vec::new(),
            ended_steps: Vec::new(),
        }
    }

    fn change(&mut self, change: ChangeHistory<'_>, entries: &[Entry]) {
        self.lengths.push(change.episodes.len());
        let is_open = !change.closed;
        for episode in change.episodes {
            self.places.push(entries.first().map(|entry| entry.place()));
            self.authors.append_option(change.author);
            self.episode(&episode, change.author, is_open);
        }
    }

    fn episode(&mut self, episode: &Episode<'_>, author: Option<&str>, change_open: bool) {
        self.reviewers.append_option(episode.reviewer);
        self.teams.append_option(episode.team);
        self.kinds.append_value(episode.kind.as_str());
        self.outcomes.append_option(episode.ended.map(|(_, outcome)| outcome.as_str()));
        self.opened.push(episode.opened);
        self.ended.push(episode.ended.map(|(at, _)| at));
        self.paused_ms.push(episode.pauses.chunks_exact(2).map(|pause| (pause[1] - pause[0]) / 1_000).sum());
        self.paused_since.push(episode.pauses.last().copied().filter(|_| episode.pauses.len() % 2 == 1));
        self.pauses.extend_from_slice(&episode.pauses);
        self.pause_counts.push(episode.pauses.len());
        let known = episode.reviewer.filter(|&reviewer| reviewer != DELETED_ACCOUNT);
        let self_review = known.is_some() && known == author;
        let bot = episode.reviewer.is_some_and(is_bot);
        let is_open = episode.ended.is_none();
        let flags = [self_review, bot, episode.inferred, episode.dismissed, is_open, change_open];
        for (builder, flag) in self.flags.iter_mut().zip(flags) {
            builder.append_value(flag);
        }
        self.requests.push(episode.request);
        // Only a submitted review has a verdict, and a request knows who asked.
        self.ends.push(episode.end);
        self.opened_steps.push(episode.opened_step);
        self.ended_steps.push(episode.ended_step);
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let times = |times: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
        };
        let text =
            |column: usize, places: &[Option<RowPlace>]| self.rows.pick(column, &DataType::Utf8View, places);
        let (repo, change) = (text(REPO, &self.places)?, text(CHANGE, &self.places)?);
        let (verdict, requested_by) = (text(VERDICT, &self.ends)?, text(BY, &self.requests)?);
        let (request_event, end_event) = (text(EVENT_ID, &self.requests)?, text(EVENT_ID, &self.ends)?);
        let moments = Arc::new(TimestampMicrosecondArray::from(self.pauses).with_timezone("UTC"));
        let pauses = ListArray::try_new(
            Arc::new(Field::new("item", timestamp(), true)),
            OffsetBuffer::from_lengths(self.pause_counts),
            moments,
            None,
        )?;
        let [self_review, bot, inferred, dismissed, is_open, change_open] =
            self.flags.each_mut().map(|flags| Arc::new(flags.finish()) as ArrayRef);
        let arrays: Vec<ArrayRef> = vec![
            repo,
            change,
            Arc::new(self.authors.finish()),
            Arc::new(self.reviewers.finish()),
            Arc::new(self.teams.finish()),
            Arc::new(self.kinds.finish()),
            Arc::new(TimestampMicrosecondArray::from(self.opened).with_timezone("UTC")),
            times(self.ended),
            Arc::new(self.outcomes.finish()),
            verdict,
            requested_by,
            Arc::new(Int64Array::from(self.paused_ms)),
            times(self.paused_since),
            Arc::new(pauses),
            self_review,
            bot,
            inferred,
            dismissed,
            is_open,
            change_open,
            request_event,
            end_event,
            Arc::new(Int64Array::from(self.opened_steps)),
            Arc::new(Int64Array::from(self.ended_steps)),
        ];
        let items = StructArray::try_new(item(), arrays, None)?;
        lists(&DataType::Struct(item()), self.lengths, Arc::new(items))
    }
}
