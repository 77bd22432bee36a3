//! What is too large, too deep or made to be slow.

mod dom;

use std::thread;
use std::time::{Duration, Instant};

use dom::wrong_with;
use overlord_render::{Live, TEXT_MAX, blocks, disagreement, document};

/// What a hostile text of 100 KB may take: a hundred times what it does, so that a machine which is
/// busy does not fail, and what is quadratic (ten seconds and more) does.
const PATIENCE: Duration = Duration::from_secs(3);

/// A thread of the host has 2 MiB.
const STACK: usize = 512 << 10;

fn fill(size: usize, piece: &str) -> String {
    piece.repeat(size / piece.len())
}

/// A text from pieces that grow by one step each.
fn growing(size: usize, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for step in 1.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&piece(step));
    }
    text
}

/// Texts that some parser of Markdown, or a highlighter, takes quadratic time for.
fn slow_ones(size: usize) -> Vec<String> {
    let pieces = [
        ">",
        "> ",
        "> > > a\n",
        "- ",
        "1. ",
        "* + - ",
        "> - ",
        ">\n",
        "[",
        "![",
        "]",
        "[]",
        "[a](",
        "[a](b",
        "[](((",
        "[a](<b",
        "[a][b]",
        "![[]()",
        "[a]: b\n",
        "*",
        "*a ",
        "*a",
        "a**b",
        "*a_ ",
        "_a *",
        "**a *a ",
        "a*** ",
        "~a ",
        "~~a ",
        "`",
        "`a",
        "<",
        "<a ",
        "<!--",
        "<!-- a -- ",
        "<?",
        "<![CDATA[",
        "<!A",
        "<a href='",
        "<h:",
        "<a@",
        "</",
        "&",
        "&#1",
        "&ampamp",
        "\\",
        "|",
        "a|b\n",
        "|a",
        "a|b\n-|-\n\n",
        "a\n=\n",
        "=",
        "#",
        "# a\n",
        "```\n",
        "~~~\n\n",
        "\n",
        " ",
        "\t",
        "   \n",
        "\r",
        "\0",
        "- a\n\n",
        "- a\n",
        "-\ta\n\t",
        "- [ ] ",
        "[^",
        "http://a ",
        "http://",
        "http://(",
        "http://a.",
        "<http://a>",
        "a\u{202e}",
        "a.b@c",
        "https://ü",
    ];
    pieces.iter().map(|piece| fill(size, piece)).chain(slow_shapes(size)).collect()
}

/// Those that are more than one piece over and over.
fn slow_shapes(size: usize) -> Vec<String> {
    let mut texts = Vec::new();
    let half = size / 2;
    texts.push(format!("{}{}", fill(half, "["), fill(half, "]")));
    texts.push(format!("{}a\n{}", fill(half, ">"), fill(half, "b\n")));
    texts.push(format!("{}a\n{}", fill(half, "- "), fill(half, "b\n")));
    texts.push(format!("{}a\n{}", fill(half, "1. "), fill(half, "b\n")));
    texts.push(format!("{}\n{}\n{}", fill(half / 2, "|a"), fill(half / 2, "|-"), fill(half, "|b\n")));
    texts.push(format!("a|b\n-|-\n{}", fill(size, "a|b\n")));
    texts.push(format!("a|b|c|d|e|f|g\n-|-|-|-|-|-|-\n{}", fill(3 * size, "a\n")));
    let wide = format!("{}\n{}\n{}\n", fill(1000, "|a"), fill(1000, "|-"), fill(1000, "|b\n"));
    texts.push(fill(size.max(10_000), &wide));
    texts.push(format!("{}{}", fill(half, "[a]: b\n"), fill(half, "[a]")));
    texts.push(format!("[a]: https://a.example/{}\n\n{}", "b".repeat(4000), fill(size, "[a]")));
    texts.push(growing(size, |step| format!("{}- a\n", "  ".repeat(step - 1))));
    texts.push(format!(
        "{}{}",
        growing(half, |step| format!("{}- a\n", "  ".repeat(step - 1))),
        fill(half, "b\n")
    ));
    let sixty_four = |step: usize| format!("{}{}a\n", " ".repeat(128 * (step - 1)), "- ".repeat(64));
    texts.push(format!("{}{}", growing(half, sixty_four), fill(half, "b\n")));
    texts.push(growing(size, |step| format!("{}a\n", ">".repeat(step))));
    texts.push(growing(size, |step| format!("{}a", "`".repeat(step))));
    texts.push(growing(size, |step| format!("[{step}]: x\n[{step}]\n")));
    texts
}

/// The same for the colours: just as much code as gets them, in languages of each shape.
fn slow_code() -> Vec<String> {
    let mut texts = Vec::new();
    let code = [
        "\"", "\\\"", "'", "\\'", "'\\", "/*", "*/", "//", "r#\"", "r#", "`", "${", "$", "@", "<", "<!--",
        "<a ", "</", "&", "a=\"", "a ", "a:", "a  ", "1+", "=/", "#", "\"\"\"", "''", "--[[", "+\n", "@@",
        "ü\"", "\n", " ", "\t", "((",
    ];
    for lang in ["rust", "js", "python", "sh", "lua", "json", "yaml", "toml", "html", "diff", "nix", "sql"] {
        for piece in code {
            texts.push(format!("```{lang}\n{}", fill(63 << 10, piece)));
        }
    }
    texts
}

