//! What a launcher costs: `cargo test --release -p overlord-process --test processes -- cost`
//! prints, for each wall, the time from spawn to the end of `/bin/true` beside that of a bare one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use overlord_process::{Kind, Supervisor};
use uuid::Uuid;

use crate::stage::{options, play, shell, wide};

/// What makes this binary measure.
pub(crate) const PART: &str = "cost";

/// Runs of each kind; the first few warm the page cache and are not counted.
const RUNS: usize = 220;
const WARM_UP: usize = 20;

/// Prints the table.
pub(crate) fn play_part() {
    play(async {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bare = Vec::new();
        for _ in 0..RUNS {
            let begin = Instant::now();
            let mut child = tokio::process::Command::new("/bin/true").spawn().expect("true");
            child.wait().await.expect("its end");
            bare.push(begin.elapsed());
        }
        report("bare", bare);
        for kind in [Kind::User, Kind::Namespace, Kind::Landlock, Kind::None] {
            let mut wanted = options(kind, Uuid::new_v4());
            wanted.hidden = vec![folder.path().join("hidden")];
            std::fs::create_dir_all(&wanted.hidden[0]).expect("a folder");
            let supervisor = match Supervisor::start(wanted).await {
                Ok(supervisor) => supervisor,
                Err(reason) => {
                    println!("{kind}: {reason}");
                    continue;
                }
            };
            let (mut started, mut ended) = (Vec::new(), Vec::new());
            for _ in 0..RUNS {
                let mut command = shell("", folder.path());
                command.program = PathBuf::from("/bin/true");
                let begin = Instant::now();
                let child = supervisor.spawn(command, wide()).await.expect("true");
                started.push(begin.elapsed());
                child.wait().await;
                ended.push(begin.elapsed());
            }
            report(&format!("{kind}, started"), started);
            report(&format!("{kind}, ended"), ended);
        }
    });
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.drain(..WARM_UP);
    times.sort();
    let [median, late] = [times.len() / 2, times.len() * 99 / 100].map(|at| times[at]);
    println!("{name:<20} median {median:>10.2?}   99 of 100 within {late:>10.2?}");
}
