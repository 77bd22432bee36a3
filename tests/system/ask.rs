//! What becomes of a question: it goes in as it was written, and its run goes to its end.

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup};
use serde_json::Value;

use crate::{sessions, stand_in};

/// Pieces of many scripts, of one to four bytes a character, right to left, joined and combined, with
/// what means something to shells, to JSON and to HTML.
const SCRIPTS: [&str; 10] = [
    "plain \"quoted\" 'single' `back` $HOME $(id) \\n\t\r\n",
    "Größe ærøskøbing e\u{301}\u{301} ",
    "Ελληνικά русский ",
    "日本語 中文 한국어 ",
    "עברית العربية \u{202e}ltr\u{202c} ",
    "हिन्दी ไทย ",
    "🦀👩‍💻🏳️‍🌈 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ",
    "<b>&amp;</b> {\"a\":[null]} ]]> ",
    "\u{7f}\u{85}\u{2028}\u{2029}\u{feff}\u{fffd} ",
    "\u{1b}[31mred\u{1b}[0m \u{1}\u{8}\u{c} ",
];

/// The most characters of a message.
const MOST: usize = 10_000;

#[track_caller]
fn answered(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Asks in a new session; the session and the answer.
fn ask(caller: &Caller, message: &str) -> (String, Value) {
    let session = caller.new_session();
    let answer = answered(&caller.ask(&session, message));
    (session, answer)
}

fn text(answer: &Value) -> &str {
    answer["result"].as_str().expect("a text")
}

#[test]
fn an_answer_has_the_originals_fields_in_its_order() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let answer = alice.ask(&session, "hello demo:fast");
    let json = answered(&answer);
    let fields: Vec<_> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["result", "session_id", "duration_ms", "num_turns", "is_error"]);
    assert_eq!(answer.text(), json.to_string(), "compact, as the original writes it");
    assert_eq!(json["session_id"], session.as_str());
    assert!(json["duration_ms"].is_u64() && json["num_turns"].is_u64() && json["is_error"] == false);
    assert!(text(&json).contains("demo"), "it says that it is a demo: {json}");
}

#[test]
fn a_session_goes_on_where_it_was() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (session, first) = ask(&alice, "one demo:fast");
    let second = answered(&alice.ask(&session, "two demo:fast"));
    assert!(text(&first).contains("it begins here") && text(&second).contains("it goes on"));
    let said: Vec<_> = alice.history(&session);
    let roles: Vec<_> = said.iter().map(|message| message["role"].as_str().expect("a role")).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    assert_eq!((&said[0]["text"], &said[2]["text"]), (&"one demo:fast".into(), &"two demo:fast".into()));
    assert_eq!((&said[1]["text"], &said[3]["text"]), (&first["result"], &second["result"]));
}

/// One at a time, as the limiter wants it: who has an answer is not told that their last question is still
/// being processed.
#[test]
fn whoever_has_an_answer_may_ask_again_at_once() {
    let host = Setup::new().with("AGENT_RATE_MAX", "1000").start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    for number in 0..200 {
        let answer = alice.ask(&session, "demo:fast");
        assert_eq!(answer.status, 200, "question {number}: {}", answer.text());
    }
}

#[test]
fn ten_thousand_characters_of_mixed_scripts_come_back_as_they_were() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let message: String = "demo:fast ".chars().chain(SCRIPTS.concat().chars().cycle()).take(MOST).collect();
    let (session, answer) = ask(&alice, &message);
    assert!(text(&answer).contains(&message), "the agent had another message");
    assert!(text(&answer).contains("10000 characters"), "{answer}");
    let said = alice.history(&session);
    assert_eq!((said[0]["text"].as_str(), &said[1]["text"]), (Some(&*message), &answer["result"]));
    assert_eq!(host.audited("ask_start", &session)["message_len"], MOST);
    assert_eq!(alice.ask(&session, &(message + "!")).status, 422, "one more is too many");
}

