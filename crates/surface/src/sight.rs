//! Whose rows of a metric a caller sees.
//!
//! Invariant: rows about single people are only for those whom `people.visibility` names.

use engine::{Level, Metric};

use crate::caller::{Caller, Scope, Visibility};
use crate::privacy::names_people;
use crate::problem::Problem;
use crate::state::App;
use crate::wall::Sight;

impl Caller {
    /// # Errors
    /// 403 where the configuration keeps the metric from this caller.
    pub async fn sight(&self, app: &App, metric: &Metric) -> Result<Sight, Problem> {
        let refused = |why: &str| {
            Err(Problem::forbidden(format!(
                "{} is about single people, {why}; ask it with 'plimsoll query {}' where the data is",
                metric.name, metric.name
            )))
        };
        let visibility = app.access.visibility;
        match (metric.level, visibility) {
            (Level::Team, _) | (Level::Person, Visibility::All) => return Ok(Sight::All),
            (Level::Person, Visibility::None) => {
                return refused("which people.visibility keeps off the network");
            }
            (Level::Person, Visibility::Own | Visibility::Lead) if self.known && self.has(Scope::Admin) => {
                return Ok(Sight::All);
            }
            (Level::Person, Visibility::Own | Visibility::Lead) => {}
        }
        let Some(person) = &self.person else {
            return refused("and people.visibility shows them only to tokens of a person");
        };
        if !names_people(metric) {
            return refused("and its rows do not say whose they are");
        }
        let parts = app.parts()?;
        let engine = parts.engine.clone();
        let sql = sight_sql(person, visibility == Visibility::Lead);
        let rows = parts.compute(async move { engine.ask(&sql).await }).await?;
        let names = arrow::compute::cast(rows.column(0), &arrow::datatypes::DataType::Utf8)?;
        let names = arrow::array::AsArray::as_string::<i32>(&names);
        Ok(Sight::Only(names.iter().flatten().map(str::to_owned).collect()))
    }
}

/// The person, by the name that metrics call them, and for a lead whom they lead now.
fn sight_sql(person: &str, leads: bool) -> String {
    let person = person.replace('\'', "''");
    let me = format!(
        "WITH me AS (SELECT COALESCE(MAX(person), '{person}') AS person FROM person_of WHERE identity = '{person}') \
         SELECT person FROM me"
    );
    if !leads {
        return me;
    }
    format!("{me} UNION SELECT led_by.person FROM led_by INNER JOIN me ON me.person = led_by.lead")
}
