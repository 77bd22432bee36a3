//! Who has a sign-in address becomes somebody, once; who has a cookie of Overlord's may lay it down.
//! Owns what is written down of that; the cookie's form is the server's.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Caller, Recorder, issue};
use crate::capability::clock;
use crate::capability::sign_in::{SignIn, SignIns};
use crate::domain::{Event, RequestId};
use crate::generation::Generation;
use crate::sandbox::hooks::Issued;

/// How often tokens that are not good are spoken of in the log: whoever tries them without end must not
/// fill it.
const SPOKEN_OF_EVERY: Duration = Duration::from_mins(1);

/// What the stage works with.
#[derive(Debug)]
pub struct Desk {
    /// Those who may still sign in.
    pub sign_ins: SignIns,
    /// Where it is written down.
    pub recorder: Recorder,
    refused: Mutex<Refused>,
}

/// What has been refused since it was last spoken of.
#[derive(Debug, Default)]
struct Refused {
    times: u64,
    spoken_of: Option<Instant>,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSignedIn {
    /// The token is none, or was used, or is too old.
    NotGood,
    /// The policy issues nothing, the folder cannot be read, or nothing can be written down.
    Broken,
}

impl Desk {
    /// A desk at which nobody has been refused.
    pub fn new(sign_ins: SignIns, recorder: Recorder) -> Self {
        Self { sign_ins, recorder, refused: Mutex::default() }
    }

    /// Gives a credential for a token, which is then used up.
    pub async fn sign_in(
        &self,
        generation: &Generation,
        request: &RequestId,
        token: String,
    ) -> Result<Issued, NotSignedIn> {
        let desk = self.sign_ins.clone();
        let found = on_disk(move || desk.look(&token, clock::now())).await?;
        let Some(found) = found else { return Err(self.refused()) };
        // Before it is used up: a policy that is broken should not cost somebody their address.
        let issued = issue(generation, found.who()).await.map_err(|_| NotSignedIn::Broken)?;
        let who = found.who().user.clone();
        if !on_disk(move || SignIn::take(&found)).await? {
            return Err(self.refused());
        }
        tracing::info!("signed in user={}", who.escape_debug());
        self.record(generation, request, "signed_in", &who).await?;
        Ok(issued)
    }

    /// Notes that somebody lays down their cookie.
    pub async fn sign_out(&self, caller: &Caller) {
        let who = &caller.principal().user;
        tracing::info!("signed out user={}", who.escape_debug());
        let _ = self.record(caller.generation(), caller.request(), "signed_out", who).await;
    }

    async fn record(
        &self,
        generation: &Generation,
        request: &RequestId,
        name: &'static str,
        user: &str,
    ) -> Result<(), NotSignedIn> {
        let event = Event { name: name.into(), at: clock::now(), fields: vec![("user", user.into())] };
        self.recorder.record(generation, &event.of(request)).await.map_err(|_| NotSignedIn::Broken)
    }

    fn refused(&self) -> NotSignedIn {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.times += 1;
        if refused.spoken_of.is_none_or(|last| last.elapsed() >= SPOKEN_OF_EVERY) {
            tracing::info!("sign-in addresses that are not good were tried {} times", refused.times);
            *refused = Refused { times: 0, spoken_of: Some(Instant::now()) };
        }
        NotSignedIn::NotGood
    }
}

/// Does something with files where it holds nothing up.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, NotSignedIn> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!("a sign-in address cannot be read: {error}");
            Err(NotSignedIn::Broken)
        }
        Err(error) => {
            tracing::error!("a sign-in ended unexpectedly: {error}");
            Err(NotSignedIn::Broken)
        }
    }
}
