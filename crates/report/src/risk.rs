//! Milestones in words: when they will likely be done, against their dates.
//!
//! The numbers are those of `milestone_forecast` and `milestone_risk`, and what is likely has a probability of 85%. A
//! milestone without a forecast is said to have none, which is not a good sign nor a bad one.

use chrono::NaiveDate;

use super::facts::{Facts, Row};
use super::grid::Urgency;
use super::part::Item;
use super::words::{against_date, count, days, near, percent, times, title};

/// An open milestone with what is known of it.
pub struct Outlook<'f> {
    pub id: &'f str,
    pub title: String,
    pub forecast: Option<&'f Row>,
    pub risk: Option<&'f Row>,
    pub plan: &'f Row,
    pub capacity: Option<&'f Row>,
}

/// The open milestones, the riskiest first, then by date and id.
pub fn outlooks(facts: &Facts) -> Vec<Outlook<'_>> {
    let of = |metric, id: &str| facts.find(metric, "milestone", id);
    let mut found: Vec<Outlook<'_>> = facts
        .of("roadmap")
        .iter()
        .filter_map(|plan| {
            let id = plan.text("milestone")?;
            Some(Outlook {
                id,
                title: title(plan.text("title"), id),
                forecast: of("milestone_forecast", id),
                risk: of("milestone_risk", id),
                plan,
                capacity: of("roadmap_capacity", id),
            })
        })
        .collect();
    found.sort_by_key(|outlook| (-outlook.score(), outlook.due(), outlook.id));
    found
}

