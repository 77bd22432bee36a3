//! Slots of several components: who is let in by which of them, which of them count a question, and
//! where each writes its lines.

use std::fs;
use std::sync::Barrier;
use std::thread;

use overlord_tests::caller::{Answer, Caller};
use overlord_tests::host::{Host, Setup, wait_until};
use rustix::process::{Signal, kill_process};
use uuid::Uuid;

use crate::made::{Does, Shelf, broken, digest, generation, logged, remarked, unwelcoming_auth};
use crate::stand_in;

/// A setup with this configuration file.
fn with_file(setup: Setup, text: &str) -> Setup {
    let file = setup.folder().join("overlord.toml");
    fs::write(&file, text).expect("writing a configuration");
    setup.with("OVERLORD_CONFIG", &file)
}

/// Has a host read another configuration.
fn reload(host: &Host, text: &str) {
    fs::write(host.setup().folder().join("overlord.toml"), text).expect("writing a configuration");
    kill_process(host.pid(), Signal::HUP).expect("the host runs");
}

fn ask(caller: &Caller) -> Answer {
    caller.ask(&Uuid::new_v4().to_string(), "hi")
}

/// How many questions in a row are answered before one is refused for the number of them.
#[track_caller]
fn answered_in_a_row(caller: &Caller) -> usize {
    let mut answered = 0;
    loop {
        let answer = ask(caller);
        if answer.status == 429 {
            assert!(answer.text().contains("Rate limit exceeded"), "{}", answer.text());
            return answered;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        answered += 1;
    }
}

fn knock(caller: &Caller) -> u16 {
    caller.send("POST", "/agent/sessions/new", &[], None).status
}

/// The value of the cookie that another application signs for somebody.
fn of_the_other_application(secret: &str) -> String {
    let made = Setup::new().with("OVERLORD_SECRET_KEY", secret).command(["cookie", "olga"]).output();
    let cookie = String::from_utf8(made.expect("running `overlord cookie`").stdout).expect("text");
    cookie.trim().split_once('=').expect("NAME=VALUE").1.to_owned()
}

#[test]
fn whoever_one_of_two_applications_signs_in_is_let_in() {
    const THEIRS: &str = "the secret of the other application";
    let text = format!(
        "[[auth.then]]\ncomponent = 'auth-cookie'\nname = 'other'\n\
         settings = {{ secret = '{THEIRS}', own_cookie = 'theirs' }}\n"
    );
    let host = with_file(Setup::new(), &text).start();
    assert_eq!(knock(&host.sign_in("alice")), 200);
    let value = of_the_other_application(THEIRS);
    let with = |cookie: &str| knock(&host.anyone().with_cookie(Some(cookie)));
    // Under the name that the entry has from the host, and under the one that it names itself.
    assert_eq!(with(&format!("session={value}")), 200);
    assert_eq!(with(&format!("theirs={value}")), 200);
    assert_eq!(with(&format!("others={value}")), 401);
    let forged = of_the_other_application("a secret that nobody knows here");
    assert_eq!((with(&format!("theirs={forged}")), with(&format!("session={forged}"))), (401, 401));
    assert_eq!(knock(&host.anyone()), 401);
    logged(&host, &["a credential from", "is not genuine"]);
}

#[test]
fn the_first_that_admits_is_enough_and_one_that_breaks_ends_the_search() {
    let (setup, shelf) = Shelf::new(Setup::new());
    shelf.put("auth-broken", &broken("auth-policy", Does::Trap));
    let last = "[[auth.then]]\ncomponent = 'auth-broken'\n";
    let first = "[auth]\ncomponent = 'auth-broken'\n[[auth.then]]\ncomponent = 'auth-cookie'\n";
    let host = with_file(setup, last).start();
    let alice = host.sign_in("alice");
    assert_eq!(knock(&alice), 200, "the one who would break was asked");
    assert_eq!(knock(&host.anyone()), 503, "one that breaks says nothing of a credential");
    reload(&host, first);
    generation(&host, 2);
    assert_eq!(knock(&alice), 503, "one that breaks is no reason to ask another");
    // Signing in asks the first one that gives anything.
    assert!(host.sign_in("bob").cookie().is_some());
}

#[test]
fn whoever_is_not_welcome_is_not_let_in_by_another() {
    let (setup, shelf) = Shelf::new(Setup::new());
    shelf.put("auth-nobody", &unwelcoming_auth("closed today"));
    let last = "[[auth.then]]\ncomponent = 'auth-nobody'\n";
    let first = "[auth]\ncomponent = 'auth-nobody'\n[[auth.then]]\ncomponent = 'auth-cookie'\n";
    let host = with_file(setup, last).start();
    let alice = host.sign_in("alice");
    assert_eq!((knock(&alice), knock(&host.anyone())), (200, 403));
    reload(&host, first);
    generation(&host, 2);
    assert_eq!(knock(&alice), 403);
}

/// Five for each, three for all of them.
const EACH_AND_ALL: &str = "[limit.settings]\nmax = 5\n\
    [[limit.then]]\ncomponent = 'limit-window'\nname = 'everybody'\ncell = 'all'\nsettings = { max = 3 }\n";

#[test]
fn what_one_limiter_refuses_no_other_counts() {
    let host = with_file(stand_in::counting(Setup::new()), EACH_AND_ALL).start();
    let (alice, bob) = (host.sign_in("alice"), host.sign_in("bob"));
    assert_eq!(answered_in_a_row(&alice), 3);
    for _ in 0..3 {
        assert_eq!(ask(&alice).status, 429);
        assert_eq!(ask(&bob).status, 429, "everybody's three are gone");
    }
    // Without the second one, what the first has counted shows: three of hers and none of his.
    reload(&host, "[limit.settings]\nmax = 5\n");
    generation(&host, 2);
    assert_eq!((answered_in_a_row(&alice), answered_in_a_row(&bob)), (2, 5));
    // And what the first refuses the second does not count: three of three hundred are remembered.
    reload(&host, &EACH_AND_ALL.replace("max = 3", "max = 4"));
    generation(&host, 3);
    assert_eq!((ask(&alice).status, ask(&bob).status), (429, 429));
    assert_eq!(answered_in_a_row(&host.sign_in("carol")), 1);
}

#[test]
fn those_who_have_a_role_share_and_others_are_passed_over() {
    let text = "[limit]\nname = 'staff'\ncell = 'role:staff'\n[limit.settings]\nmax = 2\n";
    let host = with_file(stand_in::counting(Setup::new()), text).start();
    let (alice, bob) = (host.sign_in_as("alice", &["staff"]), host.sign_in_as("bob", &["x", "staff"]));
    assert_eq!((ask(&alice).status, ask(&bob).status), (200, 200));
    assert_eq!((ask(&alice).status, ask(&bob).status), (429, 429));
    let carol = host.sign_in("carol");
    for _ in 0..3 {
        assert_eq!(ask(&carol).status, 200, "nobody limits her");
    }
}

#[test]
fn of_many_callers_at_once_as_many_pass_as_all_of_them_may() {
    const CALLERS: usize = 40;
    const MAX: usize = 11;
    let text = format!(
        "[agent]\nrunning_max = 128\n[[limit.then]]\ncomponent = 'limit-window'\nname = 'all'\ncell = 'all'\n\
         settings = {{ max = {MAX} }}\n"
    );
    let host = with_file(stand_in::counting(Setup::new()), &text).start();
    let callers: Vec<_> = (0..CALLERS).map(|n| host.sign_in(&format!("user{n}"))).collect();
    let ready = Barrier::new(CALLERS);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let ask_at_once = |caller| {
            let ready = &ready;
            scope.spawn(move || {
                ready.wait();
                ask(caller).status
            })
        };
        let asking: Vec<_> = callers.iter().map(ask_at_once).collect();
        asking.into_iter().map(|asking| asking.join().expect("an answer")).collect()
    });
    let of = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((of(200), of(429)), (MAX, CALLERS - MAX), "{statuses:?}");
}

