//! A few pages for the harness to show what it sees, and the server that has them. Nothing of
//! Overlord's is here.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// As strict as a page can bear.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src *; \
                      require-trusted-types-for 'script'";

/// Nothing is wrong with it.
const GOOD: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Good</title>
<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,">
<script src="/script.js" defer></script></head><body><main><h1>A good page</h1>
<label for="field">Message</label> <textarea id="field"></textarea>
<button id="send">Send</button> <button hidden>Send</button> <button aria-label="Send later">…</button>
<div role="status" id="said"></div></main></body></html>"#;

const STYLE: &str = "body { background: #fff; color: #111; margin: 0 } main { height: 4000px }
    @media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }";

const SCRIPT: &str = "const field = document.getElementById('field'), said = document.getElementById('said');
    document.getElementById('send').onclick = () => setTimeout(() => { said.textContent = field.value }, 50);
    field.onkeydown = event => { if (event.ctrlKey && event.key === 'Enter') said.textContent = 'by key' };";

/// A picture without a text, a button without a name, text that can hardly be read.
const FAULTY: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Faulty</title>
<link rel="stylesheet" href="/faint.css"><link rel="icon" href="data:,"></head><body><main><h1>A faulty page</h1>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">
<button></button><p>Hardly to be read.</p></main></body></html>"#;

/// It says an error of its own, and it throws one that nobody catches.
const LOUD: &str =
    "console.log('all is well'); console.error('all is not well'); throw new Error('uncaught')";

/// It has a script inline, which its policy forbids.
const INLINE: &str = r#"<!doctype html><html lang="en"><head><title>Inline</title><link rel="icon" href="data:,">
</head><body><script>document.title = 'it ran'</script></body></html>"#;

/// It asks someone else.
const FOREIGN: &str = "fetch('http://elsewhere.example/').catch(() => { document.title = 'in vain' })";

/// Its script asks itself, again and again.
const ASKING: &str = "setInterval(() => fetch('/style.css').then(
    () => { document.title = 'reached' }, () => { document.title = 'cut off' }), 50)";

fn with(script: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><title>Before</title><link rel=icon href='data:,'>\
         <script src=/{script} defer></script></head><body><h1>A page</h1></body></html>"
    )
}

/// Serves the pages until the test process ends.
pub fn serve() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listening");
    listener.set_nonblocking(true).expect("a socket can be that");
    let address = listener.local_addr().expect("it is bound");
    let file = |kind: &'static str, text: String| {
        get(move || async move { ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)], text) })
    };
    let (html, js) = ("text/html; charset=utf-8", "text/javascript; charset=utf-8");
    let pages = Router::new()
        .route("/good", file(html, GOOD.to_owned()))
        .route("/faulty", file(html, FAULTY.to_owned()))
        .route("/inline", file(html, INLINE.to_owned()))
        .route("/loud", file(html, with("loud.js")))
        .route("/foreign", file(html, with("foreign.js")))
        .route("/asking", file(html, with("asking.js")))
        .route("/style.css", file("text/css", STYLE.to_owned()))
        .route("/faint.css", file("text/css", "p { color: #ccc; background: #fff }".to_owned()))
        .route("/script.js", file(js, SCRIPT.to_owned()))
        .route("/loud.js", file(js, LOUD.to_owned()))
        .route("/foreign.js", file(js, FOREIGN.to_owned()))
        .route("/asking.js", file(js, ASKING.to_owned()));
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("it is a socket");
            axum::serve(listener, pages).await.expect("serving");
        });
    });
    address
}
