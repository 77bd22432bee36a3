//! A text that grows and changes: in the end it is what it would be at once, and on the way only what
//! changed is sent.

use overlord_render::{Live, Shown, TEXT_MAX, blocks, disagreement};

/// A reader: what is on the page.
#[derive(Default)]
struct Page {
    blocks: Vec<String>,
}

impl Page {
    /// Blocks are kept apart here by rendering the text once more, since a reader has no other way of
    /// telling them than a browser.
    fn take_in(&mut self, shown: Option<Shown>, text: &str) {
        let Some(Shown { keep, html }) = shown else { return };
        assert!(keep <= self.blocks.len(), "only what is there is kept");
        self.blocks.truncate(keep);
        let new: Vec<String> = blocks(text).split_off(keep);
        assert_eq!(new.concat(), html, "of {text:?} after {:?}", self.blocks);
        self.blocks.extend(new);
    }
}

const CORPUS: &[&str] = &[
    "# Heading\n\nA paragraph of *several* `words`,\nand a second line.\n\n- one\n- two\n\n  more\n- three\n\nAfter.\n",
    "Text\n===\n\nOther\n---\n***\n\n1. a\n2. b\n   - c\n\n\n10) d\n",
    "```rust\nfn main() {\n    println!(\"a\");\n}\n```\ntext\n~~~\nno end\n\n# not a heading\n",
    "a|b\n-|-\n1|2\n3|4\n\nx\na|b\n-|-\n1|2\ntext\n",
    "x\na|b\n-|-x\n\n|a|\n|:-:|\n|b\n> c\n",
    "> quote\nlazy\n> - list\n>\n> ```\n> code\n\n```\n> open\n\n> end",
    "    indented\n\n    more\n\n\tcode\nno code\n\n\n     x\n",
    "<div>\n<p>html\n\ntext <b>x</b>\n<!-- a\n\nb -->\nc\n\n<script>\n\n# in it\n</script>\n\n# out\n",
    "para\n#\npara\n# h\n#no\n-\npara\n- \n- a\n\n\n- b\n* c\n+ d\n1. e\n2) f\n",
    "[a] and [b][] and [c][a]\n\ntext\n\nmore\n\n[a]: https://a.example/ 'title'\n[b]:\nhttps://b.example/\n\n[a]\n",
    "[a]: https://a.example/\n\"ti\ntle\"\n\nx [a]\n\n- [a]\n\n[A]\n",
    "[a]: https://a.example/\n\"not\na\n\ntitle\n[b]:\n\nx\n",
    "- a\n  - b\n    - c\n      d\n\n    e\n\nf\n\n-   g\n\n    h\n\n      i\n",
    "a\r\nb\r\n\r\nc\rd\r\re\n\n\u{feff}f\n\tg\0\n",
    "- [ ] todo\n- [x] done\n\n![image](https://a.example/x.png)\n\nhttps://b.example/c_d_e\n\n`a\nb`\n\n``\nc\n",
    "***\n---\n___\n- - -\n* * *\n+\n\n  a\n\n+\n\n\nb\n",
    "ü\n\n漢字 *a*\n\n🦀🦀\n\n> 🦀\n",
    "\n\n\n   \n a\n\n\n\n    \n\n\n b\n",
];

#[test]
fn a_text_that_grows_ends_as_it_would_at_once() {
    for seed in 0..600 {
        let mut random = fastrand::Rng::with_seed(seed);
        let text: String = (0..random.usize(1..5)).map(|_| CORPUS[random.usize(..CORPUS.len())]).collect();
        assert_eq!(disagreement(&text), None, "seed {seed}: {text:?}");
        let largest = random.usize(2..80);
        let (mut live, mut page, mut end) = (Live::new(), Page::default(), 0);
        while end < text.len() {
            end = text.ceil_char_boundary((end + random.usize(1..largest)).min(text.len()));
            page.take_in(live.show(&text[..end]), &text[..end]);
            assert_eq!(page.blocks, blocks(&text[..end]), "seed {seed}: {:?}", &text[..end]);
        }
        assert_eq!(live.finish(&text), None, "nothing was held back of a short text");
    }
}

