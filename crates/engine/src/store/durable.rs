//! An object store on local disk whose writes survive a power cut.
//!
//! Invariant: when a put, copy, rename or multipart upload returns `Ok`, the bytes and the name
//! are on disk: the file is fsynced before it gets its name, and then the directory. So a name
//! that can be seen is never a torn file, and a Delta commit is all or nothing.
//! A failed fsync is final: the kernel may have dropped the dirty pages and would report success
//! next time, so nothing is retried and every later write is refused.
//! Deletes are not fsynced: a file that comes back after a power cut is only garbage.

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// How a file or directory is forced to disk; tests replace it to make it fail.
pub(crate) type SyncFile = fn(&File) -> io::Result<()>;

/// `LocalFileSystem` with fsync. Clones share one state: a failure in one stops them all.
#[derive(Debug, Clone)]
pub struct Durable {
    local: LocalFileSystem,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    sync: SyncFile,
    failure: OnceLock<String>,
    /// Directories whose own names are known to be on disk.
    settled: Mutex<HashSet<PathBuf>>,
}

impl Durable {
    /// A store whose paths start at the root of the file system, as Delta Lake wants it.
    pub fn new() -> Durable {
        Durable::with_sync(File::sync_all)
    }

    pub(crate) fn with_sync(sync: SyncFile) -> Durable {
        let state = State { sync, failure: OnceLock::new(), settled: Mutex::default() };
        Durable { local: LocalFileSystem::new(), state: Arc::new(state) }
    }

    /// The fsync failure that stopped this store, if any.
    pub fn failure(&self) -> Option<&str> {
        self.state.failure.get().map(String::as_str)
    }

    /// Runs `work` on the path of `location`, off the async threads, unless the store has failed.
    async fn run<T: Send + 'static>(
        &self,
        location: &Path,
        work: impl FnOnce(&State, &FsPath) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.local.path_to_filesystem(location)?;
        let state = Arc::clone(&self.state);
        let task = move || {
            state.check()?;
            work(&state, &path)
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(task).await?,
            Err(_) => task(),
        }
    }
}

impl Default for Durable {
    fn default() -> Self {
        Durable::new()
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", self.local)
    }
}

impl State {
    fn check(&self) -> Result<()> {
        match self.failure.get() {
            Some(failure) => Err(generic(io::Error::other(failure.clone()))),
            None => Ok(()),
        }
    }

    /// Forces `file` to disk, or stops the store for good.
    fn sync(&self, file: &File, path: &FsPath) -> Result<()> {
        (self.sync)(file).map_err(|error| {
            let text = format!(
                "fsync of {} failed: {error}; what was acknowledged before is safe, check the disk and restart",
                path.display()
            );
            let text = self.failure.get_or_init(|| text);
            tracing::error!(path = %path.display(), "{text}");
            generic(io::Error::other(text.clone()))
        })
    }

    fn sync_dir(&self, dir: &FsPath) -> Result<()> {
        let file = File::open(dir).map_err(|error| at(dir, error))?;
        self.sync(&file, dir)
    }

    /// Makes the directory of `path` exist, with its name on disk, and returns it.
    fn settle_parent<'a>(&self, path: &'a FsPath) -> Result<&'a FsPath> {
        let dir = path.parent().unwrap_or(FsPath::new("/"));
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.contains(dir) {
            return Ok(dir);
        }
        // Every directory that is new, and the two above, which a killed process may have left.
        let new = dir.ancestors().take_while(|d| !d.exists()).count();
        std::fs::create_dir_all(dir).map_err(|error| at(dir, error))?;
        for above in dir.ancestors().skip(1).take(new.max(2)) {
            self.sync_dir(above)?;
        }
        settled.insert(dir.to_owned());
        Ok(dir)
    }

    /// Writes `payload` under a staging name, forces it to disk, then gives it its name.
    fn put(&self, path: &FsPath, payload: &PutPayload, create: bool) -> Result<()> {
        let dir = self.settle_parent(path)?;
        let (mut file, staged) = stage(path)?;
        let written = payload.iter().try_for_each(|bytes| file.write_all(bytes));
        let placed = written
            .map_err(|error| at(path, error))
            .and_then(|()| self.sync(&file, path))
            .and_then(|()| if create { link(&staged, path) } else { rename(&staged, path) });
        if placed.is_err() || create {
            // The staging name is never listed; one that stays behind goes when the store is opened.
            let _ = std::fs::remove_file(&staged);
        }
        placed?;
        self.sync_dir(dir)
    }

    /// Forces a file that already has its name to disk, with its directory.
    fn sync_named(&self, path: &FsPath) -> Result<()> {
        let file = File::open(path).map_err(|error| at(path, error))?;
        self.sync(&file, path)?;
        let dir = self.settle_parent(path)?;
        self.sync_dir(dir)
    }
}

/// A new file beside `path`; names ending in `#` and digits are skipped by listings.
fn stage(path: &FsPath) -> Result<(File, PathBuf)> {
    for number in u64::from(std::process::id()).. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        let staged = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&staged) {
            Ok(file) => return Ok((file, staged)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(at(&staged, error)),
        }
    }
    unreachable!("a directory holds fewer than 2^63 files")
}

