//! `agent-claude`, the component, against recordings of the published client and against programs
//! that no client is: what it starts, what it makes of what is said, and when it lets go.

use serde_json::json;

use crate::fake_program::{Answer, Failure, Fake, Run, SESSION, SpawnError, Step, Update, ask};

/// Text, session, turns, whether it is an error, and the tools that were denied.
type Said<'a> = (&'a str, &'a str, u32, bool, &'a [&'a str]);

const OVERLOADED: &str = "API Error: Repeated 529 Overloaded errors. The API is at capacity — this is \
    usually temporary. Try again in a moment. If it persists, check your inference gateway (127.0.0.1:43225).";

/// The recordings that end with an answer.
const ANSWERED: [(&str, Said<'_>); 11] = [
    ("01-json", ("Mock answer to: hello", "d8741921-f811-4d6e-a245-b84f6d2b8e80", 1, false, &[])),
    ("20-stream", ("Mock answer to: hello", "fe8f77f3-05e9-4d64-9a8a-901db3241262", 1, false, &[])),
    ("21-stream-partial", ("Hello big world", "89bbfc85-4cd3-4694-b074-24fb452709a4", 1, false, &[])),
    (
        "22-stream-tool",
        ("Tools done (1). Final text.", "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e", 2, false, &[]),
    ),
    (
        "23-stream-tool-partial",
        ("Tools done (1). Final text.", "b54f7165-06b3-4c81-803f-312529fbf31f", 2, false, &[]),
    ),
    ("24-stream-think-partial", ("Thought about it.", "d13e4004-0e54-495d-b462-efc9b1179727", 1, false, &[])),
    (
        "50b-bash-write-default",
        ("Tools done (1). Final text.", "b85dfa12-6841-429f-96e2-c42856fbf104", 2, false, &["Bash"]),
    ),
    (
        "51q-json-verbose",
        ("Tools done (1). Final text.", "5572d887-e4d6-4626-93d4-62772936420a", 2, false, &[]),
    ),
    (
        "60c-err401-stream",
        ("Invalid API key · Fix external API key", "79cde54a-d90f-4406-ae5e-b7c628a33ea3", 1, true, &[]),
    ),
    ("61b-err529-stream-r2", (OVERLOADED, "fc0891b1-515c-4fd4-856f-b4190184d920", 1, true, &[])),
    ("62-errfirst", ("Recovered after errors.", "4aa7033c-71cb-4713-beb7-11395fff6b72", 1, false, &[])),
];

/// Asks `hello` of a program whose starts are these runs.
async fn hello(runs: impl IntoIterator<Item = Run>, started: bool) -> (Result<Answer, Failure>, Fake) {
    let (outcome, fake) = ask(Fake::of(runs.into_iter().map(Ok)), &[], started, "hello").await;
    assert_eq!(fake.dropped, fake.spawned.len(), "each run is let go of");
    (outcome.expect("it does not trap"), fake)
}

#[track_caller]
fn failed(outcome: Result<Answer, Failure>) -> String {
    match outcome {
        Err(Failure::Failed(why)) => why,
        other => panic!("expected that it failed, found {other:?}"),
    }
}

#[tokio::test]
async fn recordings_with_an_answer_are_answers() {
    for (name, expected) in ANSWERED {
        let (answer, fake) = hello([Run::recorded(name)], false).await;
        let answer = answer.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        let denied: Vec<_> = answer.facts.iter().map(|fact| fact.value.as_str()).collect();
        assert!(answer.facts.iter().all(|fact| fact.name == "denied"), "{name}: {:?}", answer.facts);
        let found =
            (answer.text.as_str(), answer.session.as_str(), answer.turns, answer.is_error, &denied[..]);
        assert_eq!(found, expected, "{name}");
        assert!(answer.duration_ms > 0, "{name}");
        assert_eq!((fake.stdin(), fake.interrupts), ("hello", 0), "{name}");
        assert!(!fake.finishes.is_empty(), "{name}: the end is due once there is an answer");
    }
}

#[tokio::test]
async fn recordings_without_an_answer_say_why() {
    for (name, reason) in [
        ("70b-term-stream", "the agent program gave no answer and no reason (exit code 143)"),
        ("70d-int-stream", "the agent program gave no answer: error_during_execution (exit code 0)"),
    ] {
        assert_eq!(failed(hello([Run::recorded(name)], false).await.0), reason, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_guess_about_the_session_leads_to_the_other_way_in_both_directions() {
    for (name, started, modes) in [
        ("04-session-id-again", false, ["--session-id", "--resume"]),
        ("04c-session-id-again-stream", false, ["--session-id", "--resume"]),
        ("07-resume-missing", true, ["--resume", "--session-id"]),
        ("07b-resume-missing-stream", true, ["--resume", "--session-id"]),
    ] {
        let (answer, fake) = hello([Run::recorded(name), Run::recorded("20-stream")], started).await;
        assert_eq!(answer.expect(name).text, "Mock answer to: hello", "{name}");
        assert_eq!(fake.modes(), modes, "{name}");
        assert_eq!(fake.stdin(), "hello", "{name}");
    }
}

#[tokio::test]
async fn a_wrong_guess_is_made_once() {
    let runs = ["04c-session-id-again-stream", "07b-resume-missing-stream"].map(Run::recorded);
    let (outcome, fake) = hello(runs, false).await;
    assert!(failed(outcome).contains("No conversation found"));
    assert_eq!(fake.modes(), ["--session-id", "--resume"]);
}

#[tokio::test]
async fn no_recording_is_left_out() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/streams");
    let names = std::fs::read_dir(folder).expect("the recordings are part of the checkout");
    let mut found: Vec<_> = names
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter_map(|name| name.strip_suffix(".stdout").map(str::to_owned))
        .collect();
    let mut known: Vec<_> = ANSWERED.iter().map(|(name, _)| (*name).to_owned()).collect();
    known.extend(["70b-term-stream", "70d-int-stream"].map(String::from));
    known.extend(["04-session-id-again", "04c-session-id-again-stream"].map(String::from));
    known.extend(["07-resume-missing", "07b-resume-missing-stream"].map(String::from));
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[tokio::test]
async fn the_message_goes_in_by_standard_input_and_no_other_way() {
    let long = "ä🦀 ".repeat(3333);
    for (message, stdin) in [
        ("-dash", "-dash"),
        ("/slash", " /slash"),
        ("@/etc/passwd", "@/etc/passwd"),
        ("two\nlines", "two\nlines"),
        (long.as_str(), long.as_str()),
    ] {
        let (outcome, fake) = ask(Fake::of([Ok(Run::recorded("20-stream"))]), &[], false, message).await;
        outcome.expect("it does not trap").expect("it answers");
        assert_eq!(fake.stdin(), stdin);
        let command = &fake.spawned[0];
        assert!(command.environment.is_empty());
        assert!(
            command.arguments.iter().all(|argument| argument.starts_with('-')),
            "{:?}",
            command.arguments
        );
        assert!(!command.arguments.iter().any(|argument| argument.contains(message)));
    }
}

#[tokio::test]
async fn it_says_on_the_way_what_is_to_be_seen() {
    let (_, fake) = hello([Run::recorded("23-stream-tool-partial")], false).await;
    let told: Vec<_> = fake
        .updates
        .iter()
        .map(|update| match update {
            Update::Delta(text) => format!("+{text}"),
            Update::Replacement(text) => format!("={text}"),
            Update::ToolCalled(call) => format!("call {} {}", call.name, call.input),
            Update::ToolEnded(result) => format!("result {} {}", result.failed, result.output),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "+I ",
        "+will ",
        "+run ",
        "+a ",
        "+command.",
        "=I will run a command.",
        r#"call Bash {"command":"echo hi there","description":"Print hi"}"#,
        "result false hi there",
        "+\n\nTools ",
    ];
    assert_eq!(told[..expected.len()], expected);
    assert_eq!(
        told.last().map(String::as_str),
        Some("=I will run a command.\n\nTools done (1). Final text.")
    );
}

#[tokio::test]
async fn told_to_stop_it_asks_the_program_once_and_listens_to_its_end() {
    let late = Step::Line(br#"{"type":"result","result":"late","is_error":false}"#.to_vec());
    for (step, cancelled) in [(Step::Cancelled, true), (Step::Idle, false)] {
        let steps = [step.clone(), step, late.clone()];
        let (outcome, fake) = hello([Run::new(&[""; 0], 0, "").then(&steps)], false).await;
        match outcome {
            Err(Failure::Cancelled) => assert!(cancelled),
            Err(Failure::TimedOut(why)) => assert!(!cancelled && !why.is_empty()),
            other => panic!("{other:?}"),
        }
        assert_eq!(fake.interrupts, 1);
        assert_eq!(fake.spawned.len(), 1, "a stopped run is not tried the other way");
    }
}

#[tokio::test]
async fn a_program_that_has_answered_and_does_not_go_has_answered() {
    for step in [Step::Cancelled, Step::Idle] {
        let run = Run::new(&[r#"{"type":"result","result":"done"}"#], 0, "").then(&[step]);
        let (outcome, fake) = hello([run.killed_by(9)], false).await;
        assert_eq!(outcome.expect("an answer").text, "done");
        assert_eq!(fake.interrupts, 1);
    }
}

#[tokio::test]
async fn a_host_that_only_reminds_is_left() {
    let (outcome, _) = hello([Run::new(&[""; 0], 0, "").then(&vec![Step::Idle; 10_000])], false).await;
    assert!(matches!(outcome, Err(Failure::TimedOut(_))), "{outcome:?}");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    for (error, words) in [
        (SpawnError::Missing, "OVERLORD_AGENT_COMMAND"),
        (SpawnError::Denied, "does not allow it"),
        (SpawnError::Other("too many open files".to_owned()), "too many open files"),
    ] {
        let (outcome, fake) = ask(Fake::of([Err(error)]), &[], false, "hello").await;
        let why = failed(outcome.expect("it does not trap"));
        assert!(why.contains(words), "{why}");
        assert_eq!(fake.spawned.len(), 1);
    }
}

#[tokio::test]
async fn a_program_that_crashes_says_how() {
    let (outcome, _) = hello([Run::new(&["rubbish"], 0, "").killed_by(11)], false).await;
    assert!(failed(outcome).contains("signal 11"));
    let (outcome, _) = hello([Run::new(&["rubbish"], 7, "the disk is full")], false).await;
    let why = failed(outcome);
    assert!(why.contains("exit code 7") && why.contains("the disk is full"), "{why}");
}

#[tokio::test]
async fn hostile_output_is_survived() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let hostile: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0; 1 << 20],
        vec![0xff; 1 << 20],
        "x".repeat(10 << 20).into_bytes(),
        deep.clone().into_bytes(),
        format!(r#"{{"type":"result","result":{deep}}}"#).into_bytes(),
        format!(r#"{{"type":"assistant","message":{{"content":{deep}}}}}"#).into_bytes(),
        br#"{"type":"result","result":{"text":"no"}}"#.to_vec(),
        br#"{"type":["result"],"result":"no"}"#.to_vec(),
        br#"{"type":"stream_event","event":{"type":"content_block_delta","delta":[]}}"#.to_vec(),
        b"{\"type\":\"result\",\"result\":\"a\xffb\"".to_vec(),
    ];
    let (outcome, _) = hello([Run::new(&hostile, 0, "")], false).await;
    failed(outcome);
    let last = json!({"type": "result", "result": "fine", "session_id": "../../etc", "num_turns": 1e99,
        "duration_ms": "x", "permission_denials": {}});
    let with_answer: Vec<_> = hostile.into_iter().chain([last.to_string().into_bytes()]).collect();
    let (outcome, _) = hello([Run::new(&with_answer, 1, "noise")], false).await;
    let answer = outcome.expect("an answer whatever the exit code");
    assert_eq!((answer.text.as_str(), answer.session.as_str()), ("fine", SESSION));
}

#[tokio::test]
async fn a_gigantic_answer_is_cut_and_says_so() {
    let line = json!({"type": "result", "result": "x".repeat(15 << 20)}).to_string();
    let (outcome, _) = hello([Run::new(&[line], 0, "")], false).await;
    let text = outcome.expect("an answer").text;
    assert!(
        text.len() < 16 << 20 && text.starts_with("xxx") && text.ends_with("is the most.]"),
        "{}",
        text.len()
    );
}

#[tokio::test]
async fn a_line_that_is_too_long_to_be_looked_at_is_passed_over() {
    let line = json!({"type": "result", "result": "x".repeat(40 << 20)}).to_string();
    let (outcome, _) = hello([Run::new(&[line.as_str()], 0, "")], false).await;
    assert!(failed(outcome).contains("gave no answer"));
    let (outcome, _) =
        hello([Run::new(&[line.as_str(), r#"{"type":"result","result":"done"}"#], 0, "")], false).await;
    assert_eq!(outcome.expect("an answer").text, "done");
}

#[tokio::test]
async fn a_million_lines_need_no_more_memory_than_a_few() {
    let noise = br#"{"type":"system","subtype":"status"}"#.to_vec();
    let mut lines = vec![noise; 1_000_000];
    lines.push(br#"{"type":"result","result":"done"}"#.to_vec());
    let (outcome, _) = hello([Run::new(&lines, 0, "")], false).await;
    assert_eq!(outcome.expect("an answer").text, "done");
}

#[tokio::test]
async fn questions_that_the_client_would_not_take_never_reach_it() {
    for message in ["", " ", " \n\t"] {
        let (outcome, fake) = ask(Fake::default(), &[], false, message).await;
        assert!(matches!(outcome.expect("it does not trap"), Err(Failure::Refused(_))));
        assert!(fake.spawned.is_empty());
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them() {
    let long = "x".repeat(1_000_000);
    for (key, value, words) in [
        ("permision_mode", "default", "unknown key `permision_mode`"),
        ("slash_commands", "perhaps", "`perhaps` is neither `true` nor `false`"),
        ("permission_mode", "--bypass", "`permission_mode`"),
        ("argument", "--resume=x", "--resume"),
        ("cleanup_period_days", "0", "`0` is not a number of days"),
        (long.as_str(), "x", "unknown key"),
    ] {
        let (outcome, fake) = ask(Fake::default(), &[(key, value)], false, "hello").await;
        match outcome.expect("it does not trap") {
            Err(Failure::Broken(fault)) => assert!(fault.message.contains(words), "{:.300}", fault.message),
            other => panic!("{words}: {other:?}"),
        }
        assert!(fake.spawned.is_empty());
    }
}

#[tokio::test]
async fn settings_reach_the_command_line() {
    let settings =
        [("permission_mode", "acceptEdits"), ("argument", "--model=x"), ("slash_commands", "true")];
    let fake = Fake::of([Ok(Run::new(&[r#"{"type":"result","result":"done"}"#], 0, ""))]);
    let (outcome, fake) = ask(fake, &settings, true, "/compact").await;
    outcome.expect("it does not trap").expect("it answers");
    let arguments = &fake.spawned[0].arguments;
    for argument in ["--permission-mode=acceptEdits", "--model=x"] {
        assert!(arguments.iter().any(|found| found == argument), "{argument} is not in {arguments:?}");
    }
    assert_eq!((fake.stdin(), fake.modes()), ("/compact", vec!["--resume"]));
}
