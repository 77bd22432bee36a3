//! The way of a question: whose session, may they ask, may they ask yet, the answer, and a line in the
//! audit log for each outcome.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::House;
use crate::capability::clock;
use crate::capability::state::{Change, RunChange, RunRecord};
use crate::domain::{
    self, Answer, Cancelled, End, Event, NotAnswered, Question, Refusal, RunId, SessionId, Value,
};
use crate::runs::{Asked, Run, Watcher};
use crate::stages::{
    self, Admitted, Caller, Demand, Failed, NotAdmitted, Ownership, Permit, Recollection, Setting, Ticket,
    Unrecorded,
};
use crate::traces::stage;

/// After so long without anything having changed, a question that waits is decided again: its limiter
/// may wait for something else than the host knows of.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// How long a question may wait. Whoever asked has long gone.
const WAIT_MAX: Duration = Duration::from_hours(6);

/// By how much a file system's clock may lie behind the host's.
const CLOCKS_DIFFER_MS: u64 = 1000;

/// For one question: who asked it where.
struct Way {
    house: Arc<House>,
    caller: Caller,
    question: Question,
    id: RunId,
    record: RunRecord,
}

/// What is known of a session before anything is decided.
struct Found {
    /// How long its file is; none where there is none.
    size: Option<u64>,
    /// Whether the caller becomes its owner.
    unclaimed: bool,
    /// In whose home it lives: its owner's, also when an admin asks in it.
    home_of: String,
}

/// Takes a question: what comes back listens to a run that goes on to its end whether anybody listens
/// or not.
pub async fn ask(house: Arc<House>, caller: Caller, question: Question) -> Result<Watcher, NotAnswered> {
    // A task of its own: the server drops what waits for it when the client leaves.
    match tokio::spawn(Way::new(house, caller, question).begin().in_current_span()).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!("a question was not taken: {error}");
            Err(host_failed())
        }
    }
}

fn host_failed() -> NotAnswered {
    NotAnswered::Failed("the host failed; its log says why".to_owned())
}

impl Way {
    fn new(house: Arc<House>, caller: Caller, question: Question) -> Self {
        let record = RunRecord {
            user: caller.principal().user.clone(),
            session: question.session.to_string(),
            message: question.message.clone(),
            asked_at: clock::now().0,
            interrupted_at: None,
        };
        Self { house, caller, question, id: RunId::fresh(), record }
    }

    /// As far as the first decision. What is refused there never becomes a run.
    async fn begin(self) -> Result<Watcher, NotAnswered> {
        let found = self.found().await?;
        let admitted = self.admitted(found.unclaimed, None).await?;
        let asked = Asked {
            session: self.question.session,
            user: self.record.user.clone(),
            message: self.question.message.clone(),
            at: domain::Instant(self.record.asked_at),
        };
        let run = self.house.runs.begin(self.id, asked);
        if let Admitted::Later(ticket) = &admitted {
            run.queued(ticket.ahead() + 1);
        }
        let watcher = run.watch();
        tokio::spawn(self.go_on(run, found, admitted).in_current_span());
        Ok(watcher)
    }

