//! The ring of the real client: the published `claude`, pinned, driven by a real host and answered
//! by a scripted Messages API, all of it in namespaces of its own. It can reach no network, and no
//! other client of the machine.
//!
//! `alone` is what the client does when nobody drives it, which is what the agent component and the
//! script of the API rest on; where a new version breaks those, it says so first. `hosted` is the
//! same client behind Overlord, and `streamed` its answer as events. `confined` is the place itself.

mod alone;
mod client;
mod confined;
mod hosted;
mod streamed;

use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Trial};
use overlord_tests::host::{built, checkout};
use overlord_tests::namespaces::{Isolated, run_isolated};

/// What the ring is called where it is to be left out.
const NAME: &str = "real-client";

fn main() -> ExitCode {
    run_isolated(NAME, checkout(), install, |isolated| {
        let mut trials = confined::trials(isolated);
        trials.extend(alone::trials(isolated));
        trials.extend(hosted::trials(isolated));
        trials.extend(streamed::trials(isolated));
        libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
    })
}

/// One test of a part of this ring.
fn trial(part: &str, isolated: Isolated, name: &str, test: fn(Isolated)) -> Trial {
    Trial::test(format!("{part}::{name}"), move || {
        test(isolated);
        Ok(())
    })
}

/// Makes sure that the client is there; done outside, where there is a network.
fn install() -> Result<(), String> {
    let script = built("tests/install-client.sh");
    let status = Command::new(&script)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("running {}: {error}", script.display()))?;
    if status.success() { Ok(()) } else { Err(format!("{} says why not", script.display())) }
}

/// Names the tests of a part, each by its function: one that is not named here is never used, and
/// the compiler says so.
macro_rules! trials {
    ($part:literal: $($test:ident),+ $(,)?) => {
        pub(crate) fn trials(
            isolated: overlord_tests::namespaces::Isolated,
        ) -> Vec<libtest_mimic::Trial> {
            vec![$(crate::trial($part, isolated, stringify!($test), $test)),+]
        }
    };
}
use trials;
