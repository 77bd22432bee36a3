//! What sessions are called by their files, remembered for as long as the files stay as they are:
//! reading it costs a look at both ends of each. Titles that users gave are the state's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::capability::files::Directory;
use crate::domain::{SessionId, Title};
use crate::generation::Generation;
use crate::sandbox::hooks::Listed;
use crate::sandbox::package::Digest;

/// How many titles a young half holds before it becomes the old one: with both, 16,384 titles of at
/// most 800 bytes.
const HALF_MAX: usize = 8192;

/// How many files one call of the policy looks at: some MiB, and far from its time.
const AT_ONCE: usize = 32;

/// What was found in a file: a title, or that there is none.
type Named = Option<Title>;

/// The titles that are remembered.
#[derive(Debug, Default)]
pub struct Titles(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<Key, Named>,
    old: HashMap<Key, Named>,
}

/// One state of one file, by one version of the rules. `home`: whose, where each user has one: the same
/// id in another home is another file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    home: Arc<str>,
    listed: Listed,
    rules: Digest,
}

impl Titles {
    /// The title of each of these, in their order, and how many files were looked at. What the policy
    /// cannot tell has no title: one bad file must not cost the list.
    pub async fn of(
        &self,
        generation: &Arc<Generation>,
        home: &Arc<str>,
        directory: &Directory,
        listed: &[Listed],
    ) -> (Vec<Option<Title>>, usize) {
        let key = |listed: Listed| Key { home: Arc::clone(home), listed, rules: generation.history.digest() };
        let mut titles: Vec<Option<Named>> = {
            let mut known = self.known();
            listed.iter().map(|listed| known.get(&key(*listed))).collect()
        };
        let missing: Vec<usize> = (0..listed.len()).filter(|at| titles[*at].is_none()).collect();
        for batch in missing.chunks(AT_ONCE) {
            let ids: Vec<SessionId> = batch.iter().map(|at| listed[*at].session).collect();
            let Some(found) = read(generation, directory, ids).await else { continue };
            let mut known = self.known();
            for (at, title) in batch.iter().zip(found) {
                known.put(key(listed[*at]), title.clone());
                titles[*at] = Some(title);
            }
        }
        (titles.into_iter().map(Option::flatten).collect(), missing.len())
    }

    fn known(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn get(&mut self, key: &Key) -> Option<Named> {
        if let Some(title) = self.young.get(key) {
            return Some(title.clone());
        }
        let title = self.old.remove(key)?;
        self.put(key.clone(), title.clone());
        Some(title)
    }

    fn put(&mut self, key: Key, title: Named) {
        if self.young.len() >= HALF_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, title);
    }
}

/// Asks the policy, on a thread of its own: it reads from the disk.
async fn read(
    generation: &Arc<Generation>,
    directory: &Directory,
    ids: Vec<SessionId>,
) -> Option<Vec<Option<Title>>> {
    let (generation, directory) = (Arc::clone(generation), directory.clone());
    let runtime = tokio::runtime::Handle::current();
    let reading =
        tokio::task::spawn_blocking(move || runtime.block_on(generation.history.titles(directory, &ids)));
    reading.await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Instant;

    #[test]
    fn what_is_remembered_has_a_bound_and_what_is_used_stays() {
        let key = |size| Key {
            home: "a".into(),
            listed: Listed { session: SessionId::from_bytes([0; 16]), modified: Instant(0), size },
            rules: Digest::of(b""),
        };
        let mut halves = Halves::default();
        halves.put(key(0), Title::found("used"));
        for size in 1..5 * HALF_MAX as u64 {
            halves.put(key(size), None);
            if size % 100 == 0 {
                assert_eq!(halves.get(&key(0)), Some(Title::found("used")), "{size}");
            }
            assert!(halves.young.len() + halves.old.len() <= 2 * HALF_MAX);
        }
        assert_eq!(halves.get(&key(1)), None, "long unused");
        assert_eq!(halves.get(&Key { home: "b".into(), ..key(0) }), None, "another home's");
    }
}
