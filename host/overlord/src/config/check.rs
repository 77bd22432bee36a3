//! What one value means for another: places that must not lie within each other, an address that a
//! kept secret does not suffice for, and what is allowed and unwise. Knows nothing of how values are
//! written.

use std::path::{Path, PathBuf};

use super::errors::Origin;
use super::layers::Found;
use super::read::Reader;
use super::secrets::{SECRET_LENGTH_WISE, open_to_others};
use super::table::SLOTS;
use super::{Config, Secrets, WallChoice};
use crate::homes::Homes;

/// Notes in `reader` what cannot be together, and in `config` what is unwise.
pub(super) fn check(config: &mut Config, reader: &mut Reader<'_>) {
    places(config, reader);
    strangers(config, reader);
    wall(config, reader);
    if config.auth.cookie == config.auth.own_cookie && reader.sound(&["auth.cookie", "auth.own_cookie"]) {
        let reason = format!("auth.cookie and auth.own_cookie are both \"{}\"", config.auth.cookie);
        let way_out =
            "give auth.own_cookie another name: Overlord's cookie would overwrite the application's";
        reader.refuse("auth.own_cookie", reason, way_out.to_owned());
    }
    config.warnings = warnings(config, reader);
}

/// The agent may write anything in its workspace, so nothing of the house lies there, nor the
/// workspace in the data directory.
fn places(config: &Config, reader: &mut Reader<'_>) {
    if !reader.sound(&["workspace"]) {
        return;
    }
    let workspace = settled(&config.workspace);
    let house = [
        ("data", Some(&config.data)),
        ("components", Some(&config.components)),
        ("secret_key_file", config.secret_key_file.as_ref()),
        ("audit.file", config.audit.file.as_ref()),
        ("metrics.token_file", config.metrics.token_file.as_ref()),
    ];
    for (key, place) in house {
        let Some(place) = place.filter(|_| reader.sound(&[key])) else { continue };
        if settled(place).starts_with(&workspace) {
            let reason = format!(
                "{key} is {}, which lies in the workspace {}, where the agent can change it",
                place.display(),
                config.workspace.display()
            );
            reader.refuse(key, reason, format!("move {key} or the workspace elsewhere"));
        }
    }
    for (index, then) in config.audit.slot.then.iter().enumerate() {
        let Some(place) = then.file.as_ref().filter(|file| settled(file).starts_with(&workspace)) else {
            continue;
        };
        let key = format!("audit.then[{index}].file");
        let reason = format!(
            "{key} is {}, which lies in the workspace {}, where the agent can change it",
            place.display(),
            config.workspace.display()
        );
        let origin = reader.origin_of_then("audit", index, "file");
        reader.refuse_at(origin, reason, format!("move {key} or the workspace elsewhere"));
    }
    if let Some(file) = config.file.as_ref().filter(|file| settled(file).starts_with(&workspace)) {
        let reason = format!(
            "the workspace {} holds the configuration file {}, where the agent can change it",
            config.workspace.display(),
            file.display()
        );
        reader.refuse("workspace", reason, "move the one or the other elsewhere".to_owned());
    }
    if !reader.sound(&["data"]) {
        return;
    }
    let data = settled(&config.data);
    let hidden = |key: &str, place: &Path| {
        format!(
            "{key} is {}, which lies in the data directory {}, which is hidden from the agent",
            place.display(),
            config.data.display()
        )
    };
    if workspace != data && workspace.starts_with(&data) {
        let reason = hidden("workspace", &config.workspace);
        reader.refuse("workspace", reason, "move data or the workspace elsewhere".to_owned());
    }
    let home = config.agent.home.as_ref().filter(|_| reader.sound(&["agent.home"]));
    if let Some(root) =
        home.map(|home| Homes::new(home, None, None).root()).filter(|r| settled(r).starts_with(&data))
    {
        let reason = hidden("agent.home", &root);
        reader.refuse("agent.home", reason, "move data or agent.home elsewhere".to_owned());
    }
}

