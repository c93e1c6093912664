//! `joined_episodes(episodes)`: the review episodes of one change by person, of those by name.
//!
//! Folded by name, a request under one name is not answered by a review under another. Here `author` and `reviewer` are
//! persons, and what happened is gone through again by the rules of [`episodes`](super::episodes): a request while one waits
//! changes nothing, the next answer, removal or end of the change ends it, an answer to nothing takes the earliest request
//! to a team, unless it is the author's or a bot's, and is volunteered where there is none. Episodes of kind `stray` are what
//! meant nothing under its name: a removal, or a request that repeats one (outcome `asked`). A change that is opened again asks
//! nobody again who had answered under another name.
//! `episodes` is a list of structs with at least the members that are read below; the result has the same type.
//! Invariants: where everybody goes by one name the episodes come out as they went in; the order of the list means nothing.
//! Deliberately absent: sittings by person: who comments under two names in one sitting reviews twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StringViewArray, StructArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::types::timestamp;

const VOLUNTEERED: &str = "volunteered";
const STRAY: &str = "stray";
const TEAM: &str = "team";
const REQUESTED: &str = "requested";
/// What became of a request that repeats one which waits.
const ASKED: &str = "asked";

pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(Joined { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        "joined_episodes"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match &arguments[0] {
            DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => {
                Ok(arguments[0].clone())
            }
            other => plan_err!("joined_episodes takes a list of structs, not {other}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let lists = args.args[0].clone().into_array(args.number_rows)?;
        Ok(ColumnarValue::Array(joined(lists.as_list())?))
    }
}

/// An episode of a person: where it begins and where it ends among the episodes of names.
struct Piece {
    begin: usize,
    end: Option<usize>,
    volunteered: bool,
}

/// The columns that decide.
struct Episodes<'a> {
    kinds: &'a StringViewArray,
    outcomes: &'a StringViewArray,
    reviewers: &'a StringViewArray,
    teams: &'a StringViewArray,
    authors: &'a StringViewArray,
    bots: &'a BooleanArray,
    opened: &'a TimestampMicrosecondArray,
    ended: &'a TimestampMicrosecondArray,
    request_events: &'a StringViewArray,
    opened_steps: &'a Int64Array,
    ended_steps: &'a Int64Array,
}

fn joined(lists: &ListArray) -> Result<ArrayRef> {
    let DataType::List(item) = lists.data_type() else { return exec_err!("a list was planned") };
    let all = lists.values().as_struct();
    let column = |name: &str| match all.column_by_name(name) {
        Some(column) => Ok(column),
        None => exec_err!("joined_episodes needs the member {name}"),
    };
    let episodes = Episodes {
        kinds: column("kind")?.as_string_view(),
        outcomes: column("outcome")?.as_string_view(),
        reviewers: column("reviewer")?.as_string_view(),
        teams: column("team")?.as_string_view(),
        authors: column("author")?.as_string_view(),
        bots: column("named_bot")?.as_boolean(),
        opened: column("opened_at")?.as_primitive(),
        ended: column("ended_at")?.as_primitive(),
        request_events: column("request_event")?.as_string_view(),
        opened_steps: column("opened_step")?.as_primitive(),
        ended_steps: column("ended_step")?.as_primitive(),
    };
    let pauses = column("pauses")?.as_list::<i32>();
    let (mut pieces, mut lengths) = (Vec::new(), Vec::with_capacity(lists.len()));
    let mut cut = Pauses { moments: Vec::new(), lengths: Vec::new(), ms: Vec::new() };
    for range in lists.offsets().windows(2) {
        let (from, to) = (range[0] as usize, range[1] as usize);
        let found = episodes.pieces(from, to);
        cut.add(&found, &stretches(pauses, from, to), &episodes);
        lengths.push(found.len());
        pieces.extend(found);
    }
    let arrays = all.fields().iter().zip(all.columns()).map(|(field, array)| -> Result<ArrayRef> {
        let begin = || indices(pieces.iter().map(|piece| Some(piece.begin)));
        let end = || indices(pieces.iter().map(|piece| Some(piece.end.unwrap_or(piece.begin))));
        Ok(match field.name().as_str() {
            "opened_at" => {
                let at = |piece: &Piece| match piece.end.filter(|_| piece.volunteered) {
                    Some(end) => episodes.ended.value(end),
                    None => episodes.opened.value(piece.begin),
                };
                let times: TimestampMicrosecondArray = pieces.iter().map(|piece| Some(at(piece))).collect();
                Arc::new(times.with_timezone("UTC"))
            }
            "ended_at" | "outcome" | "end_event" | "ended_step" | "verdict" => {
                take(array, &indices(pieces.iter().map(|piece| piece.end)), None)?
            }
            "dismissed" | "self_review" | "bot" | "named_bot" | "inferred" => {
                let flags = take(array, &end(), None)?;
                let flags = flags.as_boolean();
                // A request that waits in a queue is nobody's yet.
                let flag = |(n, piece): (usize, &Piece)| {
                    Some(!episodes.is_unclaimed(piece) && flags.is_valid(n) && flags.value(n))
                };
                Arc::new(pieces.iter().enumerate().map(flag).collect::<BooleanArray>())
            }
            "reviewer" => {
                let row = |piece: &Piece| match piece.end.filter(|&end| episodes.outcome(end) == "done") {
                    Some(end) => Some(end),
                    None => (!episodes.is_unclaimed(piece)).then_some(piece.begin),
                };
                take(array, &indices(pieces.iter().map(row)), None)?
            }
            "team" => take(
                array,
                &indices(pieces.iter().map(|piece| (!piece.volunteered).then_some(piece.begin))),
                None,
            )?,
            "request_event" => take(
                array,
                &indices(pieces.iter().map(|piece| (!piece.volunteered).then_some(piece.begin))),
                None,
            )?,
            "kind" => {
                let kind = |piece: &Piece| match (piece.volunteered, episodes.is_team(piece.begin)) {
                    (true, _) => VOLUNTEERED,
                    (false, true) => TEAM,
                    (false, false) => REQUESTED,
                };
                Arc::new(pieces.iter().map(|piece| Some(kind(piece))).collect::<StringViewArray>())
            }
            "is_open" => {
                Arc::new(pieces.iter().map(|piece| Some(piece.end.is_none())).collect::<BooleanArray>())
            }
            "paused_ms" => Arc::new(Int64Array::from(cut.ms.clone())),
            "pauses" => cut.lists()?,
            _ => take(array, &begin(), None)?,
        })
    });
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let items = StructArray::try_new(all.fields().clone(), arrays, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, Arc::new(items), lists.nulls().cloned())?))
}

