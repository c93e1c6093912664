//! What `doctor` makes of the Kafka cluster: its topics must keep what they were given.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ingest::{Cluster, Topic, TopicState, inspect};

use super::{Finding, fail, ok, warn};
use crate::config::Config;
use crate::pipeline;
use surface::moment;

const TIMEOUT: Duration = Duration::from_secs(5);
/// Records dated further ahead than this mean that a clock is wrong, here or where they were made.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(60);

/// Nothing where no broker is configured.
pub fn findings(config: &Config) -> Vec<Finding> {
    if !config.kafka_enabled() {
        return vec![ok("kafka", "not configured: events live in the local log")];
    }
    let brokers = config.kafka.brokers.join(",");
    match inspect(&pipeline::kafka_config(config), TIMEOUT) {
        Err(error) => vec![fail(
            "kafka",
            error.to_string(),
            "check kafka.brokers, the broker itself, the network, and TLS and SASL in kafka.settings",
        )],
        Ok(cluster) => of_cluster(&cluster, &brokers, &config.kafka.group, Utc::now()),
    }
}

fn of_cluster(cluster: &Cluster, brokers: &str, group: &str, now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings =
        vec![ok("kafka", format!("{brokers} answers, {} in all", counted(cluster.brokers, "broker")))];
    findings.extend(cluster.topics.iter().map(|topic| of_topic(topic, cluster.brokers, brokers)));
    findings.push(match &cluster.group {
        Ok(()) => ok("kafka group", format!("{group} may be read")),
        Err(error) => fail(
            "kafka group",
            format!("{group}: {error}"),
            format!("allow READ on the group: kafka-acls.sh --bootstrap-server {brokers} --add --allow-principal User:NAME --operation Read --group {group}"),
        ),
    });
    findings.extend(clock(cluster, now));
    findings
}

fn of_topic(topic: &Topic, cluster_brokers: usize, brokers: &str) -> Finding {
    let name = format!("topic {}", topic.name);
    let (partitions, replicas, settings) = match &topic.state {
        TopicState::Absent => {
            let remedy = format!(
                "kafka-topics.sh --bootstrap-server {brokers} --create --topic {} --partitions 6 --config retention.ms=-1",
                topic.name
            );
            return fail(&name, "the topic does not exist", remedy);
        }
        TopicState::Refused(error) => {
            let remedy = format!(
                "allow READ and DESCRIBE: kafka-acls.sh --bootstrap-server {brokers} --add --allow-principal User:NAME --operation Read --operation Describe --topic {}",
                topic.name
            );
            return fail(&name, error.clone(), remedy);
        }
        TopicState::Found { partitions, replicas, settings, .. } => (partitions, replicas, settings),
    };
    let detail = format!("{}, {}", counted(*partitions, "partition"), counted(*replicas, "replica"));
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let remedy = "allow DESCRIBE_CONFIGS on the topic, or check yourself that retention.ms is -1 and cleanup.policy is delete";
            return warn(&name, format!("{detail}; its settings cannot be read: {error}"), remedy);
        }
    };
    let alter = |setting: &str| {
        format!(
            "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics --entity-name {} --add-config {setting}",
            topic.name
        )
    };
    if let Some(loss) = loses(settings) {
        return match loss {
            Loss::Compacted => fail(
                &name,
                format!("{detail}; cleanup.policy is compact, which keeps only the last event of a change"),
                alter("cleanup.policy=delete"),
            ),
            Loss::Expires(what) => warn(
                &name,
                format!("{detail}; {what}, and cannot be read again if the data directory is lost"),
                format!(
                    "{}, or keep copies of the data directory",
                    alter("retention.ms=-1,retention.bytes=-1")
                ),
            ),
        };
    }
    if *replicas < 2 && cluster_brokers > 1 {
        let remedy = "add replicas with kafka-reassign-partitions.sh: today one lost disk loses history";
        return warn(&name, detail, remedy);
    }
    ok(&name, format!("{detail}, keeps everything"))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// How a topic forgets records.
