//! The hooks as the stages call them: domain values in, domain values out, one function a function of
//! the contract.

use super::bindings::agent::exports::overlord::policy::agent as agent_wit;
use super::bindings::audit::exports::overlord::policy::audit as audit_wit;
use super::bindings::auth::exports::overlord::policy::auth as auth_wit;
use super::bindings::auth::overlord::policy::types as wit;
use super::bindings::history::exports::overlord::policy::history as history_wit;
use super::bindings::limit::exports::overlord::policy::limiter as limit_wit;
use super::guest::Lent;
use super::policy::{Broken, FaultMessage, Policy};
use super::world::{Agent, Audit, Auth, History, Limit};
use crate::capability::files::Directory;
use crate::capability::process::Program;
use crate::domain::{Answer, Event, Instant, Principal, Question, Refusal, SessionId, Title, Value, Verdict};

pub use super::bindings::auth::overlord::policy::http::{Cookie, Header};
pub use auth_wit::{Denial, Judgement, Request};
pub use history_wit::{Aside, Kind, Message, Page, Role, Window};

/// The longest user name and role, in bytes: names go into log lines, folder names and keys.
const NAME_BYTES_MAX: usize = 1024;

/// The most roles of one user.
const ROLES_MAX: usize = 100;

/// The largest cell that a limiter may keep for a caller, as the contract says.
pub const CELL_BYTES_MAX: usize = 64 << 10;

/// The longest audit record. A message has at most 10,000 characters, and formats cut it.
const RECORD_BYTES_MAX: usize = 256 << 10;

/// The longest text that an answer may have.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The fact by which a limiter knows a question that it has told to wait, as the contract says.
const QUEUED_SINCE: &str = "queued-since";

/// What a caller is at when they ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// How many of their questions are being answered.
    pub running: u32,
    /// How many wait before this one.
    pub waiting: u32,
    /// Since when this one has been waiting itself.
    pub queued_since: Option<Instant>,
}

impl Load {
    /// What a limiter is told besides the numbers: names and values.
    pub fn facts(self) -> Vec<(String, String)> {
        let since = self.queued_since.map(|since| (QUEUED_SINCE.to_owned(), since.0.to_string()));
        since.into_iter().collect()
    }

    /// The same the other way round; facts that this host does not know are left out.
    pub fn told(running: u32, waiting: u32, facts: &[(String, String)]) -> Self {
        let since = facts.iter().find(|(name, _)| name == QUEUED_SINCE);
        let queued_since = since.and_then(|(_, value)| value.parse().ok()).map(Instant);
        Self { running, waiting, queued_since }
    }
}

/// A credential to give away.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The cookie's name.
    pub name: String,
    /// The cookie's value.
    pub value: String,
    /// For how many seconds it is good.
    pub max_age_s: u64,
}

/// A session of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Listed {
    /// Its id.
    pub session: SessionId,
    /// When its file was last written to.
    pub modified: Instant,
    /// Its file's size in bytes.
    pub size: u64,
}

impl Policy<Auth> {
    /// Who is asking?
    pub async fn authenticate(&self, request: &Request, now: Instant) -> Result<Judgement, Broken> {
        let mut call = self.enter(Lent::Nothing).await?;
        let (exports, store, settings) = call.parts();
        let outcome = exports.overlord_policy_auth().call_authenticate(store, settings, request, now.0).await;
        call.leave(outcome, |judgement| {
            match &judgement {
                Judgement::Admitted(who) => check_principal(who)?,
                Judgement::Denied(denial) => self.tally().refused(word(denial)),
            }
            Ok(judgement)
        })
    }

    /// A credential for someone who was verified by other means.
    pub async fn issue(&self, who: &Principal, now: Instant) -> Result<Issued, Broken> {
        let mut call = self.enter(Lent::Nothing).await?;
        let (exports, store, settings) = call.parts();
        let who = to_wit(who);
        let outcome = exports.overlord_policy_auth().call_issue(store, settings, &who, now.0).await;
        call.leave(outcome, |issued| {
            let token = |text: &str| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b";,\"\\".contains(&b))
            };
            if !token(&issued.name) || issued.name.contains('=') || !token(&issued.value) {
                return Err("the issued cookie has characters that no cookie may have".to_owned());
            }
            Ok(Issued { name: issued.name, value: issued.value, max_age_s: issued.max_age_s })
        })
    }
}

