//! axe-core in the page: what it holds against it. It runs in a world of its own beside the page's,
//! where the page's policy does not apply to it and the page cannot see it.

use std::fmt;
use std::fs;

use overlord_tests::host::built;
use serde_json::{Value, json};

use crate::webdriver::{Refusal, Session};

/// Where tests/install-browser.sh puts it.
const AXE: &str = "target/axe/node_modules/axe-core/axe.min.js";

/// Everything but what is not settled yet among those who make axe. WCAG itself, and the advice
/// beyond it ("best-practice"), which has an impact of its own.
const RUN: &str = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)";

/// What axe found, once for each rule and element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule, such as `color-contrast`.
    pub rule: String,
    /// `minor`, `moderate`, `serious` or `critical`.
    pub impact: String,
    /// The element's selector.
    pub target: String,
    /// What is wrong with it.
    pub why: String,
}

impl Fault {
    /// Whether it keeps somebody from using the page.
    pub fn is_serious(&self) -> bool {
        // What has no impact given is not taken lightly.
        !["minor", "moderate"].contains(&self.impact.as_str())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) at {}: {}", self.rule, self.impact, self.target, self.why)
    }
}

/// Runs it on the page as it is now.
#[track_caller]
pub fn run(session: &Session) -> Vec<Fault> {
    let path = built(AXE);
    let script = fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}: run `tests/install-browser.sh` first", path.display()));
    faults(session, &script).unwrap_or_else(|refusal| panic!("running axe-core: {refusal}"))
}

fn faults(session: &Session, script: &str) -> Result<Vec<Fault>, Refusal> {
    let frames = session.cdp("Page.getFrameTree", &json!({}))?;
    let frame = &frames["frameTree"]["frame"]["id"];
    let world = session.cdp("Page.createIsolatedWorld", &json!({"frameId": frame, "worldName": "axe"}))?;
    let world = &world["executionContextId"];
    session.cdp("Runtime.evaluate", &json!({"expression": script, "contextId": world}))?;
    let asked = json!({"expression": RUN, "contextId": world, "awaitPromise": true, "returnByValue": true});
    let answer = session.cdp("Runtime.evaluate", &asked)?;
    let Some(violations) = answer["result"]["value"].as_array() else {
        return Err(Refusal { error: "axe-core gave no list".to_owned(), message: answer.to_string() });
    };
    Ok(violations.iter().flat_map(of_rule).collect())
}

fn of_rule(violation: &Value) -> Vec<Fault> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = violation["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fault = |node: &Value| Fault {
        rule: text(&violation["id"]),
        impact: text(&violation["impact"]),
        target: node["target"].to_string(),
        why: text(&node["failureSummary"]).replace('\n', " "),
    };
    nodes.iter().map(fault).collect()
}
