//! What is left of a browser whose test failed: a picture and the page's text under
//! `target/browser-failures`, and on standard error where they are and what the console had. Nothing
//! here may fail: the test's own complaint is the one that counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use overlord_tests::host::built;
use serde_json::json;

use crate::watch::Watch;
use crate::webdriver::Session;

/// Where the reports are.
const FOLDER: &str = "target/browser-failures";

/// How many of the last lines of the console are shown.
const LINES: usize = 40;

/// Writes it.
pub fn write(session: &Session, watch: &Watch) {
    let folder = built(FOLDER);
    fs::create_dir_all(&folder).ok();
    let name = file_name(thread::current().name().unwrap_or("a browser"));
    let picture = folder.join(format!("{name}.png"));
    let page = folder.join(format!("{name}.txt"));
    let address = session.get("/url").map_or_else(|e| e.to_string(), |url| url.to_string());
    eprintln!("--- the browser was at {address}");
    match screenshot(session, &picture) {
        Ok(()) => eprintln!("--- a picture of it: {}", picture.display()),
        Err(error) => eprintln!("--- no picture of it: {error}"),
    }
    let script = "return document.body.innerText + '\\n\\n--- HTML\\n' + document.documentElement.outerHTML";
    let text = session.post("/execute/sync", &json!({"script": script, "args": []}));
    if let Some(text) = text.ok().as_ref().and_then(|text| text.as_str())
        && fs::write(&page, text).is_ok()
    {
        eprintln!("--- what it showed: {}", page.display());
    }
    let console = watch.console();
    eprintln!("--- the last of {} lines on the console:", console.len());
    for line in console.iter().skip(console.len().saturating_sub(LINES)) {
        eprintln!("{line}");
    }
    for fault in watch.faults() {
        eprintln!("--- not to be: {fault}");
    }
}

/// A picture of the page into `path`, as PNG.
pub fn screenshot(session: &Session, path: &Path) -> Result<(), String> {
    let picture = session.get("/screenshot").map_err(|refusal| refusal.to_string())?;
    let picture = STANDARD.decode(picture.as_str().unwrap_or_default()).map_err(|e| e.to_string())?;
    let folder: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    fs::create_dir_all(folder).and_then(|()| fs::write(path, picture)).map_err(|e| e.to_string())
}

/// A test's name as a file's.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_no_folder() {
        assert_eq!(file_name("page::signs/../in now"), "page--signs----in-now");
    }
}
