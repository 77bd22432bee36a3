//! SIGHUP: reads the configuration again. Slots change together or not at all; what else has changed
//! is named, since it needs a restart.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::folders::DataFolder;
use super::plan::plan;
use crate::config::{Config, Surroundings};
use crate::generation::Publisher;

/// Waits for SIGHUP, again and again.
pub(super) async fn on_hangup(publisher: Arc<Publisher>, mut config: Config, surroundings: Surroundings) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::warn!("cannot listen for SIGHUP ({error}): a changed configuration needs a restart");
            return;
        }
    };
    while hangups.recv().await.is_some() {
        match Config::load(config.file.as_deref(), &surroundings) {
            Ok(new) => {
                if let Err(error) = reload(&publisher, &config, &new).await {
                    tracing::error!("the configuration was not taken, everything stays as it was: {error}");
                } else {
                    config = new;
                }
            }
            Err(errors) => {
                tracing::error!("the configuration was not taken, everything stays as it was: {errors}");
            }
        }
    }
}

async fn reload(publisher: &Publisher, old: &Config, new: &Config) -> anyhow::Result<()> {
    for warning in &new.warnings {
        tracing::warn!("{warning}");
    }
    let secrets = DataFolder::open(&old.data)?.secrets(&new.secrets)?;
    let workspace = old.workspace.canonicalize()?;
    publisher.plan_changed(plan(new, &secrets, &workspace)).await?;
    for key in needs_restart(old, new) {
        tracing::warn!("`{key}` has changed in the configuration; that needs a restart to count");
    }
    tracing::info!("the configuration was read again");
    Ok(())
}

/// The keys outside of slots that differ.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let (one, other) = (&old.agent, &new.agent);
    [
        ("listen", old.listen != new.listen),
        ("data", old.data != new.data),
        ("workspace", old.workspace != new.workspace),
        ("components", old.components != new.components),
        ("server", old.server != new.server),
        ("sessions", old.sessions != new.sessions),
        ("log", old.log != new.log),
        ("auth.cookie", old.auth.cookie != new.auth.cookie),
        ("auth.own_cookie", old.auth.own_cookie != new.auth.own_cookie),
        ("auth.headers", old.auth.headers != new.auth.headers),
        ("audit.file", old.audit.file != new.audit.file),
        ("audit.fail", old.audit.slot.fail != new.audit.slot.fail),
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
