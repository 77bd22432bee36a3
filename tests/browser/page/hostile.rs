//! Text that would like to be a program: in questions, answers, tools, titles and addresses. Nothing of
//! it runs, nothing asks another host, and nothing passes for a part of the page. The browser's own
//! complaints (a breach of the policy, a request elsewhere) fail these tests as they fail all others.

use overlord_tests::host::{Setup, wait_until};
use overlord_tests::sessions;
use overlord_tests::speaker::Speaker;
use serde_json::{Value, json};

use crate::house::House;

/// Each sets `window.ran` where it runs.
const ATTEMPTS: [&str; 16] = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=\"window.ran=2\">",
    "<svg onload=window.ran=3><animate onbegin=window.ran=3 attributeName=x dur=1s></svg>",
    "<iframe srcdoc='<script>parent.ran=4</script>'></iframe>",
    "<iframe src=http://elsewhere.example/></iframe><object data=http://elsewhere.example/></object>",
    "[a](javascript:window.ran=5) [b](JaVa\u{9}ScRiPt:window.ran=5) [c](data:text/html,<script>x</script>)",
    "![d](javascript:window.ran=6) ![e](http://elsewhere.example/pixel.png)",
    "<a href='javascript:window.ran=7' target=_self>f</a> <a href=vbscript:x>g</a> <javascript:window.ran=7>",
    "<form action=http://elsewhere.example><input name=x autofocus onfocus=window.ran=8><button>h</button></form>",
    "<style>#composer{display:none}</style><link rel=stylesheet href=http://elsewhere.example/x.css>",
    "<base href=http://elsewhere.example/><meta http-equiv=refresh content='0;url=http://elsewhere.example/'>",
    "<math><mi xlink:href='javascript:window.ran=9'>i</mi></math><template><script>window.ran=9</script></template>",
    "<div id=question class=stop style='position:fixed;inset:0;z-index:9'>j</div>",
    "<details open ontoggle=window.ran=10><summary>k</summary></details><dialog open id=keys>l</dialog>",
    "```js\"><script>window.ran=11</script>\nx\n```",
    "\u{202e}</textarea></title></script><script>window.ran=12</script>",
];

/// That nothing ran, and that what is there could not.
#[track_caller]
fn nothing_ran(house: &House) {
    let browser = &house.browser;
    // What was asked for before this has had its answer, or its error, by now.
    browser.evaluate(
        "fetch('/agent/health').then(it => it.text()).then(() => new Promise(requestAnimationFrame))",
    );
    assert_eq!(browser.script("return window.ran ?? null", &[]), Value::Null);
    let found = browser.script(
        "const found = [];
        const forbidden = 'script, iframe, object, embed, form, style, link, meta, base, template, dialog, svg:not(.icon), math, img, video, audio';
        for (const root of document.querySelectorAll('#messages, #sessions, #toasts, #title, #empty')) {
            for (const one of root.querySelectorAll('*')) {
                if (one.matches(forbidden) && !one.matches('form.rename')) found.push(one.outerHTML);
                for (const {name, value} of one.attributes) {
                    if (name.startsWith('on') || name === 'style' || name === 'srcdoc') found.push(`${name}=${value}`);
                }
                if (one.matches('#messages [id]') && !one.matches('#pages, #live')) found.push(`id=${one.id}`);
                if (one.href !== undefined && one.closest('.prose, .said, pre') && !one.matches('svg.icon use')) {
                    const {protocol} = new URL(one.href, location.href);
                    if (!['http:', 'https:', 'mailto:'].includes(protocol)) found.push(one.outerHTML);
                    if (one.target !== '_blank' || !one.rel.includes('noopener')) found.push(one.outerHTML);
                }
            }
        }
        return found",
        &[],
    );
    assert_eq!(found, json!([]));
    assert!(browser.find("#composer").is_shown());
    assert!(browser.find("#question").is_shown());
    assert_eq!(browser.all("#question").len(), 1);
}

#[test]
fn a_question_is_text() {
    let house = House::new();
    for attempt in ATTEMPTS {
        house.ask(&format!("{attempt} demo:fast"));
        let run = house.run("done");
        let said = run.find(".user .said").expect("the question").property("textContent");
        assert_eq!(said, format!("{attempt} demo:fast"));
        house.browser.script("document.querySelector('.run').dataset.state = 'seen'", &[]);
        house.browser.role("button", "New session").click();
        house.counts(".run", 0);
    }
    nothing_ran(&house);
    // And the titles that come of them.
    house.counts("li.session", ATTEMPTS.len());
    nothing_ran(&house);
    house.browser.find("li.session a").click();
    house.counts("#pages .message", 2);
    nothing_ran(&house);
}

