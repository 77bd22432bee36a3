//! One element of a page, and what a person does to it and learns from it. What it is good for is
//! the test's own. An element that has left the page since it was found fails whatever is done to it.

use serde_json::{Value, json};

use crate::webdriver::{ELEMENT, Refusal, Session};

/// An element that was there when it was found.
#[derive(Debug, Clone)]
pub struct Element {
    session: Session,
    id: String,
}

impl Element {
    pub(crate) fn new(session: Session, id: String) -> Self {
        Self { session, id }
    }

    /// From the JSON that `WebDriver` has for it.
    #[track_caller]
    pub(crate) fn read(session: &Session, reference: &Value) -> Self {
        let id = reference[ELEMENT].as_str().unwrap_or_else(|| panic!("{reference} is no element"));
        Self::new(session.clone(), id.to_owned())
    }

    /// To hand to a script.
    pub fn reference(&self) -> Value {
        json!({ELEMENT: self.id})
    }

    /// Clicks into its middle, as a mouse does: where something lies over it this fails.
    #[track_caller]
    pub fn click(&self) {
        self.done("clicking", self.post("click", &json!({})));
    }

    /// Types into it, key by key; it is focused first. What no keyboard has (characters beyond 16 bits) is
    /// for `Browser::insert`.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        self.done("typing into", self.post("value", &json!({"text": text})));
    }

    /// Empties a field.
    #[track_caller]
    pub fn clear(&self) {
        self.done("clearing", self.post("clear", &json!({})));
    }

    /// The text that can be seen of it.
    #[track_caller]
    pub fn text(&self) -> String {
        text(&self.done("reading", self.get("text"))).unwrap_or_default()
    }

    /// The same, or nothing where it is no longer there.
    pub fn text_if_there(&self) -> Option<String> {
        text(&self.get("text").ok()?)
    }

    /// Its accessible name: what a screen reader calls it.
    #[track_caller]
    pub fn name(&self) -> String {
        text(&self.done("naming", self.get("computedlabel"))).unwrap_or_default()
    }

    /// Its accessible role: what a screen reader says it is.
    #[track_caller]
    pub fn role(&self) -> String {
        text(&self.done("asking the role of", self.get("computedrole"))).unwrap_or_default()
    }

    /// An attribute as it stands in the page.
    #[track_caller]
    pub fn attribute(&self, name: &str) -> Option<String> {
        text(&self.done("asking", self.get(&format!("attribute/{name}"))))
    }

    /// A property of the object, such as `value` or `scrollTop`.
    #[track_caller]
    pub fn property(&self, name: &str) -> Value {
        self.done("asking", self.get(&format!("property/{name}")))
    }

    /// A computed value of CSS.
    #[track_caller]
    pub fn css(&self, name: &str) -> String {
        text(&self.done("asking", self.get(&format!("css/{name}")))).unwrap_or_default()
    }

    /// Whether anything of it is to be seen; false where it is no longer there.
    pub fn is_shown(&self) -> bool {
        self.get("displayed").is_ok_and(|shown| shown == true)
    }

    /// Whether it can be used.
    #[track_caller]
    pub fn is_enabled(&self) -> bool {
        self.done("asking", self.get("enabled")) == true
    }

    /// Whether the next key goes to it.
    pub fn is_focused(&self) -> bool {
        self.session.get("/element/active").is_ok_and(|active| active[ELEMENT] == self.id.as_str())
    }

    /// Where it is on the page and how large, in CSS pixels: `x`, `y`, `width`, `height`.
    #[track_caller]
    pub fn place(&self) -> Value {
        self.done("measuring", self.get("rect"))
    }

    /// The first in it that the selector names, if any.
    pub fn find(&self, css: &str) -> Option<Self> {
        let found = self.post("element", &json!({"using": "css selector", "value": css})).ok()?;
        Some(Self::read(&self.session, &found))
    }

    /// Its HTML, itself included.
    #[track_caller]
    pub fn html(&self) -> String {
        text(&self.property("outerHTML")).unwrap_or_default()
    }

    fn get(&self, what: &str) -> Result<Value, Refusal> {
        self.session.get(&format!("/element/{}/{what}", self.id))
    }

    fn post(&self, what: &str, body: &Value) -> Result<Value, Refusal> {
        self.session.post(&format!("/element/{}/{what}", self.id), body)
    }

    #[track_caller]
    fn done(&self, what: &str, result: Result<Value, Refusal>) -> Value {
        result.unwrap_or_else(|refusal| {
            let it = self.get("property/outerHTML").ok().and_then(|html| text(&html)).unwrap_or_default();
            let it: String = it.chars().take(200).collect();
            panic!("{what} an element: {refusal}: {it}")
        })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
