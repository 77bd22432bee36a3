//! What good Markdown becomes.

use overlord_render::{blocks, disagreement, document};

#[track_caller]
fn check(markdown: &str, html: &str) {
    assert_eq!(document(markdown), html, "{markdown}");
    assert_eq!(disagreement(markdown), None);
}

#[test]
fn prose() {
    check(
        "# A *title*\n\nText with **strong**, `code <b>` and ~~old~~  \nlines.\n\n***\n",
        "<h1 dir=\"auto\">A <em>title</em></h1><p dir=\"auto\">Text with <strong>strong</strong>, \
         <code>code &lt;b&gt;</code> and <del>old</del><br>lines.</p><hr>",
    );
}

#[test]
fn lists_and_quotes() {
    check(
        "- a\n- [x] b\n- [ ] c\n\n7. d\n\n   e\n",
        "<ul dir=\"auto\"><li dir=\"auto\">a</li><li dir=\"auto\">☑ b</li><li dir=\"auto\">☐ c</li></ul>\
         <ol start=\"7\" dir=\"auto\"><li dir=\"auto\"><p dir=\"auto\">d</p><p dir=\"auto\">e</p></li></ol>",
    );
    check(
        "> a\n> > b",
        "<blockquote dir=\"auto\"><p dir=\"auto\">a</p><blockquote dir=\"auto\"><p dir=\"auto\">b</p></blockquote></blockquote>",
    );
}

#[test]
fn links_and_images() {
    check(
        "[a](https://a.example/ \"t\") <mailto:b@c.example>",
        "<p dir=\"auto\"><a href=\"https://a.example/\" title=\"t\" rel=\"noopener noreferrer nofollow\" \
         target=\"_blank\">a</a> <a href=\"mailto:b@c.example\" rel=\"noopener noreferrer nofollow\" \
         target=\"_blank\">mailto:b@c.example</a></p>",
    );
    check(
        "![a cat](https://a.example/cat.png) ![](https://a.example/dog.png) ![here](cat.png)",
        "<p dir=\"auto\"><a href=\"https://a.example/cat.png\" rel=\"noopener noreferrer nofollow\" \
         target=\"_blank\">a cat</a> <a href=\"https://a.example/dog.png\" rel=\"noopener noreferrer nofollow\" \
         target=\"_blank\">image</a> here</p>",
    );
    check("[a](src/main.rs) and [b](#c)", "<p dir=\"auto\">a and b</p>");
}

#[test]
fn an_address_in_a_sentence_is_a_link_and_one_in_code_is_not() {
    check(
        "See https://a.example/b_c_d(e), or `https://a.example/`.",
        "<p dir=\"auto\">See <a href=\"https://a.example/b_c_d(e)\" rel=\"noopener noreferrer nofollow\" \
         target=\"_blank\">https://a.example/b_c_d(e)</a>, or <code>https://a.example/</code>.</p>",
    );
}

#[test]
fn a_table() {
    check(
        "|a|b|c|\n|-|:-:|-:|\n|1|*2*|3\n",
        "<table><thead><tr><th dir=\"auto\">a</th><th class=\"align-center\" dir=\"auto\">b</th>\
         <th class=\"align-right\" dir=\"auto\">c</th></tr></thead><tbody><tr><td dir=\"auto\">1</td>\
         <td class=\"align-center\" dir=\"auto\"><em>2</em></td><td class=\"align-right\" dir=\"auto\">3</td>\
         </tr></tbody></table>",
    );
}

#[test]
fn html_is_shown_as_it_was_written() {
    check("a <b>c</b>", "<p dir=\"auto\">a &lt;b&gt;c&lt;/b&gt;</p>");
    check(
        "<div>\n <p>a\n</div>\n\nb",
        "<p dir=\"auto\">&lt;div&gt;<br> &lt;p&gt;a<br>&lt;/div&gt;</p><p dir=\"auto\">b</p>",
    );
}

#[test]
fn code() {
    check("    a\n", "<pre class=\"code\" dir=\"ltr\"><code>a\n</code></pre>");
    check("~~~\na\n", "<pre class=\"code\" dir=\"ltr\"><code>a\n</code></pre>");
    check("```", "<pre class=\"code\" dir=\"ltr\"><code></code></pre>");
    check(
        "```Brainfuck x\n+\n```",
        "<pre class=\"code\" data-lang=\"brainfuck\" dir=\"ltr\"><code>+\n</code></pre>",
    );
}

