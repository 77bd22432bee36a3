//! `history-claude`, the component, over real directories: what it shows of recorded session files,
//! every window, the files that are none it should trust, and the list of sessions.

use std::path::Path;
use std::time::{Duration, SystemTime};

use overlord::capability::files::Directory;
use overlord::domain::{SessionId, Title};
use overlord::sandbox::hooks::{Kind, Message, Page, Role, Window};
use overlord::sandbox::{Broken, History, Policy};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::policy;

/// What each recorded file shows, by the plain program `tests/fixtures/shown/make.py`.
const SHOWN: &str = include_str!("../fixtures/shown/shown.json");

const CWD: &str = "/srv/work";
const SESSION: &str = "0a1b2c3d-4e5f-4789-abcd-ef0123456789";

/// A configuration directory of the client's, and the policy that reads it.
struct Place {
    folder: TempDir,
    policy: Policy<History>,
    below: String,
}

impl Place {
    async fn new(cwd: &str) -> Self {
        let folder = TempDir::with_prefix("overlord-history-").expect("making a folder");
        let policy: Policy<History> = policy("history-claude", &[("cwd", cwd)]).await;
        let directory = Directory::open(folder.path()).expect("it is there");
        let below = policy.directory(directory).await.expect("it knows its directory");
        std::fs::create_dir_all(folder.path().join(&below)).expect("making a folder");
        Self { folder, policy, below }
    }

    /// A place whose one session has this file.
    async fn with(file: &[u8]) -> Self {
        let place = Self::new(CWD).await;
        place.put(SESSION, file);
        place
    }

    fn put(&self, session: &str, file: &[u8]) {
        std::fs::write(self.path(session), file).expect("writing a session");
    }

    fn path(&self, session: &str) -> std::path::PathBuf {
        self.folder.path().join(&self.below).join(format!("{session}.jsonl"))
    }

    fn directory(&self) -> Directory {
        Directory::open(self.folder.path()).expect("it is there")
    }

    async fn read(&self, window: Window, messages: u32, bytes: u64) -> Result<Option<Page>, Broken> {
        let session = SessionId::parse(SESSION).expect("it is an id");
        self.policy.read(self.directory(), session, window, messages, bytes, false).await
    }

    async fn page(&self, window: Window, messages: u32, bytes: u64) -> Page {
        self.read(window, messages, bytes).await.expect("it can be read").expect("it is there")
    }

    /// The whole session, page after page in the direction of `since`.
    async fn forwards(&self, messages: u32, bytes: u64) -> Vec<Value> {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let page = self.page(Window::Since(from), messages, bytes).await;
            assert!(page.messages.len() <= messages as usize);
            all.extend(page.messages.iter().map(told));
            if !page.more {
                return all;
            }
            assert!(page.next > from, "a page gets ahead: {} after {from}", page.next);
            from = page.next;
        }
    }

    /// The same from the end.
    async fn backwards(&self, messages: u32, bytes: u64) -> Vec<Value> {
        let (mut all, mut window, mut last) = (Vec::new(), Window::Tail, u64::MAX);
        loop {
            let page = self.page(window, messages, bytes).await;
            assert!(page.messages.len() <= messages as usize);
            all.splice(0..0, page.messages.iter().map(told));
            if !page.more {
                return all;
            }
            assert!(page.next < last, "a page gets back: {} before {last}", page.next);
            last = page.next;
            window = Window::Before(last);
        }
    }

    async fn texts(&self) -> Vec<String> {
        let all = self.forwards(u32::MAX, u64::MAX).await;
        all.iter().map(|message| message[2].as_str().expect("text").to_owned()).collect()
    }
}

fn told(message: &Message) -> Value {
    assert!(message.asides.is_empty(), "the plain form has none");
    let role = match message.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let kind = match message.kind {
        Kind::Text => "text",
        Kind::Marker => "marker",
        Kind::Error => "error",
    };
    json!([role, kind, message.text, message.timestamp, message.offset])
}

fn said(text: &str) -> String {
    format!("{}\n", json!({"type": "user", "message": {"role": "user", "content": text}}))
}