/// With a secret of the host's own making, nobody but who can run `overlord cookie` here can sign in:
/// to be reached from elsewhere is then a mistake.
fn strangers(config: &Config, reader: &mut Reader<'_>) {
    let sound = reader.sound(&["listen", "secret_key", "secret_key_file"]);
    if sound && !config.listen.ip().to_canonical().is_loopback() && config.secrets == Secrets::Generated {
        let reason = format!("listen is {}, which others can reach, and no secret is given", config.listen);
        let way_out = "set OVERLORD_SECRET_KEY (or secret_key_file) to the secret of the application that signs \
                       people in, or listen on 127.0.0.1 behind a proxy";
        reader.refuse("listen", reason, way_out.to_owned());
    }
}

fn wall(config: &Config, reader: &mut Reader<'_>) {
    if !reader.sound(&["agent.wall", "agent.user"]) {
        return;
    }
    match (&config.agent.user, config.agent.wall) {
        (None, WallChoice::User) => {
            let reason = "agent.wall is \"user\", and agent.user names none".to_owned();
            let way_out = "set OVERLORD_AGENT_USER to a system user, or agent.wall to \"auto\"".to_owned();
            reader.refuse("agent.wall", reason, way_out);
        }
        (Some(user), WallChoice::Namespace | WallChoice::Landlock) => {
            let reason = format!("agent.user is {user:?}, which agent.wall does not use");
            let way_out = "set agent.wall to \"auto\" or \"user\", or leave out agent.user".to_owned();
            reader.refuse("agent.user", reason, way_out);
        }
        _ => {}
    }
}

fn warnings(config: &Config, reader: &Reader<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Secrets::Given(secrets) = &config.secrets {
        let short = secrets.iter().filter(|secret| secret.expose().len() < SECRET_LENGTH_WISE).count();
        if short > 0 {
            warnings.push(format!(
                "{short} of {} secrets is shorter than {SECRET_LENGTH_WISE} bytes and can be guessed; \
                 have the application that signs people in use a longer one",
                secrets.len()
            ));
        }
    }
    let in_config =
        matches!(reader.origin("secret_key"), Origin::File { .. }) || tells_components_a_secret(reader);
    let holding = [config.secret_key_file.as_ref(), config.file.as_ref().filter(|_| in_config)];
    for file in holding.into_iter().flatten().filter(|file| open_to_others(file)) {
        warnings
            .push(format!("{0} holds a secret and others may read it; run: chmod 600 {0}", file.display()));
    }
    if let Some(file) = config.metrics.token_file.as_ref().filter(|file| open_to_others(file)) {
        warnings
            .push(format!("{0} holds a token and others may read it; run: chmod 600 {0}", file.display()));
    }
    let listening = config.listen.ip();
    let named = config.server.public_url.is_some() || !config.server.allowed_hosts.is_empty();
    if listening.is_unspecified() && !named && reader.sound(&["listen"]) {
        warnings.push(format!(
            "listen is {}, and neither server.public_url nor server.allowed_hosts says by which names others \
             reach it: their requests are answered with 421",
            config.listen
        ));
    }
    if let Some(url) =
        config.server.public_url.as_ref().filter(|url| !url.secure && !url.site.host.is_loopback())
    {
        warnings.push(format!(
            "server.public_url is {url}, without TLS: whoever is on the way can read the cookies"
        ));
    }
    if config.agent.wall == WallChoice::NoneITrustTheAgent {
        warnings.push(
            "agent.wall is none-i-trust-the-agent: whoever may ask a question can have the secret read"
                .to_owned(),
        );
    }
    warnings
}

/// Whether a component's settings in the file have something that is called a secret, or a key of those
/// that both sides have.
fn tells_components_a_secret(reader: &Reader<'_>) -> bool {
    let shared =
        |found: &Found| found.raw.setting().unwrap_or_default().iter().any(|text| text.starts_with("HS256"));
    let secret = |(name, found): &(String, Found)| {
        (name.ends_with("secret") || shared(found)) && matches!(found.origin, Origin::File { .. })
    };
    SLOTS.iter().any(|slot| {
        reader.gathered.settings(slot).iter().any(secret)
            || reader.gathered.chain(slot).iter().any(|said| said.settings().iter().any(secret))
    })
}

/// Where a path leads, as far as it exists: its symbolic links followed, its `.` and `..` taken away.
fn settled(path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                place.pop();
            }
            std::path::Component::CurDir => {}
            part => place.push(part),
        }
        place = place.canonicalize().unwrap_or(place);
    }
    place
}