/// The second limiter has a question wait; the first has not counted it then. Each counts it once.
#[test]
fn a_question_that_waits_is_counted_once_by_each() {
    let text = "[limit.settings]\nmax = 2\nconcurrency = 9\n\
        [[limit.then]]\ncomponent = 'limit-window'\nname = 'one-at-a-time'\n\
        settings = { max = 2, concurrency = 1, queue = 5 }\n";
    let host = with_file(stand_in::waiting(Setup::new()), text).start();
    let alice = host.sign_in("alice");
    let asked = |session: &str| {
        let (alice, session) = (alice.clone(), session.to_owned());
        thread::spawn(move || alice.ask(&session, "hi").status)
    };
    let (one, two) = (alice.new_session(), alice.new_session());
    let first = asked(&one);
    host.audited("ask_start", &one);
    let second = asked(&two);
    host.audited("ask_queued", &two);
    stand_in::let_go(host.setup());
    assert_eq!(first.join().expect("an answer"), 200);
    assert_eq!(second.join().expect("an answer"), 200, "it was counted twice");
    assert_eq!(answered_in_a_row(&alice), 0, "it was not counted");
}

/// The lines of the event `name` in a file.
fn lines(text: &str, name: &str) -> usize {
    text.lines().filter(|line| line.contains(&format!("\"event\": \"{name}\""))).count()
}

#[test]
fn each_audit_component_writes_its_line() {
    let setup = Setup::new();
    let own = setup.folder().join("log/second.jsonl");
    let text = format!(
        "[[audit.then]]\ncomponent = 'audit-jsonl'\nname = 'second'\nfile = '{}'\n\
         [[audit.then]]\ncomponent = 'audit-jsonl'\nname = 'third'\n",
        own.display()
    );
    let host = with_file(stand_in::counting(setup), &text).start();
    assert_eq!(ask(&host.sign_in("alice")).status, 200);
    let main = fs::read_to_string(host.setup().data().join("audit.jsonl")).expect("the audit log");
    let second = fs::read_to_string(&own).expect("a file of its own");
    for event in ["ask_start", "ask_ok"] {
        assert_eq!((lines(&main, event), lines(&second, event)), (2, 1), "{event}: {main}{second}");
    }
}

