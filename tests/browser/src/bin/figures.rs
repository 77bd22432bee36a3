//! `make bench-page`: what the page costs in a real browser against a real host: its size on the wire,
//! how soon something is painted, how soon the newest message of a large session can be seen. Owns what
//! is measured; each load is one of a browser that has seen nothing before.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use history_claude::place::Session;
use overlord_browser_tests::{Browser, Opening};
use overlord_tests::host::{Host, Setup, wait_until};
use overlord_tests::session_files::{SESSION, write_messages, write_real_mix, write_text_heavy};
use serde_json::{Value, json};

/// Loads of each kind: an odd number, so that the median is one of them.
const LOADS: usize = 7;

/// Who looks.
const USER: &str = "alice";

/// The least size of a large file.
const BYTES: u64 = 64 << 20;

/// The messages of a long one.
const MESSAGES: u64 = 100_000;

/// Notes in `shownAt` when the last message of the history is on the screen: it was there when a frame
/// was made, and the next frame has begun.
const WATCH: &str = "
    const look = () => {
        const last = [...document.querySelectorAll('#pages .message')].at(-1);
        const place = last?.getBoundingClientRect();
        const isSeen = place && place.height > 0 && place.bottom <= innerHeight;
        requestAnimationFrame(isSeen ? () => { globalThis.shownAt = performance.now() } : look);
    };
    addEventListener('DOMContentLoaded', look);";

/// Files of the page, bytes with heads and compressed, bytes as they are.
const SIZES: &str = "
    const files = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(file => !new URL(file.name).pathname.startsWith('/agent/'));
    const sum = field => files.reduce((all, file) => all + file[field], 0);
    return [files.length, sum('transferSize') / 1024, sum('decodedBodySize') / 1024];";

const PAINTS: &str = "
    const paint = name => performance.getEntriesByName(name)[0]?.startTime ?? null;
    return [paint('first-paint'), paint('first-contentful-paint')];";

/// A line of the table.
struct Row {
    what: String,
    unit: &'static str,
    samples: Vec<f64>,
}

/// What writes a session's file.
type Writer = fn(&mut BufWriter<File>) -> io::Result<()>;

fn main() {
    let mut rows = page();
    let kinds: [(&str, Writer); 3] = [
        ("newest message of 64 MiB, the client's mix", |out| write_real_mix(out, BYTES).map(drop)),
        ("newest message of 64 MiB, mostly text", |out| write_text_heavy(out, BYTES).map(drop)),
        ("newest of 100,000 messages", |out| write_messages(out, MESSAGES)),
    ];
    rows.extend(kinds.map(|(what, write)| newest(what, write)));
    print!("{}", table(&rows));
}

/// The page with nothing in it yet.
fn page() -> Vec<Row> {
    let host = Setup::new().start();
    let row = |what: &str, unit| Row { what: what.to_owned(), unit, samples: Vec::new() };
    let mut rows = vec![
        row("the page's files", ""),
        row("  on the wire, with heads", "KiB"),
        row("  unpacked", "KiB"),
        row("first paint", "ms"),
        row("first contentful paint", "ms"),
    ];
    for _ in 0..LOADS {
        let browser = open(&host);
        browser.go("/");
        browser.role("button", "New session");
        let paints = wait_until("a paint", || {
            let paints = browser.script(PAINTS, &[]);
            paints[1].is_number().then_some(paints)
        });
        let sizes = browser.script(SIZES, &[]);
        let found = sizes.as_array().into_iter().chain(paints.as_array()).flatten();
        for (row, sample) in rows.iter_mut().zip(found) {
            row.samples.push(number(sample));
        }
    }
    rows
}

/// From the address to the end of a session.
fn newest(what: &str, write: Writer) -> Row {
    let setup = Setup::new();
    let workspace = setup.workspace().canonicalize().expect("it was just made");
    let session = Session::new(SESSION).expect("it is an id");
    let path = session.path(workspace.to_str().expect("its path is text"));
    let file = setup.home().join(".claude").join(path);
    std::fs::create_dir_all(file.parent().expect("it lies in a folder"))
        .expect("making the session's folder");
    let mut out = BufWriter::new(File::create(&file).expect("making the session's file"));
    write(&mut out).and_then(|()| out.flush()).expect("writing the session's file");
    let host = setup.start();
    let mut samples = Vec::new();
    for _ in 0..LOADS {
        let browser = open(&host);
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", &json!({"source": WATCH}));
        browser.go(&format!("/#/s/{SESSION}"));
        let shown = wait_until("the newest message", || {
            let shown = browser.script("return globalThis.shownAt ?? null", &[]);
            shown.is_number().then_some(shown)
        });
        samples.push(number(&shown));
    }
    Row { what: what.to_owned(), unit: "ms", samples }
}

/// A browser that has seen nothing, for somebody who is signed in.
fn open(host: &Host) -> Browser {
    let browser = Opening::at(host.address()).open();
    browser.sign_in(&host.sign_in(USER));
    browser
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// All rows, in columns.
fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    let mut text =
        format!("{:<width$}  {:<4}  {:>7}  {:>7}  {:>7}\n", "the page", "unit", "median", "min", "max");
    for Row { what, unit, samples } in rows {
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let [median, min, max] = [sorted.len() / 2, 0, sorted.len() - 1].map(|place| sorted[place]);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what:<width$}  {unit:<4}  {median:>7.0}  {min:>7.0}  {max:>7.0}");
    }
    text
}
