//! Who is asking? Makes the proof that every other stage asks for.

use std::sync::Arc;
use std::time::Instant;

use crate::capability::clock;
use crate::domain::{Principal, RequestId};
use crate::generation::{About, Current, Generation};
use crate::sandbox::Broken;
use crate::sandbox::SlotName;
use crate::sandbox::hooks::{Denial, Issued, Judgement, Request};

use super::remember::Remember;

/// Someone whom the auth policy has let in, and the generation that did.
#[derive(Debug, Clone)]
pub struct Caller {
    principal: Principal,
    generation: Arc<Generation>,
    request: RequestId,
}

/// Why a request speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotIdentified {
    /// No credential, or none that is good. The client is not told which.
    Unknown,
    /// Known, and not welcome.
    Forbidden,
    /// The policy is broken: nobody gets in.
    Broken,
}

impl Caller {
    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The id of the request.
    pub fn request(&self) -> &RequestId {
        &self.request
    }

    /// The rules that the request began with; all its stages use them.
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }
}

/// Asks who is asking, of the generation that serves. Where a candidate serves a share of the callers,
/// its word counts for those, and for those alone: one that the candidate alone knows is let in where they
/// belong to its share.
pub async fn identify(
    current: &Current,
    id: RequestId,
    request: &Request,
    remember: &Remember,
) -> Result<Caller, NotIdentified> {
    let rules = current.rules();
    let known = ask(&rules.serving, &id, request, remember).await;
    let Some(canary) = &rules.canary else { return told(known, request) };
    let same = canary.generation.asks_who_as(&rules.serving);
    match known {
        Ok(caller) if !canary.takes(&caller.principal.user) => Ok(caller),
        Ok(caller) if same => Ok(Caller { generation: Arc::clone(&canary.generation), ..caller }),
        Ok(_) => told(ask(&canary.generation, &id, request, remember).await, request),
        Err(Unheard::Denied(denial)) if !same => {
            match ask(&canary.generation, &id, request, remember).await {
                Ok(caller) if canary.takes(&caller.principal.user) => Ok(caller),
                _ => told(Err(Unheard::Denied(denial)), request),
            }
        }
        Err(unheard) => told(Err(unheard), request),
    }
}

/// Why nobody was made out.
enum Unheard {
    /// The last word of all that were asked.
    Denied(Denial),
    /// One of them broke.
    Broken,
}

/// Asks the auth policies of a generation, one after another, until one lets the caller in or says that
/// they are not welcome. One that is broken ends it: whoever comes after it may know less.
async fn ask(
    generation: &Arc<Generation>,
    id: &RequestId,
    request: &Request,
    remember: &Remember,
) -> Result<Caller, Unheard> {
    let mut told = Denial::Missing;
    for entry in &generation.auth {
        let (now, begun) = (clock::now(), Instant::now());
        let judgement = entry.policy.authenticate(request, now).await;
        remember.auth(&entry.name, &entry.policy, (request, now), begun, &judgement);
        let said = judgement.map_err(|_| Unheard::Broken)?;
        if let Some(shadow) = &*generation.shadow() {
            shadow.offer(SlotName::Auth, &entry.name, || About::Auth {
                request: request.clone(),
                now,
                said: said.clone(),
            });
        }
        match said {
            Judgement::Admitted(who) => {
                let principal = Principal { user: who.user, roles: who.roles };
                return Ok(Caller { principal, generation: Arc::clone(generation), request: id.clone() });
            }
            Judgement::Denied(denial @ Denial::Forbidden(_)) => return Err(Unheard::Denied(denial)),
            Judgement::Denied(denial) if tells(&denial) > tells(&told) => told = denial,
            Judgement::Denied(_) => {}
        }
    }
    Err(Unheard::Denied(told))
}

/// Tells the log why nobody was made out, which the client is not told.
fn told(known: Result<Caller, Unheard>, request: &Request) -> Result<Caller, NotIdentified> {
    let peer = &request.peer;
    match known {
        Ok(caller) => return Ok(caller),
        Err(Unheard::Broken) => return Err(NotIdentified::Broken),
        Err(Unheard::Denied(Denial::Expired)) => tracing::debug!("an expired credential from {peer}"),
        Err(Unheard::Denied(Denial::Invalid(why))) => {
            tracing::info!("a credential from {peer} is not genuine: {}", why.escape_debug());
        }
        Err(Unheard::Denied(Denial::Missing)) => tracing::debug!("nobody signed in at {peer}"),
        Err(Unheard::Denied(Denial::Forbidden(why))) => {
            tracing::info!("a user at {peer} is not welcome: {}", why.escape_debug());
            return Err(NotIdentified::Forbidden);
        }
    }
    Err(NotIdentified::Unknown)
}

/// How much a denial says: one policy's "this was good until yesterday" is worth more than another's
/// "this is not mine".
fn tells(denial: &Denial) -> u8 {
    match denial {
        Denial::Missing => 0,
        Denial::Invalid(_) => 1,
        Denial::Expired => 2,
        Denial::Forbidden(_) => 3,
    }
}

/// A credential for someone who was verified by other means, of the first auth policy that gives one.
/// With none, the last one's reason.
pub async fn issue(generation: &Generation, who: &Principal) -> Result<Issued, Broken> {
    let mut why = Broken::Fault("there is no auth policy".to_owned());
    for entry in &generation.auth {
        match entry.policy.issue(who, clock::now()).await {
            Ok(issued) => return Ok(issued),
            Err(broken) => why = broken,
        }
    }
    Err(why)
}
