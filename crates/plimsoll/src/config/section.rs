//! One row a configuration key: name, type, default, bounds and text.
//!
//! `section!` turns the rows of one section into its struct, the defaults, the check of the bounds, and the rows as data,
//! which `plimsoll.example.toml` and `docs/configuration.md` are written from. Invariant: a key is written down once.
//! Deliberately absent: checks that look at more than one value; they are functions next to what they check.
#![cfg_attr(not(test), expect(dead_code, reason = "tests write the files from the rows"))]

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::BadValue;

/// A section of the file and its keys.
pub struct Group {
    /// Such as `webhooks.github`; empty for the keys above all sections.
    pub path: &'static str,
    pub about: &'static [&'static str],
    pub keys: &'static [Key],
}

/// One key. Its default is in the struct's `Default`.
pub struct Key {
    /// With its section, such as `http.listen`.
    pub path: &'static str,
    pub kind: Kind,
    pub bounds: Option<RangeInclusive<u64>>,
    /// Lines of a doc comment; those between fences are an example.
    pub text: &'static [&'static str],
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Texts,
    Number,
    Switch,
    /// A table of any keys, dots included.
    Table,
    /// A list of tables.
    Tables,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Texts => "list of texts",
            Kind::Number => "whole number",
            Kind::Switch => "`true` or `false`",
            Kind::Table => "table",
            Kind::Tables => "list of tables",
        }
    }
}

/// A type that a key may have.
pub trait Typed {
    const KIND: Kind;
}

impl Typed for String {
    const KIND: Kind = Kind::Text;
}

impl Typed for PathBuf {
    const KIND: Kind = Kind::Text;
}

impl Typed for Vec<String> {
    const KIND: Kind = Kind::Texts;
}

impl Typed for Vec<PathBuf> {
    const KIND: Kind = Kind::Texts;
}

impl Typed for u64 {
    const KIND: Kind = Kind::Number;
}

impl Typed for usize {
    const KIND: Kind = Kind::Number;
}

impl Typed for bool {
    const KIND: Kind = Kind::Switch;
}

/// What the bounds of a key are about: the number itself, or the bytes of a text.
pub trait Measured {
    fn measure(&self) -> u64;
}

impl Measured for u64 {
    fn measure(&self) -> u64 {
        *self
    }
}

impl Measured for usize {
    fn measure(&self) -> u64 {
        *self as u64
    }
}

impl Measured for String {
    fn measure(&self) -> u64 {
        self.len() as u64
    }
}

/// What `section!` makes of its rows, next to the struct.
pub trait Section {
    /// # Errors
    /// The first value that is out of its bounds, in the order of the rows.
    fn validate_bounds(&self) -> Result<(), BadValue>;

    /// This section and those below it, in order.
    fn groups() -> Vec<Group>;
}

pub fn within(key: &'static str, value: u64, bounds: RangeInclusive<u64>) -> Result<(), BadValue> {
    if bounds.contains(&value) {
        return Ok(());
    }
    super::bad(key, format!("is {value}; give {} to {}", bounds.start(), bounds.end()))
}

/// A section:
///
/// ```text
/// /// What the section is about.
/// Http [http] {
///     /// What the key is for.
///     drain_timeout_ms: u64 = 10_000, 0..=600_000;      name: type = default, bounds;
///     sections { child: Child }                         sections within this one
/// }
/// ```
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $Name:ident $path:tt {
            $(
                $(#[doc = $text:literal])+
                $key:ident: $Type:ty = $default:expr $(, $bounds:expr)?;
            )*
            $(sections { $($child:ident: $Child:ty),+ $(,)? })?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $Name {
            $($(#[doc = $text])+ pub $key: $Type,)*
            $($(pub $child: $Child,)+)?
        }

        impl Default for $Name {
            fn default() -> Self {
                Self {
                    $($key: $default,)*
                    $($($child: <$Child>::default(),)+)?
                }
            }
        }

        impl $crate::config::section::Section for $Name {
            fn validate_bounds(&self) -> Result<(), $crate::config::BadValue> {
                $($(
                    let value = $crate::config::section::Measured::measure(&self.$key);
                    $crate::config::section::within(key_path!($path $key), value, $bounds)?;
                )?)*
                $($($crate::config::section::Section::validate_bounds(&self.$child)?;)+)?
                Ok(())
            }

            fn groups() -> Vec<$crate::config::section::Group> {
                use $crate::config::section::{Group, Key, Typed};
                const KEYS: &[Key] = &[$(Key {
                    path: key_path!($path $key),
                    kind: <$Type as Typed>::KIND,
                    bounds: optional!($($bounds)?),
                    text: &[$($text),+],
                }),*];
                let own = Group { path: key_path!($path), about: &[$($about),*], keys: KEYS };
                std::iter::once(own)$($(.chain(<$Child as $crate::config::section::Section>::groups()))+)?.collect()
            }
        }
    };
}

/// `key_path!([a.b] c)` is "a.b.c", `key_path!([a.b])` is "a.b".
macro_rules! key_path {
    ([] $key:ident) => { stringify!($key) };
    ([$($part:ident).+] $key:ident) => { concat!($(stringify!($part), ".",)+ stringify!($key)) };
    ([]) => { "" };
    ([$first:ident $(. $part:ident)*]) => { concat!(stringify!($first) $(, ".", stringify!($part))*) };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(super) use {key_path, optional, section};
