//! Signing in by a sign-in address, and out. Owns the cookie's attributes; what is in it is the auth
//! component's.

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use cookie::{Cookie, SameSite};
use serde::Deserialize;
use serde_json::json;

use crate::domain::RequestId;
use crate::server::gate::Visible;
use crate::server::guard::Client;
use crate::server::routes::InService;
use crate::server::{incoming, reply};
use crate::stages::{NotSignedIn, identify};

/// The most bytes of a body with a token in it, which has 55.
const SIGN_IN_BYTES_MAX: usize = 1024;

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

/// `POST /login`
pub(in crate::server) async fn login(
    State(service): InService,
    Extension(client): Extension<Client>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let bytes = match incoming::at_most(SIGN_IN_BYTES_MAX, request.into_body()).await {
        Ok(bytes) => bytes,
        Err(answer) => return answer,
    };
    let Ok(SignIn { token }) = serde_json::from_slice(&bytes) else {
        // A token is not echoed.
        let item = json!({"type": "model_type", "loc": ["body"], "msg": "Expected {\"token\": \"…\"}", "input": null});
        return reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "detail": [item] }));
    };
    match service.desk.sign_in(&service.house.current.pin(), &id, token).await {
        Ok(issued) => {
            let age = i64::try_from(issued.max_age_s).unwrap_or(i64::MAX);
            let cookie = Cookie::build((issued.name, issued.value));
            set(cookie.max_age(cookie::time::Duration::seconds(age)), client)
        }
        Err(NotSignedIn::NotGood) => reply::error(
            StatusCode::UNAUTHORIZED,
            "This sign-in address has been used or has expired; ask for a new one",
        ),
        Err(NotSignedIn::Broken) => reply::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nobody can be signed in right now; the host's log says why",
        ),
    }
}

/// `POST /logout`
pub(in crate::server) async fn logout(
    State(service): InService,
    Extension(client): Extension<Client>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    // Only what is laid down here speaks: another application's cookie stays, and so does who it is.
    let own = Visible { cookies: vec![service.own_cookie.to_string()], headers: Vec::new() };
    let remember = &service.house.recorder.remember;
    if let Ok(caller) = identify(&service.house.current, id, &own.of(&parts), remember).await {
        service.desk.sign_out(&caller).await;
    }
    let gone = Cookie::build((service.own_cookie.to_string(), "")).max_age(cookie::time::Duration::ZERO);
    set(gone, client)
}

/// 204 with a cookie that no script can read, that no other site's page sends, and that does not go
/// out without TLS where TLS is.
fn set(cookie: cookie::CookieBuilder<'_>, client: Client) -> Response {
    let cookie = cookie.path("/").http_only(true).same_site(SameSite::Strict).secure(client.secure);
    let Ok(cookie) = HeaderValue::try_from(cookie.to_string()) else {
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, "The cookie has characters that none may have");
    };
    let headers =
        [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::NO_CONTENT, headers).into_response()
}
