//! `people erase`: a person out of log, tables and caches, with every count as it was.
//!
//! The log goes first: what is in it can be read again, so it must not hold what the tables no longer do. After a
//! crash in the middle whatever opens the directory next goes on (`erasure.rs`).
//! Deliberately absent: the records of Kafka topics and the systems that events came from; the command says so.

use std::collections::BTreeSet;

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;

use super::existing;
use crate::cli::EraseArgs;
use crate::commands::{print, tell};
use crate::config::Config;
use crate::erasure::{self, Erased};
use crate::failure::Failure;
use people::{Forget, Known, name, rows};

#[derive(Deserialize)]
struct Name {
    name: Option<String>,
}

pub async fn run(config: &Config, arguments: EraseArgs) -> Result<(), Failure> {
    let store = existing(config).await?;
    let known = Known::read(&store.engine, true).await?;
    let given = name(&arguments.person);
    let person = known.person(&given).to_owned();
    let mentioned = known.names.contains(&person)
        || known.people.contains_key(&person)
        || known.person_of.values().any(|of| *of == person)
        || known.said.iter().any(|said| said.person.as_deref() == Some(person.as_str()));
    if !mentioned {
        return Err(Failure::misuse(format!("nothing is known about {given}; see 'plimsoll people list'")));
    }
    let forget = whom(&store.engine, &known, &person).await?;
    let kafka = store.engine.positions().keys().any(|app_id| !app_id.starts_with("plimsoll:local:"));
    drop(store);
    let names = forget.names.join(", ");
    if !arguments.yes {
        tell(&format!("this would erase {names}; run it again with --yes"));
        return Ok(());
    }
    let dir = &config.data_dir;
    let Erased { records, files } = erasure::erase(dir, &forget).await?;
    if kafka {
        tell(
            "plimsoll: a kafka topic keeps its records until their retention ends; this directory will not read them again",
        );
    }
    tell("plimsoll: reading the same sources again brings the names back; erase the person there as well");
    let line = format!(
        "{person} is now {}: {records} log records and {files} table files were rewritten\n",
        forget.pseudonym
    );
    print(line.as_bytes())
}

/// Every name of the person: links resolved, and what stood beside them in commits.
async fn whom(engine: &engine::Engine, known: &Known, person: &str) -> Result<Forget, Failure> {
    let mut names: BTreeSet<String> = BTreeSet::from([person.to_owned()]);
    names.extend(known.person_of.iter().filter(|(_, of)| *of == person).map(|(name, _)| name.clone()));
    // Links that were taken back told of the person as well, but the name may be somebody else's: it stays.
    let literal = format!("'{}'", person.replace('\'', "''"));
    let beside = |column: &str| {
        format!(
            "SELECT DISTINCT name_seen.{column} AS name FROM name_seen \
             LEFT JOIN person_of ON person_of.identity = name_seen.identity \
             WHERE COALESCE(person_of.person, name_seen.identity) = {literal} AND name_seen.{column} IS NOT NULL"
        )
    };
    for column in ["email", "login", "identity"] {
        let found: Vec<Name> = rows(engine, &beside(column)).await?;
        names.extend(found.into_iter().filter_map(|row| row.name));
    }
    let mut shown: Vec<String> =
        rows::<Name>(engine, &beside("name")).await?.into_iter().filter_map(|row| row.name).collect();
    shown.extend(known.said.iter().filter(|said| said.r#type.starts_with("person.")).filter_map(|said| {
        let theirs = known.person(&said.entity_id) == person;
        said.name.clone().filter(|_| theirs)
    }));
    let (full, short): (Vec<String>, Vec<String>) =
        shown.into_iter().filter(|name| !name.is_empty()).partition(|name| name.contains(' '));
    names.extend(full);
    let mut bytes = [0; 4];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::failed("the system gave no random bytes; try again"))?;
    Ok(Forget::new(names, short, format!("erased-{}", hex::encode(bytes))))
}
