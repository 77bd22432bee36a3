//! The agent's processes: what reaches them, how they are stopped, and that nothing of them is left,
//! neither by themselves, nor when they misbehave, nor when the host is killed.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;

use overlord_tests::caller::Answer;
use overlord_tests::host::{Host, PATH, Setup, wait_until};
use overlord_tests::namespaces::processes;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::json;

use crate::processes_wall::missing;
use crate::stand_in;

/// The one variable of Overlord's own that a program has, which the host sets and nobody else.
const REQUEST_ID: &str = "OVERLORD_REQUEST_ID";

/// What every process of an agent bears, and all that it leaves behind.
const TAG: &str = "AGENT_TAG";

/// Asks as alice in a new session.
fn ask(host: &Host, message: &str) -> Answer {
    let alice = host.sign_in("alice");
    alice.ask(&alice.new_session(), message)
}

/// The processes of a host's agents: those that bear its folder and a tag.
fn left(setup: &Setup) -> Vec<i32> {
    let folder = setup.folder().display().to_string();
    let all = processes().expect("reading the processes");
    let of_agents = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        environment.contains(&folder) && environment.contains(TAG)
    };
    all.into_iter().filter(of_agents).collect()
}

/// Asks something, asserts the status and the words of the answer, and that no process is left.
#[track_caller]
fn ends(setup: Setup, message: &str, status: u16, words: &str) {
    let host = setup.start();
    let answer = ask(&host, message);
    assert_eq!(answer.status, status, "{message}: {}", answer.text());
    assert!(answer.text().contains(words), "{message}: {}", answer.text());
    wait_until("the end of all processes", || left(host.setup()).is_empty().then_some(()));
    // The place is free again. Whether the next one is quick enough for the limits is not the matter.
    let next = ask(&host, "demo:fast");
    assert!([200, 502].contains(&next.status), "{}", next.text());
}

fn limited(name: &str, value: &str) -> Setup {
    Setup::new().with(&format!("OVERLORD_AGENT_{name}"), value)
}

#[test]
fn only_what_is_listed_reaches_the_agent() {
    let setup = Setup::new()
        .with("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
        .with("CLAUDE_CODE_X", "1")
        .with("LC_ALL", "C.UTF-8")
        .with("https_proxy", "http://127.0.0.1:9")
        .with("AWS_SECRET_ACCESS_KEY", "never")
        .with("ANTHROPI", "not quite")
        .with("SSH_AUTH_SOCK", "/never");
    let answer = ask(&setup.start(), "demo:fast demo:environment").json();
    let text = answer["result"].as_str().expect("text").to_owned();
    let block = text.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a list");
    let names: BTreeSet<_> = block.lines().collect();
    let expected = BTreeSet::from([
        TAG,
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_X",
        "HOME",
        "LANG",
        "LC_ALL",
        REQUEST_ID,
        "PATH",
        "https_proxy",
    ]);
    assert_eq!(names, expected);
}

#[test]
fn the_list_is_a_setting_and_never_lets_overlords_own_through() {
    let setup = Setup::new().with("OVERLORD_AGENT_ENVIRONMENT", "*").with("SOMETHING_ELSE", "1");
    let text = ask(&setup.start(), "demo:fast demo:environment").text();
    assert!(text.contains("SOMETHING_ELSE"), "{text}");
    assert!(!text.replace(REQUEST_ID, "").contains("OVERLORD_"), "{text}");
}

#[test]
fn detached_processes_end_with_their_question() {
    for wall in walls() {
        ends(limited("WALL", wall), "demo:fast demo:orphan 3", 200, "demo");
    }
}

#[test]
fn detached_processes_that_hold_on_to_the_output_end_with_their_question() {
    ends(Setup::new(), "demo:fast demo:clingy 2", 200, "demo");
}

#[test]
fn a_program_that_stays_after_its_answer_is_ended() {
    ends(Setup::new(), "demo:fast demo:stay", 200, "demo");
}

#[test]
fn a_program_that_stays_and_hears_no_signal_is_ended() {
    ends(Setup::new(), "demo:fast demo:deaf demo:stay", 200, "demo");
}

#[test]
fn a_program_that_takes_too_long_is_stopped() {
    ends(
        limited("TIME_LIMIT_S", "1"),
        "demo:slow 600",
        502,
        "the agent took longer than 1 s and was stopped",
    );
}

#[test]
fn a_program_that_takes_too_long_and_hears_no_signal_is_killed() {
    let words = "the agent took longer than 1 s and was stopped";
    ends(limited("TIME_LIMIT_S", "1"), "demo:deaf demo:orphan demo:hang", 502, words);
}

#[test]
fn a_program_that_says_nothing_is_stopped() {
    ends(
        limited("IDLE_LIMIT_S", "1"),
        "demo:fast demo:hang",
        502,
        "the agent said nothing for 1 s and was stopped",
    );
}

#[test]
fn a_program_that_says_too_much_is_stopped() {
    let words = "the agent wrote more than 1 MiB and was stopped";
    ends(limited("OUTPUT_MAX_BYTES", "1048576"), "demo:fast demo:flood 64", 502, words);
}

#[test]
fn a_program_that_floods_by_the_gigabyte_is_stopped_and_the_host_stays_small() {
    let host = Setup::new().start();
    let answer = ask(&host, "demo:fast demo:flood 1024");
    let detail = json!({"detail": "the agent wrote more than 64 MiB and was stopped"});
    assert_eq!((answer.status, answer.json()), (502, detail));
    let status =
        fs::read_to_string(format!("/proc/{}/status", host.pid().as_raw_nonzero())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak < 200 << 10, "the host took {peak} KiB");
}

#[test]
fn a_line_without_an_end_is_stopped() {
    ends(
        Setup::new(),
        "demo:fast demo:line 40",
        502,
        "the agent wrote a line of more than 32 MiB and was stopped",
    );
}

#[test]
fn a_program_that_complains_by_the_megabyte_is_answered_all_the_same() {
    ends(Setup::new(), "demo:fast demo:stderr 8192", 200, "demo");
}

#[test]
fn a_program_that_is_not_there_is_one_sentence() {
    let host = Setup::new().with("OVERLORD_AGENT_COMMAND", "/no/such/program --with words").start();
    let answer = ask(&host, "hello");
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(host.anyone().get("/agent/health").json()["agent"], "program --with words");
}

#[test]
fn nothing_is_left_when_the_host_is_killed() {
    for wall in walls() {
        for message in ["demo:fast demo:orphan 2 demo:clingy 2 demo:hang", "demo:deaf demo:orphan demo:hang"]
        {
            let host = limited("WALL", wall).start();
            let alice = host.sign_in("alice");
            let _connection = alice.begin_to_ask(&alice.new_session(), message);
            // The program and what it detached.
            wait_until("the processes", || (left(host.setup()).len() >= 2).then_some(()));
            let setup = host.kill();
            wait_until("the end of all processes", || left(&setup).is_empty().then_some(()));
        }
    }
}

/// The walls that this machine can have and that differ in how processes are found and ended: the best
/// one, one without namespaces, and none.
fn walls() -> impl Iterator<Item = &'static str> {
    let all = ["auto", "landlock", "none-i-trust-the-agent"];
    all.into_iter().filter(|wall| *wall != "landlock" || missing(wall).is_none())
}

