//! Prints the table of keys as a configuration file that says nothing but the defaults, each key with
//! what it is for and the variables that mean the same.

use std::fmt::Write;

use super::keys::{Key, Preset, variable};
use super::table::{CHAINS, SECTIONS, SLOTS, keys};

const OPENING: &str = "\
# Overlord's configuration. No file is needed: every line here says what holds without it, and the
# lines behind a # say what is found on the machine instead. Each key can also be set by the variable
# that is named above it; what the environment says outranks the file. Lists are written with commas
# there. A relative path is relative to this file, or in a variable to the working directory.
";

/// A configuration file with all defaults, commented.
pub fn annotated_defaults() -> String {
    let mut text = OPENING.to_owned();
    section_keys(&mut text, "");
    for (section, about) in SECTIONS {
        let _ = write!(text, "\n\n# {about}\n[{section}]\n");
        section_keys(&mut text, section);
        if SLOTS.contains(section) {
            settings(&mut text, section);
        }
        if let Some(chain) = CHAINS.iter().find(|chain| chain.slot == *section) {
            text.push('\n');
            for line in chain.about.lines() {
                let _ = writeln!(text, "{}", format!("# {line}").trim_end());
            }
        }
    }
    text
}

fn section_keys(text: &mut String, section: &str) {
    for key in keys().filter(|key| key.parts().0 == section) {
        print(text, key);
    }
}

fn settings(text: &mut String, slot: &str) {
    let section = format!("{slot}.settings");
    let variable = variable(&section);
    let _ = write!(
        text,
        "\n# What the component itself understands; its own page says what.\n\
         # {variable}_NAME for each NAME\n[{section}]\n"
    );
    section_keys(text, &section);
}

fn print(text: &mut String, key: &Key) {
    text.push('\n');
    for line in key.about.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let _ = write!(text, "# {}", key.variable());
    if let Some(original) = key.original {
        let _ = write!(text, ", or {original}");
    }
    let name = key.parts().1;
    let _ = match key.preset {
        Preset::Value(value) => writeln!(text, "\n{name} = {value}"),
        Preset::Found(shown) => writeln!(text, "\n# {name} = {shown}"),
    };
}