#[test]
fn a_text_that_is_replaced_ends_as_the_new_one() {
    for seed in 0..600 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut live, mut page) = (Live::new(), Page::default());
        let mut text = String::new();
        for _ in 0..12 {
            let kept = text.floor_char_boundary(random.usize(..=text.len()));
            if random.u8(..3) == 0 {
                text.truncate(kept);
            }
            let piece = CORPUS[random.usize(..CORPUS.len())];
            text.push_str(&piece[piece.floor_char_boundary(random.usize(..piece.len()))..]);
            page.take_in(live.show(&text), &text);
            assert_eq!(page.blocks, blocks(&text), "seed {seed}: {text:?}");
        }
        page.take_in(live.finish(""), "");
        assert!(page.blocks.is_empty());
    }
}

#[test]
fn what_is_certain_is_not_sent_again() {
    let mut live = Live::new();
    assert_eq!(live.show("# a\n\nb").map(|shown| shown.keep), Some(0));
    let shown = live.show("# a\n\nb c").expect("it has grown");
    assert_eq!(shown, Shown { keep: 1, html: "<p dir=\"auto\">b c</p>".into() });
    assert_eq!(live.show("# a\n\nb c\n\n"), None);
    let shown = live.show("# a\n\nb c\n\n```\nd").expect("it has grown");
    assert_eq!(shown.keep, 2);
    assert!(shown.html.starts_with("<pre"), "an open fence is code from its beginning: {}", shown.html);
}

#[test]
fn a_name_that_is_defined_late_changes_what_came_before() {
    let before = "see [a]\n\nx\n\ny\n\nz\n\n";
    let mut live = Live::new();
    live.show(before);
    let after = format!("{before}[a]: https://a.example/\n");
    let shown = live.show(&after).expect("the first block has a link now");
    assert_eq!(shown.keep, 0);
    assert!(shown.html.contains("href"));
}

#[test]
fn a_long_text_in_small_steps_takes_time_in_proportion() {
    let paragraphs = "A sentence of *some* words, and `code`.\n\n".repeat(TEXT_MAX / 41);
    let code = format!("```rust\n{}", "let a = \"b\"; // c\n".repeat(TEXT_MAX / 18));
    let one_line = "word ".repeat(TEXT_MAX / 5);
    let named = format!("[a]: https://a.example/\n\n{}", "A sentence of [a].\n\n".repeat(TEXT_MAX / 20));
    for text in [paragraphs, code, one_line, named] {
        let mut live = Live::new();
        let (mut sent, mut steps) = (0, 0);
        let started = std::time::Instant::now();
        for end in (0..text.len()).step_by(text.len() / 10_000) {
            steps += 1;
            sent += live.show(&text[..end]).map_or(0, |shown| shown.html.len());
        }
        live.finish(&text);
        let took = started.elapsed();
        assert!(steps >= 10_000);
        // Counted work, which is the same on every machine: what was sent is what was rendered.
        let whole = blocks(&text).concat().len();
        eprintln!("{:?}: {took:?}, sent {sent} for {whole}", text.get(..12));
        assert!(sent < 100 * whole, "{sent} bytes were sent for {whole}");
        assert!(took.as_secs() < 60, "it took {took:?}");
    }
}

#[test]
fn little_that_is_new_of_much_is_held_back_and_no_more() {
    let long = "word ".repeat(8 << 10);
    let mut live = Live::new();
    live.show(&long);
    assert_eq!(live.show(&format!("{long}{}", "a".repeat(long.len() / 16 - 1))), None);
    assert!(live.show(&format!("{long}{}", "a".repeat(long.len() / 14))).is_some());
    let mut live = Live::new();
    live.show(&long);
    assert!(live.finish(&format!("{long}a")).is_some());
    let short = "a".repeat(8 << 10);
    let mut live = Live::new();
    live.show(&short[1..]);
    assert!(live.show(&short).is_some());
}

#[test]
fn a_text_that_becomes_too_long_ends_with_a_note_once() {
    let fits = format!("a\n\n{}", "b".repeat(TEXT_MAX - 3));
    let mut live = Live::new();
    assert!(!live.finish(&fits).expect("all is new").html.contains("class=\"cut\""));
    let shown = live.show(&format!("{fits}c")).expect("the note is new");
    assert_eq!(shown.keep, 2);
    assert!(shown.html.starts_with("<p class=\"cut\""));
    assert_eq!(live.show(&format!("{fits}cd")), None);
    assert_eq!(blocks(&format!("{fits}cd")).len(), 3);
}
