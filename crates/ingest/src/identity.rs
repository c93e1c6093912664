//! Which of the store's positions speaks of a partition of the log as it is now.
//!
//! Invariant: a position is used only for the log, or the topic, that it was made on; a name alone proves nothing,
//! because a topic that was deleted and made again has the same name and other records (I4).
//! Deliberately lacking: offsets of the log itself; whether it still holds the position is asked by its source.

use std::collections::HashMap;

use event::Span;

/// What the store knows of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing, of this log or of another: begin where the log begins.
    Nothing,
    /// The next offset.
    Next(i64),
    /// The next offset, under a name of versions that did not know topic ids: it is taken over.
    Unnamed { next: i64, app_id: String },
    /// Positions of another log or topic of the same name, which is not there any more. `replaced` are those of this
    /// very partition, with their app ids.
    Other { log: String, replaced: Option<(String, i64)> },
}

/// `log` is as in [`Span::log`].
pub fn known(positions: &HashMap<String, i64>, log: &str, topic: &str, partition: i32) -> Known {
    let of_topic: Vec<(&String, &str, i32, i64)> = positions
        .iter()
        .filter_map(|(app_id, next)| Some((app_id, Span::parts_of(app_id)?, *next)))
        .filter(|(_, (other, name, _), _)| *name == topic && kind(other) == kind(log))
        .map(|(app_id, (other, _, number), next)| (app_id, other, number, next))
        .collect();
    let here = |number: i32, name: &str| {
        of_topic
            .iter()
            .find(|(_, other, n, _)| *n == number && *other == name)
            .map(|found| (found.0, found.3))
    };
    if let Some((_, next)) = here(partition, log) {
        return Known::Next(next);
    }
    let unnamed = log.split_once('/').map(|(cluster, _)| cluster);
    let mut others: Vec<_> =
        of_topic.iter().filter(|(_, other, ..)| *other != log && Some(*other) != unnamed).collect();
    others.sort_by_key(|(app_id, _, number, _)| (*number != partition, *app_id));
    let unnamed_here = unnamed.and_then(|unnamed| here(partition, unnamed));
    match (others.first(), unnamed_here) {
        (None, Some((app_id, next))) => Known::Unnamed { next, app_id: app_id.clone() },
        (None, None) => Known::Nothing,
        (Some((app_id, other, number, next)), unnamed) => {
            // A partition that was added to a topic whose new self has been accepted.
            let accepted = of_topic.iter().any(|(_, name, ..)| *name == log);
            let replaced = (*number == partition).then(|| ((*app_id).clone(), *next));
            let replaced = replaced.or_else(|| unnamed.map(|(app_id, next)| (app_id.clone(), next)));
            match replaced {
                None if accepted => Known::Nothing,
                replaced => Known::Other { log: (*other).to_owned(), replaced },
            }
        }
    }
}

/// `kafka` or `local`.
fn kind(log: &str) -> &str {
    log.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stored: &[(&str, i64)], log: &str, partition: i32, expect: Known) {
        let stored = stored.iter().map(|(name, next)| (format!("plimsoll:{name}"), *next)).collect();
        assert_eq!(known(&stored, log, "t", partition), expect, "{log} {partition}");
    }

    #[test]
    fn a_position_counts_only_for_the_topic_that_it_was_made_on() {
        let other = |log: &str, replaced: Option<(&str, i64)>| Known::Other {
            log: log.to_owned(),
            replaced: replaced.map(|(name, next)| (format!("plimsoll:{name}"), next)),
        };
        let of_x = [("kafka:c/x:t:0", 7), ("kafka:c/x:u:1", 9), ("local:l:t:0", 3)];
        check(&[], "kafka:c/x", 0, Known::Nothing);
        check(&of_x, "kafka:c/x", 0, Known::Next(7));
        check(&of_x, "kafka:c/x", 1, Known::Nothing);
        check(&of_x, "kafka:c/y", 0, other("kafka:c/x", Some(("kafka:c/x:t:0", 7))));
        check(&of_x, "kafka:c/y", 1, other("kafka:c/x", None));
        check(&of_x, "kafka:d/x", 0, other("kafka:c/x", Some(("kafka:c/x:t:0", 7))));
        // The new topic was accepted at partition 0, which says of partition 1 only that nothing is known.
        let accepted = [("kafka:c/y:t:0", 2), ("kafka:c/x:t:1", 5)];
        check(&accepted, "kafka:c/y", 0, Known::Next(2));
        check(&accepted, "kafka:c/y", 1, other("kafka:c/x", Some(("kafka:c/x:t:1", 5))));
        check(&accepted, "kafka:c/y", 2, Known::Nothing);
    }

    #[test]
    fn positions_without_topic_id_are_taken_over_once() {
        let unnamed = |next, name: &str| Known::Unnamed { next, app_id: format!("plimsoll:{name}") };
        let old = [("kafka:c:t:0", 7), ("kafka:c:t:1", 8)];
        check(&old, "kafka:c/x", 0, unnamed(7, "kafka:c:t:0"));
        check(&old, "kafka:c/x", 2, Known::Nothing);
        check(&old, "kafka:c", 0, Known::Next(7));
        let half = [("kafka:c/x:t:0", 9), ("kafka:c:t:1", 8)];
        check(&half, "kafka:c/x", 1, unnamed(8, "kafka:c:t:1"));
        let replaced = Some(("plimsoll:kafka:c:t:1".to_owned(), 8));
        check(&half, "kafka:c/y", 1, Known::Other { log: "kafka:c/x".to_owned(), replaced });
    }

    #[test]
    fn a_local_log_has_an_id_of_its_own() {
        let stored = HashMap::from([("plimsoll:local:a:local:0".to_owned(), 4)]);
        assert_eq!(known(&stored, "local:a", "local", 0), Known::Next(4));
        let replaced = Some(("plimsoll:local:a:local:0".to_owned(), 4));
        let other = Known::Other { log: "local:a".to_owned(), replaced };
        assert_eq!(known(&stored, "local:b", "local", 0), other);
    }
}
