//! The outcome of a run of cases as `JUnit` writes it, which every build server reads.

use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::difference::Style;
use super::test::{Outcome, Ran};

/// The report of a run.
pub(super) fn report(component: &str, ran: &[Ran]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let count = |what: fn(&Outcome) -> bool| ran.iter().filter(|ran| what(&ran.outcome)).count().to_string();
    let tests = ran.len().to_string();
    let failures = count(|outcome| matches!(outcome, Outcome::Differs { .. }));
    let errors = count(|outcome| matches!(outcome, Outcome::Broken { .. } | Outcome::Cannot { .. }));
    let time = seconds(ran.iter().map(|ran| ran.time).sum());
    let name = text(component);
    let totals = [
        ("name", name.as_str()),
        ("tests", &tests),
        ("failures", &failures),
        ("errors", &errors),
        ("time", &time),
    ];
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("testsuites").with_attributes(totals).write_inner_content(|writer| {
        writer
            .create_element("testsuite")
            .with_attributes(totals)
            .write_inner_content(|writer| ran.iter().try_for_each(|ran| case(writer, ran)))?;
        Ok(())
    })?;
    Ok(writer.into_inner())
}

fn case(writer: &mut Writer<Vec<u8>>, ran: &Ran) -> std::io::Result<()> {
    let (file, name, time) = (text(&ran.file), text(&ran.name), seconds(ran.time));
    let element = writer.create_element("testcase").with_attributes([
        ("classname", file.as_str()),
        ("name", &name),
        ("time", &time),
    ]);
    let (kind, message, body) = match &ran.outcome {
        Outcome::Holds => {
            element.write_empty()?;
            return Ok(());
        }
        Outcome::Differs { expected, found, spread } => (
            "failure",
            format!("expected {expected}, found {found}"),
            Style::plain().difference(&spread.0, &spread.1),
        ),
        Outcome::Broken { why } => ("error", "the call breaks".to_owned(), why.clone()),
        Outcome::Cannot { why } => ("error", "the case cannot be called".to_owned(), why.clone()),
    };
    element.write_inner_content(|writer| {
        let message = text(&message);
        writer
            .create_element(kind)
            .with_attribute(("message", message.as_str()))
            .write_text_content(BytesText::new(&text(&body)))?;
        Ok(())
    })?;
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// Without the characters that XML does not have, however they are written.
fn text(text: &str) -> String {
    let sound = |c: char| c == '\n' || c == '\t' || !(c.is_control() || c == '\u{fffe}' || c == '\u{ffff}');
    text.chars().map(|c| if sound(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_component_is_one_of_xml() {
        let ran = Ran {
            file: "a<b>.toml".to_owned(),
            name: "\"quoted\" & \u{1b}[2J".to_owned(),
            time: Duration::from_micros(1500),
            outcome: Outcome::Broken { why: "]]> \0".to_owned() },
        };
        let report = String::from_utf8(report("limit", &[ran]).expect("written")).expect("text");
        for part in [
            "a&lt;b&gt;.toml",
            "&quot;quoted&quot; &amp; \u{fffd}[2J",
            "time=\"0.001500\"",
            "]]&gt; \u{fffd}",
        ] {
            assert!(report.contains(part), "{part}: {report}");
        }
        assert!(report.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{report}");
    }
}