fn recordings() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sessions");
    let entries = std::fs::read_dir(folder).expect("the recordings are part of the checkout");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_stem().expect("a name").to_str().expect("text").to_owned();
            (name, std::fs::read(path).expect("a recording"))
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn shows_of_each_recording_what_a_chat_view_shows() {
    let shown: Value = serde_json::from_str(SHOWN).expect("it is JSON");
    let recordings = recordings();
    assert_eq!(recordings.len(), shown.as_object().expect("by name").len());
    for (name, file) in recordings {
        let place = Place::with(&file).await;
        assert_eq!(json!(place.forwards(u32::MAX, u64::MAX).await), shown[&name], "{name}");
    }
}

#[tokio::test]
async fn every_window_meets_each_message_once_and_in_order() {
    let shown: Value = serde_json::from_str(SHOWN).expect("it is JSON");
    for (name, file) in recordings() {
        let place = Place::with(&file).await;
        for messages in [1, 2, 3, 7] {
            for bytes in [1, 5000, u64::MAX] {
                let how = format!("{name}, {messages} messages and {bytes} bytes a page");
                assert_eq!(json!(place.forwards(messages, bytes).await), shown[&name], "{how}");
                assert_eq!(
                    json!(place.backwards(messages, bytes).await),
                    shown[&name],
                    "{how}, from the end"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_window_may_begin_anywhere() {
    let (_, file) = recordings().swap_remove(0);
    let place = Place::with(&file).await;
    let all = place.page(Window::Since(0), u32::MAX, u64::MAX).await.messages;
    let size = file.len() as u64;
    for at in (0..size).step_by(211).chain([size - 1, size]) {
        let since = place.page(Window::Since(at), u32::MAX, u64::MAX).await;
        let before = place.page(Window::Before(at), u32::MAX, u64::MAX).await;
        let after: Vec<_> = all.iter().filter(|message| message.offset >= at).map(told).collect();
        let earlier: Vec<_> = all.iter().filter(|message| message.offset < at).map(told).collect();
        assert_eq!(since.messages.iter().map(told).collect::<Vec<_>>(), after, "since {at}");
        assert_eq!(before.messages.iter().map(told).collect::<Vec<_>>(), earlier, "before {at}");
    }
}

#[tokio::test]
async fn a_window_beyond_the_end_is_an_end_seen_from_behind_and_a_cut_file_seen_from_before() {
    let file = said("only");
    let place = Place::with(file.as_bytes()).await;
    for at in [file.len() as u64 + 1, u64::MAX] {
        assert_eq!(place.page(Window::Before(at), 10, u64::MAX).await.messages.len(), 1, "before {at}");
        let outcome = place.read(Window::Since(at), 10, u64::MAX).await;
        let Err(Broken::Fault(message)) = &outcome else { panic!("since {at}: {outcome:?}") };
        assert!(message.contains("cut short"), "{message}");
    }
}

#[tokio::test]
async fn a_session_without_a_file_is_none() {
    let place = Place::new(CWD).await;
    assert!(place.read(Window::Tail, 10, 1000).await.expect("it looks").is_none());
    let session = SessionId::parse(SESSION).expect("it is an id");
    assert_eq!(place.policy.locate(place.directory(), session).await.expect("it looks"), None);
    place.put(SESSION, b"");
    assert!(place.policy.locate(place.directory(), session).await.expect("it looks").is_some());
    assert!(place.texts().await.is_empty());
}

#[tokio::test]
async fn a_session_that_can_be_found_and_not_read_is_a_fault() {
    let place = Place::new(CWD).await;
    std::os::unix::fs::symlink("/etc/passwd", place.path(SESSION)).expect("making a link");
    let outcome = place.read(Window::Tail, 10, 1000).await;
    let Err(Broken::Fault(message)) = &outcome else { panic!("{outcome:?}") };
    assert!(message.contains(SESSION), "{message}");
}

#[tokio::test]
async fn a_line_of_10_mb_is_one_message() {
    let long = "é\"\n\u{1f980} ".repeat(10 << 17);
    let file = said("before") + &said(&long) + &said("after");
    assert!(file.len() > 10 << 20);
    let place = Place::with(file.as_bytes()).await;
    let texts = place.texts().await;
    assert_eq!((texts.len(), texts[0].as_str(), texts[2].as_str()), (3, "before", "after"));
    assert!(texts[1] == long, "the long one is whole");
    assert_eq!(place.backwards(1, 1000).await.len(), 3);
}

#[tokio::test]
async fn a_last_line_that_is_cut_off_waits_until_it_is_written() {
    let (first, last) = (said("first"), said("last"));
    for length in 1..last.len() - 1 {
        let place = Place::with(format!("{first}{}", &last[..length]).as_bytes()).await;
        let page = place.page(Window::Since(0), 10, u64::MAX).await;
        assert_eq!(page.messages.len(), 1, "{length} bytes of the last line");
        place.put(SESSION, format!("{first}{last}").as_bytes());
        let rest = place.page(Window::Since(page.next), 10, u64::MAX).await;
        let texts: Vec<_> = rest.messages.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts, ["last"], "{length} bytes of the last line");
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_spoil_neither_the_message_nor_the_others() {
    let mut file = said("before").into_bytes();
    file.extend(b"{\"type\":\"user\",\"message\":{\"content\":\"a\xff\xc3b\"}}\n");
    file.extend([b"\xff\xfe\x00\n".as_slice(), said("after").as_bytes()].concat());
    let place = Place::with(&file).await;
    assert_eq!(place.texts().await, ["before", "a\u{fffd}\u{fffd}b", "after"]);
}

#[tokio::test]
async fn lines_that_mean_harm_are_passed_over() {
    let deep = |part: &str, depth| part.repeat(depth);
    let hostile = [
        String::new(),
        "\0".repeat(100_000),
        "null".into(),
        "[]".into(),
        "{".into(),
        deep("[", 200_000),
        deep("{\"message\":", 200_000),
        format!("{{\"type\":\"user\",\"message\":{}", deep("[", 1_000_000)),
        format!("{{\"type\":\"user\",\"message\":{{\"content\":{}{}}}}}", deep("[", 200_000), deep("]", 200_000)),
        "{\"type\":\"user\",\"message\":{\"content\":\"no end".into(),
        "{\"type\":\"user\",\"message\":{\"content\":\"\\".into(),
        "{\"type\":\"user\",\"message\":{\"content\":7}}".into(),
        "{\"type\":\"user\",\"message\":{\"content\":[null,{},{\"type\":\"text\"},{\"type\":\"text\",\"text\":7}]}}".into(),
        "{\"type\":[\"user\"],\"message\":{\"content\":\"x\"}}".into(),
        "{\"type\":\"user\",\"message\":\"x\"}".into(),
        "{\"type\":\"user\"}".into(),
        "\u{feff}{}".into(),
    ];
    let file = hostile.iter().fold(said("before"), |file, line| file + line + "\n") + &said("after");
    let place = Place::with(file.as_bytes()).await;
    assert_eq!(place.texts().await, ["before", "after"]);
    assert_eq!(place.backwards(1, 4096).await.len(), 2);
}

#[tokio::test]
async fn random_bytes_are_no_messages_and_no_trouble() {
    let mut random = fastrand::Rng::with_seed(5);
    let alphabet = br#"{}[]":,\ntrue0e-"type""user""message""content""text"\u00"#;
    for length in [1, 1000, 100_000, 3_000_000] {
        let file: Vec<u8> =
            (0..length)
                .map(|_| {
                    if random.u8(..9) == 0 { random.u8(..) } else { alphabet[random.usize(..alphabet.len())] }
                })
                .collect();
        let place = Place::with(&file).await;
        assert_eq!(place.forwards(100, 1 << 20).await, place.backwards(100, 1 << 20).await);
    }
}

#[tokio::test]
async fn paths_are_encoded_as_the_client_encodes_them() {
    let pairs: Vec<Value> =
        serde_json::from_str(include_str!("../fixtures/cwd-encoding.json")).expect("recordings are JSON");
    assert!(pairs.iter().any(|pair| pair["cwd"].as_str().expect("text").len() > 200));
    for pair in &pairs {
        let cwd = pair["cwd"].as_str().expect("text");
        let policy: Policy<History> = policy("history-claude", &[("cwd", cwd)]).await;
        let nowhere = Directory::open(Path::new("/nowhere/at/all")).expect("one that is missing is empty");
        let found = policy.directory(nowhere).await.expect("it knows its directory");
        assert_eq!(found, format!("projects/{}", pair["dir"].as_str().expect("text")), "{cwd}");
    }
}

#[tokio::test]
async fn a_session_of_a_workspace_with_a_long_path_is_found() {
    let place = Place::new(&format!("/srv/{}", "long/".repeat(100))).await;
    place.put(SESSION, said("found").as_bytes());
    assert_eq!(place.texts().await, ["found"]);
}

#[tokio::test]
async fn sessions_are_listed_newest_first_with_titles_and_sizes() {
    let place = Place::new(CWD).await;
    let id = |number: usize| format!("0a1b2c3d-4e5f-4789-abcd-{number:012}");
    let recordings = recordings();
    for (number, (_, file)) in recordings.iter().enumerate() {
        place.put(&id(number), file);
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123 + number as u64);
        let file = std::fs::File::options().append(true).open(place.path(&id(number))).expect("opening");
        file.set_modified(modified).expect("setting a file's time");
    }
    for name in ["notes.jsonl", "0A1B2C3D-4E5F-4789-ABCD-000000000001.jsonl", "x.json"] {
        std::fs::write(place.folder.path().join(&place.below).join(name), "{}").expect("writing");
    }
    std::fs::create_dir(place.path(&id(99))).expect("a directory with a session's name");
    let listed = place.policy.sessions(place.directory(), 100).await.expect("it lists");
    let found: Vec<_> = listed
        .iter()
        .map(|session| (session.session.to_string(), session.modified.0, session.size))
        .collect();
    // The last custom title, or else the last prompt.
    let titles = [
        "go [[err:529]]",
        "third question",
        "My chat é",
        "after the kill",
        "after the kill",
        "go [[think]]",
        "go [[tool]]",
        "go [[tool:touch made_by_bash.txt]]",
        "after both",
        "two",
    ];
    let mut expected: Vec<_> = recordings
        .iter()
        .enumerate()
        .map(|(number, (_, file))| (id(number), 1_700_000_000_123 + number as u64, file.len() as u64))
        .collect();
    expected.reverse();
    assert_eq!(found, expected);
    let ids: Vec<_> = (0..titles.len()).chain([99, 1000]).map(id).collect();
    let ids: Vec<_> = ids.iter().map(|id| SessionId::parse(id).expect("an id")).collect();
    let named = place.policy.titles(place.directory(), &ids).await.expect("it names them");
    let named: Vec<_> = named.iter().map(|title| title.as_ref().map(Title::as_str)).collect();
    let expected: Vec<_> = titles.iter().copied().map(Some).chain([None, None]).collect();
    assert_eq!(named, expected, "a folder and a file that is not there have none");
    let few = place.policy.sessions(place.directory(), 3).await.expect("it lists");
    assert_eq!(
        few.iter().map(|session| session.session.to_string()).collect::<Vec<_>>(),
        [id(9), id(8), id(7)]
    );
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_fault_that_names_them() {
    let long = format!("/{}", "x".repeat(1_000_000));
    let tables: [(&[(&str, &str)], &str); 5] = [
        (&[], "`cwd` is missing"),
        (&[("cwd", "relative")], "`cwd` must be an absolute path"),
        (&[("cwd", &long)], "`cwd` must be an absolute path"),
        (&[("cwd", "/w"), ("cwd", "/w")], "`cwd` is there twice"),
        (&[("cwd", "/w"), ("cdw", "/w")], "there is no setting `cdw`"),
    ];
    for (settings, words) in tables {
        let policy: Policy<History> = policy("history-claude", settings).await;
        let nowhere = Directory::open(Path::new("/nowhere/at/all")).expect("one that is missing is empty");
        match policy.sessions(nowhere, 1).await {
            Err(Broken::Fault(message)) => assert!(message.contains(words), "{message:.300}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}
