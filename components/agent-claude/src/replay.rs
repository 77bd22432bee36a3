//! The drive against recordings of the published client, and against programs that no client is.
#![expect(clippy::disallowed_methods, reason = "recordings are files")]

use crate::drive::{Answer, Child, Failure, LINGER_MS, Program, Question, SpawnError, Step, ask};
use crate::sentence::Exit;
use crate::settings::Settings;
use crate::stream::{TOOL_TEXT_MAX, Update};
use crate::transcript::TEXT_MAX;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

const SESSION: &str = "3b241101-e2bb-4255-8caf-4136c566a962";

/// One run: what it says and how it ends.
struct Run {
    steps: VecDeque<Step>,
    exit: Exit,
    stderr: String,
}

impl Run {
    fn new(lines: &[&str], code: i32, stderr: &str) -> Self {
        let steps = lines.iter().map(|line| Step::Line(line.as_bytes().to_vec())).collect();
        Self { steps, exit: Exit::Code(code), stderr: stderr.into() }
    }

    fn then(mut self, steps: &[Step]) -> Self {
        self.steps.extend(steps.iter().cloned());
        self
    }
}

#[derive(Default)]
struct Fake {
    runs: VecDeque<Result<Run, SpawnError>>,
    spawned: Vec<Vec<String>>,
    stdin: Vec<u8>,
    updates: Vec<Update>,
    interrupts: Rc<RefCell<u32>>,
    finishes: Rc<RefCell<u32>>,
}

struct FakeChild {
    run: Run,
    interrupts: Rc<RefCell<u32>>,
    finishes: Rc<RefCell<u32>>,
}

impl Fake {
    fn of(runs: impl IntoIterator<Item = Run>) -> Self {
        Self { runs: runs.into_iter().map(Ok).collect(), ..Self::default() }
    }

    fn ask(&mut self, started: bool) -> Result<Answer, Failure> {
        let question = Question { session: SESSION.into(), started, message: "hello".into() };
        ask(&Settings::default(), &question, self)
    }

    fn modes(&self) -> Vec<&str> {
        self.spawned.iter().map(|arguments| arguments[1].split('=').next().expect("a flag")).collect()
    }
}

impl Program for Fake {
    type Child = FakeChild;

    fn spawn(&mut self, arguments: Vec<String>, stdin: Vec<u8>) -> Result<FakeChild, SpawnError> {
        self.spawned.push(arguments);
        self.stdin = stdin;
        let run = self.runs.pop_front().expect("no more runs than expected")?;
        let (interrupts, finishes) = (Rc::clone(&self.interrupts), Rc::clone(&self.finishes));
        Ok(FakeChild { run, interrupts, finishes })
    }

    fn emit(&mut self, update: Update) {
        self.updates.push(update);
    }
}

impl Child for FakeChild {
    fn next(&mut self) -> Step {
        self.run.steps.pop_front().unwrap_or(Step::End)
    }

    fn interrupt(&mut self) {
        *self.interrupts.borrow_mut() += 1;
    }

    fn finish(&mut self, within_ms: u32) {
        assert_eq!(within_ms, LINGER_MS);
        *self.finishes.borrow_mut() += 1;
    }

    fn end(&mut self) -> (Exit, String) {
        (self.run.exit, self.run.stderr.clone())
    }
}

fn recordings() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "fixtures", "streams"].iter().collect()
}

fn recording(name: &str) -> Run {
    let output = fs::read_to_string(recordings().join(format!("{name}.stdout"))).expect("the recording");
    let meta = fs::read(recordings().join(format!("{name}.meta.json"))).expect("what is known of it");
    let meta: Value = serde_json::from_slice(&meta).expect("JSON");
    let code = i32::try_from(meta["exit"].as_i64().expect("an exit code")).expect("a small one");
    Run::new(&output.lines().collect::<Vec<_>>(), code, meta["stderr"].as_str().expect("text"))
}

/// Text, session, turns, error.
type Said<'a> = (&'a str, &'a str, u32, bool);

fn answered(name: &str, (text, session, turns, is_error): Said<'_>, denied: &[&str]) -> Fake {
    let mut fake = Fake::of([recording(name)]);
    let answer = fake.ask(false).unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
    let found = (answer.text.as_str(), answer.session.as_str(), answer.turns, answer.is_error);
    assert_eq!(found, (text, session, turns, is_error), "{name}");
    assert_eq!(answer.denied, denied, "{name}");
    assert!(answer.duration_ms > 0, "{name}");
    fake
}

const OVERLOADED: &str = "API Error: Repeated 529 Overloaded errors. The API is at capacity — this is usually temporary. Try again in a moment. If it persists, check your inference gateway (127.0.0.1:43225).";

