//! What the host takes from an agent adapter, whoever wrote it: answers up to a length, a session
//! that is one, and each kind of failure as what it is.

use overlord::capability::process::Program;
use overlord::domain::{Answer, Question, SessionId};
use overlord::sandbox::hooks::NoAnswer;
use overlord::sandbox::{Agent, Broken, Policy, Terms};

use crate::forge::{bytes_at, component, contract, module};
use crate::stage::made_up;

/// The longest answer.
const ANSWER_MAX: usize = 16 << 20;

const SESSION: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

/// An adapter whose `ask` has this body; at `$answer` there is an empty answer. It starts nothing.
fn adapter(body: &str) -> Vec<u8> {
    let module = module(&format!(
        r#"(func $ask (export "overlord:policy/agent@0.1.0#ask")
            (param $settings i32) (param $settings_len i32) (param $session i32) (param $session_len i32)
            (param $started i32) (param $user i32) (param $user_len i32) (param $message i32)
            (param $message_len i32) (param $facts i32) (param $facts_len i32) (result i32)
            {body}
            (global.get $answer))"#
    ));
    component(&contract(), "agent-adapter", &module, None)
}

/// Answers with so many letters.
fn verbose(length: usize) -> Vec<u8> {
    adapter(&format!(
        "(drop (memory.grow (i32.const {pages})))
        (memory.fill (i32.const 65536) (i32.const 120) (i32.const {length}))
        (i32.store (i32.const 1032) (i32.const 65536)) (i32.store (i32.const 1036) (i32.const {length}))",
        pages = length / 65536 + 1,
    ))
}

/// Answers nothing, in this session.
fn elsewhere(session: &str) -> Vec<u8> {
    adapter(&format!(
        "{bytes} (i32.store (i32.const 1040) (i32.const 2048)) (i32.store (i32.const 1044) (i32.const {length}))",
        bytes = bytes_at(2048, session.as_bytes()),
        length = session.len(),
    ))
}

/// Fails in the way of this number, with these words.
fn failing(way: u32, words: &str) -> Vec<u8> {
    adapter(&format!(
        "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1032) (i32.const {way}))
        {bytes} (i32.store (i32.const 1036) (i32.const 2048)) (i32.store (i32.const 1040) (i32.const {length}))",
        bytes = bytes_at(2048, words.as_bytes()),
        length = words.len(),
    ))
}

async fn ask(component: &[u8]) -> Result<Answer, NoAnswer> {
    let policy: Policy<Agent> = made_up(component, Terms::default()).await;
    let session = SessionId::parse(SESSION).expect("it is an id");
    let question = Question { session, message: "hello".to_owned() };
    policy.ask(Program::scripted(Vec::new()), &question, "alice", false).await
}

#[tokio::test]
async fn an_answer_has_at_most_16_mib() {
    assert_eq!(ask(&verbose(ANSWER_MAX)).await.expect("that is allowed").result.len(), ANSWER_MAX);
    match ask(&verbose(ANSWER_MAX + 1)).await {
        Err(NoAnswer::Broken(Broken::Answer(why))) => {
            assert_eq!(why, "the answer has more than 16777216 bytes");
        }
        other => panic!("{:?}", other.map(|answer| answer.result.len())),
    }
}

#[tokio::test]
async fn a_session_that_is_none_is_the_questions() {
    let own = "0a1b2c3d-4e5f-4789-abcd-ef0123456789";
    for (said, taken) in [
        (own, own),
        ("0A1B2C3D-4E5F-4789-ABCD-EF0123456789", own),
        ("", SESSION),
        ("../../etc/passwd", SESSION),
        ("0a1b2c3d4e5f4789abcdef0123456789", SESSION),
        ("0a1b2c3d-4e5f-4789-abcd-ef012345678\0", SESSION),
    ] {
        assert_eq!(ask(&elsewhere(said)).await.expect("an answer").session.to_string(), taken, "{said:?}");
    }
}

#[tokio::test]
async fn each_kind_of_failure_is_told_as_what_it_is() {
    for way in [0, 1, 2] {
        match ask(&failing(way, "the reason")).await {
            Err(NoAnswer::Failed(why)) => assert_eq!(why, "the reason"),
            other => panic!("{way}: {other:?}"),
        }
    }
    assert!(matches!(ask(&failing(3, "")).await, Err(NoAnswer::Cancelled)));
    match ask(&failing(4, "the settings make no sense")).await {
        Err(NoAnswer::Broken(Broken::Fault(why))) => assert_eq!(why, "the settings make no sense"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_adapter_that_traps_is_broken_and_says_where() {
    match ask(&adapter("unreachable")).await {
        Err(NoAnswer::Broken(Broken::Trapped(why))) => {
            assert!(why.contains("unreachable") && why.contains("; in ask"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_adapter_that_only_computes_is_stopped() {
    match ask(&adapter("(loop $for_ever (br $for_ever))")).await {
        Err(NoAnswer::Broken(Broken::Trapped(why))) => {
            assert!(why.contains("it computed for longer than 5s and was stopped"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}
