//! Work that no request waits for: changes of the rules, comparisons with a candidate, what is made anew
//! for the record. It has threads of its own that give way to those which answer, so that nobody who asks
//! feels that a component is compiled or tried meanwhile.

use std::sync::LazyLock;

use rustix::process::setpriority_process;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Two, so that a component which computes for all of its time holds no change of the rules up.
const THREADS: usize = 2;

/// The most that wait for a disk, or compile, at the same time.
const BLOCKING_THREADS_MAX: usize = 4;

/// How nice they are to the others: by the kernel's weights a quarter of a processor is left to one of them
/// where one that answers wants it too. More, and a component's cases might not get through in the time that they have.
const NICE: i32 = 5;

/// Starts work there; it goes on whether anybody waits for it or not.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    static ROOM: LazyLock<Option<Runtime>> = LazyLock::new(|| {
        let room = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("background")
            // Only a system call that this one forbids could fail here, and then they are like the others.
            .on_thread_start(|| {
                let _ = setpriority_process(None, NICE);
            })
            .enable_all()
            .build();
        room.inspect_err(|error| tracing::warn!("there are no threads for work in the background: {error}"))
            .ok()
    });
    match &*ROOM {
        Some(room) => room.spawn(work),
        None => tokio::spawn(work),
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn it_gives_way_to_those_who_answer_and_they_do_not() {
        let own = getpriority_process(None).expect("a thread has a priority");
        let there = spawn(async { getpriority_process(None) }).await.expect("it ends");
        let blocking = spawn(async {
            tokio::task::spawn_blocking(|| getpriority_process(None)).await.expect("it ends")
        });
        let (there, blocking) = (there.expect("a priority"), blocking.await.expect("it ends"));
        assert_eq!((there, blocking.expect("a priority")), (NICE.max(own), NICE.max(own)));
        assert_eq!(getpriority_process(None).expect("a thread has a priority"), own);
    }
}