impl Outlook<'_> {
    pub fn score(&self) -> i64 {
        self.risk.and_then(|row| row.whole("risk")).unwrap_or(0)
    }

    /// What `milestone_risk` calls it; nothing where it has no risk.
    fn colour(&self) -> Option<&str> {
        self.risk?.text("colour")
    }

    /// More likely late than not.
    pub fn is_likely_late(&self) -> bool {
        self.forecast.is_some_and(|row| row.is("likely_late"))
    }

    pub fn due(&self) -> Option<NaiveDate> {
        self.plan.date("due_on")
    }

    pub fn p50(&self) -> Option<NaiveDate> {
        self.forecast?.date("p50_on")
    }

    pub fn p85(&self) -> Option<NaiveDate> {
        self.forecast?.date("p85_on")
    }

    pub fn p_hit(&self) -> Option<f64> {
        self.forecast?.number("p_hit")
    }

    /// Calendar days from the due date to the date that is likely kept.
    pub fn late_days(&self) -> Option<i64> {
        Some((self.p85()? - self.due()?).num_days())
    }

    pub fn is_overdue(&self) -> bool {
        self.plan.is("overdue")
    }

    pub fn urgency(&self) -> Urgency {
        match self.colour() {
            Some("red") => Urgency::Act,
            Some("amber") => Urgency::Watch,
            Some(_) => Urgency::Good,
            None => Urgency::Plain,
        }
    }

    pub fn is_at_risk(&self) -> bool {
        self.risk.is_some_and(|row| row.is("at_risk"))
    }

    /// The chance of meeting the date, in words.
    pub fn chance(&self) -> String {
        // Of so many futures none is not never, and all is not surely.
        self.p_hit().map_or_else(|| "unknown".to_owned(), |p| percent(p.clamp(0.0001, 0.9999)))
    }

    /// When it will be done.
    pub fn sentence(&self, now: NaiveDate) -> String {
        let name = &self.title;
        let Some(forecast) = self.forecast.filter(|row| row.text("method").is_some()) else {
            return format!("{name} has too little history to forecast when it will be done.");
        };
        let against = |on: NaiveDate| match self.due() {
            Some(due) => format!(", {} of {}", against_date((on - due).num_days()), near(due, now)),
            None => String::new(),
        };
        if let Some(on) = self.p85() {
            return format!("{name} is likely (85%) to be done by {}{}.", near(on, now), against(on));
        }
        let never = percent(forecast.number("p_never").unwrap_or_default());
        match self.p50() {
            Some(on) => format!(
                "{name} has an even chance of being done by {}{}; at its present pace it is never done in {never} of the simulated futures.",
                near(on, now),
                against(on)
            ),
            None => format!("At its present pace, {name} is never done in {never} of the simulated futures."),
        }
    }

    /// What stands behind the sentence.
    pub fn because(&self, facts: &Facts) -> Option<String> {
        let mut told = Vec::new();
        let (left, scope) = (self.plan.whole("remaining")?, self.plan.whole("scope")?);
        if scope > 0 {
            let pace = self.capacity.and_then(|row| row.whole("done_per_week"));
            let pace = pace.map_or_else(String::new, |pace| {
                format!("; its project usually finishes {} a week", count(pace, "ticket", "tickets"))
            });
            told.push(format!(
                "{left} of {} {} left{pace}",
                count(scope, "ticket", "tickets"),
                if left == 1 { "is" } else { "are" }
            ));
        }
        if let Some(drift) = facts.find("milestone_drift", "milestone", self.id) {
            let (replans, late) =
                (drift.whole("replans").unwrap_or(0), drift.whole("replans_after_due").unwrap_or(0));
            if replans > 0 {
                let after = match late {
                    0 => String::new(),
                    late => format!(", {} after it had passed", times(late)),
                };
                told.push(format!("Its date was moved {}{after}", times(replans)));
            }
        }
        if self.risk.is_some_and(|row| row.is("needed_by_others")) {
            told.push("Another milestone waits for it".to_owned());
        }
        (!told.is_empty()).then(|| format!("{}.", told.join(". ")))
    }

    pub fn item(&self, facts: &Facts, now: NaiveDate) -> Item {
        let known = self.due().is_some() && self.p_hit().is_some();
        let chance = known.then(|| format!("The chance of meeting its date is {}.", self.chance()));
        let told: Vec<String> = chance.into_iter().chain(self.because(facts)).collect();
        let row = self.forecast.cloned().unwrap_or_default();
        Item {
            because: (!told.is_empty()).then(|| told.join(" ")),
            ..Item::new(self.urgency(), self.sentence(now), "milestone_forecast", &row)
        }
    }

    /// What somebody has to decide about it, if anything.
    pub fn decision(&self, now: NaiveDate) -> Option<Item> {
        let name = &self.title;
        let (sentence, proposal, metric) = if self.is_overdue() {
            let due = self.due()?;
            let late = days((now - due).num_days());
            let new = match self.p85() {
                Some(on) => {
                    format!(
                        "move the date to {} or later (85% safe), or close it with what is done",
                        near(on, now)
                    )
                }
                None => "close it, or cut it down to what can be done".to_owned(),
            };
            (format!("{name} is {late} past its date and still open."), new, "roadmap")
        } else if self.colour() == Some("red") {
            let due = near(self.due()?, now);
            let (fits, left) = (
                self.capacity.and_then(|row| row.number("capacity")).map(f64::floor),
                self.capacity.and_then(|row| row.whole("remaining")),
            );
            let date = self.p85().map(|on| format!("move the date to {} (85% safe)", near(on, now)));
            let scope = match (fits, left) {
                (Some(fits), Some(left)) if fits >= 1.0 && (fits as i64) < left => Some(format!(
                    "keep the date but only about {} of the {left} tickets that its project has due by then",
                    fits as i64
                )),
                _ => None,
            };
            let ways: Vec<String> = date.into_iter().chain(scope).collect();
            let way = if ways.is_empty() {
                "take most of its tickets out, or give it up".to_owned()
            } else {
                ways.join(", or ")
            };
            (
                format!(
                    "{name} will very likely miss its date of {due} ({} chance of meeting it).",
                    self.chance()
                ),
                way,
                "milestone_risk",
            )
        } else {
            return None;
        };
        let row = if metric == "roadmap" { Some(self.plan) } else { self.risk };
        let row = row.cloned().unwrap_or_default();
        Some(Item {
            proposal: Some(format!("{}.", super::words::capital(&proposal))),
            ..Item::new(Urgency::Act, sentence, metric, &row)
        })
    }
}
