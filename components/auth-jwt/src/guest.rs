//! The world `auth-policy`: generated types in, this policy's own types out.
#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes

wit_bindgen::generate!({ world: "auth-policy", path: "../../wit" });

use overlord_arena as _; // the global allocator

use crate::{request, settings};
use exports::overlord::policy::auth::{
    Denial, Fault, Guest, Instant, Issued, Judgement, Principal, Request, Settings,
};

struct Policy;

export!(Policy);

impl Guest for Policy {
    fn authenticate(settings: Settings, request: Request, now: Instant) -> Result<Judgement, Fault> {
        let settings = settings::Settings::read(&settings).map_err(fault)?;
        let headers: Vec<_> =
            request.headers.iter().map(|header| (header.name.as_str(), header.value.as_slice())).collect();
        let cookies: Vec<_> =
            request.cookies.iter().map(|cookie| (cookie.name.as_str(), cookie.value.as_str())).collect();
        Ok(match request::authenticate(&settings, &headers, &cookies, now) {
            Ok(who) => Judgement::Admitted(Principal { user: who.user, roles: who.roles }),
            Err(denial) => Judgement::Denied(match denial {
                request::Denial::Missing => Denial::Missing,
                request::Denial::Invalid(why) => Denial::Invalid(why),
                request::Denial::Expired => Denial::Expired,
            }),
        })
    }

    fn issue(settings: Settings, who: Principal, now: Instant) -> Result<Issued, Fault> {
        let settings = settings::Settings::read(&settings).map_err(fault)?;
        let who = overlord_own_cookie::Principal { user: who.user, roles: who.roles };
        let overlord_own_cookie::Issued { name, value, max_age_s } =
            settings.own.issue(who, now).map_err(fault)?;
        Ok(Issued { name, value, max_age_s })
    }
}

fn fault(error: impl std::error::Error) -> Fault {
    Fault { message: error.to_string() }
}