    async fn go_on(self, run: Arc<Run>, found: Found, admitted: Admitted) {
        if let Some(after) = self.house.abandoned_after {
            let run = Arc::clone(&run);
            tokio::spawn(async move {
                tokio::select! {
                    () = run.abandoned(after) => {
                        run.cancel(Cancelled::Abandoned(after.as_secs()));
                    }
                    () = run.over() => {}
                }
            });
        }
        let end =
            AssertUnwindSafe(self.run(&run, found, admitted)).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!("a run ended unexpectedly: it panicked");
                Err(host_failed())
            });
        // The answer does not wait for the disk: a host that is killed in between calls the run interrupted
        // when it comes back, and has its answer in the history.
        let ended = Change { run: Some(RunChange::Ended(self.id)), ..Change::default() };
        let noted = self.house.state.write(ended);
        let (noted, ()) = tokio::join!(noted, async { run.end(end) });
        if let Err(error) = noted {
            tracing::error!("cannot note that a run has ended: {error}");
        }
    }

    async fn run(&self, run: &Arc<Run>, mut found: Found, admitted: Admitted) -> End {
        let permit = match admitted {
            Admitted::Now(permit) => {
                // Again, now that nobody can delete it any more.
                self.not_deleted()?;
                permit
            }
            Admitted::Later(ticket) => {
                let permit = self.waited(run, found.unclaimed, ticket).await?;
                found = self.found().await?;
                permit
            }
        };
        run.running(found.size.unwrap_or(0));
        self.answered(run, &permit, &found).await
    }

    /// Whose session it is, and whether it has begun.
    async fn found(&self) -> Result<Found, NotAnswered> {
        self.looked().instrument(stage!("own", self.caller.generation().number)).await
    }

    async fn looked(&self) -> Result<Found, NotAnswered> {
        let broken = |error: &dyn std::fmt::Display| {
            tracing::error!("a question is not answered: {error}");
            NotAnswered::Broken
        };
        let (rules, state, session) = (self.house.rules, &self.house.state, self.question.session);
        let ownership = rules.look(state, &self.caller, session).map_err(|error| broken(&error))?;
        if ownership == Ownership::Hidden {
            return Err(self.no_session().await);
        }
        self.not_deleted()?;
        let owner = state.owner(session).map_err(|error| broken(&error))?;
        let home_of = owner.unwrap_or_else(|| self.caller.principal().user.clone());
        let directory = self.house.lent_directory(&home_of).map_err(|error| broken(&error))?;
        let size = Recollection::new(&self.caller, directory, session).size().await;
        let size = size.map_err(|error| broken(&error))?;
        if ownership == Ownership::Unclaimed && !rules.may_take(&self.caller, size.is_some()) {
            return Err(self.no_session().await);
        }
        Ok(Found { size, unclaimed: ownership == Ownership::Unclaimed, home_of })
    }

    fn not_deleted(&self) -> Result<(), NotAnswered> {
        match self.house.state.deleted(self.question.session) {
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
    async fn admitted(&self, claim: bool, waited: Option<Ticket>) -> Result<Admitted, NotAnswered> {
        let demand = Demand {
            caller: &self.caller,
            session: self.question.session,
            claim,
            run: self.id,
            record: &self.record,
        };
        let stage = stage!("admit", self.caller.generation().number);
        match self.house.admission.admit(&demand, waited).instrument(stage).await {
            Ok(admitted) => Ok(admitted),
            Err(NotAdmitted::Refused(refusal)) => Err(self.refused(refusal).await),
            Err(NotAdmitted::Full) => {
                let _ = self.record("host_full", vec![]).await;
                Err(NotAnswered::Full)
            }
            Err(NotAdmitted::Hidden) => Err(self.no_session().await),
            Err(NotAdmitted::Stopping) => Err(NotAnswered::Stopping),
            Err(NotAdmitted::Broken) => Err(NotAnswered::Broken),
        }
    }

    async fn refused(&self, refusal: Refusal) -> NotAnswered {
        let retry = refusal.retry_after_s.map(|seconds| ("retry_after_s", seconds.into()));
        let refused = super::Refused::new(clock::now(), &self.record.user, &refusal.event, &refusal.message);
        self.house.refusals.push(refused);
        let _ = self.record(refusal.event.clone(), retry.into_iter().collect()).await;
        NotAnswered::Refused(refusal)
    }

    /// Waits for its turn, and is then decided again.
    async fn waited(&self, run: &Run, claim: bool, ticket: Ticket) -> Result<Permit, NotAnswered> {
        let _ = self.record("ask_queued", vec![("position", (ticket.ahead() + 1).into())]).await;
        let (mut places, mut queue) = (self.house.admission.places.movement(), ticket.movement());
        let mut stop = run.listen();
        let until = tokio::time::Instant::now() + WAIT_MAX;
        let mut ticket = ticket;
        loop {
            let ahead = ticket.ahead();
            run.queued(ahead + 1);
            if ahead == 0 {
                match self.admitted(claim, Some(ticket)).await? {
                    Admitted::Now(permit) => return Ok(permit),
                    Admitted::Later(kept) => ticket = kept,
                }
            }
            tokio::select! {
                biased;
                () = stop.wait() => {
                    let why = run.cancelled().map_or(NotAnswered::Stopping, NotAnswered::Cancelled);
                    let _ = self.record("ask_withdrawn", vec![]).await;
                    return Err(why);
                }
                // The senders live in the house, so there is no error to expect.
                _ = places.changed() => {}
                _ = queue.changed() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            if tokio::time::Instant::now() > until {
                let message = "The question waited for too long".to_owned();
                let refusal = Refusal { event: "queue_timed_out".to_owned(), message, retry_after_s: None };
                return Err(self.refused(refusal).await);
            }
        }
    }

    /// The run, between its two audit lines.
    async fn answered(&self, run: &Arc<Run>, permit: &Permit, found: &Found) -> End {
        let (begun, since) = (Instant::now(), clock::now());
        let question = &self.question;
        let chars = question.message.chars().count();
        let fields = vec![("message", question.message.as_str().into()), ("message_len", chars.into())];
        self.record("ask_start", fields).await.map_err(|_| NotAnswered::Broken)?;
        let home = self.house.agent.homes.of(&found.home_of);
        let setting = Setting {
            home: &home,
            started: found.size.is_some(),
            stop: run.listen(),
            listener: Arc::clone(run) as _,
        };
        let stage = stage!("answer", self.caller.generation().number);
        let outcome = stages::answer(&self.house.agent, permit, question, setting).instrument(stage).await;
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(answer) => {
                self.noted(&answer, &found.home_of, since, elapsed_ms).await;
                Ok(answer)
            }
            Err(Failed(why)) => {
                let (why, error) = match run.cancelled() {
                    Some(cancelled) => (words(cancelled), NotAnswered::Cancelled(cancelled)),
                    None => (why.clone(), NotAnswered::Failed(why)),
                };
                tracing::warn!(
                    "agent failed user={} session={} err={}",
                    self.record.user.escape_debug(),
                    question.session,
                    why.escape_debug()
                );
                let fields = vec![("error", why.into()), ("elapsed_ms", elapsed_ms.into())];
                let _ = self.record("ask_error", fields).await;
                Err(error)
            }
        }
    }

    async fn noted(&self, answer: &Answer, home_of: &str, since: domain::Instant, elapsed_ms: u64) {
        if answer.session != self.question.session {
            self.own_too(answer.session, home_of, since).await;
        }
        tracing::info!(
            "ask user={} session={} turns={} duration_ms={elapsed_ms} (subprocess={}ms)",
            self.record.user.escape_debug(),
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
        let _ = self.record_in(answer.session, "ask_ok".into(), fields).await;
    }

    /// The agent went on in another session: that one is the caller's too, where it was made since the
    /// question began. One that was there is whose it was; agents say whatever they like.
    async fn own_too(&self, session: SessionId, home_of: &str, since: domain::Instant) {
        let born = match self.house.lent_directory(home_of) {
            Ok(directory) => Recollection::new(&self.caller, directory, session).born().await,
            Err(_) => None,
        };
        if born.is_none_or(|born| born.0 + CLOCKS_DIFFER_MS < since.0) {
            tracing::warn!(
                "an agent names session {session}, which it has not made: nobody owns it for that"
            );
            return;
        }
        if let Err(error) = stages::claim(&self.house.state, session, &self.record.user).await {
            tracing::error!("cannot note who owns session {session}: {error}");
        }
    }

    async fn record(
        &self,
        name: impl Into<Cow<'static, str>>,
        fields: Vec<(&'static str, Value)>,
    ) -> Result<(), Unrecorded> {
        self.record_in(self.question.session, name.into(), fields).await
    }

    async fn record_in(
        &self,
        session: SessionId,
        name: Cow<'static, str>,
        fields: Vec<(&'static str, Value)>,
    ) -> Result<(), Unrecorded> {
        let who = [("user", self.record.user.as_str().into()), ("session_id", session.to_string().into())];
        let event = Event { name, at: clock::now(), fields: who.into_iter().chain(fields).collect() };
        let event = event.of(self.caller.request());
        let stage = stage!("record", self.caller.generation().number);
        self.house.recorder.record(self.caller.generation(), &event).instrument(stage).await
    }
}

/// Why a question was stopped, for people.
pub fn words(cancelled: Cancelled) -> String {
    match cancelled {
        Cancelled::OnWish => "the question was cancelled".to_owned(),
        Cancelled::Abandoned(seconds) => {
            format!("the question was stopped, since nobody had been listening for {seconds} s")
        }
    }
}
