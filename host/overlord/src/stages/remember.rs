//! What was decided, on what, and what came of it: hands decisions over to be recorded. Knows what may
//! be stored of each and what may not; where it lies `capability::decisions` knows.
//!
//! On a question's way this costs some copies of small values. Texts that may not be stored are hashed
//! here and now, so that none of them waits in a queue; everything else is made on the writer's thread.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant as Moment;

use tokio::sync::{mpsc, oneshot};

use crate::capability::background;
use crate::capability::decisions::{Bounds, Counts, Decisions, KeyedHash, Slot};
use crate::domain::decision::{
    Broke, Bytes, Decision, Field, Formatted, Identified, Judged, Limited, STAND_IN_CHARS_MAX, Said, Seen,
    StandIn, Written, values,
};
use crate::domain::{Event, Instant, Principal, Value, Verdict};
use crate::sandbox::hooks::{Denial, Judgement, Load, Request};
use crate::sandbox::{Audit, Auth, Broken, Limit, Policy, World, uncounted};

/// The fields of audit events that hold what users and agents say, whatever the configuration asks.
pub const REDACTED: [&str; 3] = ["message", "result_preview", "error"];

/// How many events wait to be formatted with stand-ins. Each holds no text but names and ids.
const FORMATS_MAX: usize = 1024;

/// What a decision weighs in the queue besides what it says: its names and boxes.
const WEIGHT: usize = 512;

/// Hands decisions over. Cheap to copy; one that is made by `default` records nothing.
#[derive(Debug, Clone, Default)]
pub struct Remember {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    decisions: Decisions,
    keyed: Arc<KeyedHash>,
    redacted: Vec<String>,
    formats: mpsc::Sender<Job>,
}

/// What the one that formats again is told.
#[derive(Debug)]
enum Job {
    Format(Box<Again>),
    Flush(oneshot::Sender<()>),
}

/// An event with stand-ins, and what it was formatted with.
#[derive(Debug)]
struct Again {
    made: Made<Audit>,
    event: String,
    at: u64,
    fields: Vec<(String, Field)>,
    /// How the real one failed.
    broke: Option<Broke>,
}

/// By which component a decision was made, and how long that took.
#[derive(Debug)]
struct Made<W: World> {
    entry: String,
    policy: Arc<Policy<W>>,
    us: u64,
}

/// What a limiter is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asks.
    pub who: &'a Principal,
    /// When.
    pub now: Instant,
    /// What they are at.
    pub load: Load,
    /// Whose cell: `user:NAME`, `role:NAME` or `all`.
    pub key: &'a str,
    /// The cell.
    pub before: &'a [u8],
}

/// A limiter's decision that is being made. It is handed over when this is dropped, so that an early
/// return records what was decided and not taken over.
#[derive(Debug)]
#[must_use = "its time begins when it is made, and it is handed over when it is dropped"]
pub struct Deciding(Option<Box<Underway>>);

#[derive(Debug)]
struct Underway {
    inner: Arc<Inner>,
    made: Made<Limit>,
    begun: Moment,
    said: Option<Said>,
    limited: Limited,
    committed: bool,
}

impl Remember {
    /// Records in `folder`. `key`: hexadecimal digits that are this data folder's own. `redact`: fields
    /// whose text is not stored, besides [`REDACTED`].
    pub fn start(folder: &Path, key: &str, bounds: Bounds, redact: &[String]) -> std::io::Result<Self> {
        let keyed = KeyedHash::from_hex(key).ok_or_else(|| {
            std::io::Error::other("its key is no key; remove decisions.key to have a new one made")
        })?;
        let decisions = Decisions::open(folder, bounds)?;
        let (formats, queue) = mpsc::channel(FORMATS_MAX);
        let redacted = REDACTED.iter().map(|name| (*name).to_owned()).chain(redact.iter().cloned()).collect();
        let keyed = Arc::new(keyed);
        background::spawn(format_again(queue, decisions.clone(), Arc::clone(&keyed)));
        Ok(Self { inner: Some(Arc::new(Inner { decisions, keyed, redacted, formats })) })
    }

    /// What has become of decisions; none where nothing is recorded.
    pub fn counts(&self) -> Option<&Counts> {
        self.inner.as_ref().map(|inner| inner.decisions.counts())
    }