impl Policy<Limit> {
    /// May they ask now? Returns the verdict and the new cell, if there is one.
    pub async fn admit(
        &self,
        caller: &Principal,
        now: Instant,
        load: Load,
        remembered: &[u8],
    ) -> Result<(Verdict, Option<Vec<u8>>), Broken> {
        let mut call = self.enter(Lent::Nothing).await?;
        let (exports, store, settings) = call.parts();
        let facts = load.facts().into_iter().map(|(name, value)| wit::Fact { name, value });
        let demand = limit_wit::Demand {
            caller: to_wit(caller),
            now: now.0,
            running: load.running,
            waiting: load.waiting,
            facts: facts.collect(),
        };
        let outcome =
            exports.overlord_policy_limiter().call_admit(store, settings, &demand, remembered).await;
        call.leave(outcome, |outcome| {
            if outcome.cell.as_ref().is_some_and(|cell| cell.len() > CELL_BYTES_MAX) {
                return Err(format!("its cell has more than {CELL_BYTES_MAX} bytes"));
            }
            if let limit_wit::Verdict::Refuse(refusal) = &outcome.verdict {
                self.tally().refused(&refusal.event);
            }
            let verdict = match outcome.verdict {
                limit_wit::Verdict::Admit => Verdict::Admit,
                limit_wit::Verdict::Wait => Verdict::Wait,
                limit_wit::Verdict::Refuse(refusal) => Verdict::Refuse(Refusal {
                    event: refusal.event,
                    message: refusal.message,
                    retry_after_s: refusal.retry_after_s,
                }),
            };
            Ok((verdict, outcome.cell))
        })
    }
}

impl Policy<History> {
    /// One page of a session; none where it has no file.
    pub async fn read(
        &self,
        directory: Directory,
        session: SessionId,
        window: Window,
        messages_max: u32,
        bytes_max: u64,
        detailed: bool,
    ) -> Result<Option<Page>, Broken> {
        let mut call = self.enter(Lent::Directory(directory)).await?;
        let (exports, store, settings) = call.parts();
        let query =
            history_wit::Query { session: session.to_string(), window, messages_max, bytes_max, detailed };
        let outcome = exports.overlord_policy_history().call_read(store, settings, &query).await;
        call.leave(outcome, Ok)
    }

    /// The path of a session's file below the directory; none where it has no file.
    pub async fn locate(&self, directory: Directory, session: SessionId) -> Result<Option<String>, Broken> {
        let mut call = self.enter(Lent::Directory(directory)).await?;
        let (exports, store, settings) = call.parts();
        let outcome =
            exports.overlord_policy_history().call_locate(store, settings, &session.to_string()).await;
        call.leave(outcome, Ok)
    }

    /// Under which path the workspace's session files lie.
    pub async fn directory(&self, directory: Directory) -> Result<String, Broken> {
        let mut call = self.enter(Lent::Directory(directory)).await?;
        let (exports, store, settings) = call.parts();
        let outcome = exports.overlord_policy_history().call_directory(store, settings).await;
        call.leave(outcome, Ok)
    }

    /// The sessions of the workspace, the last one used first.
    pub async fn sessions(&self, directory: Directory, max: u32) -> Result<Vec<Listed>, Broken> {
        let mut call = self.enter(Lent::Directory(directory)).await?;
        let (exports, store, settings) = call.parts();
        let outcome = exports.overlord_policy_history().call_sessions(store, settings, max).await;
        call.leave(outcome, |sessions| {
            let listed = sessions.into_iter().map(|found| {
                let session = SessionId::parse(&found.session)?;
                Some(Listed { session, modified: Instant(found.modified), size: found.size })
            });
            listed.collect::<Option<_>>().ok_or_else(|| "it lists what is no session's id".to_owned())
        })
    }

    /// What to call these sessions, in their order.
    pub async fn titles(
        &self,
        directory: Directory,
        sessions: &[SessionId],
    ) -> Result<Vec<Option<Title>>, Broken> {
        let mut call = self.enter(Lent::Directory(directory)).await?;
        let (exports, store, settings) = call.parts();
        let ids: Vec<_> = sessions.iter().map(ToString::to_string).collect();
        let outcome = exports.overlord_policy_history().call_titles(store, settings, &ids).await;
        call.leave(outcome, |titles| {
            if titles.len() != ids.len() {
                return Err(format!("it names {} sessions and was asked for {}", titles.len(), ids.len()));
            }
            Ok(titles.into_iter().map(|title| Title::found(&title?)).collect())
        })
    }
}

impl Policy<Audit> {
    /// One line, without its end.
    pub async fn format(&self, event: &Event) -> Result<String, Broken> {
        let fields = event.fields.iter().map(|(name, value)| (*name, value));
        self.format_fields(&event.name, event.at, fields).await
    }

