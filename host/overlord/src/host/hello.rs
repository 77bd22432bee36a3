//! What a new user is shown: where the host listens, which agent answers, and a line to copy.

use super::Host;
use super::agents::Program;
use super::build::StartError;
use crate::capability::clock;
use crate::config::ServerConfig;
use crate::domain::{Principal, SessionId};
use crate::stages::issue;

pub(super) async fn hello(host: &Host, user: &str) -> Result<String, StartError> {
    let who = Principal { user: user.to_owned(), roles: Vec::new() };
    let generation = host.service.house.current.pin();
    let issued = issue(&generation, &who).await.map_err(|error| StartError::Hello(error.to_string()))?;
    let (address, session) = (ServerConfig::on_this_machine(host.address), SessionId::fresh());
    let cookie = format!("{}={}", issued.name, issued.value);
    let agent = match &host.program {
        Program::Demo { chosen: true } => {
            "the built-in demo agent, as configured; no model is behind it".to_owned()
        }
        Program::Demo { chosen: false } => {
            "the built-in demo agent, since there is no `claude` on the PATH; no model is behind it"
                .to_owned()
        }
        Program::Command(program) => format!("{}", program.display()),
    };
    let token = host.service.desk.sign_ins.offer(&who, clock::now());
    let token = token.map_err(|error| StartError::SignIn(error.to_string()))?;
    let page = host.config.server.address(host.address);
    Ok(format!(
        "
  Open {page}/#token={token}
       (signs \"{user}\" in, once and within the hour; `overlord sign-in {user}` makes another)

  Overlord serves http://{address}
  agent      {agent}
  workspace  {workspace}
  data       {data}
  audit log  {audit}

Ask it something (the cookie speaks for \"{user}\"):

  curl -sS http://{address}/agent/ask -b '{cookie}' \\
    -H 'content-type: application/json' \\
    -d '{{\"session_id\":\"{session}\",\"message\":\"Hello! What can you do?\"}}'

Read what was said:

  curl -sS http://{address}/agent/sessions/{session}/history -b '{cookie}'

Ctrl-C stops it.
",
        workspace = host.service.workspace,
        data = host.config.data.display(),
        audit = host.config.audit.file.as_ref().map_or("off".to_owned(), |file| file.display().to_string()),
    ))
}
