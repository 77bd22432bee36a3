//! What a browser makes of rendered text: read with a browser's parser, held against lists that are
//! written here once more.

use std::rc::Rc;

use html5ever::tendril::TendrilSink as _;
use html5ever::{LocalName, ParseOpts, QualName, ns, parse_fragment};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

const TAGS: &[&str] = &[
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

const CLASSES: &[&str] = &[
    "align-center",
    "align-left",
    "align-right",
    "code",
    "cut",
    "hl-comment",
    "hl-constant",
    "hl-deleted",
    "hl-function",
    "hl-heading",
    "hl-hidden",
    "hl-inserted",
    "hl-keyword",
    "hl-number",
    "hl-operator",
    "hl-string",
    "hl-type",
    "hl-variable",
];

/// Says what is wrong with HTML: something that is on no list, or that a browser would read
/// otherwise than it is written. `blocks`: how many top-level elements it is to have.
pub fn wrong_with(html: &str, blocks: usize) -> Option<String> {
    let context = QualName::new(None, ns!(html), LocalName::from("div"));
    let dom = parse_fragment(RcDom::default(), ParseOpts::default(), context, vec![], false).one(html);
    let root = dom.document.children.borrow()[0].clone();
    let children = root.children.borrow();
    let mut wrong = Vec::new();
    let mut written = String::new();
    children.iter().for_each(|child| write(child, &mut written, &mut wrong));
    if written != html {
        let at = written.bytes().zip(html.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| text.chars().skip(at.saturating_sub(40)).take(120).collect::<String>();
        wrong.push(format!("a browser reads …{}… for …{}…", near(&written), near(html)));
    }
    let elements = children.iter().filter(|child| matches!(child.data, NodeData::Element { .. })).count();
    if elements != children.len() || elements != blocks {
        wrong.push(format!("{} at the top, {elements} of them elements, for {blocks}", children.len()));
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// Writes what was read, and notes what is on no list. As deep as the writer allows, so no deeper
/// than the stack does.
fn write(node: &Handle, out: &mut String, wrong: &mut Vec<String>) {
    match &node.data {
        NodeData::Text { contents } => escape(&contents.borrow(), false, out),
        NodeData::Element { name, attrs, .. } => {
            let tag = &*name.local;
            if !TAGS.contains(&tag) || name.ns != ns!(html) {
                wrong.push(format!("a <{tag}>"));
            }
            let attrs = attrs.borrow();
            out.extend(["<", tag]);
            for attr in attrs.iter() {
                let (key, value) = (&*attr.name.local, &*attr.value);
                if !allowed(tag, key, value) {
                    wrong.push(format!("{key}=\"{value}\" of a <{tag}>"));
                }
                out.extend([" ", key, "=\""]);
                escape(value, true, out);
                out.push('"');
            }
            let has = |key: &str| attrs.iter().any(|attr| &*attr.name.local == key);
            if tag == "a" && !(has("href") && has("rel") && has("target")) {
                wrong.push("a link that lacks something".into());
            }
            out.push('>');
            let children: Vec<Rc<_>> = node.children.borrow().clone();
            for child in &children {
                write(child, out, wrong);
            }
            if !matches!(tag, "br" | "hr") {
                out.extend(["</", tag, ">"]);
            }
        }
        _ => wrong.push("what is neither an element nor text".into()),
    }
}

fn allowed(tag: &str, key: &str, value: &str) -> bool {
    match (tag, key) {
        ("a", "href") => {
            let after =
                ["http://", "https://", "mailto:"].iter().find_map(|scheme| value.strip_prefix(scheme));
            after.is_some() && !value.contains(|c: char| c.is_ascii_control() || c == ' ' || c == '"')
        }
        ("a", "rel") => value == "noopener noreferrer nofollow",
        ("a", "target") => value == "_blank",
        ("a", "title") => true,
        ("ol", "start") => value.parse::<u32>().is_ok(),
        ("pre", "data-lang") => {
            let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+#-".contains(c);
            (1..=20).contains(&value.len()) && value.chars().all(fine)
        }
        ("pre", "dir") => value == "ltr",
        ("pre" | "p" | "th" | "td" | "span", "class") => CLASSES.contains(&value),
        (_, "dir") => value == "auto",
        _ => false,
    }
}

/// As the standard has a browser write it.
fn escape(text: &str, in_attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            c => out.push(c),
        }
    }
}
