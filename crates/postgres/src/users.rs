//! Who may connect: users, their passwords, and the proof of them by SCRAM-SHA-256.
//!
//! Invariants: there is no way in without a password; a password is kept only as what SCRAM derives from it, under a
//! salt that is new at each start; a user who does not exist is asked for a password like one who does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, gen_salted_password};
use pgwire::api::auth::{AuthSource, LoginInfo, Password};
use pgwire::error::PgWireResult;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use surface::{Caller, Secret};

use super::options::Account;

const SALT_BYTES: usize = 16;

pub struct User {
    pub name: String,
    pub caller: Caller,
    salt: Vec<u8>,
    salted_password: Vec<u8>,
}

/// The users by name.
pub struct Users {
    known: BTreeMap<String, Arc<User>>,
    /// Makes the salt of those who do not exist, the same each time they are asked for.
    mock: hmac::Key,
}

impl Users {
    /// # Errors
    /// A password that the configuration names and that cannot be read.
    pub fn new(configured: &[Account]) -> Result<Users, String> {
        let mut known = BTreeMap::new();
        for user in configured {
            let secret = Secret::read(&user.password)
                .map_err(|error| format!("postgres.users: the password of {:?} {error}", user.name))?;
            let password = std::str::from_utf8(secret.bytes())
                .map_err(|_| format!("postgres.users: the password of {:?} is not utf-8", user.name))?;
            let salt = random();
            let salted_password = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
            let caller = Caller::new(&user.scopes, &user.person);
            let user = User { name: user.name.clone(), caller, salt, salted_password };
            known.insert(user.name.clone(), Arc::new(user));
        }
        Ok(Users { known, mock: hmac::Key::new(hmac::HMAC_SHA256, &random()) })
    }

    pub fn get(&self, name: &str) -> Option<Arc<User>> {
        self.known.get(name).cloned()
    }
}

fn random() -> Vec<u8> {
    let mut bytes = vec![0; SALT_BYTES];
    SystemRandom::new().fill(&mut bytes).expect("the system has random bytes");
    bytes
}

#[async_trait]
#[allow(elided_lifetimes_in_paths)] // the trait is written so, and async_trait sees the difference
impl AuthSource for Users {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let name = login.user().unwrap_or_default();
        Ok(match self.known.get(name) {
            Some(user) => Password::new(Some(user.salt.clone()), user.salted_password.clone()),
            None => {
                let salt = hmac::sign(&self.mock, name.as_bytes()).as_ref()[..SALT_BYTES].to_vec();
                // As long as a real one, and nobody's: no password can be proven against it.
                Password::new(Some(salt), [random(), random()].concat())
            }
        })
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surface::Scope;

    #[tokio::test]
    async fn strangers_are_asked_like_friends() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "open sesame\n").unwrap();
        let user = |password: String| Account {
            name: "grafana".to_owned(),
            password,
            scopes: vec![Scope::Read],
            person: String::new(),
        };
        let users = Users::new(&[user(format!("file:{}", file.path().display()))]).unwrap();
        let ask = async |name: &str| {
            let login = LoginInfo::new(Some(name), None, String::new());
            let password = users.get_password(&login).await.unwrap();
            (password.salt().unwrap().to_vec(), password.password().to_vec())
        };
        let ((friend, salted), (stranger, nobodys)) = (ask("grafana").await, ask("eve").await);
        assert_eq!((friend.len(), salted.len()), (stranger.len(), nobodys.len()));
        assert_eq!(salted, gen_salted_password("open sesame", &friend, SCRAM_ITERATIONS));
        assert_eq!(ask("eve").await.0, stranger);
        assert_ne!(ask("eve").await.1, nobodys);
        assert!(!format!("{users:?}").contains("sesame"));
        let message = Users::new(&[user("open sesame".to_owned())]).unwrap_err();
        assert!(message.contains("\"grafana\" takes env:NAME or file:PATH"), "{message}");
    }
}