fn indices(rows: impl Iterator<Item = Option<usize>>) -> UInt32Array {
    rows.map(|row| row.map(|row| row as u32)).collect()
}

impl Episodes<'_> {
    fn pieces(&self, from: usize, to: usize) -> Vec<Piece> {
        let mut change = Waiting::default();
        for (_, is_end, row) in self.steps(from, to) {
            let reviewer = text(self.reviewers, row);
            let team = text(self.teams, row).filter(|_| self.is_team(row));
            match (is_end, self.outcome(row)) {
                (false, _) if change.is_settled(text(self.request_events, row)) => {}
                (false, _) => {
                    match (team, reviewer) {
                        (Some(team), _) => drop(change.teams.entry(team).or_insert(row)),
                        (None, Some(reviewer)) => drop(change.people.entry(reviewer).or_insert(row)),
                        (None, None) => {}
                    }
                    let asked = change.asked.entry((team, reviewer.filter(|_| team.is_none()))).or_default();
                    asked.extend(text(self.request_events, row));
                }
                (true, "done") => {
                    let own = reviewer.and_then(|reviewer| change.people.remove(reviewer));
                    let begin = own.or_else(|| self.claimed(row, &mut change));
                    change.settle((None, reviewer));
                    let volunteered = begin.is_none();
                    change.pieces.push(Piece { begin: begin.unwrap_or(row), end: Some(row), volunteered });
                }
                (true, outcome) => {
                    if outcome == "removed" {
                        change.settle((team, reviewer.filter(|_| team.is_none())));
                    }
                    let begin = match (team, reviewer) {
                        (Some(team), _) => change.teams.remove(team),
                        (None, Some(reviewer)) => change.people.remove(reviewer),
                        (None, None) => None,
                    };
                    change.pieces.extend(begin.map(|begin| Piece {
                        begin,
                        end: Some(row),
                        volunteered: false,
                    }));
                }
            }
        }
        let mut open: Vec<usize> = change.people.into_values().chain(change.teams.into_values()).collect();
        open.sort_unstable();
        change.pieces.extend(open.into_iter().map(|begin| Piece { begin, end: None, volunteered: false }));
        change.pieces
    }

    /// What happened, in order: in which step, whether it ends something, and which row tells.
    fn steps(&self, from: usize, to: usize) -> Vec<(i64, bool, usize)> {
        let mut steps: Vec<(i64, bool, usize)> = Vec::new();
        for row in from..to {
            let (kind, outcome) = (self.kinds.value(row), self.outcome(row));
            let asks = kind != VOLUNTEERED && (kind != STRAY || outcome == ASKED);
            if asks {
                steps.push((self.opened_steps.value(row), false, row));
            }
            if self.ended.is_valid(row) && outcome != ASKED {
                steps.push((self.ended_steps.value(row), true, row));
            }
        }
        // What one event begins or ends is in the order of what was asked, so that the order of the list means nothing.
        steps.sort_by_key(|&(step, end, row)| {
            let who = (text(self.reviewers, row), text(self.teams, row));
            (step, end, self.opened_steps.value(row), text(self.request_events, row), who)
        });
        steps
    }

    /// The earliest request to a team, for a review that answers none of its own.
    fn claimed<'a>(&'a self, row: usize, change: &mut Waiting<'a>) -> Option<usize> {
        let reviewer = text(self.reviewers, row);
        if reviewer == text(self.authors, row) || self.bots.is_valid(row) && self.bots.value(row) {
            return None;
        }
        let first = change.teams.iter().min_by_key(|&(team, &row)| (self.opened.value(row), *team));
        let team = first.map(|(team, _)| *team)?;
        change.settle((Some(team), None));
        change.teams.remove(team)
    }

    fn is_team(&self, row: usize) -> bool {
        self.kinds.value(row) == TEAM || self.kinds.value(row) == STRAY && self.reviewers.is_null(row)
    }

    /// A request to a team that nobody has taken.
    fn is_unclaimed(&self, piece: &Piece) -> bool {
        !piece.volunteered
            && self.is_team(piece.begin)
            && piece.end.is_none_or(|end| self.outcome(end) != "done")
    }

    fn outcome(&self, row: usize) -> &str {
        text(self.outcomes, row).unwrap_or_default()
    }
}