#[test]
fn an_audit_file_of_its_own_is_hidden_from_the_agent() {
    const READER: &str =
        "cat >/dev/null\nanswer \"$(tr -d '\"' <\"$(cat place)\" 2>/dev/null | tr '\\n' ' ')\"\n";
    // No wall covers this folder with one of its own, as it does `/tmp`.
    let folder = tempfile::TempDir::with_prefix_in("chains-", env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let own = folder.path().join("log/second.jsonl");
    let text =
        format!("[[audit.then]]\ncomponent = 'audit-jsonl'\nname = 'second'\nfile = '{}'\n", own.display());
    let host = stand_in::instead(with_file(Setup::new(), &text), READER).start();
    fs::write(host.setup().workspace().join("place"), own.to_str().expect("text")).expect("saying where");
    let answer = ask(&host.sign_in("alice"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["result"], "");
    assert!(fs::read_to_string(&own).expect("the host wrote it").contains("ask_start"));
    // One that the wall does not know is not taken.
    reload(&host, &text.replace("second.jsonl", "third.jsonl"));
    logged(&host, &["the configuration was not taken", "third.jsonl", "restart the host"]);
}

#[test]
fn the_fail_mode_of_the_slot_holds_for_each() {
    let (setup, shelf) = Shelf::new(Setup::new());
    shelf.put("audit-broken", &broken("audit-policy", Does::Trap));
    let text = |fail: &str| format!("[audit]\nfail = '{fail}'\n[[audit.then]]\ncomponent = 'audit-broken'\n");
    let host = with_file(stand_in::counting(setup), &text("open")).start();
    assert_eq!(ask(&host.sign_in("alice")).status, 200);
    let main = fs::read_to_string(host.setup().data().join("audit.jsonl")).expect("the audit log");
    assert_eq!(lines(&main, "ask_start"), 1, "{main}");
    assert!(main.contains("written by the host: the audit component failed"), "{main}");
    let (_, setup) = host.stop();
    let host = with_file(setup, &text("closed")).start();
    assert_eq!(ask(&host.sign_in("alice")).status, 503);
}

#[test]
fn a_file_is_taken_by_all_that_hold_it_or_by_none() {
    let (setup, shelf) = Shelf::new(Setup::new());
    let host = with_file(stand_in::counting(setup), EACH_AND_ALL).start();
    generation(&host, 1);
    let bytes = remarked("limit-window", "another");
    shelf.put("limit-window", &bytes);
    let (line, digest) = (generation(&host, 2), digest(host.setup(), &bytes));
    let both = format!("limit=limit-window@{digest},everybody:limit-window@{digest}");
    assert!(line.contains(&both), "{line}");
    shelf.put("limit-window", &broken("limit-policy", Does::TrapAtStart));
    logged(&host, &["limit-window.wasm was not taken", "generation 2 serves on"]);
    assert_eq!(ask(&host.sign_in("alice")).status, 200);
}

#[test]
fn an_entry_whose_settings_are_not_taken_keeps_the_host_from_serving() {
    let text = EACH_AND_ALL.replace("max = 3", "maxx = 3");
    let setup = with_file(Setup::new(), &text);
    let checked = setup.command(["check"]).output().expect("running overlord");
    let said = String::from_utf8(checked.stdout).expect("text");
    assert!(said.contains("everybody:limit-window  BAD: ") && said.contains("'maxx'"), "{said}");
    assert_eq!(checked.status.code(), Some(1));
    let good = with_file(setup, EACH_AND_ALL);
    let said = good.command(["check"]).output().expect("running overlord").stdout;
    let said = String::from_utf8(said).expect("text");
    assert!(
        said.contains("limit          limit-window@") && said.contains("everybody:limit-window@"),
        "{said}"
    );
    let host = good.start();
    reload(&host, &text);
    logged(&host, &["the configuration was not taken", "maxx"]);
    assert_eq!(wait_until("an answer", || Some(knock(&host.sign_in("alice")))), 200);
}

#[test]
fn a_limiter_finds_what_it_remembers_itself_and_nothing_of_anothers_of_the_same_name() {
    let window = "[limit]\nname = 'people'\ncomponent = 'limit-window'\n[limit.settings]\nmax = 1\n";
    let bucket =
        "[limit]\nname = 'people'\ncomponent = 'limit-bucket'\n[limit.settings]\nrate_per_h = 1\nburst = 2\n";
    let host = with_file(Setup::new(), window).start();
    assert_eq!(answered_in_a_row(&host.sign_in("alice")), 1);
    reload(&host, bucket);
    generation(&host, 2);
    assert_eq!(answered_in_a_row(&host.sign_in("alice")), 2, "it begins anew");
    // Its cell has a form, and is read again as it was written.
    let host = host.kill().start();
    assert_eq!(answered_in_a_row(&host.sign_in("alice")), 0);
    reload(&host, window);
    generation(&host, 3);
    assert_eq!(answered_in_a_row(&host.sign_in("alice")), 0, "and so does the other one");
}