#[test]
fn an_answer_is_what_it_says_and_does_nothing() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup);
    house.ask("say what you like");
    for (number, attempt) in ATTEMPTS.iter().enumerate() {
        // In halves, so that what is half a tag is looked at too.
        let middle = (attempt.len() / 2..).find(|at| attempt.is_char_boundary(*at)).expect("a place");
        speaker.say(&format!("\n\nbefore {number} {}", &attempt[..middle]));
        house.browser.see(&format!("before {number}"));
        speaker.say(&format!("{}\n\nafter {number}\n\n", &attempt[middle..]));
        house.browser.see(&format!("after {number}"));
        nothing_ran(&house);
    }
    speaker.finish();
    house.run("done");
    nothing_ran(&house);
    // What is left of the links can be clicked, and leads nowhere that it must not.
    let prose = house.browser.find(".run .prose");
    assert!(prose.text().contains("<script>window.ran=1</script>"), "it is shown as it was written");
    house.browser.script(
        "for (const link of document.querySelectorAll('.run .prose a:not([href])')) link.click()",
        &[],
    );
    nothing_ran(&house);
}

#[test]
fn what_tools_are_given_and_give_is_text() {
    let (setup, speaker) = Speaker::new(Setup::new());
    let house = House::of(setup);
    house.ask("use tools");
    for (number, attempt) in ATTEMPTS.iter().enumerate() {
        speaker.use_tool(
            attempt,
            &json!({"command": attempt, "<img src=x onerror=window.ran=13>": attempt}),
            attempt,
        );
        house.counts("details.tool.ended", number + 1);
    }
    speaker.say("done with it");
    speaker.finish();
    house.run("done");
    house.browser.script("for (const one of document.querySelectorAll('details')) one.open = true", &[]);
    nothing_ran(&house);
    let results = house
        .browser
        .script("return [...document.querySelectorAll('.tool .result pre')].map(it => it.textContent)", &[]);
    assert_eq!(results, json!(ATTEMPTS));
}

#[test]
fn a_history_is_no_better_than_who_wrote_it() {
    let setup = Setup::new();
    let said = |role: &str, content: &Value| {
        json!({"type": role, "message": {"role": role, "content": content},
            "timestamp": "2026-01-02T03:04:05.678Z"})
        .to_string()
            + "\n"
    };
    let mut file = String::new();
    for attempt in ATTEMPTS {
        file += &said("user", &json!(attempt));
        file += &said(
            "assistant",
            &json!([{"type": "thinking", "thinking": attempt},
            {"type": "text", "text": attempt}, {"type": "tool_use", "id": attempt, "name": attempt,
            "input": {"command": attempt}}]),
        );
        file += &said(
            "user",
            &json!([{"type": "tool_result", "tool_use_id": attempt, "content": attempt,
            "is_error": true}]),
        );
    }
    file += &format!("{}\n", json!({"type": "custom-title", "customTitle": ATTEMPTS[0], "sessionId": "x"}));
    let session = "2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e";
    sessions::put(&setup, session, file);
    let house = House::of(setup);
    house.open(session);
    house.counts(".message.user .said", ATTEMPTS.len());
    house.browser.script("for (const one of document.querySelectorAll('details')) one.open = true", &[]);
    nothing_ran(&house);
}

#[test]
fn a_title_is_text_wherever_it_stands() {
    let house = House::new();
    let session = house.alice.new_session();
    assert_eq!(house.alice.ask(&session, "demo:fast").status, 200);
    for attempt in ATTEMPTS.into_iter().filter(|attempt| !attempt.contains(char::is_control)) {
        let title: String = attempt.chars().take(200).collect();
        let renamed =
            house.alice.post(&format!("/agent/sessions/{session}/rename"), &json!({"title": title}));
        if renamed.status != 200 {
            // What cannot be a title is refused; a direction of writing is one such thing.
            assert_eq!(renamed.status, 422, "{}", renamed.text());
            continue;
        }
        house.browser.reload();
        house.open(&session);
        let shown = || Some(house.browser.all("li.session .row-title").first()?.property("textContent"));
        wait_until("the title", || (shown()? == title).then_some(()));
        wait_until("the title above", || {
            (house.browser.find("#title").property("textContent") == title).then_some(())
        });
        nothing_ran(&house);
    }
    // In the menu, the field and the notice as well.
    house.browser.find("li.session .more").click();
    house.browser.role("menuitem", "Rename").click();
    house.browser.find("form.rename input");
    house.browser.press("Escape");
    house.browser.find("li.session .more").click();
    house.browser.role("menuitem", "Delete").click();
    house.browser.role("button", "Undo");
    nothing_ran(&house);
}

#[test]
fn an_address_does_nothing_but_name_a_session() {
    let house = House::new();
    house.browser.expect_error("status of 401");
    for address in [
        "/#<img src=x onerror=window.ran=1>",
        "/#/s/<script>window.ran=1</script>",
        "/#/s/2f4a29ec-82c2-46b8-8af0-6e21eb7cb15e'><script>window.ran=1</script>",
        "/#javascript:window.ran=1",
        "/#token=<img src=x onerror=window.ran=1>",
        "/?<script>window.ran=1</script>#/s/javascript:window.ran=1",
        "/?token=x&q=%3Cscript%3Ewindow.ran=1%3C/script%3E",
    ] {
        house.go("/?fresh");
        house.go(address);
        nothing_ran(&house);
        assert_eq!(house.session(), "", "{address}");
    }
    let kept = "localStorage.setItem('overlord_session_id', '\"><img src=x onerror=window.ran=1>')";
    house.browser.script(kept, &[]);
    house.go("/?again");
    house.browser.role("button", "New session");
    nothing_ran(&house);
}