/// One change while what happened goes by: the rows of the requests that wait.
#[derive(Default)]
struct Waiting<'a> {
    pieces: Vec<Piece>,
    people: HashMap<&'a str, usize>,
    teams: HashMap<&'a str, usize>,
    /// The events that asked a team or a person, since the last answer or removal.
    asked: HashMap<(Option<&'a str>, Option<&'a str>), Vec<&'a str>>,
    /// The events whose request was answered or removed.
    settled: HashSet<&'a str>,
}

impl<'a> Waiting<'a> {
    fn settle(&mut self, asked: (Option<&'a str>, Option<&'a str>)) {
        self.settled.extend(self.asked.remove(&asked).unwrap_or_default());
    }

    fn is_settled(&self, request: Option<&str>) -> bool {
        request.is_some_and(|request| self.settled.contains(request))
    }
}

fn text(column: &StringViewArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The pauses of each piece, which end with it.
struct Pauses {
    moments: Vec<i64>,
    lengths: Vec<usize>,
    ms: Vec<i64>,
}

/// When the change was a draft, as far as its episodes tell: begins and ends in turn, in order.
fn stretches(lists: &ListArray, from: usize, to: usize) -> Vec<(i64, i64)> {
    let mut told: Vec<(i64, i64)> = Vec::new();
    for row in (from..to).filter(|&row| lists.is_valid(row)) {
        let moments = lists.value(row);
        let moments = moments.as_primitive::<TimestampMicrosecondType>().values();
        told.extend(moments.chunks(2).map(|pause| (pause[0], pause.get(1).copied().unwrap_or(i64::MAX))));
    }
    told.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (begin, end) in told {
        match merged.last_mut().filter(|last| begin <= last.1) {
            Some(last) => last.1 = last.1.max(end),
            None => merged.push((begin, end)),
        }
    }
    merged
}

impl Pauses {
    fn add(&mut self, pieces: &[Piece], drafts: &[(i64, i64)], episodes: &Episodes<'_>) {
        for piece in pieces {
            let begin = if piece.volunteered { i64::MAX } else { episodes.opened.value(piece.begin) };
            let until = piece.end.map(|end| episodes.ended.value(end));
            let mut own: Vec<i64> = Vec::new();
            for &(from, to) in drafts {
                let (from, to) = (from.max(begin), until.map_or(to, |until| to.min(until)));
                if from < to {
                    own.push(from);
                    own.extend((to != i64::MAX).then_some(to));
                }
            }
            self.ms.push(own.chunks_exact(2).map(|pause| (pause[1] - pause[0]) / 1_000).sum());
            self.lengths.push(own.len());
            self.moments.extend(own);
        }
    }

    fn lists(&self) -> Result<ArrayRef> {
        let moments = TimestampMicrosecondArray::from(self.moments.clone()).with_timezone("UTC");
        let item = Arc::new(Field::new("item", timestamp(), true));
        let offsets = OffsetBuffer::from_lengths(self.lengths.iter().copied());
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(moments), None)?))
    }
}
