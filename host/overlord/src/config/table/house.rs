//! The keys of the house itself: where it listens, where its things lie, how the server behaves.

use super::super::keys::{Key, Preset, Shape};
use super::super::words::{LogFormat, LogLevel, Unowned, words};
use super::WEEK_S;

/// An hour: longer than any service manager waits for a service to stop.
const STOP_AFTER_MAX_S: i64 = 3600;
/// Ten years: for longer, do not delete.
const DELETED_KEEP_DAYS_MAX: i64 = 3650;
/// What a process may have of open sockets on a generously configured machine.
const CONNECTIONS_MAX: i64 = 100_000;

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "listen",
        shape: Shape::Address,
        preset: Preset::Value(r#""127.0.0.1:8767""#),
        original: None,
        about: "The address and port to listen on. Port 0 takes any that is free.",
    },
    Key {
        path: "data",
        shape: Shape::Path,
        preset: Preset::Found(r#""/home/you/.local/state/overlord""#),
        original: None,
        about: "What must survive a restart: who owns which session, the limiter's memory, the signing\n\
                secret, compiled components. Made at first start. By default `overlord` under\n\
                XDG_STATE_HOME, or else under ~/.local/state.",
    },
    Key {
        path: "workspace",
        shape: Shape::Path,
        preset: Preset::Found(r#""/home/you/.local/share/overlord/workspace""#),
        original: Some("CLAUDE_CWD"),
        about: "The directory that the agent works in. Made at first start. By default\n\
                `overlord/workspace` under XDG_DATA_HOME, or else under ~/.local/share.",
    },
    Key {
        path: "components",
        shape: Shape::Path,
        preset: Preset::Found(r#""/usr/lib/overlord/components""#),
        original: None,
        about: "The directory of the components, NAME.wasm each; watched while the host runs. By default\n\
                the first that exists of components, ../components and ../lib/overlord/components, seen\n\
                from the directory of the program.",
    },
    Key {
        path: "secret_key",
        shape: Shape::Secrets,
        preset: Preset::Found(r#"["the old one", "the new one"]"#),
        original: None,
        about: "The secret that cookies are signed with, shared with the application that signs people\n\
                in; or a list of them, the newest last: it signs, and all are accepted. The variable is\n\
                one secret, commas and all. With neither this nor secret_key_file the host makes one\n\
                and keeps it in the data directory.",
    },
    Key {
        path: "secret_key_file",
        shape: Shape::Path,
        preset: Preset::Found(r#""/etc/overlord/secret""#),
        original: None,
        about: "A file with the secrets instead, one a line, the newest last.",
    },
    Key {
        path: "server.stop_after_s",
        shape: Shape::Number { min: 0, max: STOP_AFTER_MAX_S },
        preset: Preset::Value("30"),
        original: None,
        about: "When told to stop, how many seconds running questions may still take.",
    },
    Key {
        path: "server.connections_max",
        shape: Shape::Number { min: 1, max: CONNECTIONS_MAX },
        preset: Preset::Value("1024"),
        original: None,
        about: "How many connections are open at a time; more wait to be accepted.",
    },
    Key {
        path: "server.public_url",
        shape: Shape::Origin,
        preset: Preset::Value(r#""""#),
        original: None,
        about: "How browsers reach the service behind a proxy, such as \"https://agent.example.org\". Sign-in\n\
                addresses begin with it, its host is one that requests may name, and where it is https\n\
                cookies are Secure. Empty: by the address that the host listens on.",
    },
    Key {
        path: "server.trusted_peers",
        shape: Shape::Networks,
        preset: Preset::Value("[]"),
        original: None,
        about: "The proxies, by address or network, whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    },
    Key {
        path: "server.allowed_hosts",
        shape: Shape::Hosts,
        preset: Preset::Value("[]"),
        original: None,
        about: "By which other names the service may be reached. Those of this machine's loopback, the\n\
                address that it listens on and the host of public_url always do; a request with any\n\
                other in its Host is refused, since it may come from a page that rebinds its own name.",
    },
    Key {
        path: "sessions.unowned",
        shape: Shape::Choice(words::<Unowned>),
        preset: Preset::Value(r#""anyone""#),
        original: None,
        about: "Who may read and take over a session that nobody owns, made before Overlord or on the\n\
                command line: anyone signed in who knows its id, or the role admin only.",
    },
    Key {
        path: "sessions.open",
        shape: Shape::Flag,
        preset: Preset::Value("false"),
        original: None,
        about: "Whether everybody may read and continue everybody's sessions.",
    },
    Key {
        path: "sessions.deleted_keep_days",
        shape: Shape::Number { min: 0, max: DELETED_KEEP_DAYS_MAX },
        preset: Preset::Value("30"),
        original: None,
        about: "For how many days a deleted session can be restored before it is removed for good; 0 removes\n\
                it at once.",
    },
    Key {
        path: "runs.abandoned_after_s",
        shape: Shape::Number { min: 0, max: WEEK_S },
        preset: Preset::Value("0"),
        original: None,
        about: "After how many seconds a question is stopped that nobody waits for or watches any more; 0\n\
                means never: it goes on, and its answer is in the history.",
    },
    Key {
        path: "log.level",
        shape: Shape::Choice(words::<LogLevel>),
        preset: Preset::Value(r#""info""#),
        original: None,
        about: "How much is logged: error, warn, info, debug or trace.",
    },
    Key {
        path: "log.format",
        shape: Shape::Choice(words::<LogFormat>),
        preset: Preset::Value(r#""text""#),
        original: None,
        about: "How a line is written: text for people, json for programs.",
    },
];
