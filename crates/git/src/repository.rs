//! A repository as a run needs it: its name, where to start, where it is cut off, and its mailmap.

use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::refs::FullNameRef;

use crate::error::Error;
use crate::options::{Options, Scope};

/// Larger mailmaps are not read: each line is put into its place among the others.
const MAILMAP_BYTES_MAX: u64 = 1 << 20;
/// Git's default for `diff.renameLimit`.
const RENAME_LIMIT: u64 = 1_000;

pub struct Repository {
    pub git: gix::ThreadSafeRepository,
    pub name: String,
    /// The host that it was cloned from; `None` for github.com, whose names stand alone, and where nothing tells.
    pub site: Option<String>,
    /// The short name of the checked-out branch.
    pub branch: Option<String>,
    /// Commits to start from, each once.
    pub tips: Vec<ObjectId>,
    /// Commits of a shallow clone whose parents are not there.
    pub shallow: Vec<ObjectId>,
    pub mailmap: gix::mailmap::Snapshot,
    pub rename_limit: u64,
}

impl Repository {
    /// What its events name as their source.
    pub fn source(&self) -> String {
        match &self.site {
            Some(site) => format!("git:https://{site}/{}", self.name),
            None => format!("git:{}", self.name),
        }
    }

    /// Its name with the site, which a mirror does not share.
    pub fn known_as(&self) -> String {
        match &self.site {
            Some(site) => format!("{site}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Opens the repository at `path` or in a directory above it. One without commits has no tips.
    pub fn open(path: &Path, options: &Options) -> Result<Repository, Error> {
        let failed = |detail: String| Error { repository: path.to_owned(), detail };
        let git = gix::discover(path).map_err(|error| failed(causes(&error)))?;
        let shallow = match git.shallow_commits() {
            Ok(commits) => commits.map(|commits| commits.iter().copied().collect()).unwrap_or_default(),
            Err(error) => return Err(failed(format!("the list of shallow commits: {error}"))),
        };
        let head = git.head().map_err(|error| failed(format!("HEAD: {error}")))?;
        let branch = head.referent_name().map(|name| name.shorten().to_str_lossy().into_owned());
        let id = head.id().map(gix::Id::detach);
        let mut tips: Vec<ObjectId> = id.and_then(|id| commit_of(&git, id)).into_iter().collect();
        match options.scope {
            Scope::Branches => branches(&git, &mut tips).map_err(failed)?,
            Scope::Head if tips.is_empty() => is_new(&git, id, head.referent_name()).map_err(failed)?,
            Scope::Head => {}
        }
        let rename_limit = git.config_snapshot().integer("diff.renameLimit");
        Ok(Repository {
            site: options.name.is_none().then(|| remote(&git)?.0).flatten(),
            name: options.name.clone().unwrap_or_else(|| name(&git)),
            branch: branch.filter(|_| options.scope == Scope::Head),
            tips,
            shallow,
            mailmap: mailmap(&git).map_err(failed)?,
            rename_limit: rename_limit.map_or(RENAME_LIMIT, |limit| u64::try_from(limit).unwrap_or(0)),
            git: git.into_sync(),
        })
    }
}

/// An error with what caused it, since the outermost words often say only that something failed.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        cause = error.source();
    }
    text
}

/// The mailmap of the work tree, or of `HEAD` where there is none, as git takes it.
fn mailmap(git: &gix::Repository) -> Result<gix::mailmap::Snapshot, String> {
    const FILE: &str = ".mailmap";
    let committed = || {
        let commit = git.head().ok()?.peel_to_commit().ok()?;
        let id = commit.tree().ok()?.find_entry(FILE)?.object_id();
        Some(git.find_header(id).ok()?.size())
    };
    let bytes = match git.workdir() {
        Some(root) => std::fs::symlink_metadata(root.join(FILE)).ok().map(|metadata| metadata.len()),
        None => committed(),
    };
    match bytes {
        Some(bytes) if bytes > MAILMAP_BYTES_MAX => {
            Err(format!("{FILE} has {bytes} bytes, more than {MAILMAP_BYTES_MAX}; make it shorter"))
        }
        Some(_) | None => Ok(git.open_mailmap()),
    }
}

/// A repository without any branch or tag has no commits yet; in any other, `HEAD` that leads to none is a mistake.
fn is_new(git: &gix::Repository, id: Option<ObjectId>, name: Option<&FullNameRef>) -> Result<(), String> {
    if let Some(id) = id {
        return Err(format!("HEAD is {id}, which is no commit; check out a branch"));
    }
    let platform = git.references().map_err(|error| error.to_string())?;
    if platform.all().map_err(|error| error.to_string())?.filter_map(Result::ok).next().is_none() {
        return Ok(());
    }
    let name = name.map_or_else(|| "nothing".into(), |name| name.as_bstr().to_str_lossy());
    Err(format!("HEAD names {name}, which is not there; check out a branch, or read all with --branches"))
}

/// The commit that an id stands for, through tags; the id itself when it cannot be read, so that it
/// is counted as absent.
fn commit_of(git: &gix::Repository, id: ObjectId) -> Option<ObjectId> {
    match git.find_object(id) {
        Ok(object) => Some(object.peel_to_commit().ok()?.id),
        Err(_) => Some(id),
    }
}

fn branches(git: &gix::Repository, tips: &mut Vec<ObjectId>) -> Result<(), String> {
    let platform = git.references().map_err(|error| error.to_string())?;
    let local = platform.local_branches().map_err(|error| error.to_string())?;
    let remote = platform.remote_branches().map_err(|error| error.to_string())?;
    // A reference that cannot be read is no branch; git warns and goes on.
    for reference in local.chain(remote).filter_map(Result::ok) {
        let id = reference.clone().peel_to_id().ok().map(gix::Id::detach);
        let id = id.or_else(|| reference.try_id().map(gix::Id::detach));
        if let Some(commit) = id.and_then(|id| commit_of(git, id))
            && !tips.contains(&commit)
        {
            tips.push(commit);
        }
    }
    Ok(())
}

/// `owner/name` of the remote `origin`, else the directory's name.
fn name(git: &gix::Repository) -> String {
    remote(git).map(|(_, name)| name).unwrap_or_else(|| {
        let directory = git.workdir().unwrap_or_else(|| git.git_dir());
        let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = name.strip_suffix(".git").unwrap_or(&name);
        if name.is_empty() { "repository".to_owned() } else { name.to_owned() }
    })
}

fn remote(git: &gix::Repository) -> Option<(Option<String>, String)> {
    remote_parts(&git.config_snapshot().string("remote.origin.url")?)
}

/// Site and path of a remote address, as its host names it; a remote on this machine has no such name. The port is
/// that of the pages only where git goes the same way.
fn remote_parts(address: &[u8]) -> Option<(Option<String>, String)> {
    const GITHUB: [&str; 3] = ["github.com", "www.github.com", "ssh.github.com"];
    let url = gix::url::parse(address.as_bstr()).ok()?;
    let host = url.host()?.to_lowercase();
    let web = matches!(url.scheme, gix::url::Scheme::Http | gix::url::Scheme::Https);
    let site = match url.port.filter(|_| web) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    let site = (!GITHUB.contains(&site.as_str())).then_some(site);
    let path = url.path.to_str().ok()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!path.is_empty()).then(|| (site, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_addresses_name_the_repository() {
        let check = |address: &str, expect: Option<(Option<&str>, &str)>| {
            let expect = expect.map(|(site, name)| (site.map(str::to_owned), name.to_owned()));
            assert_eq!(remote_parts(address.as_bytes()), expect, "{address}");
        };
        check("https://git.acme.example/acme/api.git", Some((Some("git.acme.example"), "acme/api")));
        check("https://git.acme.example:8443/acme/api", Some((Some("git.acme.example:8443"), "acme/api")));
        check("git@git.acme.example:acme/api.git", Some((Some("git.acme.example"), "acme/api")));
        check(
            "ssh://git@git.acme.example:29418/group/sub/api",
            Some((Some("git.acme.example"), "group/sub/api")),
        );
        check("git@github.com:acme/api.git", Some((None, "acme/api")));
        check("https://GitHub.com/acme/api", Some((None, "acme/api")));
        check("/srv/git/api.git", None);
        check("file:///srv/git/api.git", None);
    }
}
