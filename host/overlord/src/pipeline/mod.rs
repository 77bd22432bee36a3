//! The way of a question, as a list of its stages, and what becomes of it at each turn. Nothing else
//! is in here, and nothing here knows HTTP. Histories and what is done to whole sessions have ways of their
//! own, in files of their own.

pub mod history;
pub mod sessions;

use std::sync::Arc;
use std::time::Instant;

use crate::capability::clock;
use crate::capability::files::Directory;
use crate::capability::process::StopHandle;
use crate::capability::state::State;
use crate::domain::{Answer, Event, Question, Refusal, SessionId, Value};
use crate::generation::Current;
use crate::stages::{
    self, Admission, Agent, Caller, Failed, NotAdmitted, Ownership, Permit, Recollection, Recorder, Rules,
    Titles,
};

/// All that a question meets on its way.
#[derive(Debug)]
pub struct House {
    /// The rules that serve.
    pub current: Current,
    /// Cells and owners.
    pub state: State,
    /// Who may ask now.
    pub admission: Admission,
    /// What is written down.
    pub recorder: Recorder,
    /// The program.
    pub agent: Agent,
    /// Whose a session is.
    pub rules: Rules,
    /// What sessions are called.
    pub titles: Titles,
    /// For how many days deleted sessions can be restored.
    pub deleted_keep_days: u32,
    /// Tells every run to stop.
    pub stop: StopHandle,
}

/// Why a question has no answer.
#[derive(Debug)]
pub enum NotAnswered {
    /// For this caller there is no such session.
    NoSession,
    /// The session was deleted, and can be restored.
    Deleted,
    /// The limiter says no.
    Refused(Refusal),
    /// The host runs as many programs as it may.
    Full,
    /// The host is stopping.
    Stopping,
    /// A rule is broken that nothing goes without.
    Broken,
    /// The agent gave no answer; why.
    Failed(String),
}

/// For one question: who asked it where.
struct Asked<'a> {
    house: &'a House,
    caller: &'a Caller,
    session: SessionId,
}

/// What is known of a session before anything is decided.
struct Found {
    /// Whether it has a file.
    started: bool,
    /// Whether the caller becomes its owner.
    unclaimed: bool,
    /// In whose home it lives: its owner's, also when an admin asks in it.
    home_of: String,
}

/// Answers a question. Runs to its end whether anybody waits for it or not.
pub async fn ask(house: Arc<House>, caller: Caller, question: Question) -> Result<Answer, NotAnswered> {
    let run = async move {
        let asked = Asked { house: &house, caller: &caller, session: question.session };
        let found = asked.found().await?;
        let permit = asked.admitted(found.unclaimed).await?;
        // Again, now that nobody can delete it any more.
        asked.not_deleted()?;
        asked.answered(&permit, &question, &found).await
    };
    // A task of its own: the server drops what waits for it when the client leaves.
    match tokio::spawn(run).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!("a run ended unexpectedly: {error}");
            Err(NotAnswered::Failed("the host failed; its log says why".to_owned()))
        }
    }
}

impl House {
    /// The directory that a history policy is lent: the client's own, for this user.
    pub fn lent_directory(&self, user: &str) -> std::io::Result<Directory> {
        self.agent.homes.history(user)
    }

    /// Whether there is a folder of session files, as the original's health tells it. Where each user
    /// has a home, whether there is a folder of homes.
    pub async fn has_sessions(&self) -> bool {
        if self.agent.homes.separate() {
            return self.agent.homes.have_root();
        }
        let Ok(directory) = self.lent_directory("") else { return false };
        let generation = self.current.pin();
        match generation.history.directory(directory.clone()).await {
            Ok(path) => directory.has_directory(&path),
            Err(_) => false,
        }
    }
}

