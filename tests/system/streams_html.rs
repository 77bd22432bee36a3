//! The same text as HTML: patches that fold to one page, and nothing in it that could act.

use overlord_tests::events::{Event, Stream};
use overlord_tests::host::Setup;

/// What a page must never be given, whatever the text says.
const ATTEMPTS: [&str; 8] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1)></svg>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) ![d](javascript:alert(1))",
    "<form action=http://elsewhere.example><button>x</button></form><style>*{display:none}</style>",
    "<a href='http://elsewhere.example' onclick=alert(1) style='position:fixed'>x</a><base href=//elsewhere.example>",
    "![e](http://elsewhere.example/pixel.png) <math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
];

/// Elements that have no end.
const VOID: [&str; 4] = ["br", "hr", "input", "img"];

/// A tag of serialized HTML: its name, whether it is an end, and where it ends.
fn tag(html: &str) -> (String, bool, usize) {
    let mut quoted = false;
    let end = html.char_indices().find(|&(_, c)| {
        quoted ^= c == '"';
        c == '>' && !quoted
    });
    let end = end.map_or(html.len(), |(at, _)| at + 1);
    let inner = html[1..end].trim_end_matches('>');
    let name = inner.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next();
    (name.unwrap_or_default().to_ascii_lowercase(), inner.starts_with('/'), end)
}

/// The elements at the top of sanitized HTML, each whole.
fn blocks(html: &str) -> Vec<String> {
    let (mut blocks, mut depth, mut at, mut from) = (Vec::new(), 0_usize, 0, 0);
    while let Some(next) = html[at..].find('<') {
        let (name, ends, length) = tag(&html[at + next..]);
        if depth == 0 {
            from = at + next;
        }
        at += next + length;
        match (ends, VOID.contains(&name.as_str())) {
            (true, _) => depth = depth.checked_sub(1).unwrap_or_else(|| panic!("an end too many: {html}")),
            (false, false) => depth += 1,
            (false, true) => {}
        }
        if depth == 0 {
            blocks.push(html[from..at].to_owned());
        }
    }
    assert_eq!(depth, 0, "something is open at the end: {html}");
    blocks
}

/// The segments that patches leave, each its blocks.
#[track_caller]
fn fold(events: &[Event]) -> Vec<Vec<String>> {
    let mut segments: Vec<Vec<String>> = Vec::new();
    for event in events.iter().filter(|event| event.name == "html") {
        let number =
            |name: &str| usize::try_from(event.data[name].as_u64().expect("a number")).expect("small");
        let (segment, keep) = (number("segment"), number("keep"));
        assert!(segment <= segments.len(), "a segment is left out: {event:?}");
        if segment == segments.len() {
            segments.push(Vec::new());
        }
        assert!(keep <= segments[segment].len(), "more is kept than there is: {event:?}");
        segments[segment].truncate(keep);
        segments[segment].extend(blocks(event.data["html"].as_str().expect("HTML is text")));
    }
    segments
}

#[track_caller]
fn rendered(message: &str) -> Vec<Event> {
    let host = Setup::new().start();
    let alice = host.sign_in("alice");
    let mut stream = Stream::ask_at(&alice, "/agent/ask?html=true", &alice.new_session(), message);
    assert_eq!(stream.status, 200);
    let events = stream.rest();
    assert_eq!(events.last().map(|event| event.name.as_str()), Some("done"), "{events:?}");
    assert!(events.iter().all(|event| event.name != "delta" && event.name != "replace"));
    let run = events[0].data["run_id"].as_str().expect("an id");
    let again = Stream::watch_at(&alice, &format!("/agent/runs/{run}/events?html=true"), None).rest();
    assert_eq!(fold(&again), fold(&events), "who comes late sees the same");
    events
}

#[test]
fn patches_fold_to_the_whole() {
    let events = rendered("demo:tool demo:fast **bold** and `code`");
    let segments = fold(&events);
    assert_eq!(segments.len(), 2, "before the tool and after it: {segments:?}");
    let done = events.last().expect("an end").data["html"].as_str().expect("HTML is text");
    assert_eq!(segments[1], blocks(done));
    let call = events.iter().find(|event| event.name == "tool").expect("a tool");
    assert_eq!(call.data["after"], 0, "{call:?}");
}

#[test]
fn nothing_that_an_agent_says_can_act() {
    let events = rendered(&format!("demo:fast {}", ATTEMPTS.join("\n\n")));
    let done = events.last().expect("an end").data["html"].as_str().expect("HTML is text").to_owned();
    let patches = events.iter().filter(|event| event.name == "html");
    for html in patches.filter_map(|event| event.data["html"].as_str()).chain([done.as_str()]) {
        for part in html.split('<').skip(1) {
            let (name, ends, length) = tag(&format!("<{part}"));
            let forbidden =
                ["script", "style", "iframe", "form", "button", "svg", "math", "base", "img", "object"];
            assert!(!forbidden.contains(&name.as_str()), "<{part}");
            let inner = part[..length.saturating_sub(1).min(part.len())].to_ascii_lowercase();
            assert!(!inner.contains(" on") && !inner.contains(" style="), "<{part}");
            let leads = ["http:", "https:", "mailto:", "#"];
            if let (false, Some((_, to))) = (ends, inner.split_once("href=\"")) {
                assert!(leads.iter().any(|scheme| to.starts_with(scheme)), "<{part}");
                assert!(inner.contains("rel=\"noopener noreferrer nofollow\""), "<{part}");
            }
        }
    }
    assert!(done.contains("elsewhere.example/pixel.png"), "an image is a link to it: {done}");
}
