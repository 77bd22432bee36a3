//! A scripted Messages API on loopback: what the published client talks to in tests, instead of a
//! model. It owns the server and the record of what was asked of it; what to say is `script`'s, how
//! to say it `events`'. It refuses to know who the client is and what a test makes of it.
//!
//! A question says itself what becomes of it, by words in double brackets, one a turn:
//!
//! | words | what the API does |
//! |---|---|
//! | none | answers `Answer N to: …`, N counting the questions of the conversation |
//! | `[[tool:echo hi]]` | asks for the Bash tool with that command, and answers once it has the result |
//! | `[[read:/etc/hostname]]` | asks for the Read tool with that file, likewise |
//! | `[[err:529]]` | answers with that HTTP status, every time |
//! | `[[hold]]` | sends the first words of the answer, and the rest after [`MessagesApi::release`] |
//! | `[[drop]]` | cuts the connection within the answer, the first time only |

mod events;
mod script;

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::host::wait_until;
use script::{Step, Turn};

/// The API, served until it is dropped.
pub struct MessagesApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Runs the server; held for its end.
    _runtime: Runtime,
}

/// One request that the API saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with the query.
    pub target: String,
    /// The body, or null where it is no JSON.
    pub body: Value,
}

struct Shared {
    seen: Mutex<Vec<Seen>>,
    /// The questions within whose answers the connection was cut already.
    dropped: Mutex<HashSet<String>>,
    released: watch::Sender<bool>,
}

impl MessagesApi {
    /// Listens on a free port of loopback.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .build()
            .expect("starting a runtime for the Messages API");
        let listener =
            runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("listening on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            dropped: Mutex::default(),
            released: watch::Sender::new(false),
        });
        let router = Router::new()
            .route("/v1/messages", post(messages))
            .route("/v1/messages/count_tokens", post(count_tokens))
            .fallback(elsewhere)
            // A conversation has no bound, and nobody but the tests can reach this server.
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, shared, _runtime: runtime }
    }

    /// What goes into `ANTHROPIC_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.shared.seen).clone()
    }

    /// The question of each request for an answer, oldest first.
    pub fn questions(&self) -> Vec<String> {
        self.seen().iter().filter_map(|seen| Some(Turn::of(&seen.body)?.question)).collect()
    }

    /// Waits until a question that contains `words` has been put `times` times: by its own request,
    /// a retry, or a request with a tool's result.
    #[track_caller]
    pub fn wait_for(&self, words: &str, times: usize) {
        wait_until(&format!("{times} requests about {words}"), || {
            let questions = self.questions();
            let put = questions.iter().filter(|question| question.contains(words)).count();
            (put >= times).then_some(())
        });
    }

    /// Lets every held answer go on, those still to come included.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

async fn messages(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let body = shared.record(request).await;
    let Some(turn) = Turn::of(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "messages: no question was found");
    };
    let model = body["model"].as_str().unwrap_or_default();
    let whole = match &turn.step {
        Some(Step::Tool { name, input }) => events::tool(model, name, input),
        Some(Step::Fail(status)) => return refusal(*status, ""),
        Some(Step::Hold | Step::Drop) | None => events::text(model, &turn.answer()),
    };
    let (beginning, rest) = whole.split_at(events::BEGINNING.min(whole.len()));
    let beginning = stream::iter(beginning.to_vec()).map(Ok::<_, std::io::Error>);
    let rest = stream::iter(rest.to_vec()).map(Ok);
    let body = match turn.step {
        Some(Step::Hold) => {
            let mut released = shared.released.subscribe();
            let held = stream::once(async move {
                // An error says that the server has ended, and this stream with it.
                released.wait_for(|released| *released).await.ok();
                Ok(events::ping())
            });
            Body::from_stream(beginning.chain(held).chain(rest))
        }
        Some(Step::Drop) if locked(&shared.dropped).insert(turn.question) => {
            let cut = stream::once(async {
                // The server writes what it has when it has to wait, and so the beginning is sent.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut, as the question says"))
            });
            Body::from_stream(beginning.chain(cut))
        }
        _ => Body::from_stream(beginning.chain(rest)),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

async fn count_tokens(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let body = shared.record(request).await;
    // Nobody relies on the count; a token of four characters is the usual rule of thumb.
    axum::Json(json!({"input_tokens": body.to_string().len() / 4})).into_response()
}

async fn elsewhere(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.record(request).await;
    refusal(StatusCode::NOT_FOUND, "")
}

impl Shared {
    async fn record(&self, request: Request) -> Value {
        let method = request.method().to_string();
        let target = request.uri().to_string();
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        let body: Value = body.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
        locked(&self.seen).push(Seen { method, target, body: body.clone() });
        body
    }
}

/// An error as the real API writes it.
fn refusal(status: StatusCode, message: &str) -> Response {
    let (kind, usual) = match status.as_u16() {
        400 => ("invalid_request_error", "Bad request"),
        401 => ("authentication_error", "invalid x-api-key"),
        404 => ("not_found_error", "Not found"),
        429 => ("rate_limit_error", "Rate limited"),
        529 => ("overloaded_error", "Overloaded"),
        _ => ("api_error", "Internal server error"),
    };
    let message = if message.is_empty() { usual } else { message };
    let body = json!({"type": "error", "error": {"type": kind, "message": message}});
    (status, axum::Json(body)).into_response()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
