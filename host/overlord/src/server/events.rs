//! A run as server-sent events: which events there are, what they say, and the end of a reader that is
//! too slow. What is told, and from where on, is the run's business.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::handlers::Answered;
use super::outcome::Failure;
use crate::domain::{End, RunState, Update};
use crate::runs::{Entry, Happening, Snapshot, Told, Watcher};

/// The content type, as a client asks for it.
pub(super) const TYPE: &str = "text/event-stream";

/// How often a comment line is sent, so that no proxy takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many events are ready before the reader has taken the first.
const EVENTS_AHEAD: usize = 64;

/// How long a reader may take nothing while there is something to take. A phone that changes its network
/// takes less; whoever takes longer is cut off, and comes back with the id of the last event.
const SLOW: Duration = Duration::from_secs(20);

/// How the text is wanted.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct View {
    /// As HTML.
    #[serde(default)]
    html: bool,
}

/// The stream of what a watcher is told.
pub(super) fn answer(watcher: Watcher, _view: View) -> Response {
    let (events, taken) = mpsc::channel(EVENTS_AHEAD);
    tokio::spawn(tell(watcher, events));
    let stream = stream::unfold(taken, |mut taken| async {
        let event: Event = taken.recv().await?;
        Some((Ok::<_, Infallible>(event), taken))
    });
    let stream = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let mut response = stream.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx and those who learned from it hold nothing back then.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Tells all of it, until the end, until the reader has gone, or until it is too slow.
async fn tell(mut watcher: Watcher, events: mpsc::Sender<Event>) {
    loop {
        let told = tokio::select! {
            told = watcher.next() => told,
            // Whoever has gone listens no more, though nothing is said meanwhile.
            () = events.closed() => None,
        };
        let Some(told) = told else { return };
        if events.send_timeout(event(&watcher, &told), SLOW).await.is_err() {
            return;
        }
    }
}

fn event(watcher: &Watcher, told: &Told) -> Event {
    let run = watcher.run();
    let id = |seq: u64| format!("{:016x}:{seq}", run.epoch());
    let (name, data, seq) = match told {
        Told::Resumed { gap } => ("resume", json!({"resume": if *gap { "gap" } else { "ok" }}), None),
        Told::About(snapshot) => ("run", about(snapshot, snapshot.state), None),
        Told::SoFar { seq, text } => ("replace", json!({"text": text}), Some(*seq)),
        Told::Event(entry) => {
            let (name, data) = happened(&run.snapshot(), entry);
            (name, data, Some(entry.seq))
        }
    };
    let event = Event::default().event(name).data(data.to_string());
    match seq {
        Some(seq) => event.id(id(seq)),
        None => event,
    }
}

fn happened(run: &Snapshot, entry: &Entry) -> (&'static str, Value) {
    match &entry.happening {
        Happening::Moved(state) if entry.seq == 1 => ("run", about(run, *state)),
        Happening::Moved(state) => ("state", standing(*state)),
        Happening::Said(Update::Delta(text)) => ("delta", json!({"text": text})),
        Happening::Said(Update::Replace(text)) => ("replace", json!({"text": text})),
        Happening::Said(Update::ToolCalled { id, name, input }) => {
            ("tool", json!({"id": id, "name": name, "input": input}))
        }
        Happening::Said(Update::ToolEnded { id, failed, output }) => {
            ("tool", json!({"id": id, "failed": failed, "output": output}))
        }
        Happening::Said(Update::Denied(name)) => ("denied", json!({"name": name})),
        Happening::Said(Update::Note(text)) => ("note", json!({"text": text})),
        Happening::Ended(end) => ended(end),
    }
}

fn about(run: &Snapshot, state: RunState) -> Value {
    let mut data = json!({"run_id": run.id.to_string(), "session_id": run.session.to_string()});
    if let (Some(data), Value::Object(standing)) = (data.as_object_mut(), standing(state)) {
        data.extend(standing);
    }
    data
}

fn standing(state: RunState) -> Value {
    match state.position() {
        Some(position) => json!({"state": state.word(), "position": position}),
        None => json!({"state": state.word()}),
    }
}

fn ended(end: &End) -> (&'static str, Value) {
    match end {
        Ok(answer) => {
            let answered = Answered::of(answer);
            ("done", serde_json::to_value(answered).expect("it is made of text and numbers"))
        }
        Err(why) => {
            let failure = Failure::of(why);
            let mut data = json!({
                "detail": failure.detail, "reason": failure.reason, "status": failure.status.as_u16(),
            });
            if let Some(seconds) = failure.retry_after_s {
                data["retry_after_s"] = seconds.into();
            }
            ("error", data)
        }
    }
}

/// The id of an event as a client sends it back; none for what no host of this kind has sent.
pub(super) fn event_id(text: &str) -> Option<(u64, u64)> {
    let (epoch, seq) = text.split_once(':')?;
    if epoch.len() != 16 {
        return None;
    }
    Some((u64::from_str_radix(epoch, 16).ok()?, seq.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_a_host_sends() {
        assert_eq!(event_id("00000000000000ff:12"), Some((255, 12)));
        for other in ["", ":", "ff:1", "00000000000000ff:", "00000000000000ff:-1", "00000000000000fg:1", "é"]
        {
            assert_eq!(event_id(other), None, "{other:?}");
        }
    }
}