#[test]
fn what_is_made_to_be_slow_is_not_and_needs_no_stack() {
    let slow = thread::Builder::new().stack_size(STACK).spawn(|| {
        for text in slow_ones(100_000).into_iter().chain(slow_code()) {
            let started = Instant::now();
            let html = document(&text);
            let took = started.elapsed();
            let about: String = text.chars().take(30).collect();
            assert!(took < PATIENCE, "{about:?} took {took:?}");
            if took > Duration::from_millis(40) {
                eprintln!("{about:?}: {took:?}, {} for {}", html.len(), text.len());
            }
            // A piece of HTML for each piece of text, and no product of two of them.
            assert!(html.len() < 45 * text.len() + 4096, "{about:?} becomes {} bytes", html.len());
        }
    });
    slow.expect("there is room for a thread").join().expect("it neither fails nor runs out of stack");
}

/// What a sanitizer, too, may take quadratic time for: only a whole megabyte shows it.
#[test]
fn as_much_as_may_be_of_what_is_escaped_is_not_slow() {
    let title = format!("[a](https://a.example/ \"{}\")", "&".repeat(TEXT_MAX - 32));
    for text in [fill(TEXT_MAX, "&"), fill(TEXT_MAX, "\u{a0}"), fill(TEXT_MAX, "\""), title] {
        let started = Instant::now();
        let html = document(&text);
        let took = started.elapsed();
        assert!(took < 3 * PATIENCE, "{text:.30} took {took:?}, {} bytes", html.len());
    }
}

#[test]
fn what_is_made_to_be_slow_is_not_slow_live() {
    for text in slow_ones(100_000).into_iter().chain(slow_code().into_iter().step_by(7)) {
        let started = Instant::now();
        let mut live = Live::new();
        for end in (0..text.len()).step_by(500) {
            live.show(&text[..text.floor_char_boundary(end)]);
        }
        live.finish(&text);
        let about: String = text.chars().take(30).collect();
        let took = started.elapsed();
        if took > Duration::from_millis(400) {
            eprintln!("{about:?}: {took:?}");
        }
        assert!(took < 3 * PATIENCE, "{about:?} took {took:?}");
    }
}

#[test]
fn what_is_made_to_be_slow_stays_on_the_lists() {
    for text in slow_ones(5_000) {
        let parts = blocks(&text);
        let about: String = text.chars().take(30).collect();
        assert_eq!(wrong_with(&parts.concat(), parts.len()), None, "{about:?}");
        assert_eq!(disagreement(&text), None, "{about:?}");
    }
    for text in slow_code().into_iter().step_by(3) {
        assert_eq!(disagreement(&text[..text.floor_char_boundary(5_000)]), None, "{text:.30}");
    }
}

#[test]
fn a_text_as_long_as_may_be_is_shown_whole_and_a_longer_one_says_so() {
    let fits = "a".repeat(TEXT_MAX);
    assert_eq!(blocks(&fits), [format!("<p dir=\"auto\">{fits}</p>")]);
    let parts = blocks(&format!("{fits}b"));
    assert_eq!(parts[0], format!("<p dir=\"auto\">{fits}</p>"));
    assert_eq!(
        parts[1..],
        ["<p class=\"cut\" dir=\"auto\">The text goes on, but is too long to be shown here.</p>"]
    );
    assert_eq!(wrong_with(&parts[1], 1), None);
    assert_eq!(disagreement(&format!("{fits}b")), None);
}

#[test]
fn what_lies_too_deep_keeps_its_text() {
    let quotes = |depth: usize| document(&format!("{}a", "> ".repeat(depth)));
    // The paragraph is an element too.
    assert_eq!(quotes(39).matches("<blockquote").count(), 39);
    assert_eq!(quotes(39).matches("<p ").count(), 1);
    assert_eq!(quotes(40).matches("<p ").count(), 0);
    for depth in [40, 41, 100, 10_000] {
        assert_eq!(quotes(depth).matches("<blockquote").count(), 40, "{depth}");
        assert!(quotes(depth).contains('a'), "{depth}");
    }
}

#[test]
fn what_begins_in_the_depth_is_whole_or_not_there() {
    let inner =
        ["|a|b|\n|-|-|\n|*c*|`d`|", "1. - a\n   - b", "```rust\n\nfn\n```", "# *a [b](https://c/)*", "***"];
    for depth in 30..45 {
        for text in inner {
            let quote = "> ".repeat(depth);
            let text = format!("{quote}{}", text.replace('\n', &format!("\n{quote}")));
            let parts = blocks(&text);
            assert_eq!(disagreement(&text), None, "{depth}: {text}");
            assert_eq!(wrong_with(&parts.concat(), parts.len()), None, "{depth}: {text}");
        }
    }
}

#[test]
fn code_has_colours_up_to_a_length() {
    let code = |length: usize| {
        let line = format!("let a = {};", "1".repeat(length - 10));
        document(&format!("```rust\n{line}\n```\n"))
    };
    assert!(code(64 << 10).contains("hl-number"));
    assert!(!code((64 << 10) + 1).contains("hl-"));
}

#[test]
fn code_has_so_many_coloured_pieces() {
    let spans =
        |pieces: usize| document(&format!("```js\n{}\n```", "1 ".repeat(pieces))).matches("<span").count();
    assert_eq!(spans(16_384), 16_384);
    assert_eq!(spans(16_385), 16_384);
    let hidden = document(&format!("```\n{}", "a\u{202e}".repeat(20_000)));
    assert_eq!(hidden.matches("<span").count(), 16_384);
}
