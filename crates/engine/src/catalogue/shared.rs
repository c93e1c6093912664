//! Parameters that have one meaning in many files, declared once in `params.toml`.
//!
//! Invariant: a file has such a parameter only where its `shared_params` lists it, so that a reader of the file sees
//! every name that its SQL uses. A file that means something else declares its own in `params`.

use std::collections::BTreeMap;

use super::load::{Kind, Source};
use super::{Param, Problem, front};

/// By name, with the file that declares it.
pub(super) struct SharedParams(BTreeMap<String, (Param, String)>);

impl SharedParams {
    /// From all files of shared parameters. Two of them may declare the same, but not different things by one name,
    /// unless one is `newer`.
    pub fn read(sources: &[Source], problems: &mut Vec<Problem>) -> SharedParams {
        let mut shared: BTreeMap<String, (Param, String)> = BTreeMap::new();
        let files = sources.iter().filter(|source| source.kind == Kind::Params);
        let (newer, others): (Vec<_>, Vec<_>) = files.partition(|source| source.newer);
        for source in newer.iter().chain(&others) {
            for param in front::declared(source, problems) {
                match shared.get(&param.name) {
                    Some((_, file)) if newer.iter().any(|newer| newer.file == *file) => {}
                    Some((other, file)) if !other.means(&param) => {
                        let name = &param.name;
                        let message = format!(
                            "parameter {name} is declared differently in {file}; give it another name"
                        );
                        problems.push(source.problem(param.line, message));
                    }
                    _ => {
                        shared.insert(param.name.clone(), (param, source.file.clone()));
                    }
                }
            }
        }
        SharedParams(shared)
    }

    /// Adds those that a file lists, as if it declared them on `line`; by name, as its own ones are.
    pub fn add_to(
        &self,
        params: &mut Vec<Param>,
        source: &Source,
        listed: &[String],
        line: usize,
        problems: &mut Vec<Problem>,
    ) {
        for name in listed {
            let message = match self.0.get(name) {
                _ if params.iter().any(|param| param.name == *name) => {
                    format!("parameter {name} is declared twice; take it out of shared_params or of params")
                }
                Some((param, _)) => {
                    params.push(Param { line, ..param.clone() });
                    continue;
                }
                None => match crate::nearest(name, self.0.keys().map(String::as_str)).first() {
                    Some(other) => format!("no shared parameter {name}; did you mean {other}?"),
                    None => format!("no shared parameter {name}; declare it in params, or in params.toml"),
                },
            };
            problems.push(source.problem(line, message));
        }
        params.sort_by(|a, b| a.name.cmp(&b.name));
    }
}
