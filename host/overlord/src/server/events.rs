//! A run as server-sent events: which events there are, what they say, and the end of a reader that is
//! too slow. What is told, and from where on, is the run's business.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::handlers::Answered;
use super::outcome::Failure;
use super::projection::Projection;
use super::query::Query;
use crate::domain::{End, RunState, Update};
use crate::runs::{Entry, Happening, Run, Snapshot, Told, Watcher};
use crate::stages::rendering;

/// The content type, as a client asks for it.
pub(super) const TYPE: &str = "text/event-stream";

/// How often a comment line is sent, so that no proxy takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How many events are ready before the reader has taken the first. The run's own memory is what holds
/// them; each that is ready may hold the whole text.
const EVENTS_AHEAD: usize = 1;

/// How long a reader may take nothing while there is something to take. A phone that changes its network
/// takes less; whoever takes longer is cut off, and comes back with the id of the last event.
const SLOW: Duration = Duration::from_secs(20);

/// How the text is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// As it was said.
    Text,
    /// As HTML.
    Html,
}

impl View {
    pub(super) fn of(query: &mut Query) -> Self {
        if query.flag("html") { Self::Html } else { Self::Text }
    }
}

/// How often HTML is sent: an eye sees no steps, and what came in between is rendered once.
const HTML_EVERY: Duration = Duration::from_millis(50);

/// When no text has come for so long, what the renderer has held back is shown too.
const PAUSE: Duration = Duration::from_millis(500);

/// From where on a listener is told.
#[derive(Debug)]
pub(super) enum From {
    /// The beginning of a run that it has begun itself.
    Beginning(Watcher),
    /// What it was told last, by epoch and place; or the beginning, where it was told nothing.
    Again(Arc<Run>, Option<(u64, u64)>),
}

/// The stream of what is told.
pub(super) fn answer(from: From, view: View) -> Response {
    let (events, taken) = mpsc::channel(EVENTS_AHEAD);
    match (from, view) {
        (From::Beginning(watcher), View::Text) => drop(tokio::spawn(tell(watcher, events))),
        (From::Again(run, after), View::Text) => drop(tokio::spawn(tell(run.watch_again(after), events))),
        (From::Beginning(watcher), View::Html) => drop(tokio::spawn(show(watcher, 0, events))),
        (From::Again(run, after), View::Html) => {
            drop(tokio::spawn(async move {
                let (watcher, known, resumed) = show_again(&run, after);
                if events.send(resumed).await.is_ok() {
                    show(watcher, known, events).await;
                }
            }));
        }
    }
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
        if events.send_timeout(event(watcher.run(), &told), SLOW).await.is_err() {
            return;
        }
    }
}

/// Listens from the beginning to one who has been shown a part of it: up to which place, and what they
/// are told of that.
fn show_again(run: &Arc<Run>, after: Option<(u64, u64)>) -> (Watcher, u64, Event) {
    let mut watcher = run.watch_again(None);
    let whole = watcher.next_now() == Some(Told::Resumed { gap: false });
    let known = match after {
        None => Some(0),
        Some((epoch, seq)) => Some(seq).filter(|seq| epoch == run.epoch() && *seq <= watcher.last()),
    };
    let known = known.filter(|_| whole);
    (watcher, known.unwrap_or(0), event(run, &Told::Resumed { gap: known.is_none() }))
}

/// As [`tell`], with the text as HTML; what lies before the place `known` is shown already.
async fn show(mut watcher: Watcher, known: u64, events: mpsc::Sender<Event>) {
    let run = Arc::clone(watcher.run());
    let mut projection = Projection::default();
    let mut last = tokio::time::Instant::now() - HTML_EVERY;
    loop {
        let due = last + if projection.is_fresh() { HTML_EVERY } else { PAUSE };
        let told = tokio::select! {
            told = watcher.next() => told,
            () = tokio::time::sleep_until(due), if projection.is_pending(known) => {
                let whole = !projection.is_fresh();
                let patch;
                (projection, patch) = rendered(projection, whole).await;
                last = tokio::time::Instant::now();
                if !sent(&events, patch.map(|(data, seq)| named("html", &data, Some((&run, seq))))).await {
                    return;
                }
                continue;
            }
            () = events.closed() => None,
        };
        let Some(told) = told else { return };
        let place = if let Told::Event(entry) = &told { entry.seq } else { u64::MAX };
        if !projection.take(&told) {
            let patch;
            (projection, patch) = rendered(projection, true).await;
            let patch = patch.filter(|_| place > known);
            let patch = patch.map(|(data, seq)| named("html", &data, Some((&run, seq))));
            let other = shown(&run, &told, &mut projection).await;
            if place > known && !(sent(&events, patch).await && sent(&events, Some(other)).await) {
                return;
            }
        }
        if place == known {
            // It is shown up to here: what is told from now on is told as a change of that.
            (projection, _) = rendered(projection, true).await;
        }
    }
}

/// What is no text, with what a page needs besides.
async fn shown(run: &Arc<Run>, told: &Told, projection: &mut Projection) -> Event {
    let Told::Event(entry) = told else { return event(run, told) };
    let (name, mut data) = happened(&run.snapshot(), entry);
    match &entry.happening {
        Happening::Said(Update::ToolCalled { .. }) => data["after"] = projection.close_segment().into(),
        Happening::Ended(Ok(answer)) => {
            let text = answer.result.clone();
            let html = rendering(move || overlord_render::document(&text)).await;
            data["html"] = html.unwrap_or_default().into();
        }
        _ => {}
    }
    named(name, &data, Some((run, entry.seq)))
}

/// Renders on a thread where that may take its time.
async fn rendered(mut projection: Projection, whole: bool) -> (Projection, Option<(Value, u64)>) {
    if !projection.is_pending(0) {
        return (projection, None);
    }
    let rendered = rendering(move || {
        let patch = projection.patch(whole);
        (projection, patch)
    });
    rendered.await.unwrap_or_default()
}

/// Whether the reader took it, or there was nothing to take.
async fn sent(events: &mpsc::Sender<Event>, event: Option<Event>) -> bool {
    match event {
        Some(event) => events.send_timeout(event, SLOW).await.is_ok(),
        None => true,
    }
}

fn event(run: &Run, told: &Told) -> Event {
    match told {
        Told::Resumed { gap } => named("resume", &json!({"resume": if *gap { "gap" } else { "ok" }}), None),
        Told::About(snapshot) => named("run", &about(snapshot, snapshot.state), None),
        Told::SoFar { seq, text } => named("replace", &json!({"text": text}), Some((run, *seq))),
        Told::Event(entry) => {
            let (name, data) = happened(&run.snapshot(), entry);
            named(name, &data, Some((run, entry.seq)))
        }
    }
}

fn named(name: &str, data: &Value, place: Option<(&Run, u64)>) -> Event {
    let event = Event::default().event(name).data(data.to_string());
    match place {
        Some((run, seq)) => event.id(format!("{:016x}:{seq}", run.epoch())),
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