    /// The same of an event whose fields' names are not the host's own.
    pub async fn format_fields<'a>(
        &self,
        name: &str,
        at: Instant,
        fields: impl Iterator<Item = (&'a str, &'a Value)> + Send,
    ) -> Result<String, Broken> {
        let mut call = self.enter(Lent::Nothing).await?;
        let (exports, store, settings) = call.parts();
        let event = audit_wit::Event {
            name: name.to_owned(),
            at: at.0,
            fields: fields
                .map(|(name, value)| audit_wit::Field {
                    name: name.to_owned(),
                    value: match value {
                        Value::Text(text) => audit_wit::Value::Text(text.clone()),
                        Value::Number(number) => audit_wit::Value::Number(*number),
                        Value::Flag(flag) => audit_wit::Value::Flag(*flag),
                        Value::Absent => audit_wit::Value::Absent,
                    },
                })
                .collect(),
        };
        let outcome = exports.overlord_policy_audit().call_format(store, settings, &event).await;
        call.leave(outcome, |line| {
            if line.contains(['\n', '\r']) {
                return Err("there is a line end within the record".to_owned());
            }
            if line.len() > RECORD_BYTES_MAX {
                return Err(format!("the record has more than {RECORD_BYTES_MAX} bytes"));
            }
            Ok(line)
        })
    }
}

/// Why the agent gave no answer.
#[derive(Debug, Clone)]
pub enum NoAnswer {
    /// It said why, for the one who asked.
    Failed(String),
    /// It was stopped on the host's wish.
    Cancelled,
    /// The policy that drives it is broken.
    Broken(Broken),
}

impl Policy<Agent> {
    /// Puts a question to the program.
    pub async fn ask(
        &self,
        program: Program,
        question: &Question,
        user: &str,
        started: bool,
    ) -> Result<Answer, NoAnswer> {
        let mut call = self.enter(Lent::Program(Box::new(program))).await.map_err(NoAnswer::Broken)?;
        let (exports, store, settings) = call.parts();
        let asked = agent_wit::Question {
            session: question.session.to_string(),
            started,
            user: user.to_owned(),
            message: question.message.clone(),
            facts: Vec::new(),
        };
        let outcome = exports.overlord_policy_agent().call_ask(store, settings, &asked).await;
        // A failure that is no fault is an answer as far as the sandbox is concerned.
        let outcome = outcome.map(|answer| match answer {
            Err(agent_wit::Failure::Broken(fault)) => Err(FaultMessage::from(fault)),
            other => Ok(other),
        });
        let session = question.session;
        let answer = call.leave(outcome, |answer| match answer {
            Ok(answer) if answer.text.len() > ANSWER_BYTES_MAX => {
                Err(format!("the answer has more than {ANSWER_BYTES_MAX} bytes"))
            }
            Ok(answer) => Ok(Ok(Answer {
                result: answer.text,
                session: SessionId::parse(&answer.session).unwrap_or(session),
                duration_ms: answer.duration_ms,
                turns: answer.turns,
                is_error: answer.is_error,
            })),
            Err(failure) => {
                let (reason, none) = match failure {
                    agent_wit::Failure::Refused(why) => ("refused", NoAnswer::Failed(why)),
                    agent_wit::Failure::Failed(why) => ("failed", NoAnswer::Failed(why)),
                    agent_wit::Failure::TimedOut(why) => ("timed-out", NoAnswer::Failed(why)),
                    agent_wit::Failure::Cancelled => ("cancelled", NoAnswer::Cancelled),
                    agent_wit::Failure::Broken(fault) => return Err(fault.message),
                };
                self.tally().refused(reason);
                Ok(Err(none))
            }
        });
        answer.map_err(NoAnswer::Broken)?
    }
}

/// As what a denial is counted.
fn word(denial: &Denial) -> &'static str {
    match denial {
        Denial::Missing => "missing",
        Denial::Invalid(_) => "invalid",
        Denial::Expired => "expired",
        Denial::Forbidden(_) => "forbidden",
    }
}

fn to_wit(who: &Principal) -> wit::Principal {
    wit::Principal { user: who.user.clone(), roles: who.roles.clone() }
}

/// What an auth policy says of a user goes into logs, keys and file names: it has bounds.
fn check_principal(who: &wit::Principal) -> Result<(), String> {
    let fits =
        |name: &str| !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if !fits(&who.user) {
        return Err(format!("a user's name must have 1 to {NAME_BYTES_MAX} bytes and no control characters"));
    }
    if who.roles.len() > ROLES_MAX || !who.roles.iter().all(|role| fits(role)) {
        return Err(format!("a user may have at most {ROLES_MAX} roles of 1 to {NAME_BYTES_MAX} bytes"));
    }
    Ok(())
}