impl Asked<'_> {
    /// Whose session it is, and whether it has begun.
    async fn found(&self) -> Result<Found, NotAnswered> {
        let broken = |error: &dyn std::fmt::Display| {
            tracing::error!("a question is not answered: {error}");
            NotAnswered::Broken
        };
        let (rules, state) = (self.house.rules, &self.house.state);
        let ownership = rules.look(state, self.caller, self.session).map_err(|error| broken(&error))?;
        if ownership == Ownership::Hidden {
            return Err(self.no_session().await);
        }
        self.not_deleted()?;
        let owner = state.owner(self.session).map_err(|error| broken(&error))?;
        let home_of = owner.unwrap_or_else(|| self.caller.principal().user.clone());
        let directory = self.house.lent_directory(&home_of).map_err(|error| broken(&error))?;
        let started = Recollection::new(self.caller, directory, self.session).exists().await;
        let started = started.map_err(|error| broken(&error))?;
        if ownership == Ownership::Unclaimed && !rules.may_take(self.caller, started) {
            return Err(self.no_session().await);
        }
        Ok(Found { started, unclaimed: ownership == Ownership::Unclaimed, home_of })
    }

    fn not_deleted(&self) -> Result<(), NotAnswered> {
        match self.house.state.deleted(self.session) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(NotAnswered::Deleted),
            Err(error) => {
                tracing::error!("a question is not answered: {error}");
                Err(NotAnswered::Broken)
            }
        }
    }

    async fn no_session(&self) -> NotAnswered {
        let _ = self.record("session_not_found", vec![]).await;
        NotAnswered::NoSession
    }

    /// The limiter's verdict and a place.
    async fn admitted(&self, claim: bool) -> Result<Permit, NotAnswered> {
        match self.house.admission.admit(self.caller, self.session, claim).await {
            Ok(permit) => Ok(permit),
            Err(NotAdmitted::Refused(refusal)) => {
                let retry = refusal.retry_after_s.map(|seconds| ("retry_after_s", seconds.into()));
                let _ = self.record(refusal.event.clone(), retry.into_iter().collect()).await;
                Err(NotAnswered::Refused(refusal))
            }
            Err(NotAdmitted::Full) => {
                let _ = self.record("host_full", vec![]).await;
                Err(NotAnswered::Full)
            }
            Err(NotAdmitted::Hidden) => Err(self.no_session().await),
            Err(NotAdmitted::Stopping) => Err(NotAnswered::Stopping),
            Err(NotAdmitted::Broken) => Err(NotAnswered::Broken),
        }
    }

    /// The run, between its two audit lines.
    async fn answered(
        &self,
        permit: &Permit,
        question: &Question,
        found: &Found,
    ) -> Result<Answer, NotAnswered> {
        let begun = Instant::now();
        let chars = question.message.chars().count();
        let fields = vec![("message", question.message.as_str().into()), ("message_len", chars.into())];
        self.record("ask_start", fields).await.map_err(|_| NotAnswered::Broken)?;
        let home = self.house.agent.homes.of(&found.home_of);
        let stop = self.house.stop.listen();
        let outcome = stages::answer(&self.house.agent, permit, question, &home, found.started, stop).await;
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let user = &self.caller.principal().user;
        match outcome {
            Ok(answer) => {
                if answer.session != question.session {
                    self.own_too(answer.session).await;
                }
                tracing::info!(
                    "ask user={} session={} turns={} duration_ms={elapsed_ms} (subprocess={}ms)",
                    user.escape_debug(),
                    answer.session,
                    answer.turns,
                    answer.duration_ms
                );
                let fields = vec![
                    ("result_preview", answer.result.as_str().into()),
                    ("result_len", answer.result.chars().count().into()),
                    ("turns", answer.turns.into()),
                    ("elapsed_ms", elapsed_ms.into()),
                    ("subprocess_ms", answer.duration_ms.into()),
                    ("is_error", answer.is_error.into()),
                ];
                let _ = self.record_in(answer.session, "ask_ok", fields).await;
                Ok(answer)
            }
            Err(Failed(why)) => {
                tracing::warn!(
                    "agent failed user={} session={} err={}",
                    user.escape_debug(),
                    question.session,
                    why.escape_debug()
                );
                let fields = vec![("error", why.as_str().into()), ("elapsed_ms", elapsed_ms.into())];
                let _ = self.record("ask_error", fields).await;
                Err(NotAnswered::Failed(why))
            }
        }
    }

    /// The agent went on in another session: that one is the caller's too.
    async fn own_too(&self, session: SessionId) {
        if let Err(error) = stages::claim(&self.house.state, session, &self.caller.principal().user).await {
            tracing::error!("cannot note who owns session {session}: {error}");
        }
    }

    async fn record(
        &self,
        name: impl Into<std::borrow::Cow<'static, str>>,
        fields: Vec<(&'static str, Value)>,
    ) -> Result<(), stages::Unrecorded> {
        self.record_in(self.session, name, fields).await
    }

    async fn record_in(
        &self,
        session: SessionId,
        name: impl Into<std::borrow::Cow<'static, str>>,
        fields: Vec<(&'static str, Value)>,
    ) -> Result<(), stages::Unrecorded> {
        let who = [
            ("user", self.caller.principal().user.as_str().into()),
            ("session_id", session.to_string().into()),
        ];
        let event =
            Event { name: name.into(), at: clock::now(), fields: who.into_iter().chain(fields).collect() };
        self.house.recorder.record(self.caller.generation(), &event).await
    }
}