    /// Returns when everything up to now is in its file, or cannot be.
    pub async fn flush(&self) {
        let Some(inner) = &self.inner else { return };
        let (done, formatted) = oneshot::channel();
        if inner.formats.send(Job::Flush(done)).await.is_ok() {
            let _ = formatted.await;
        }
        inner.decisions.flush().await;
    }

    /// What an auth component said to a request; `begun`: when it was asked.
    pub fn auth(
        &self,
        entry: &str,
        policy: &Arc<Policy<Auth>>,
        (request, now): (&Request, Instant),
        begun: Moment,
        outcome: &Result<Judgement, Broken>,
    ) {
        let Some(inner) = &self.inner else { return };
        let made = Made::new(entry, policy, begun);
        let keyed = &inner.keyed;
        let seen = |name: &str, value: &[u8]| Seen {
            name: name.to_owned(),
            hash: keyed.credential(value),
            bytes: value.len() as u64,
        };
        let identified = Identified {
            method: request.method.clone(),
            path: request.path.clone(),
            peer: request.peer.clone(),
            headers: request.headers.iter().map(|header| seen(&header.name, &header.value)).collect(),
            cookies: request
                .cookies
                .iter()
                .map(|cookie| seen(&cookie.name, cookie.value.as_bytes()))
                .collect(),
            judgement: match outcome {
                Ok(Judgement::Admitted(who)) => {
                    Judged::Admitted { user: who.user.clone(), roles: who.roles.clone() }
                }
                Ok(Judgement::Denied(Denial::Missing)) => Judged::Missing,
                Ok(Judgement::Denied(Denial::Expired)) => Judged::Expired,
                Ok(Judgement::Denied(Denial::Invalid(why))) => Judged::Invalid { why: keyed.stand_in(why) },
                Ok(Judgement::Denied(Denial::Forbidden(why))) => {
                    Judged::Forbidden { why: keyed.stand_in(why) }
                }
                Err(broken) => Judged::Broken(broke(keyed, broken)),
            },
        };
        let weight = WEIGHT + identified.path.len();
        let keyed = Arc::clone(keyed);
        inner.decisions.put(Slot::Auth, weight, move |number| Decision {
            auth: Some(identified),
            ..made.decision(Slot::Auth, number, now.0, &keyed)
        });
    }

    /// A limiter is about to be asked.
    pub fn limit(&self, entry: &str, policy: &Arc<Policy<Limit>>, asked: Asked<'_>) -> Deciding {
        Deciding(self.inner.as_ref().map(|inner| {
            Box::new(Underway {
                inner: Arc::clone(inner),
                made: Made { entry: entry.to_owned(), policy: Arc::clone(policy), us: 0 },
                said: None,
                limited: Limited {
                    user: asked.who.user.clone(),
                    roles: asked.who.roles.clone(),
                    now: asked.now.0,
                    running: asked.load.running,
                    waiting: asked.load.waiting,
                    facts: asked.load.facts(),
                    key: asked.key.to_owned(),
                    before: Bytes(asked.before.to_vec()),
                    verdict: Said::Waits,
                    after: None,
                },
                committed: false,
                begun: Moment::now(),
            })
        }))
    }

    /// An event was formatted; `begun`: when. It is formatted once more, later, with stand-ins in it.
    pub fn audit(
        &self,
        entry: &str,
        policy: &Arc<Policy<Audit>>,
        event: &Event,
        begun: Moment,
        outcome: &Result<String, Broken>,
    ) {
        let Some(inner) = &self.inner else { return };
        let made = Made::new(entry, policy, begun);
        let again = Again {
            made,
            event: event.name.to_string(),
            at: event.at.0,
            fields: event
                .fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), inner.field(name, value)))
                .collect(),
            broke: outcome.as_ref().err().map(|broken| broke(&inner.keyed, broken)),
        };
        if inner.formats.try_send(Job::Format(Box::new(again))).is_err() {
            inner.decisions.counts().drop_one();
        }
    }
}

impl Inner {
    fn field(&self, name: &str, value: &Value) -> Field {
        match value {
            Value::Text(text) if self.redacted.iter().any(|redacted| redacted == name) => {
                let stand_in = self.keyed.stand_in(text);
                Field::StandIn(StandIn { chars: stand_in.chars.min(STAND_IN_CHARS_MAX), ..stand_in })
            }
            Value::Text(text) => Field::Text(text.clone()),
            Value::Number(number) => Field::Number(*number),
            Value::Flag(flag) => Field::Flag(*flag),
            Value::Absent => Field::Absent,
        }
    }
}

