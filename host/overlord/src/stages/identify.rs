//! Who is asking? Makes the proof that every other stage asks for.

use std::sync::Arc;
use std::time::Instant;

use crate::capability::clock;
use crate::domain::Principal;
use crate::generation::Generation;
use crate::sandbox::hooks::{Denial, Judgement, Request};

use super::remember::Remember;

/// Someone whom the auth policy has let in, and the generation that did.
#[derive(Debug, Clone)]
pub struct Caller {
    principal: Principal,
    generation: Arc<Generation>,
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

    /// The rules that the request began with; all its stages use them.
    pub fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }
}

/// Asks the auth policy of a generation.
pub async fn identify(
    generation: Arc<Generation>,
    request: &Request,
    remember: &Remember,
) -> Result<Caller, NotIdentified> {
    let (auth, now, begun) = (&generation.auth, clock::now(), Instant::now());
    let judgement = auth.authenticate(request, now).await;
    remember.auth(auth.name(), auth, (request, now), begun, &judgement);
    match judgement {
        Ok(Judgement::Admitted(who)) => {
            Ok(Caller { principal: Principal { user: who.user, roles: who.roles }, generation })
        }
        Ok(Judgement::Denied(denial)) => {
            let peer = &request.peer;
            match denial {
                Denial::Missing => tracing::debug!("nobody signed in at {peer}"),
                Denial::Expired => tracing::debug!("an expired credential from {peer}"),
                Denial::Invalid(why) => {
                    tracing::info!("a credential from {peer} is not genuine: {}", why.escape_debug());
                }
                Denial::Forbidden(why) => {
                    tracing::info!("a user at {peer} is not welcome: {}", why.escape_debug());
                    return Err(NotIdentified::Forbidden);
                }
            }
            Err(NotIdentified::Unknown)
        }
        Err(_) => Err(NotIdentified::Broken),
    }
}
