//! What was said: a whole session of twenty messages, its file opened and read each time.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use history_claude::page::{self, Query};
use history_claude::place::Session;
use history_claude::settings::Settings;
use history_claude::source::{Source, SourceError};
use overlord::capability::files::Directory;
use overlord::domain::SessionId;
use overlord::sandbox::hooks::Window;
use overlord::sandbox::{History, Policy};
use overlord_tests::session_files::{CWD, SESSION, write_messages};

use super::{Bench, timed};
use crate::table::Row;

/// What the session has.
const MESSAGES: u64 = 20;

/// As the host asks.
const MESSAGES_MAX: u32 = 256;
const BYTES_MAX: u64 = 4 << 20;

pub(super) fn measure(bench: &Bench) -> anyhow::Result<[Row; 2]> {
    let pairs = vec![("cwd".to_owned(), CWD.to_owned())];
    let policies = bench.load::<History>("history-claude", &pairs)?;
    let folder = tempfile::TempDir::with_prefix("overlord-bench-")?;
    let file = folder.path().join(Session::new(SESSION)?.path(CWD));
    std::fs::create_dir_all(file.parent().context("a session's file lies in a folder")?)?;
    write_messages(&mut File::create(&file)?, MESSAGES)?;
    let lent = Directory::open(folder.path())?;
    bench.rows(
        "history page, 20 messages",
        None,
        async || read(&policies.fresh, &lent).await,
        async || read(&policies.warm, &lent).await,
        || natively(folder.path(), &pairs),
    )
}

async fn read(policy: &Policy<History>, lent: &Directory) -> anyhow::Result<Duration> {
    let session = SessionId::parse(SESSION).context("the tests' session has an id")?;
    let reading = policy.read(lent.clone(), session, Window::Since(0), MESSAGES_MAX, BYTES_MAX, false);
    let (page, elapsed) = timed(reading).await;
    let page = page?.context("the session has a file")?;
    ensure!(
        page.messages.len() as u64 == MESSAGES && !page.more,
        "a page of {} messages",
        page.messages.len()
    );
    Ok(elapsed)
}

fn natively(folder: &Path, pairs: &[(String, String)]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let settings = Settings::new(pairs)?;
    let path = Session::new(SESSION)?.path(&settings.cwd);
    let query = Query {
        window: page::Window::Since(0),
        messages_max: MESSAGES_MAX,
        bytes_max: BYTES_MAX,
        detailed: false,
    };
    let page = page::read(&mut Open::at(&folder.join(path))?, &query)?;
    let elapsed = begun.elapsed();
    ensure!(page.messages.len() as u64 == MESSAGES, "a page of {} messages", page.messages.len());
    Ok(elapsed)
}

/// A file for the component's own code, without the host between them.
pub(crate) struct Open {
    file: File,
    size: u64,
}

impl Open {
    pub(crate) fn at(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Source for Open {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, SourceError> {
        let length = u64::from(length).min(self.size.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| SourceError::Other)?];
        self.file.read_exact_at(&mut bytes, offset).map_err(|_| SourceError::Other)?;
        Ok(bytes)
    }
}
