//! How often a user may ask, and how many questions are answered at once.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};
use uuid::Uuid;

use crate::{recorded, stand_in};

const STILL_PROCESSED: &str = r#"{"detail":"A previous question is still being processed"}"#;

fn ask(caller: &Caller) -> Answer {
    caller.ask(&Uuid::new_v4().to_string(), "hi")
}

#[track_caller]
fn answered(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Too many in the window; after how many seconds asking again is said to help.
#[track_caller]
fn limited(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{}", answer.text());
    let seconds: u64 = answer.header("retry-after").expect("a Retry-After").parse().expect("whole seconds");
    assert_eq!(answer.text(), format!(r#"{{"detail":"Rate limit exceeded; retry in {seconds}s"}}"#));
    seconds
}

/// Another question of the user, or of the session, is being answered.
#[track_caller]
fn blocked(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (429, STILL_PROCESSED));
    assert_eq!(answer.header("retry-after"), None);
}

/// A question in a session of its own that is being answered until the agents are let go.
struct Running<'scope> {
    session: String,
    asking: thread::ScopedJoinHandle<'scope, Answer>,
}

fn run<'scope>(scope: &'scope thread::Scope<'scope, '_>, host: &Host, caller: &Caller) -> Running<'scope> {
    let session = Uuid::new_v4().to_string();
    let (caller, asked) = (caller.clone(), session.clone());
    let asking = scope.spawn(move || caller.ask(&asked, "and wait"));
    host.audited("ask_start", &session);
    Running { session, asking }
}

impl Running<'_> {
    /// Lets all agents of the host go and takes this one's answer.
    #[track_caller]
    fn end(self, host: &Host) {
        stand_in::let_go(host.setup());
        answered(&self.asking.join().expect("an answer"));
    }
}

#[test]
fn sixty_questions_are_answered_and_then_no_more() {
    let host = stand_in::counting(Setup::new()).start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    for _ in 0..60 {
        answered(&ask(&alice));
    }
    let answer = ask(&alice);
    let seconds = limited(&answer);
    assert!((1..=3600).contains(&seconds), "{seconds}");
    let theirs = recorded::named("ask", "window full");
    assert_eq!(u64::from(answer.status), theirs.status());
    assert_eq!(answer.text().replace(&seconds.to_string(), "17"), theirs.body());
    assert_eq!(answer.header("content-type"), theirs.header("content-type"));
    answered(&ask(&bob));
}

#[test]
fn asking_after_as_many_seconds_as_were_said_helps() {
    let host = stand_in::counting(Setup::new())
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "1")
        .with("OVERLORD_LIMIT_SETTINGS_WINDOW_S", "2")
        .start();
    let alice = host.sign_in("alice");
    // On a slow machine a question may come when the one before it no longer counts.
    let seconds = wait_until("a question that is refused", || {
        let answer = ask(&alice);
        (answer.status != 200).then(|| limited(&answer))
    });
    assert!((1..=3).contains(&seconds), "{seconds} s of a window of 2");
    thread::sleep(Duration::from_secs(seconds));
    answered(&ask(&alice));
}

#[test]
fn the_names_of_the_original_still_count() {
    let host = stand_in::counting(Setup::new())
        .with("AGENT_RATE_MAX", "1")
        .with("AGENT_RATE_WINDOW_S", "100")
        .start();
    let alice = host.sign_in("alice");
    answered(&ask(&alice));
    assert!((1..=101).contains(&limited(&ask(&alice))));
}

#[test]
fn a_second_question_at_once_is_refused_and_counted() {
    let host = stand_in::waiting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "2").start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    thread::scope(|scope| {
        let first = run(scope, &host, &alice);
        let second = ask(&alice);
        blocked(&second);
        let theirs = recorded::named("ask", "another is running");
        assert_eq!((u64::from(second.status), second.text()), (theirs.status(), theirs.body()));
        limited(&ask(&alice));
        let other = run(scope, &host, &bob);
        first.end(&host);
        other.end(&host);
    });
    limited(&ask(&alice));
}

#[test]
fn a_cap_of_two_is_two() {
    let host = stand_in::waiting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_CONCURRENCY", "2").start();
    let alice = host.sign_in("alice");
    thread::scope(|scope| {
        let (one, two) = (run(scope, &host, &alice), run(scope, &host, &alice));
        blocked(&ask(&alice));
        one.end(&host);
        two.end(&host);
    });
    answered(&ask(&alice));
}

