//! Slots of several components: what each of them may say, and how errors name them.

use super::super::chain::ENTRIES_MAX;
use super::super::slots::SETTINGS_MAX_BYTES;
use super::super::{Config, Instances, Settings, Wasi};
use super::{assert_error, from_environment, from_file, path};
use crate::domain::Whose;

fn pairs(settings: &Settings) -> Vec<String> {
    settings.0.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn names(config: &Config) -> Vec<&str> {
    let slot = &config.limit.slot;
    std::iter::once(&slot.name).chain(slot.then.iter().map(|then| &then.name)).map(String::as_str).collect()
}

#[test]
fn a_slot_alone_is_named_like_its_component() {
    let config = from_environment(&[("OVERLORD_LIMIT_COMPONENT", "limit-other")]).expect("one component");
    assert_eq!(names(&config), ["limit-other"]);
    assert_eq!(
        (config.auth.slot.name.as_str(), config.history.name.as_str()),
        ("auth-cookie", "history-claude")
    );
    assert_eq!(config.limit.cell, Whose::Caller);
    let said = [("OVERLORD_LIMIT_NAME", "each"), ("OVERLORD_LIMIT_CELL", "role:staff")];
    let config = from_environment(&said).expect("a name and a cell");
    assert_eq!((names(&config), config.limit.cell.clone()), (vec!["each"], Whose::Role("staff".to_owned())));
}

#[test]
fn all_keys_of_an_entry_reach_it() {
    let file = "
        [limit]
        cell = 'all'
        [limit.settings]
        max = 5
        [[limit.then]]
        component = 'limit-window'
        name = 'staff'
        cell = 'role:staff'
        instances = 'warm'
        wasi = 'empty'
        settings = { zebra = 1, ant = ['x', true] }
        [[limit.then]]
        component = 'limit-quota'
        [[audit.then]]
        component = 'audit-other'
        file = 'logs/other.log'
    ";
    let directory = tempfile::TempDir::new().expect("a directory for the file");
    let config = super::from_file_in(&directory, file, &[]).expect("two chains");
    assert_eq!(names(&config), ["limit-window", "staff", "limit-quota"]);
    assert_eq!(config.limit.cell, Whose::All);
    let [staff, quota] = config.limit.slot.then.as_slice() else { panic!("{:?}", config.limit) };
    assert_eq!((staff.instances, staff.wasi), (Instances::Warm, Wasi::Empty));
    assert_eq!(staff.cell, Whose::Role("staff".to_owned()));
    // The table's own defaults are the first component's.
    assert_eq!(pairs(&staff.settings), ["zebra=1", "ant=x", "ant=true"]);
    assert_eq!((quota.component.as_str(), &quota.cell), ("limit-quota", &Whose::Caller));
    assert_eq!((quota.instances, quota.wasi), (Instances::Fresh, Wasi::None));
    assert!(quota.settings.0.is_empty());
    assert_eq!(pairs(&config.limit.slot.settings), ["window_s=3600", "max=5", "concurrency=1", "queue=0"]);
    let file = config.audit.slot.then[0].file.clone().expect("a file of its own");
    assert_eq!(file, directory.path().join("logs/other.log"));
    assert!(config.auth.slot.then.is_empty());
}

#[test]
fn two_of_one_name_are_told_apart_first() {
    let twice = "[[limit.then]]\ncomponent = 'limit-window'";
    assert_error(
        from_file(twice, &[]),
        "DIR/overlord.toml:2: limit.then[0] has the name \"limit-window\", and so has the slot's first component; \
         give one of them a `name` of its own",
    );
    let third = "[[auth.then]]\ncomponent = 'a'\n[[auth.then]]\ncomponent = 'b'\nname = 'a'";
    assert_error(
        from_file(third, &[]),
        "DIR/overlord.toml:5: auth.then[1] has the name \"a\", and so has auth.then[0]; \
         give one of them a `name` of its own",
    );
    let named = from_file(twice, &[("OVERLORD_LIMIT_NAME", "each")]).expect("names that differ");
    assert_eq!(names(&named), ["each", "limit-window"]);
    // Another slot's names are its own.
    assert!(from_file("[[audit.then]]\ncomponent = 'limit-window'", &[]).is_ok());
}

#[test]
fn what_cannot_be_is_named_by_its_place() {
    let second =
        |line: &str| format!("[[limit.then]]\ncomponent = 'a'\n[[limit.then]]\ncomponent = 'b'\n{line}");
    for (line, error) in [
        (
            "cell = 'everybody'",
            "limit.then[1].cell is \"everybody\", which is not \"caller\", \"all\" or \"role:NAME\" with the name of a role",
        ),
        (
            "cell = 'role:'",
            "limit.then[1].cell is \"role:\", which is not \"caller\", \"all\" or \"role:NAME\" with the name of a role",
        ),
        (
            "digest = 'abc'",
            "limit.then[1].digest is \"abc\", which is not a SHA-256 digest of 64 hexadecimal digits, or a list of those",
        ),
        ("instances = 'hot'", "limit.then[1].instances is \"hot\", which is not \"fresh\" or \"warm\""),
        ("wasi = true", "limit.then[1].wasi is true, which is not \"none\" or \"empty\""),
        (
            "name = 'A b'",
            "limit.then[1].name is \"A b\", which is not a name of lower-case letters, digits and -",
        ),
        (
            "settings = 1",
            "limit.then[1].settings is of the type integer, which is not a table, such as settings = { max = 5 }",
        ),
        (
            "settings = { x = {} }",
            "limit.then[1].settings.x is a table, which is not a text, a number, true, false or a list of those",
        ),
        ("setings = {}", "there is no key limit.then[1].setings; did you mean settings?"),
        (
            "fail = 'closed'",
            "there is no key limit.then[1].fail; it holds for the whole slot: set limit.fail",
        ),
        (
            "file = '/x'",
            "there is no key limit.then[1].file; there are component, name, instances, wasi, digest, cell, settings",
        ),
    ] {
        assert_error(from_file(&second(line), &[]), &format!("DIR/overlord.toml:5: {error}"));
    }
    assert_error(
        from_file("[[audit.then]]\nname = 'x'", &[]),
        "DIR/overlord.toml:1: audit.then[0] has no component; say `component = \"NAME\"` there, for NAME.wasm in \
         the components directory",
    );
    assert_error(
        from_file("[audit.then]\ncomponent = 'x'", &[]),
        "DIR/overlord.toml:1: audit.then is of the type table, which is not a list of tables; write [[audit.then]] \
         on a line of its own above each one's keys",
    );
    assert_error(
        from_file("[[audit.then]]\ncomponent = 'x'\nfile = '~/x'", &[]),
        "DIR/overlord.toml:3: audit.then[0].file is \"~/x\", which is not a path, written out in full without ~",
    );
    assert_error(
        from_file("[[history.then]]\ncomponent = 'x'", &[]),
        "DIR/overlord.toml:1: there is no key history.then; `overlord config` prints all there are",
    );
    assert_error(
        from_environment(&[("OVERLORD_LIMIT_THEN", "limit-window")]),
        "OVERLORD_LIMIT_THEN: there is no such variable; unset it; `overlord config` names all there are",
    );
}

#[test]
fn a_chain_is_limited_on_both_sides() {
    let chain = |further: usize| -> String {
        (0..further).fold(String::new(), |text, n| text + &format!("[[limit.then]]\ncomponent = 'c{n}'\n"))
    };
    let config = from_file(&chain(ENTRIES_MAX - 1), &[]).expect("as many as may be");
    assert_eq!(names(&config).len(), ENTRIES_MAX);
    assert_error(
        from_file(&chain(ENTRIES_MAX), &[]),
        "DIR/overlord.toml:15: the slot limit has 9 components, more than the 8 allowed; leave limit.then[7] and all \
         after it out",
    );
}

#[test]
fn the_settings_of_each_entry_are_limited_on_both_sides() {
    for (size, allowed) in [(SETTINGS_MAX_BYTES, true), (SETTINGS_MAX_BYTES + 1, false)] {
        let value = "v".repeat(size - 1);
        let file = format!(
            "[[audit.then]]\ncomponent = 'b'\nsettings = {{ x = '{value}' }}\n[audit.settings]\nx = 'y'"
        );
        match from_file(&file, &[]) {
            Ok(_) => assert!(allowed, "{size}"),
            Err(error) => {
                assert!(!allowed, "{error}");
                assert!(
                    error.contains("audit.then[0].settings has 16385 bytes, more than the 16384"),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn an_entrys_file_lies_where_the_agent_cannot_change_it() {
    let file = "workspace = '/nonexistent/w'\n[[audit.then]]\ncomponent = 'b'\nfile = '/nonexistent/w/b.log'";
    assert_error(
        from_file(file, &[]),
        "DIR/overlord.toml:4: audit.then[0].file is /nonexistent/w/b.log, which lies in the workspace \
         /nonexistent/w, where the agent can change it; move audit.then[0].file or the workspace elsewhere",
    );
    let config = from_file(&file.replace("/w/b.log", "/b.log"), &[]).expect("beside the workspace");
    assert_eq!(config.audit.slot.then[0].file.as_deref(), Some(path("/nonexistent/b.log")));
}

#[test]
fn an_entry_may_have_digests_of_its_own_as_many_as_a_slot() {
    let one = "ab".repeat(32);
    let text = |count: usize| {
        let list = vec![format!("'{one}'"); count].join(", ");
        format!("[limit]\ndigest = '{}'\n[[limit.then]]\ncomponent = 'x'\ndigest = [{list}]", "0".repeat(64))
    };
    let config = from_file(&text(32), &[]).expect("as many as may be");
    let own: Vec<_> = config.limit.slot.then[0].digests.iter().map(ToString::to_string).collect();
    assert_eq!(own, vec![one.clone(); 32]);
    assert_error(
        from_file(&text(33), &[]),
        "DIR/overlord.toml:5: limit.then[0].digest has 33 digests, and 32 are allowed; pin those that may serve",
    );
    assert_eq!(
        from_file("[[limit.then]]\ncomponent = 'x'", &[]).expect("none").limit.slot.then[0].digests,
        []
    );
}
