//! The keys of the program that answers.

use super::super::keys::{Key, Preset, Shape};
use super::super::words::{WallChoice, words};
use super::WEEK_S;
use super::slots::{component, instances, wasi};

/// Clients of 200 MB each take 25 GB. Each run also holds one of the sandbox's 192 places from its
/// beginning to its end, and the rest must do for all other decisions.
const RUNNING_MAX: i64 = 128;
/// The first line of the client's stream lists its tools and has several KiB.
const OUTPUT_MIN_BYTES: i64 = 64 * 1024;
/// The output passes through, and is not kept; beyond 16 GiB it is no answer but a mistake.
const OUTPUT_MAX_BYTES: i64 = 16 * 1024 * 1024 * 1024;

/// In the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
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
