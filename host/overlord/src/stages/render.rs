//! An agent's text as HTML takes its time and its memory, and is made where it holds nothing else up: a
//! few at once, whoever wants them.

use tokio::sync::Semaphore;

/// How many texts are rendered at once. The worst of the longest takes some hundred MB for a moment.
const AT_ONCE: usize = 2;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// Does what renders; none where it panics.
pub async fn rendering<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _place = PLACES.acquire().await.expect("the semaphore is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!("a text was not rendered: {error}");
            None
        }
    }
}
