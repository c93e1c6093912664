//! Who asks, and what they may.
//!
//! Invariant: a token is known by its hash only; without any token in the configuration everybody may do what they
//! could before there were tokens. Deliberately absent: sessions, cookies, passwords.

use engine::{Level, Metric};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::privacy::names_people;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::wall::{SqlAccess, Wall};

/// A bearer token, known by its hash, or by where it is read from at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub name: String,
    /// SHA-256 in hex.
    #[serde(default)]
    pub hash: String,
    /// Where the token itself is, instead of its hash: `env:NAME` or `file:PATH`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub secret: String,
    pub scopes: Vec<Scope>,
    /// Whose it is, for person-level metrics; empty for a program's.
    #[serde(default)]
    pub person: String,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Read,
    Sql,
    Ingest,
    /// All of them, and person-level metrics of everybody.
    Admin,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Sql => "sql",
            Scope::Ingest => "ingest",
            Scope::Admin => "admin",
        }
    }
}

/// Who may read person-level metrics over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    None,
    #[serde(rename = "self")]
    Own,
    Lead,
    All,
}

/// Who may ask at all, and about whom.
#[derive(Debug)]
pub struct Access {
    pub tokens: Vec<Token>,
    pub visibility: Visibility,
}

/// Fewer characters can be guessed.
const TOKEN_CHARACTERS_MIN: usize = 32;

impl Access {
    /// Reads the tokens that are named by where they are.
    ///
    /// # Errors
    /// A token that cannot be read, or that can be guessed.
    pub fn new(tokens: &[Token], visibility: Visibility) -> Result<Access, String> {
        let mut tokens = tokens.to_vec();
        for token in tokens.iter_mut().filter(|token| !token.secret.is_empty()) {
            let of = |problem: &str| format!("tokens {:?}: secret {problem}", token.name);
            let secret = Secret::read(&token.secret).map_err(|problem| of(&problem))?;
            let text = std::str::from_utf8(secret.bytes()).map_err(|_| of("names text that is not utf-8"))?;
            if text.len() < TOKEN_CHARACTERS_MIN {
                let short = format!(
                    "names a token of fewer than {TOKEN_CHARACTERS_MIN} characters; 'plimsoll token new' makes one"
                );
                return Err(of(&short));
            }
            token.hash = hash(text);
        }
        Ok(Access { tokens, visibility })
    }

    /// Who anybody is where there are no tokens.
    pub fn anybody(&self) -> Option<Caller> {
        let scopes = vec![Scope::Read, Scope::Sql, Scope::Ingest];
        self.tokens.is_empty().then_some(Caller { scopes, person: None, known: false })
    }

    /// Whose token this is. Hashes are compared, so the time that it takes tells nothing about a token.
    pub fn known(&self, token: &str) -> Option<Caller> {
        let hash = hash(token);
        let found = self.tokens.iter().find(|known| known.hash.eq_ignore_ascii_case(&hash))?;
        Some(Caller::new(&found.scopes, &found.person))
    }
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    scopes: Vec<Scope>,
    /// The person that the token is of.
    pub(crate) person: Option<String>,
    /// Whether a token said so.
    pub(crate) known: bool,
}

/// What the configuration keeps of a token: SHA-256 in hex. Tokens are 256 random bits, so no salt is needed.
pub fn hash(token: &str) -> String {
    hex::encode(digest(&SHA256, token.as_bytes()))
}

impl Caller {
    /// Somebody without a token where some are set.
    pub fn nobody() -> Caller {
        Caller { scopes: Vec::new(), person: None, known: false }
    }

    /// Somebody who has proven who they are, on another surface; `person` is whose account it is, if anybody's.
    pub fn new(scopes: &[Scope], person: &str) -> Caller {
        let person = (!person.is_empty()).then(|| event::person_name(person.trim()).into_owned());
        Caller { scopes: scopes.to_vec(), person, known: true }
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Whether this caller may write SQL, which reads every table.
    pub fn may_sql(&self, wall: &Wall) -> Result<SqlAccess, Problem> {
        wall.sql().ok_or_else(|| {
            Problem::forbidden(
                "sql over http is off here (http.sql, people.visibility, people.pseudonyms); use 'plimsoll sql' where the data is",
            )
        })
    }

    /// Whether SQL may name person-level metrics: a token with `sql` may read the tables that they come from.
    pub fn sees_people_in_sql(&self) -> bool {
        self.known && self.has(Scope::Sql)
    }

    /// Whether this caller may learn that a metric is there: that of single people only where they may see some of it.
    pub fn may_list(&self, access: &Access, metric: &Metric) -> bool {
        match (metric.level, access.visibility) {
            (Level::Team, _) | (Level::Person, Visibility::All) => true,
            (Level::Person, Visibility::None) => false,
            (Level::Person, Visibility::Own | Visibility::Lead) => {
                self.has(Scope::Admin) || (self.person.is_some() && names_people(metric))
            }
        }
    }
}