#[test]
fn a_message_that_begins_with_a_slash_is_no_command() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    for message in ["/clear demo:fast", "/config a=b demo:fast", "//demo:fast /x demo:fast"] {
        let (session, answer) = ask(&alice, message);
        assert_eq!(answer["session_id"], session.as_str(), "{message} changed the session");
        assert!(text(&answer).contains(message), "{answer}");
        assert_eq!(alice.history(&session).len(), 2, "{message} was said and answered");
    }
}

#[test]
fn a_setting_makes_commands_of_slashes() {
    let host = Setup::new().with("OVERLORD_AGENT_SETTINGS_SLASH_COMMANDS", "true").start();
    let (_, answer) = ask(&host.sign_in("alice"), "/weather");
    assert!(text(&answer).contains("no command /weather"), "{answer}");
}

#[test]
fn a_message_that_begins_with_a_dash_is_no_option() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    for message in ["--help demo:fast", "-p demo:fast", "--resume=x demo:fast", "-", "--"] {
        let (session, answer) = ask(&alice, message);
        assert!(text(&answer).contains(message), "{answer}");
        assert_eq!(alice.history(&session)[0]["text"], message);
    }
}

#[test]
fn an_answer_that_is_an_error_is_an_answer() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let (session, answer) = ask(&alice, "demo:error demo:fast");
    assert_eq!(answer["is_error"], true);
    assert!(text(&answer).starts_with("API Error: 529"), "{answer}");
    let line = host.audited("ask_ok", &session);
    assert_eq!((&line["is_error"], &line["result_preview"]), (&true.into(), &answer["result"]));
    assert!(host.audit().iter().all(|line| line["event"] != "ask_error"));
}

#[test]
fn a_result_counts_whatever_the_exit_code_and_the_rubbish_around_it() {
    let host = stand_in::instead(
        Setup::new(),
        "echo rubbish; echo '{'; echo '[1]'; answer 'first'; echo '{}'; answer 'second'; echo more; exit 7",
    )
    .start();
    let (_, answer) = ask(&host.sign_in("alice"), "hi");
    assert_eq!(text(&answer), "second", "the last one counts");
    let host = Setup::new().start();
    let (_, answer) = ask(&host.sign_in("alice"), "demo:rubbish demo:fast");
    assert!(text(&answer).contains("demo:rubbish"), "{answer}");
}

#[test]
fn an_agent_that_makes_up_ids_and_numbers_cannot_mislead() {
    let ends = [
        r#""session_id":"../../etc/passwd","num_turns":1,"duration_ms":1"#,
        r#""session_id":"","num_turns":-1,"duration_ms":-1"#,
        r#""session_id":7,"num_turns":"many","duration_ms":null"#,
        r#""num_turns":1e300,"duration_ms":18446744073709551616"#,
    ];
    for end in ends {
        let script = format!(r#"echo '{{"type":"result","is_error":false,"result":"so it is",{end}}}'"#);
        let host = stand_in::instead(Setup::new(), &script).start();
        let (session, answer) = ask(&host.sign_in("alice"), "hi");
        assert_eq!(answer["session_id"], session.as_str(), "{end}");
        assert!(answer["num_turns"].is_u64() && answer["duration_ms"].is_u64(), "{end}: {answer}");
        assert_eq!(host.audited("ask_ok", &session)["result_preview"], "so it is");
    }
}

#[test]
fn a_client_that_leaves_stops_nothing() {
    let host = stand_in::waiting(Setup::new()).start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let leaving = alice.begin_to_ask(&session, "I will not wait");
    host.audited("ask_start", &session);
    drop(leaving);
    // Its place is still taken: neither the user nor the session is free.
    assert_eq!(alice.ask(&alice.new_session(), "me again").status, 429);
    assert!(host.audit().iter().all(|line| line["event"] != "ask_ok"));
    stand_in::let_go(host.setup());
    let line = host.audited("ask_ok", &session);
    assert_eq!(line["result_preview"], "at last");
    overlord_tests::host::wait_until("a free place", || {
        (alice.ask(&session, "and now?").status == 200).then_some(())
    });
}

#[test]
fn what_was_asked_by_someone_who_left_is_in_the_history() {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    let leaving = alice.begin_to_ask(&session, "demo:slow 1 and I am gone");
    host.audited("ask_start", &session);
    drop(leaving);
    let line = host.audited("ask_ok", &session);
    let said = alice.history(&session);
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[0]["text"], "demo:slow 1 and I am gone");
    assert_eq!(line["result_len"], said[1]["text"].as_str().expect("text").chars().count());
}

