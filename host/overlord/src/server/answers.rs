//! How often each route has answered with which status. Owns the counters; knows no request: a path or a
//! method that somebody makes up is counted with all others like it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use axum::http::StatusCode;

use super::routes::{ROUTES, Route};

/// The statuses that the answers of one route are counted by: it has a dozen, and what is beyond these is
/// counted with the last.
const STATUSES_MAX: usize = 24;

/// What is counted for each route, and for what is none.
#[derive(Debug)]
pub struct Answers(Vec<[Count; STATUSES_MAX]>);

/// A place in a route's counters, which the first answer with a status takes for it.
#[derive(Debug, Default)]
struct Count {
    status: AtomicU32,
    times: AtomicU64,
}

/// How often a route has answered with a status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// The route; none for what is none.
    pub(super) route: Option<&'static Route>,
    pub(super) status: u32,
    pub(super) times: u64,
}

impl Answers {
    pub(super) fn none() -> Self {
        Self((0..=ROUTES.len()).map(|_| std::array::from_fn(|_| Count::default())).collect())
    }

    /// Counts an answer of the route at this place in the table.
    pub(super) fn count(&self, route: Option<usize>, status: StatusCode) {
        let counts = &self.0[route.unwrap_or(ROUTES.len())];
        let status = u32::from(status.as_u16());
        let own = counts.iter().find(|count| {
            let free = count.status.load(Ordering::Relaxed) == 0
                && count.status.compare_exchange(0, status, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            free || count.status.load(Ordering::Relaxed) == status
        });
        own.unwrap_or(&counts[STATUSES_MAX - 1]).times.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted, route by route.
    pub(super) fn all(&self) -> Vec<Answered> {
        let routes = ROUTES.iter().map(Some).chain([None]);
        let all = routes.zip(&self.0).flat_map(|(route, counts)| {
            counts.iter().map(move |count| Answered {
                route,
                status: count.status.load(Ordering::Relaxed),
                times: count.times.load(Ordering::Relaxed),
            })
        });
        all.filter(|answered| answered.times > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_and_status_has_a_counter_and_too_many_share_the_last() {
        let answers = Answers::none();
        for code in 200..200 + u16::try_from(STATUSES_MAX).expect("few") + 2 {
            answers.count(Some(1), StatusCode::from_u16(code).expect("a status"));
        }
        for _ in 0..3 {
            answers.count(None, StatusCode::NOT_FOUND);
        }
        let all = answers.all();
        assert_eq!(all.len(), STATUSES_MAX + 1);
        assert_eq!(all.iter().map(|answered| answered.times).max(), Some(3));
        assert!(all.iter().any(|a| a.route.is_none() && a.status == 404 && a.times == 3), "{all:?}");
        let last = all[STATUSES_MAX - 1];
        assert_eq!((last.route.map(|route| route.path), last.times), (Some(ROUTES[1].path), 3));
    }
}
