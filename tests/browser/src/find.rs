//! Finds what a page offers the way a screen reader does: by role and name, in the browser's own
//! accessibility tree. What that tree leaves out (hidden, inert, behind a dialog) is not found.

use serde_json::{Value, json};

use crate::element::Element;
use crate::webdriver::{ELEMENT, Refusal, Session};

/// All elements of this role whose name is wanted, in the page's order. `name` is the whole of it;
/// with `*` at its end it is how the name begins.
pub fn by_role(session: &Session, role: &str, name: &str) -> Result<Vec<Element>, Refusal> {
    let tree = tree(session, role)?;
    let found = tree.iter().filter(|node| node["ignored"] != true && wanted(name, &node["name"]["value"]));
    let ids: Vec<_> = found.filter_map(|node| node["backendDOMNodeId"].as_u64()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // ChromeDriver's reference to an element is frame and document, and then the number that the
    // accessibility tree has as well.
    let root = session.post("/element", &json!({"using": "css selector", "value": "html"}))?;
    let root = root[ELEMENT].as_str().unwrap_or_default();
    let Some((document, _)) = root.rsplit_once('.') else {
        let message = format!("chromedriver names elements in another way: {root}");
        return Err(Refusal { error: "unknown reference".to_owned(), message });
    };
    Ok(ids.into_iter().map(|id| Element::new(session.clone(), format!("{document}.{id}"))).collect())
}

/// The names of all elements of this role, for saying what there was instead.
pub fn names(session: &Session, role: &str) -> Vec<String> {
    let tree = tree(session, role).unwrap_or_default();
    let names = tree.iter().filter(|node| node["ignored"] != true);
    names.map(|node| node["name"]["value"].as_str().unwrap_or_default().to_owned()).collect()
}

fn tree(session: &Session, role: &str) -> Result<Vec<Value>, Refusal> {
    const GROUP: &str = "found-by-role";
    let document =
        session.cdp("Runtime.evaluate", &json!({"expression": "document", "objectGroup": GROUP}))?;
    let asked = json!({"objectId": document["result"]["objectId"], "role": role});
    let mut answer = session.cdp("Accessibility.queryAXTree", &asked);
    session.cdp("Runtime.releaseObjectGroup", &json!({"objectGroup": GROUP})).ok();
    match answer.as_mut().map(|answer| answer["nodes"].take()) {
        Ok(Value::Array(nodes)) => Ok(nodes),
        Ok(_) => Ok(Vec::new()),
        Err(refusal) => Err(refusal.clone()),
    }
}

fn wanted(name: &str, has: &Value) -> bool {
    let has = has.as_str().unwrap_or_default();
    match name.strip_suffix('*') {
        Some(beginning) => has.starts_with(beginning),
        None => has == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whole_or_begins_so() {
        let cases = [
            ("Send", "Send", true),
            ("Send", "Send it", false),
            ("Send*", "Send it", true),
            ("Send*", "Resend", false),
            ("*", "", true),
            ("", "", true),
            ("", "Send", false),
        ];
        for (name, has, expected) in cases {
            assert_eq!(wanted(name, &has.into()), expected, "{name:?} and {has:?}");
        }
    }
}
