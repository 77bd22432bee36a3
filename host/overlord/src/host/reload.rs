//! SIGHUP: reads the configuration again. Slots change together or not at all; what else has changed
//! is named, since it needs a restart.

use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::folders::DataFolder;
use super::plan::{own_audit_files, plan, visible_cookies};
use crate::config::{Config, Surroundings};
use crate::generation::Publisher;

/// Waits for SIGHUP, again and again. `running` is what the host was started with: what needs a restart
/// stays as it is there, however often the file changes.
pub(super) async fn on_hangup(
    mut hangups: Signal,
    publisher: Arc<Publisher>,
    running: Config,
    surroundings: Surroundings,
) {
    while hangups.recv().await.is_some() {
        match Config::load(running.file.as_deref(), &surroundings) {
            Ok(new) => {
                if let Err(error) = reload(&publisher, &running, new).await {
                    tracing::error!("the configuration was not taken, everything stays as it was: {error}");
                }
            }
            Err(errors) => {
                tracing::error!("the configuration was not taken, everything stays as it was: {errors}");
            }
        }
    }
}

async fn reload(publisher: &Publisher, running: &Config, mut new: Config) -> anyhow::Result<()> {
    if new.secret_key_file != running.secret_key_file {
        // The wall is built at the start: agents could read a file that it does not know.
        anyhow::bail!("`secret_key_file` is another one; restart the host, so that agents cannot see it");
    }
    let known = own_audit_files(running);
    if let Some(file) = own_audit_files(&new).iter().find(|file| !known.contains(file)) {
        // Neither the wall nor the one who writes knows it.
        anyhow::bail!(
            "audit lines are to go to {}, where none went so far; restart the host, so that agents cannot see it",
            file.display()
        );
    }
    for warning in &new.warnings {
        tracing::warn!("{warning}");
    }
    let changed = needs_restart(running, &new);
    // The component must look for the cookies that the gate shows it.
    new.auth.cookie.clone_from(&running.auth.cookie);
    new.auth.own_cookie.clone_from(&running.auth.own_cookie);
    let secrets = DataFolder::open(&running.data)?.secrets(&new.secrets)?;
    let workspace = running.workspace.canonicalize()?;
    publisher.plan_changed(plan(&new, &secrets, &workspace)).await?;
    for key in changed {
        tracing::warn!("`{key}` has changed in the configuration; that needs a restart to count");
    }
    tracing::info!("the configuration was read again");
    Ok(())
}

/// The keys outside of slots that differ.
fn needs_restart(running: &Config, new: &Config) -> Vec<&'static str> {
    let (one, other) = (&running.agent, &new.agent);
    [
        ("listen", running.listen != new.listen),
        ("data", running.data != new.data),
        ("workspace", running.workspace != new.workspace),
        ("components", running.components != new.components),
        ("server", running.server != new.server),
        ("sessions", running.sessions != new.sessions),
        ("runs", running.runs != new.runs),
        ("rules", running.rules != new.rules),
        ("log", running.log != new.log),
        ("metrics", running.metrics != new.metrics),
        ("otlp", running.otlp != new.otlp),
        ("decisions", running.decisions != new.decisions),
        ("auth.cookie", running.auth.cookie != new.auth.cookie),
        ("auth.own_cookie", running.auth.own_cookie != new.auth.own_cookie),
        ("auth.then", visible_cookies(running) != visible_cookies(new)),
        ("auth.headers", running.auth.headers != new.auth.headers),
        ("audit.file", running.audit.file != new.audit.file),
        ("audit.fail", running.audit.slot.fail != new.audit.slot.fail),
        ("agent.command", one.command != other.command),
        ("agent.home", one.home != other.home),
        ("agent.user", one.user != other.user),
        ("agent.wall", one.wall != other.wall),
        ("agent.environment", one.environment != other.environment),
        ("agent.running_max", one.running_max != other.running_max),
        ("agent.time_limit_s", one.time_limit != other.time_limit),
        ("agent.idle_limit_s", one.idle_limit != other.idle_limit),
        ("agent.output_max_bytes", one.output_max_bytes != other.output_max_bytes),
    ]
    .into_iter()
    .filter_map(|(key, changed)| changed.then_some(key))
    .collect()
}