/// The colours of a code, as `class:piece`.
#[track_caller]
fn colours(lang: &str, code: &str, expected: &str) {
    let text = format!("```{lang}\n{code}\n```\n");
    let html = document(&text);
    assert_eq!(disagreement(&text), None);
    let pieces: Vec<String> = html
        .split("<span class=\"hl-")
        .skip(1)
        .map(|piece| piece.split("</span>").next().unwrap_or_default().replacen("\">", ":", 1))
        .map(|piece| piece.replace("&lt;", "<").replace("&gt;", ">"))
        .collect();
    assert_eq!(pieces.join(" "), expected, "{html}");
}

#[test]
fn colours_of_rust() {
    colours(
        "rust",
        "/// Doc\nfn f(x: &'a str) -> Vec<u8> { g(b'x', r#\"a\"b\"#, 1_0.5); None } // 'e'",
        "comment:/// Doc keyword:fn function:f operator:&amp; type:str operator:-> \
         type:Vec operator:< type:u8 operator:> function:g string:b'x' string:r#\"a\"b\"# number:1_0.5 \
         constant:None comment:// 'e'",
    );
}

#[test]
fn colours_of_scripts() {
    colours(
        "python",
        "@app.get(\"/\")\nasync def f(x: int = 1):\n    '''a\n    b'''\n    return None # c",
        "function:@app.get string:\"/\" keyword:async keyword:def function:f type:int operator:= number:1 \
         string:'''a\n    b''' keyword:return constant:None comment:# c",
    );
    colours(
        "sh",
        "if [ $# -gt 0 ]; then echo \"$HOME\" ${x:-y} | grep a#b; fi # c",
        "keyword:if number:0 keyword:then keyword:echo string:\"$HOME\" variable:${x:-y} operator:| keyword:fi \
         comment:# c",
    );
    colours(
        "ts",
        "const a: string = `b ${c}`; // d\nexport class E extends F {}",
        "keyword:const type:string operator:= string:`b ${c}` comment:// d keyword:export keyword:class type:E \
         keyword:extends type:F",
    );
    colours(
        "sql",
        "SELECT count(*) FROM a -- b",
        "keyword:SELECT function:count operator:* keyword:FROM comment:-- b",
    );
}

#[test]
fn colours_of_settings_and_documents() {
    colours(
        "json",
        "{\"a\": \"b\", \"c\": [1, true]}",
        "variable:\"a\" string:\"b\" variable:\"c\" number:1 constant:true",
    );
    colours("toml", "[a]\nb-c = \"d\" # e", "heading:[a] variable:b-c string:\"d\" comment:# e");
    colours("yaml", "a: b # c\nd: 'e'\nf: g#h", "variable:a comment:# c variable:d string:'e' variable:f");
    colours(
        "diff",
        "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same",
        "heading:--- a heading:+++ b heading:@@ -1 +1 @@ deleted:-old inserted:+new",
    );
    colours(
        "html",
        "<a href=\"x\">y &amp; z</a><!-- c --><br/>",
        "keyword:<a variable:href string:\"x\" keyword:> constant:&amp;amp; keyword:</a keyword:> \
         comment:<!-- c --> keyword:<br keyword:/>",
    );
}

#[test]
fn what_cannot_be_seen_in_code_can() {
    colours("js", "a /*\u{202e}b*/ \u{200b}c", "comment:/* hidden:\u{202e} comment:b*/ hidden:\u{200b}");
    colours("", "a\u{2066}\u{2067}b", "hidden:\u{2066}\u{2067}");
}

#[test]
fn each_block_is_one_of_the_list() {
    let parts = blocks("a\n\n- b\n\n```\nc\n```\n***\n");
    let starts: Vec<_> = parts.iter().map(|part| &part[..3]).collect();
    assert_eq!(starts, ["<p ", "<ul", "<pr", "<hr"]);
    assert!(blocks("").is_empty() && blocks(" \n\n").is_empty());
    assert!(blocks("[a]: https://a.example/\n").is_empty());
}
