//! A question through the host, beside the same program started by hand with the same arguments: what
//! the whole way costs, from the cookie to the last audit line and the walls around the program.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Instant;

use agent_claude::command::{Mode, arguments};
use agent_claude::settings::Settings;
use anyhow::{Context as _, ensure};
use overlord_tests::host::Setup;

use crate::cookie_check::USER;
use crate::samples::Samples;
use crate::table::{Aim, Beside, Row};

/// How much more than the bare process a question may take, in milliseconds.
const AIM_MS: f64 = 5.0;

/// The demo agent without its pauses.
const MESSAGE: &str = "hello demo:fast";

/// More than the bench asks.
const RATE_MAX: &str = "8000";

pub(crate) fn measure(quick: bool) -> anyhow::Result<Vec<Row>> {
    let questions = if quick { 10 } else { 200 };
    let host = Setup::new().with("AGENT_RATE_MAX", RATE_MAX).start();
    let caller = host.sign_in(USER);
    let (mut ours, mut bare) = (Samples::default(), Samples::default());
    for question in 0..=questions {
        let session = caller.new_session();
        let begun = Instant::now();
        let answer = caller.ask(&session, MESSAGE);
        let elapsed = begun.elapsed();
        ensure!(answer.status == 200, "the host answers {}: {}", answer.status, answer.text());
        let bare_elapsed = by_hand(host.setup(), &caller.new_session())?;
        // The first question makes connections and folders.
        if question > 0 {
            ours.push(elapsed.as_secs_f64() * 1e3);
            bare.push(bare_elapsed);
        }
    }
    Ok(vec![Row {
        what: "POST /agent/ask, the demo agent".to_owned(),
        unit: "ms",
        figure: ours.summary(),
        beside: Beside { what: "the bare process", figure: bare.summary() },
        aim: Some(Aim::OverComparison(AIM_MS)),
    }])
}

/// One run of the program; milliseconds until it has ended.
fn by_hand(setup: &Setup, session: &str) -> anyhow::Result<f64> {
    let program = ["demo-agent".to_owned()];
    let mut command =
        setup.command(program.into_iter().chain(arguments(&Settings::default(), session, Mode::New)));
    command.current_dir(setup.workspace()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().context("starting the demo agent")?;
    child.stdin.take().context("its input is piped")?.write_all(MESSAGE.as_bytes())?;
    let mut printed = String::new();
    child.stdout.take().context("its output is piped")?.read_to_string(&mut printed)?;
    let status = child.wait()?;
    let elapsed = begun.elapsed();
    ensure!(status.success() && printed.contains("\"type\":\"result\""), "the demo agent printed {printed}");
    Ok(elapsed.as_secs_f64() * 1e3)
}