/// Removes what writes that were cut short left in `dir` and below: no listing shows it, so nothing else would. Only for
/// who holds the directory's lock.
pub fn remove_staged(dir: &FsPath) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", dir.display()))),
    };
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            remove_staged(&path)?;
        } else if is_staged(&entry.file_name().to_string_lossy()) {
            tracing::info!(path = %path.display(), "removing what a write that was cut short left");
            std::fs::remove_file(&path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        }
    }
    Ok(())
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(named, number)| {
        !named.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Gives a staged file its name, and fails if the name is taken.
fn link(staged: &FsPath, path: &FsPath) -> Result<()> {
    std::fs::hard_link(staged, path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Error::AlreadyExists { path: path.display().to_string(), source: error.into() }
        }
        _ => at(path, error),
    })
}

fn rename(staged: &FsPath, path: &FsPath) -> Result<()> {
    std::fs::rename(staged, path).map_err(|error| at(path, error))
}

fn at(path: &FsPath, error: io::Error) -> Error {
    generic(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn generic(error: io::Error) -> Error {
    Error::Generic { store: "local disk", source: error.into() }
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                let operation = "put with an expected version".to_owned();
                return Err(Error::NotImplemented { operation, implementer: self.to_string() });
            }
        };
        self.run(location, move |state, path| state.put(path, &payload, create)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.run(location, |state, path| state.settle_parent(path).map(|_| ())).await?;
        let upload = self.local.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { upload, store: self.clone(), location: location.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.local.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.local.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.local.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.local.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.local.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.local.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.run(from, State::sync_named).await?;
        self.local.copy_opts(from, to, options).await?;
        self.run(to, State::sync_named).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.run(from, State::sync_named).await?;
        self.local.rename_opts(from, to, options).await?;
        self.run(to, State::sync_named).await?;
        self.run(from, |state, path| state.settle_parent(path).and_then(|dir| state.sync_dir(dir))).await
    }
}

/// A multipart upload that is forced to disk before it counts as complete. Unlike a put, its name
/// can appear before its bytes are safe: Delta Lake uploads only checkpoints this way, and a torn
/// checkpoint is set aside when the table is opened.
#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    store: Durable,
    location: Path,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        self.store.run(&self.location, State::sync_named).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    fn location(dir: &FsPath, name: &str) -> Path {
        Path::from_absolute_path(dir.join(name)).unwrap()
    }

    async fn names(store: &Durable, dir: &FsPath) -> Vec<String> {
        let prefix = Path::from_absolute_path(dir).unwrap();
        let listed = store.list_with_delimiter(Some(&prefix)).await.unwrap();
        listed.objects.iter().filter_map(|o| o.location.filename().map(str::to_owned)).collect()
    }

    #[tokio::test]
    async fn create_keeps_the_first_and_overwrite_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let store = Durable::new();
        let file = location(dir.path(), "a/b/c.json");
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&file, "one".into(), create()).await.unwrap();
        let again = store.put_opts(&file, "two".into(), create()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
        assert_eq!(store.get(&file).await.unwrap().bytes().await.unwrap(), "one");
        store.put(&file, "three".into()).await.unwrap();
        assert_eq!(store.get(&file).await.unwrap().bytes().await.unwrap(), "three");
        assert_eq!(names(&store, &dir.path().join("a/b")).await, ["c.json"]);
        assert_eq!(std::fs::read_dir(dir.path().join("a/b")).unwrap().count(), 1, "no staging file stays");
    }

    #[test]
    fn what_a_killed_write_left_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("table=reviews");
        std::fs::create_dir(&inner).unwrap();
        let kept = ["part-1.parquet", "a#b", "#1", "c#"];
        for name in kept.iter().chain(&["part-2.parquet#4711", "x.json#1#2"]) {
            std::fs::write(inner.join(name), "ada").unwrap();
        }
        remove_staged(dir.path()).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(&inner)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut kept = kept.map(str::to_owned);
        kept.sort();
        assert_eq!(left, kept);
        remove_staged(&dir.path().join("not there")).unwrap();
    }

    #[tokio::test]
    async fn multipart_copy_and_rename_arrive_whole() {
        let dir = tempfile::tempdir().unwrap();
        let store = Durable::new();
        let (a, b, c) = (location(dir.path(), "a"), location(dir.path(), "x/b"), location(dir.path(), "y/c"));
        let mut upload = store.put_multipart(&a).await.unwrap();
        upload.put_part("12".into()).await.unwrap();
        upload.put_part("34".into()).await.unwrap();
        upload.complete().await.unwrap();
        store.copy(&a, &b).await.unwrap();
        store.rename(&b, &c).await.unwrap();
        assert_eq!(store.get(&c).await.unwrap().bytes().await.unwrap(), "1234");
        assert!(store.get(&b).await.is_err());
    }

    #[tokio::test]
    async fn a_failed_fsync_stops_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = Durable::with_sync(|file| match file.metadata()?.is_file() {
            true => Err(io::Error::other("injected")),
            false => Ok(()),
        });
        let file = location(dir.path(), "a.json");
        let error = store.put(&file, "one".into()).await.unwrap_err().to_string();
        assert!(error.contains("fsync of") && error.contains("injected"), "{error}");
        assert_eq!(names(&store, dir.path()).await, Vec::<String>::new());
        assert!(store.failure().is_some());
        let clone = store.clone();
        assert!(clone.put(&location(dir.path(), "b.json"), "two".into()).await.is_err());
        assert_eq!(names(&store, dir.path()).await, Vec::<String>::new());
    }
}
