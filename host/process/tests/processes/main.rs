//! The tests of this crate, as one binary that plays every part: the tests themselves, the
//! launcher, the program that attacks the wall, and a host that is killed.

mod attack;
mod cost;
mod ending;
mod host;
mod limits;
mod spawning;
mod stage;
mod walls;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(stage::LAUNCH) => overlord_process::launcher::main(),
        Some(attack::PART) => return attack::play(),
        Some(cost::PART) => return cost::play_part(),
        Some(host::PART) => return host::play(&arguments.next().unwrap_or_default()),
        _ => {}
    }
    let mut trials: Vec<Trial> = Vec::new();
    trials.extend(spawning::trials());
    trials.extend(ending::trials());
    trials.extend(limits::trials());
    trials.extend(walls::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
