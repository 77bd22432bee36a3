//! The table of all keys. The file's grammar, the environment's names and the printed defaults all come
//! from here, and only from here.

use super::keys::{Key, Preset, Shape};
use super::words::{FailMode, Instances, LogFormat, LogLevel, Unowned, WallChoice, Wasi, words};

/// A week: nothing that a person waits for takes longer, and a mistyped number is seen.
const WEEK_S: i64 = 7 * 24 * 3600;
/// An hour: longer than any service manager waits for a service to stop.
const STOP_AFTER_MAX_S: i64 = 3600;
/// Ten years: for longer, do not delete.
const DELETED_KEEP_DAYS_MAX: i64 = 3650;
/// What a process may have of open sockets on a generously configured machine.
const CONNECTIONS_MAX: i64 = 100_000;
/// Clients of 200 MB each take 25 GB. Each run also holds one of the sandbox's 192 places from its
/// beginning to its end, and the rest must do for all other decisions.
const RUNNING_MAX: i64 = 128;
/// The first line of the client's stream lists its tools and has several KiB.
const OUTPUT_MIN_BYTES: i64 = 64 * 1024;
/// The output passes through, and is not kept; beyond 16 GiB it is no answer but a mistake.
const OUTPUT_MAX_BYTES: i64 = 16 * 1024 * 1024 * 1024;

/// The sections and what they are for, in the order in which they are printed. Keys without a section
/// come first.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("server", "How the HTTP server behaves."),
    ("sessions", "Who may read and continue which conversation, and what becomes of deleted ones."),
    ("runs", "How questions go on while they are being answered."),
    ("log", "What goes to standard error."),
    ("auth", "Who is asking? Decided by a component."),
    ("limit", "May they ask now? Decided by a component."),
    ("history", "What was said? Read by a component."),
    ("audit", "How is it written down? Formatted by a component."),
    ("agent", "The program that answers, and how it is driven."),
];

/// The sections that are slots: a component, and settings of its own in a table of their own.
pub(super) const SLOTS: &[&str] = &["auth", "limit", "history", "audit", "agent"];

/// All keys, in the order in which they are printed.
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
    component("auth.component", r#""auth-cookie""#),
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
        about: "The request headers that the component sees besides the two cookies.",
    },
    component("limit.component", r#""limit-window""#),
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
    component("agent.component", r#""agent-claude""#),
    instances("agent.instances"),
    wasi("agent.wasi"),
    Key {
        path: "agent.fail",
        shape: Shape::Closed("there is no answer to give where the component that drives the agent breaks"),
        preset: Preset::Value(r#""closed""#),
        original: None,
        about: "What a question gets when the component breaks: 502, always.",
    },
    Key {
        path: "agent.command",
        shape: Shape::Text,
        preset: Preset::Value(r#""""#),
        original: None,
        about: "The program: one name or path, never split into words. Empty means claude where it is on\n\
                the PATH, or else the demo agent that is built in; demo means that one always.",
    },
    Key {
        path: "agent.home",
        shape: Shape::Text,
        preset: Preset::Value(r#""""#),
        original: None,
        about: "The program's HOME, where it keeps its sessions; empty for the host's own. With {user} in\n\
                it each user has one, and programs of different users cannot see each other: the folder of\n\
                all homes is hidden from each, but for its own. Keep nothing else there.",
    },
    Key {
        path: "agent.user",
        shape: Shape::Text,
        preset: Preset::Value(r#""""#),
        original: None,
        about: "The system user to run the program as, where the host may switch; empty for the host's own.",
    },
    Key {
        path: "agent.wall",
        shape: Shape::Choice(words::<WallChoice>),
        preset: Preset::Value(r#""auto""#),
        original: None,
        about: "What keeps the program out of the data, the secrets, the configuration and the components:\n\
                user, namespace or landlock; auto takes the strongest that can be had. Without any the\n\
                host does not start, unless this says none-i-trust-the-agent.",
    },
    Key {
        path: "agent.environment",
        shape: Shape::Patterns,
        preset: Preset::Value(
            r#"[
    "PATH", "HOME", "LANG", "LC_*", "TZ", "TMPDIR",
    "ANTHROPIC_*", "CLAUDE_CODE_*", "CLAUDE_CONFIG_DIR", "DISABLE_*",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
]"#,
        ),
        original: None,
        about: "The environment variables that the program inherits; OVERLORD_* it never does.",
    },
    Key {
        path: "agent.running_max",
        shape: Shape::Number { min: 1, max: RUNNING_MAX },
        preset: Preset::Value("8"),
        original: None,
        about: "How many programs run at a time, all users together. One takes about 200 MB.",
    },
    Key {
        path: "agent.time_limit_s",
        shape: Shape::Number { min: 1, max: WEEK_S },
        preset: Preset::Value("3600"),
        original: None,
        about: "How many seconds an answer may take.",
    },
    Key {
        path: "agent.idle_limit_s",
        shape: Shape::Number { min: 1, max: WEEK_S },
        preset: Preset::Value("600"),
        original: None,
        about: "How many seconds the program may be silent.",
    },
    Key {
        path: "agent.output_max_bytes",
        shape: Shape::Number { min: OUTPUT_MIN_BYTES, max: OUTPUT_MAX_BYTES },
        preset: Preset::Value("67108864"),
        original: None,
        about: "How much the program may print for one answer.",
    },
];

const fn component(path: &'static str, preset: &'static str) -> Key {
    let about = "The component: NAME.wasm in the components directory.";
    Key { path, shape: Shape::Component, preset: Preset::Value(preset), original: None, about }
}

const fn instances(path: &'static str) -> Key {
    let about = "A fresh instance for every call, or warm ones that serve several, for languages that start\n\
                 slowly.";
    let preset = Preset::Value(r#""fresh""#);
    Key { path, shape: Shape::Choice(words::<Instances>), preset, original: None, about }
}

const fn wasi(path: &'static str) -> Key {
    let about = "WASI for the component: none, or an empty one (no directory, network or environment) for\n\
                 languages that cannot do without.";
    let preset = Preset::Value(r#""none""#);
    Key { path, shape: Shape::Choice(words::<Wasi>), preset, original: None, about }
}
