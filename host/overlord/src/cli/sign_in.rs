//! `overlord sign-in`: an address that signs a user in when a browser opens it.

use anyhow::{Context as _, bail};
use clap::Args;

use super::{ConfigFile, cookie};
use crate::capability::clock;
use crate::capability::sign_in::SignIns;
use crate::domain::Principal;
use crate::host::DataFolder;

/// The command and its options.
#[derive(Debug, Args)]
#[command(after_help = "\
The address is good once, within the hour, for whoever has it. It begins with `server.public_url`, or
with the address that the host listens on. The command needs the same configuration as the host (the
address is kept in the data folder), and no running one.")]
pub(super) struct SignIn {
    /// The user's name
    user: String,
    /// A role of theirs, such as admin; may come more than once
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn run(command: &SignIn) -> anyhow::Result<()> {
    let (config, _) = command.config.load()?;
    if config.listen.port() == 0 && config.server.public_url.is_none() {
        bail!(
            "cannot tell the address: `listen` takes any free port, and `server.public_url` \
             (OVERLORD_SERVER_PUBLIC_URL) is not given; give the one or the other"
        );
    }
    let who = Principal { user: command.user.clone(), roles: command.role.clone() };
    // Whom the component would not sign in later is refused now.
    cookie::issue(&config, &who).context("nobody can be signed in as this user")?;
    let folder = DataFolder::open(&config.data)?;
    let token = SignIns::of(folder.path()).offer(&who, clock::now())?;
    super::say(&format!("{}/#token={token}", config.server.address(config.listen)))
}
