//! `token new`: 256 random bits to send, and their hash for the configuration.
//!
//! Invariant: the token itself is printed once and kept nowhere.

use ring::rand::{SecureRandom, SystemRandom};
use toml::Value;

use super::{print, tell};
use crate::cli::{TokenCommand, TokenNewArgs};
use crate::failure::Failure;
use surface::hash;

const TOKEN_BYTES: usize = 32;
/// Lets scanners of secrets know ours.
const PREFIX: &str = "plm_";

pub fn run(command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::New(arguments) => new(&arguments),
    }
}

fn new(arguments: &TokenNewArgs) -> Result<(), Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::failed("the system gave no random bytes; try again"))?;
    let token = format!("{PREFIX}{}", hex::encode(bytes));
    let text = |text: &str| Value::from(text).to_string();
    let scopes: Vec<String> = arguments.scopes.iter().map(|scope| text(scope)).collect();
    let mut lines = format!(
        "[[tokens]]\nname = {}\nhash = {}\nscopes = [{}]\n",
        text(&arguments.name),
        text(&hash(&token)),
        scopes.join(", ")
    );
    if let Some(person) = &arguments.person {
        lines.push_str(&format!("person = {}\n", text(person)));
    }
    tell(
        "plimsoll: the token is shown only once; put the lines below it into plimsoll.toml and restart the server",
    );
    print(format!("{token}\n\n{lines}").as_bytes())
}
