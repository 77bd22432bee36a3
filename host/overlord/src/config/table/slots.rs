//! The keys of the slots that decide, read and write down.

use super::super::keys::{Key, Preset, Shape};
use super::super::words::{FailMode, Instances, Wasi, words};

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
    component("auth.component", r#""auth-cookie""#),
    name("auth.name", r#""auth-cookie""#),
    instances("auth.instances"),
    wasi("auth.wasi"),
    Key {
        path: "auth.fail",
        shape: Shape::Closed("a component that breaks would let everybody in"),
        preset: Preset::Value(r#""closed""#),
        original: None,
        about: "What a request gets when the component breaks: 503, always.",
    },
    Key {
        path: "auth.cookie",
        shape: Shape::Token,
        preset: Preset::Value(r#""session""#),
        original: None,
        about: "The cookie of the application that signs people in.",
    },
    Key {
        path: "auth.own_cookie",
        shape: Shape::Token,
        preset: Preset::Value(r#""overlord_session""#),
        original: None,
        about: "The cookie that Overlord itself issues. Another name: ports of a host share cookies, and\n\
                the application's must not be overwritten.",
    },
    Key {
        path: "auth.headers",
        shape: Shape::Tokens,
        preset: Preset::Value("[]"),
        original: None,
        about: "The request headers that the component sees besides the two cookies. Under \"overlord-peer\" the\n\
                host itself says which address is at the other end of the connection.",
    },
    component("limit.component", r#""limit-window""#),
    name("limit.name", r#""limit-window""#),
    Key {
        path: "limit.cell",
        shape: Shape::Cell,
        preset: Preset::Value(r#""caller""#),
        original: None,
        about: "What the component remembers is remembered of whom: caller (each user), role:NAME (all who have\n\
                that role together; others are not asked about) or all (everybody together).",
    },
    instances("limit.instances"),
    wasi("limit.wasi"),
    Key {
        path: "limit.fail",
        shape: Shape::Closed("a component that breaks would lift every limit"),
        preset: Preset::Value(r#""closed""#),
        original: None,
        about: "What a question gets when the component breaks: 503, always.",
    },
    Key {
        path: "limit.settings.window_s",
        shape: Shape::Setting,
        preset: Preset::Value("3600"),
        original: Some("AGENT_RATE_WINDOW_S"),
        about: "The length of the rolling window in seconds.",
    },
    Key {
        path: "limit.settings.max",
        shape: Shape::Setting,
        preset: Preset::Value("60"),
        original: Some("AGENT_RATE_MAX"),
        about: "How many questions a user may ask in a window.",
    },
    Key {
        path: "limit.settings.concurrency",
        shape: Shape::Setting,
        preset: Preset::Value("1"),
        original: Some("AGENT_CONCURRENCY_PER_USER"),
        about: "How many questions of a user are answered at a time.",
    },
    Key {
        path: "limit.settings.queue",
        shape: Shape::Setting,
        preset: Preset::Value("0"),
        original: None,
        about: "How many more of a user's questions may wait for those to end, at most 32; others are\n\
                refused. 0 refuses at once.",
    },
    component("history.component", r#""history-claude""#),
    instances("history.instances"),
    wasi("history.wasi"),
    Key {
        path: "history.fail",
        shape: Shape::Closed("an empty history would be shown where there is one that cannot be read"),
        preset: Preset::Value(r#""closed""#),
        original: None,
        about: "What a request gets when the component breaks: 500, always.",
    },
    component("audit.component", r#""audit-jsonl""#),
    name("audit.name", r#""audit-jsonl""#),
    instances("audit.instances"),
    wasi("audit.wasi"),
    Key {
        path: "audit.fail",
        shape: Shape::Choice(words::<FailMode>),
        preset: Preset::Value(r#""open""#),
        original: None,
        about: "When the component breaks: open writes a plain line of the host's own instead, closed\n\
                answers 503.",
    },
    Key {
        path: "audit.file",
        shape: Shape::Path,
        preset: Preset::Found(r#""/home/you/.local/state/overlord/audit.jsonl""#),
        original: Some("AGENT_AUDIT_LOG"),
        about: "Where the lines go; /dev/null for nowhere. By default audit.jsonl in the data directory.",
    },
];

pub(super) const fn component(path: &'static str, preset: &'static str) -> Key {
    let about = "The component: NAME.wasm in the components directory.";
    Key { path, shape: Shape::Component, preset: Preset::Value(preset), original: None, about }
}

const fn name(path: &'static str, shown: &'static str) -> Key {
    let about =
        "What the component is called in its slot, where others are asked after it. By default like itself.";
    Key { path, shape: Shape::Name, preset: Preset::Found(shown), original: None, about }
}

pub(super) const fn instances(path: &'static str) -> Key {
    let about = "A fresh instance for every call, or warm ones that serve several, for languages that start\n\
                 slowly.";
    let preset = Preset::Value(r#""fresh""#);
    Key { path, shape: Shape::Choice(words::<Instances>), preset, original: None, about }
}

pub(super) const fn wasi(path: &'static str) -> Key {
    let about = "WASI for the component: none, or an empty one (no directory, network or environment) for\n\
                 languages that cannot do without.";
    let preset = Preset::Value(r#""none""#);
    Key { path, shape: Shape::Choice(words::<Wasi>), preset, original: None, about }
}