/// How many of fifty questions asked at the same moment are let in, each in a session of its own,
/// where none of them ends before all others are answered.
fn let_in_of_fifty(host: &Host, refused: fn(&Answer)) -> usize {
    const TRIES: usize = 50;
    let alice = host.sign_in("alice");
    let ready = Barrier::new(TRIES);
    let (answers, answer) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..TRIES {
            let (ready, alice, answers) = (&ready, alice.clone(), answers.clone());
            scope.spawn(move || {
                ready.wait();
                let _ = answers.send(ask(&alice));
            });
        }
        for _ in 0..TRIES - 1 {
            let answer = answer.recv().expect("an answer");
            refused(&answer);
        }
        stand_in::let_go(host.setup());
        answered(&answer.recv().expect("the last answer"));
    });
    host.audit().iter().filter(|line| line["event"] == "ask_start").count()
}

#[test]
fn of_fifty_questions_at_once_one_passes_a_cap_of_one() {
    let host = stand_in::waiting(Setup::new()).start();
    assert_eq!(let_in_of_fifty(&host, blocked), 1);
}

#[test]
fn of_fifty_questions_at_once_one_passes_a_window_of_one() {
    let host = stand_in::waiting(Setup::new())
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "1")
        .with("OVERLORD_LIMIT_SETTINGS_CONCURRENCY", "50")
        .with("OVERLORD_AGENT_RUNNING_MAX", "50")
        .start();
    let refused: fn(&Answer) = |answer| {
        limited(answer);
    };
    assert_eq!(let_in_of_fifty(&host, refused), 1);
}

#[test]
fn what_was_asked_is_remembered_over_a_stop_and_over_a_kill() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "2").start();
    answered(&ask(&host.sign_in("alice")));
    let (status, setup) = host.stop();
    assert!(status.success(), "{status}");
    let host = setup.start();
    answered(&ask(&host.sign_in("alice")));
    let host = host.kill().start();
    limited(&ask(&host.sign_in("alice")));
    answered(&ask(&host.sign_in("bob")));
}

#[test]
fn one_question_at_a_time_in_a_session_whoever_asks() {
    let host = stand_in::waiting(Setup::new())
        .with("OVERLORD_SESSIONS_OPEN", "true")
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "1")
        .start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    thread::scope(|scope| {
        let first = run(scope, &host, &alice);
        blocked(&bob.ask(&first.session, "me too"));
        blocked(&host.sign_in("carol").ask(&first.session.to_uppercase(), "and me"));
        assert_eq!(host.audited("concurrency_blocked", &first.session)["user"], "bob");
        // The lock's answer is counted as the cap's is.
        limited(&ask(&bob));
        first.end(&host);
    });
    answered(&host.sign_in("dave").ask(&Uuid::new_v4().to_string(), "free again"));
}

#[test]
fn a_full_host_says_so_and_counts_nothing() {
    let host = stand_in::waiting(Setup::new())
        .with("OVERLORD_AGENT_RUNNING_MAX", "1")
        .with("OVERLORD_LIMIT_SETTINGS_MAX", "1")
        .start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    let session = bob.new_session();
    thread::scope(|scope| {
        let first = run(scope, &host, &alice);
        for _ in 0..3 {
            let answer = bob.ask(&session, "hi");
            assert_eq!(answer.status, 503, "{}", answer.text());
            let seconds: u64 = answer.header("retry-after").expect("a Retry-After").parse().expect("seconds");
            assert!(seconds > 0);
            assert!(answer.json()["detail"].is_string());
        }
        first.end(&host);
    });
    answered(&bob.ask(&session, "the first that counts"));
    let events: Vec<_> = host.audit().into_iter().filter(|line| line["user"] == "bob").collect();
    assert_eq!(events.iter().filter(|line| line["event"] == "host_full").count(), 3, "{events:?}");
}

#[test]
fn a_question_that_is_not_understood_is_not_counted() {
    let host = stand_in::counting(Setup::new()).with("OVERLORD_LIMIT_SETTINGS_MAX", "1").start();
    let alice = host.sign_in("alice");
    for session in ["", "x", "{3f2a9c1e-5b7d-4e8f-9a0b-1c2d3e4f5a6b}"] {
        assert_eq!(alice.ask(session, "hi").status, 422, "{session}");
    }
    assert_eq!(alice.ask(recorded::SESSION, "").status, 422);
    answered(&ask(&alice));
    limited(&ask(&alice));
}