#[test]
fn the_agent_has_none_of_the_hosts_variables() {
    let host = Setup::new()
        .with("ANTHROPIC_CUSTOM", "theirs")
        .with("LC_TIME", "C")
        .with("DATABASE_PASSWORD", "nobody's")
        .with("OVERLORD_LOG_LEVEL", "info")
        .start();
    let (_, answer) = ask(&host.sign_in("alice"), "demo:environment demo:fast");
    let names: Vec<_> = text(&answer).lines().collect();
    for name in ["ANTHROPIC_CUSTOM", "HOME", "LANG", "LC_TIME", "PATH"] {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    assert!(!text(&answer).contains("DATABASE_PASSWORD"), "{names:?}");
    // The one that the host sets itself.
    let own = names.iter().filter(|name| name.starts_with("OVERLORD_")).copied().collect::<Vec<_>>();
    assert_eq!(own, ["OVERLORD_REQUEST_ID"]);
}

/// A host where each user's agent has a home of its own.
fn with_homes(setup: Setup) -> Setup {
    let template = setup.folder().join("homes/{user}");
    setup.with("OVERLORD_AGENT_HOME", template)
}

fn home(host: &Host, folder: &str) -> std::path::PathBuf {
    host.setup().folder().join("homes").join(folder)
}

#[test]
fn each_user_has_a_home_and_the_history_follows() {
    let host = with_homes(Setup::new()).start();
    for (user, folder) in [("alice", "alice"), ("bob", "bob"), ("../x", "%2E.%2Fx")] {
        let caller = host.sign_in(user);
        let (session, answer) = ask(&caller, "where am I? demo:fast");
        let file = sessions::folder_in(host.setup(), &home(&host, folder)).join(format!("{session}.jsonl"));
        assert!(file.is_file(), "{} is missing", file.display());
        let said = caller.history(&session);
        assert_eq!((said.len(), &said[1]["text"]), (2, &answer["result"]));
        assert_eq!(answered(&caller.ask(&session, "and again demo:fast"))["session_id"], session.as_str());
        assert_eq!(caller.history(&session).len(), 4);
    }
    assert!(!host.setup().home().join(".claude").exists(), "nothing is in the home that all would share");
    // An admin reads and asks where the session lives.
    let alice = host.sign_in("alice");
    let (session, _) = ask(&alice, "mine demo:fast");
    let admin = host.sign_in_as("carol", &["admin"]);
    assert_eq!(admin.history(&session).len(), 2);
    answered(&admin.ask(&session, "from the house demo:fast"));
    assert_eq!(alice.history(&session).len(), 4);
}

#[test]
fn the_agents_of_two_users_do_not_see_each_others_homes() {
    let script = r#"
me=$(cat)
echo "$me" >"$HOME/private"
for user in alice bob; do
    [ "$user" = "$me" ] && continue
    cat "$HOME/../$user/private" && seen=$user
    echo spoiled >"$HOME/../$user/private" && seen=$user
done 2>/dev/null
answer "$(cat "$HOME/private") sees ${seen:-nobody}"
"#;
    let host = stand_in::instead(with_homes(Setup::new()), script).start();
    for user in ["alice", "bob", "alice"] {
        let (_, answer) = ask(&host.sign_in(user), user);
        assert_eq!(text(&answer), format!("{user} sees nobody"));
    }
    for user in ["alice", "bob"] {
        let private = std::fs::read_to_string(home(&host, user).join("private"));
        assert_eq!(private.expect("it stays where it was written"), format!("{user}\n"));
    }
}
