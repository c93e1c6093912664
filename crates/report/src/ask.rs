//! The questions of a report, put to the engine, and the report made of the answers.
//!
//! All metrics of one moment come from one snapshot. Each result passes the wall before anything else sees it.

use std::collections::BTreeMap;

use engine::{Engine, Error, Ground, Level, Metric};
use surface::output::EXAMPLE_NOTE;
use surface::{Sight, Wall};

use super::answers::Answers;
use super::facts::Facts;
use super::footer::Footer;
use super::question::{Kind, What};
use super::report::Report;
use super::{detail, roadmap, weekly};

/// What roadmap reviews ask, besides all that is about milestones.
const ROADMAP_EXTRA: [&str; 6] = [
    "achievements",
    "goal_hygiene",
    "ownership_gaps",
    "source_silence",
    "team_commitment",
    "discrepancy_rate",
];
/// What a scenario may change.
const SCENARIO: [&str; 4] = ["milestone_forecast", "milestone_risk", "roadmap", "roadmap_capacity"];

/// Asks, and makes the report.
///
/// # Errors
/// A moment that is not after the one compared with, a team that no metric knows, a scenario that cannot be laid over.
pub async fn make(engine: &Engine, what: &What, wall: &Wall, example: bool) -> Result<Report, Error> {
    if what.from() >= what.as_of {
        let reason = "must be before the moment that the report is about".to_owned();
        return Err(Error::BadParameter { name: "since".to_owned(), reason });
    }
    let catalogue = engine.catalogue();
    let metrics: Vec<Metric> =
        catalogue.metrics.iter().filter(|metric| is_asked(what.kind, metric)).cloned().collect();
    let mut footer = Footer::new(what, &engine.stats());
    footer.about_people = catalogue
        .metrics
        .iter()
        .filter(|metric| metric.level == Level::Person)
        .map(|metric| metric.name.clone())
        .collect();
    let now = ask(engine, what, &metrics, what.ground(what.as_of, None), wall, Some(&mut footer)).await?;
    let (mut before, mut scenarios) = (Facts::default(), Vec::new());
    if what.kind == Kind::Roadmap {
        let compared: Vec<Metric> =
            metrics.iter().filter(|metric| SCENARIO.contains(&metric.name.as_str())).cloned().collect();
        before = ask(engine, what, &compared, what.ground(what.from(), None), wall, None).await?;
        for (name, overlay) in &what.scenarios {
            let ground = what.ground(what.as_of, Some(overlay.clone()));
            scenarios.push((name.clone(), ask(engine, what, &compared, ground, wall, None).await?));
        }
    }
    let definitions =
        metrics.iter().map(|metric| (metric.name.clone(), catalogue.definition(metric))).collect();
    footer.finish(&now, &definitions);
    let answers = Answers { what: what.clone(), now, before, scenarios, metrics, definitions };
    let mut report = match what.kind {
        Kind::Weekly => weekly::report(&answers, footer),
        Kind::Roadmap => roadmap::report(&answers, footer),
    };
    report.detail = detail::sections(&answers);
    report.example = example.then_some(EXAMPLE_NOTE);
    Ok(report)
}

/// Team-level metrics: all of them in a weekly report, those about plans in a roadmap review.
fn is_asked(kind: Kind, metric: &Metric) -> bool {
    let about_plans = metric.labels.iter().any(|label| label == "milestone")
        || ROADMAP_EXTRA.contains(&metric.name.as_str());
    metric.level == Level::Team && (kind == Kind::Weekly || about_plans)
}

async fn ask(
    engine: &Engine,
    what: &What,
    metrics: &[Metric],
    ground: Ground,
    wall: &Wall,
    mut footer: Option<&mut Footer>,
) -> Result<Facts, Error> {
    let asked = metrics.iter().map(|metric| (metric.name.clone(), params(what, metric))).collect();
    let mut facts = Facts::default();
    for (name, answer) in engine.together(&asked, &ground).await? {
        let result = match answer {
            Ok(result) => result,
            Err(error) => {
                tracing::error!(metric = name, %error, "a report lacks a metric that failed");
                footer.iter_mut().for_each(|footer| footer.failed.push(name.clone()));
                continue;
            }
        };
        let metric = metrics.iter().find(|metric| metric.name == name).expect("only these were asked");
        let shown = wall.show(metric, &result, &Sight::All)?;
        if let Some(footer) = &mut footer {
            footer.position.clone_from(&shown.result().position);
        }
        facts.add(&shown)?;
    }
    Ok(facts)
}

/// Windows as long as the report looks back; everything else as it is by default.
fn params(what: &What, metric: &Metric) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    let windowed = matches!(metric.name.as_str(), "achievements" | "milestone_ledger");
    if windowed && let Some(param) = metric.params.iter().find(|param| param.name == "window_days") {
        let max = param.max.as_ref().and_then(|max| max.to_string().parse().ok()).unwrap_or(i64::MAX);
        params.insert("window_days".to_owned(), what.days().min(max).to_string());
    }
    params
}