impl Deciding {
    /// What the limiter answered.
    pub fn answered(&mut self, outcome: &Result<(Verdict, Option<Vec<u8>>), Broken>) {
        let Some(underway) = &mut self.0 else { return };
        underway.made.us = micros(underway.begun);
        underway.said = Some(match outcome {
            Ok((verdict, after)) => {
                underway.limited.after = after.clone().map(Bytes);
                said(verdict)
            }
            Err(broken) => Said::Broken(broke(&underway.inner.keyed, broken)),
        });
    }

    /// The cell is as the limiter left it.
    pub fn committed(&mut self) {
        if let Some(underway) = &mut self.0 {
            underway.committed = true;
        }
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        let Some(underway) = self.0.take() else { return };
        let Underway { inner, made, said, mut limited, committed, .. } = *underway;
        // Who hung up while the limiter was asked has no decision.
        let Some(verdict) = said else { return };
        limited.verdict = verdict;
        let weight =
            WEIGHT + limited.before.0.len() + limited.after.as_ref().map_or(0, |after| after.0.len());
        let keyed = Arc::clone(&inner.keyed);
        inner.decisions.put(Slot::Limit, weight, move |number| Decision {
            committed,
            form: made.policy.form().to_owned(),
            limit: Some(limited.clone()),
            ..made.decision(Slot::Limit, number, limited.now, &keyed)
        });
    }
}

impl<W: World> Made<W> {
    fn new(entry: &str, policy: &Arc<Policy<W>>, begun: Moment) -> Self {
        Self { us: micros(begun), entry: entry.to_owned(), policy: Arc::clone(policy) }
    }

    /// What all decisions have.
    fn decision(self, slot: Slot, number: u64, at: u64, keyed: &KeyedHash) -> Decision {
        let mut digest = String::with_capacity(64);
        let _ = write!(digest, "{}", self.policy.digest());
        Decision {
            number,
            at,
            slot: slot.as_str().into(),
            entry: self.entry,
            component: self.policy.name().to_owned(),
            digest,
            form: String::new(),
            settings: keyed.settings(&self.policy.terms().settings),
            us: self.us,
            committed: true,
            auth: None,
            limit: None,
            audit: None,
        }
    }
}

/// What a verdict is called in a recording.
pub fn said(verdict: &Verdict) -> Said {
    match verdict {
        Verdict::Admit => Said::Admitted,
        Verdict::Wait => Said::Waits,
        Verdict::Refuse(refusal) => Said::Refused {
            event: refusal.event.clone(),
            message: refusal.message.clone(),
            retry_after_s: refusal.retry_after_s,
        },
    }
}

/// That a component gave no answer.
fn broke(keyed: &KeyedHash, broken: &Broken) -> Broke {
    let (how, why) = broken.how();
    Broke { how, why: keyed.stand_in(why) }
}

fn micros(begun: Moment) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Formats events with stand-ins, one after another, with the component that formatted the real one.
async fn format_again(mut queue: mpsc::Receiver<Job>, decisions: Decisions, keyed: Arc<KeyedHash>) {
    while let Some(job) = queue.recv().await {
        let again = match job {
            Job::Format(again) => *again,
            Job::Flush(asked) => {
                let _ = asked.send(());
                continue;
            }
        };
        let Again { made, event, at, fields, broke: already } = again;
        let result = match already {
            Some(broke) => Written::Broken(broke),
            None => formatted(&made.policy, &event, at, &fields, &keyed).await,
        };
        let line = if let Written::Line { line } = &result { line.len() } else { 0 };
        let weight = WEIGHT + line + fields.iter().map(|(name, _)| name.len() + WEIGHT / 8).sum::<usize>();
        let keyed = Arc::clone(&keyed);
        decisions.put(Slot::Audit, weight, move |number| Decision {
            audit: Some(Formatted { event, at, fields, result }),
            ..made.decision(Slot::Audit, number, at, &keyed)
        });
    }
}

async fn formatted(
    policy: &Policy<Audit>,
    event: &str,
    at: u64,
    fields: &[(String, Field)],
    keyed: &KeyedHash,
) -> Written {
    let values = values(fields);
    let fields = values.iter().map(|(name, value)| (*name, value));
    match uncounted(policy.format_fields(event, Instant(at), fields)).await {
        Ok(line) => Written::Line { line },
        Err(broken) => Written::Broken(broke(keyed, &broken)),
    }
}