#[derive(Debug, PartialEq)]
enum Loss {
    Compacted,
    Expires(String),
}

fn loses(settings: &BTreeMap<String, String>) -> Option<Loss> {
    let value = |name: &str| settings.get(name).map(String::as_str);
    if value("cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        return Some(Loss::Compacted);
    }
    let limit = |name: &str| value(name)?.parse::<i64>().ok().filter(|limit| *limit >= 0);
    if let Some(ms) = limit("retention.ms") {
        return Some(Loss::Expires(format!(
            "records are deleted after {:.1} days",
            ms as f64 / 86_400_000.0
        )));
    }
    limit("retention.bytes").map(|bytes| Loss::Expires(format!("records beyond {bytes} bytes are deleted")))
}

/// Brokers do not give the time, but their newest records do.
fn clock(cluster: &Cluster, now: DateTime<Utc>) -> Option<Finding> {
    let newest = |topic: &Topic| match topic.state {
        TopicState::Found { newest_ms, .. } => newest_ms.and_then(DateTime::from_timestamp_millis),
        TopicState::Absent | TopicState::Refused(_) => None,
    };
    let newest = cluster.topics.iter().filter_map(newest).max()?;
    let name = "kafka clock";
    if newest > now + CLOCK_SLACK {
        let detail = format!(
            "the newest record is from {}, but the time here is {}",
            moment::format(newest),
            moment::format(now)
        );
        let remedy = "set the clocks with NTP, here and where records are produced";
        return Some(warn(name, detail, remedy));
    }
    Some(ok(name, format!("the newest record is from {}", moment::format(newest))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    fn topic(settings: &[(&str, &str)]) -> Topic {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let state =
            TopicState::Found { partitions: 6, replicas: 1, settings: Ok(settings), newest_ms: Some(1_000) };
        Topic { name: "plimsoll.commits".to_owned(), state }
    }

    #[test]
    fn a_topic_must_keep_everything() {
        let kept = [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
        let with = |name, value| {
            let mut settings = kept;
            settings.iter_mut().filter(|(key, _)| *key == name).for_each(|pair| pair.1 = value);
            of_topic(&topic(&settings), 1, "b:9092")
        };
        assert_eq!(with("retention.ms", "-1").verdict, Verdict::Ok);
        for (name, value, verdict, expect) in [
            ("cleanup.policy", "compact", Verdict::Fail, "cleanup.policy=delete"),
            ("cleanup.policy", "compact,delete", Verdict::Fail, "cleanup.policy=delete"),
            ("retention.ms", "604800000", Verdict::Warn, "retention.ms=-1"),
            ("retention.bytes", "1000", Verdict::Warn, "retention.bytes=-1"),
        ] {
            let finding = with(name, value);
            assert_eq!(finding.verdict, verdict, "{name}={value}");
            assert!(finding.remedy.contains(expect), "{finding:?}");
        }
        assert_eq!(
            of_topic(&topic(&kept), 3, "b:9092").verdict,
            Verdict::Warn,
            "one replica of three brokers"
        );
    }

    #[test]
    fn absent_and_refused_topics_are_told() {
        for (state, expect) in [
            (TopicState::Absent, "--create --topic x"),
            (TopicState::Refused("Broker: Topic authorization failed".to_owned()), "kafka-acls.sh"),
        ] {
            let finding = of_topic(&Topic { name: "x".to_owned(), state }, 1, "b:9092");
            assert!(finding.verdict == Verdict::Fail && finding.remedy.contains(expect), "{finding:?}");
        }
    }

    #[test]
    fn records_from_the_future_mean_a_wrong_clock() {
        let cluster = Cluster { brokers: 1, topics: vec![topic(&[])], group: Ok(()) };
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a moment");
        assert_eq!(clock(&cluster, at(10)).map(|finding| finding.verdict), Some(Verdict::Ok));
        assert_eq!(clock(&cluster, at(-1_000)).map(|finding| finding.verdict), Some(Verdict::Warn));
    }
}
