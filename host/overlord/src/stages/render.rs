//! An agent's text as HTML takes its time and its memory, and is made where it holds nothing else up: a
//! few at once, whoever wants them.

use tokio::sync::Semaphore;

/// How many texts are rendered at once. The worst of the longest takes some hundred MB for a moment.
const AT_ONCE: usize = 2;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// Does what renders; none where it panics.
pub async fn rendering<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let place = PLACES.acquire().await.expect("the semaphore is never closed");
    // The place goes with the work: whoever wanted it may leave meanwhile, and the work goes on.
    let work = move || {
        let done = work();
        drop(place);
        done
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!("a text was not rendered: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_leaves_does_not_give_a_place_to_others_before_its_work_is_done() {
        let (ends, end) = mpsc::channel::<()>();
        let end = std::sync::Arc::new(std::sync::Mutex::new(end));
        for _ in 0..AT_ONCE {
            let end = std::sync::Arc::clone(&end);
            let work = rendering(move || end.lock().expect("nobody panics").recv().expect("it is told"));
            let left = tokio::time::timeout(std::time::Duration::from_millis(20), work).await;
            assert!(left.is_err(), "it waits to be told");
        }
        assert!(rendering(|| ()).now_or_never().is_none(), "both places are taken");
        for _ in 0..AT_ONCE {
            ends.send(()).expect("somebody listens");
        }
        assert_eq!(rendering(|| 7).await, Some(7));
    }
}