/// Every recording that ends with an answer.
const ANSWERED: [(&str, Said<'_>, &[&str]); 10] = [
    ("01-json", ("Mock answer to: hello", "d8741921-f811-4d6e-a245-b84f6d2b8e80", 1, false), &[]),
    ("20-stream", ("Mock answer to: hello", "fe8f77f3-05e9-4d64-9a8a-901db3241262", 1, false), &[]),
    ("21-stream-partial", ("Hello big world", "89bbfc85-4cd3-4694-b074-24fb452709a4", 1, false), &[]),
    (
        "22-stream-tool",
        ("Tools done (1). Final text.", "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e", 2, false),
        &[],
    ),
    (
        "23-stream-tool-partial",
        ("Tools done (1). Final text.", "b54f7165-06b3-4c81-803f-312529fbf31f", 2, false),
        &[],
    ),
    ("24-stream-think-partial", ("Thought about it.", "d13e4004-0e54-495d-b462-efc9b1179727", 1, false), &[]),
    (
        "50b-bash-write-default",
        ("Tools done (1). Final text.", "b85dfa12-6841-429f-96e2-c42856fbf104", 2, false),
        &["Bash"],
    ),
    (
        "51q-json-verbose",
        ("Tools done (1). Final text.", "5572d887-e4d6-4626-93d4-62772936420a", 2, false),
        &[],
    ),
    (
        "60c-err401-stream",
        ("Invalid API key · Fix external API key", "79cde54a-d90f-4406-ae5e-b7c628a33ea3", 1, true),
        &[],
    ),
    ("62-errfirst", ("Recovered after errors.", "4aa7033c-71cb-4713-beb7-11395fff6b72", 1, false), &[]),
];

#[test]
fn recordings_with_an_answer() {
    for (name, said, denied) in ANSWERED {
        answered(name, said, denied);
    }
    answered("61b-err529-stream-r2", (OVERLOADED, "fc0891b1-515c-4fd4-856f-b4190184d920", 1, true), &[]);
}

#[test]
fn recordings_without_an_answer() {
    for (name, reason) in [
        ("70b-term-stream", "the agent program gave no answer and no reason (exit code 143)"),
        ("70d-int-stream", "the agent program gave no answer: error_during_execution (exit code 0)"),
    ] {
        assert_eq!(Fake::of([recording(name)]).ask(false), Err(Failure::Failed(reason.into())), "{name}");
    }
}

#[test]
fn recordings_of_a_wrong_guess_lead_to_the_other_mode() {
    for (name, started, modes) in [
        ("04-session-id-again", false, ["--session-id", "--resume"]),
        ("04c-session-id-again-stream", false, ["--session-id", "--resume"]),
        ("07-resume-missing", true, ["--resume", "--session-id"]),
        ("07b-resume-missing-stream", true, ["--resume", "--session-id"]),
    ] {
        let mut fake = Fake::of([recording(name), recording("20-stream")]);
        assert_eq!(fake.ask(started).map(|answer| answer.text), Ok("Mock answer to: hello".into()), "{name}");
        assert_eq!(fake.modes(), modes, "{name}");
        assert_eq!(fake.stdin, b"hello", "{name}");
        assert_eq!(*fake.interrupts.borrow(), 0, "{name}");
    }
}

#[test]
fn no_recording_is_left_out() {
    let mut found: Vec<_> = fs::read_dir(recordings())
        .expect("the recordings")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter_map(|name| name.strip_suffix(".stdout").map(str::to_owned))
        .collect();
    let mut known: Vec<_> = ANSWERED.iter().map(|(name, ..)| (*name).to_owned()).collect();
    for other in [
        "04-session-id-again",
        "04c-session-id-again-stream",
        "07-resume-missing",
        "07b-resume-missing-stream",
    ] {
        known.push(other.into());
    }
    known.extend(["61b-err529-stream-r2", "70b-term-stream", "70d-int-stream"].map(String::from));
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn what_it_says_on_the_way() {
    let fake = answered(ANSWERED[4].0, ANSWERED[4].1, &[]);
    let delta = |text: &str| Update::Delta(text.into());
    let id = "toolu_mock_a3fa31db5d4a4b0e".to_owned();
    let first = "I will run a command.";
    let expected = [
        delta("I "),
        delta("will "),
        delta("run "),
        delta("a "),
        delta("command."),
        Update::Replacement(first.into()),
        Update::ToolCalled {
            id: id.clone(),
            name: "Bash".into(),
            input: r#"{"command":"echo hi there","description":"Print hi"}"#.into(),
        },
        Update::ToolEnded { id, failed: false, output: "hi there".into() },
        delta("\n\nTools "),
    ];
    assert_eq!(fake.updates[..expected.len()], expected);
    assert_eq!(
        fake.updates.last(),
        Some(&Update::Replacement(format!("{first}\n\nTools done (1). Final text.")))
    );
}

#[test]
fn retries_and_denials_are_told() {
    let fake = answered("62-errfirst", ANSWERED[9].1, &[]);
    assert_eq!(fake.updates[0], Update::Note("the API answered 529; attempt 2 of 11 in 1 s".into()));
    assert_eq!(fake.updates[1], Update::Note("the API answered 529; attempt 3 of 11 in 2 s".into()));
    let denied = json!({"type":"system","subtype":"permission_denied","tool_name":"Bash","tool_use_id":"t1"})
        .to_string();
    let result = json!({"type":"result","result":"done","permission_denials":[
        {"tool_name":"Bash","tool_use_id":"t1"}, {"tool_name":"Read","tool_use_id":"t2"}, {"tool_name":7}, null]})
    .to_string();
    let mut fake = Fake::of([Run::new(&[&denied, &result], 0, "")]);
    assert_eq!(fake.ask(false).map(|answer| answer.denied), Ok(vec!["Bash".into(), "Read".into()]));
    assert_eq!(fake.updates, [Update::Denied("Bash".into()), Update::Denied("Read".into())]);
}

#[test]
fn a_wrong_guess_is_made_once() {
    let (used, gone) = (recording("04c-session-id-again-stream"), recording("07b-resume-missing-stream"));
    let mut fake = Fake::of([used, gone]);
    let failed = fake.ask(false);
    assert!(
        matches!(&failed, Err(Failure::Failed(text)) if text.contains("No conversation found")),
        "{failed:?}"
    );
    assert_eq!(fake.modes(), ["--session-id", "--resume"]);
}

#[test]
fn words_of_a_wrong_guess_beside_an_answer_are_just_words() {
    let result = r#"{"type":"result","result":"No conversation found, I said","is_error":false}"#;
    let mut fake = Fake::of([Run::new(&[result], 1, "No conversation found with session ID: x")]);
    let answer = fake.ask(true).expect("an answer");
    assert_eq!((answer.session.as_str(), answer.turns, answer.duration_ms), (SESSION, 0, 0));
    let mut fake = Fake::of([Run::new(&[], 1, "Error: port already in use")]);
    assert!(matches!(fake.ask(false), Err(Failure::Failed(text)) if text.contains("port already in use")));
}

#[test]
fn the_last_result_with_text_counts_whatever_the_exit() {
    let lines = [
        r#"{"type":"result","result":"one","num_turns":1}"#,
        r#"{"num_turns":3.0,"session_id":"3B241101-E2BB-4255-8CAF-4136C566A963","result":"two","is_error":true,"type":"result","duration_ms":7}"#,
        r#"{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["late"]}"#,
    ];
    for code in [0, 1, 143] {
        let answer = Fake::of([Run::new(&lines, code, "noise")]).ask(false).expect("an answer");
        assert_eq!(
            (answer.text.as_str(), answer.turns, answer.duration_ms, answer.is_error),
            ("two", 3, 7, true)
        );
        assert_eq!(answer.session, "3b241101-e2bb-4255-8caf-4136c566a963");
    }
}

#[test]
fn an_empty_answer_is_one_unless_it_is_an_error() {
    let cleared = r#"{"type":"result","subtype":"success","result":"","is_error":false}"#;
    assert_eq!(
        Fake::of([Run::new(&[cleared], 0, "")]).ask(false).map(|answer| answer.text),
        Ok(String::new())
    );
    let failed = r#"{"type":"result","subtype":"error_max_turns","result":"","is_error":true}"#;
    let failure = Fake::of([Run::new(&[failed], 0, "")]).ask(false);
    assert!(matches!(failure, Err(Failure::Failed(text)) if text.contains("error_max_turns")));
}

#[test]
fn told_to_stop_it_stops_and_listens_to_the_end() {
    let late = Step::Line(br#"{"type":"result","result":"late","is_error":false}"#.to_vec());
    let delta = r#"{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta","text":"part"}}}"#;
    for (step, cancelled) in [(Step::Cancelled, true), (Step::Idle, false)] {
        let run =
            Run::new(&[delta], 0, "").then(&[step.clone(), step, Step::Line(delta.into()), late.clone()]);
        let mut fake = Fake::of([run]);
        let failure = fake.ask(false).expect_err("stopped");
        assert!(if cancelled {
            failure == Failure::Cancelled
        } else {
            matches!(failure, Failure::TimedOut(_))
        });
        assert_eq!(*fake.interrupts.borrow(), 1);
        assert_eq!(fake.updates, [Update::Delta("part".into()), Update::Delta("part".into())]);
    }
}

#[test]
fn a_client_that_has_answered_and_does_not_go_has_answered() {
    let result = r#"{"type":"result","result":"done"}"#;
    for step in [Step::Cancelled, Step::Idle] {
        let mut fake = Fake::of([Run::new(&[result], 0, "").then(&[step])]);
        assert_eq!(fake.ask(false).map(|answer| answer.text), Ok("done".into()));
        assert_eq!(*fake.interrupts.borrow(), 1);
    }
}

#[test]
fn its_end_is_due_from_the_answer_on_and_anew_with_every_sign_of_life() {
    let (noise, result) = (r#"{"type":"system"}"#, r#"{"type":"result","result":"done"}"#);
    for (lines, finishes) in
        [(vec![noise, noise], 0), (vec![noise, result], 1), (vec![noise, result, noise, result], 3)]
    {
        let mut fake = Fake::of([Run::new(&lines, 0, "")]);
        assert_eq!(fake.ask(false).is_ok(), finishes > 0);
        assert_eq!(*fake.finishes.borrow(), finishes);
    }
}

#[test]
fn a_stopped_run_is_not_tried_the_other_way() {
    let mut fake = Fake::of([Run::new(&[], 1, "No conversation found").then(&[Step::Cancelled])]);
    assert_eq!(fake.ask(true), Err(Failure::Cancelled));
}

#[test]
fn a_host_that_reminds_for_ever_is_left() {
    let mut fake = Fake::of([Run::new(&[], 0, "").then(&vec![Step::Idle; 1000])]);
    assert!(matches!(fake.ask(false), Err(Failure::TimedOut(_))));
}

#[test]
fn what_cannot_be_started_says_why() {
    for (error, words) in [
        (SpawnError::Missing, "OVERLORD_AGENT_COMMAND"),
        (SpawnError::Denied, "does not allow it"),
        (SpawnError::Other("too many files".into()), "too many files"),
    ] {
        let mut fake = Fake { runs: [Err(error)].into(), ..Fake::default() };
        let failed = fake.ask(false);
        assert!(matches!(&failed, Err(Failure::Failed(text)) if text.contains(words)), "{failed:?}");
    }
}

#[test]
fn questions_that_the_client_would_not_take_never_reach_it() {
    for (session, message) in [(SESSION, " \n\t"), ("x", "hello"), ("", "hello")] {
        let mut fake = Fake::default();
        let question = Question { session: session.into(), started: false, message: message.into() };
        assert!(matches!(ask(&Settings::default(), &question, &mut fake), Err(Failure::Refused(_))));
        assert!(fake.spawned.is_empty());
    }
}

#[test]
fn hostile_output_is_survived() {
    let big = "x".repeat(10 << 20);
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let tool =
        json!({"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":big}]}});
    let call = json!({"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"Bash","input":{"x":big}}]}});
    let lines = [
        big.clone(),
        "\0\0\0".into(),
        deep.clone(),
        format!(r#"{{"type":"assistant","message":{{"content":{deep}}}}}"#),
        format!(r#"{{"type":"result","result":{deep}}}"#),
        r#"{"type":"result","type":"result","result":"twice"}"#.into(),
        r#"{"type":"result","result":{"text":"no"}}"#.into(),
        r#"{"type":["result"],"result":"no"}"#.into(),
        r#"["result"]"#.into(),
        r#"{"type":"assistant","message":"no"}"#.into(),
        r#"{"type":"assistant","message":{"content":"no"}}"#.into(),
        r#"{"type":"assistant","parent_tool_use_id":"t","message":{"content":[{"type":"text","text":"no"}]}}"#.into(),
        r#"{"type":"stream_event","event":{"type":"content_block_delta","delta":[]}}"#.into(),
        r#"{"type":"system","subtype":"api_retry","attempt":"x","error_status":null,"retry_delay_ms":-4}"#.into(),
        tool.to_string(),
        call.to_string(),
        json!({"type":"result","result":big,"session_id":"../../etc","num_turns":1e99,"duration_ms":"x","permission_denials":{}})
            .to_string(),
    ];
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut fake = Fake::of([Run::new(&lines, 0, "")]);
    let answer = fake.ask(false).expect("an answer");
    assert!(answer.text.starts_with("xxx") && answer.text.ends_with("is the most.]"));
    assert!(answer.text.len() > TEXT_MAX && answer.text.len() < TEXT_MAX + 200);
    assert_eq!((answer.session.as_str(), answer.turns, answer.duration_ms), (SESSION, u32::MAX, 0));
    let expected = [
        Update::Note("the API could not be reached; attempt 2 in 0 s".into()),
        Update::ToolEnded { id: "t".into(), failed: false, output: "x".repeat(TOOL_TEXT_MAX) },
        Update::ToolCalled {
            id: "t".into(),
            name: "Bash".into(),
            input: format!("\"{} bytes, too long to show\"", big.len() + 8),
        },
    ];
    assert_eq!(fake.updates, expected);
}