/// A process as a host leaves it behind where even its launcher could not end it.
fn straggler(tag: &str) -> Child {
    let mut sleep = Command::new("sleep");
    sleep.arg("600").env_clear().env("PATH", PATH).env(TAG, tag);
    sleep.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("starting a process")
}

#[test]
fn a_start_ends_what_an_earlier_host_left_and_nothing_of_another() {
    let (_, setup) = Setup::new().start().stop();
    let id = fs::read_to_string(setup.data().join("id")).expect("the folder's id");
    let run = "3b241101-e2bb-4255-8caf-4136c566a962";
    let mut own = straggler(&format!("{}:{run}", id.trim()));
    let mut others = straggler(&format!("{run}:{run}"));

    let host = setup.start();
    let ended = wait_until("the end of the straggler", || own.try_wait().expect("looking at it"));
    assert!(!ended.success(), "{ended}");
    let line = "ended 1 processes that an earlier host with this data folder had left behind";
    assert!(host.output().contains(line), "{}", host.output());
    let alive = others.try_wait().expect("looking at it").is_none();
    others.kill().expect("it is the test's own");
    others.wait().expect("it was killed");
    assert!(alive, "another host's process was ended");
}

#[test]
fn two_hosts_leave_each_other_alone() {
    let (one, other) = (Setup::new().start(), stand_in::waiting(Setup::new()).start());
    let alice = other.sign_in("alice");
    let session = alice.new_session();
    let asking = {
        let (alice, session) = (alice.clone(), session.clone());
        thread::spawn(move || alice.ask(&session, "hello"))
    };
    other.audited("ask_start", &session);
    let restarted = one.kill().start();
    assert_eq!(ask(&restarted, "demo:fast").status, 200);
    let (status, _) = restarted.stop();
    assert!(status.success(), "{status}");
    assert!(!asking.is_finished(), "nobody has let it go");
    stand_in::let_go(other.setup());
    assert_eq!(asking.join().expect("an answer").status, 200);
}

#[test]
fn fifty_questions_leave_no_descriptor_and_no_zombie() {
    let host = Setup::new().with("OVERLORD_LIMIT_SETTINGS_MAX", "1000").start();
    let alice = host.sign_in("alice");
    let session = alice.new_session();
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    // A host hides its descriptors from everybody, so it is given few: what is lost is missed.
    let few = Rlimit { current: Some(64), maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(Some(host.pid()), Resource::Nofile, few).expect("limiting what is the test's own");
    for count in 0..50 {
        let message =
            ["demo:fast", "demo:fast demo:orphan", "demo:fast demo:exit", "demo:fast demo:crash"][count % 4];
        let answer = alice.ask(&session, message);
        assert!(
            [200, 502].contains(&answer.status) && (answer.status == 200) == (count % 4 < 2),
            "{}",
            answer.text()
        );
    }
    assert_eq!(alice.ask(&session, "demo:fast").status, 200);
    let zombies = || children(host.pid()).into_iter().filter(|(_, state)| state == "Z").count();
    wait_until("the end of all zombies", || (zombies() == 0).then_some(()));
}

/// The children of a process, each with its state.
fn children(parent: Pid) -> Vec<(i32, String)> {
    let all = processes().expect("reading the processes");
    let of = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let (state, above) = (fields.next()?.to_owned(), fields.next()?.parse::<i32>().ok()?);
        (above == parent.as_raw_nonzero().get()).then_some((pid, state))
    };
    all.into_iter().filter_map(of).collect()
}
