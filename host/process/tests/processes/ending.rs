//! Nothing of a program is left: when it ends, when it is stopped, when its launcher or the host is
//! killed.

use std::path::Path;

use libtest_mimic::Trial;
use overlord_process::{Exit, Kind, sweep};
use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use crate::host;
use crate::stage::{Stage, each_wall, line, plain, shell, tagged, until, wide};

/// A tool that leaves its parent, group and session, and one that also sheds its variables: the
/// latter can be found only as long as the former, or a PID namespace, leads to it.
pub(crate) const DETACHED: &str = "setsid sh -c 'setsid sleep 601 & setsid sleep 602 & \
     trap \"\" INT TERM HUP; touch detached; sleep 603' >/dev/null 2>&1 & \
     env -i setsid sleep 604 >/dev/null 2>&1 & \
     while [ ! -e detached ]; do sleep 0.01; done; ";

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![plain("a sweep ends its own and touches no other's", sweeps)];
    trials.extend(each_wall("nothing is left when a program ends by itself", ends));
    trials.extend(each_wall("nothing is left when a program is stopped", stopped));
    trials.extend(each_wall("nothing is left when a child is dropped", dropped));
    trials.extend(each_wall("nothing is left when the launcher is killed", launcher_killed));
    trials.extend(each_wall("nothing is left when the host is killed", host_killed));
    trials
}

/// Processes that run in `folder`, which no tool can shed as it can its variables.
fn inside(folder: &Path) -> Vec<i32> {
    std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder))
        .collect()
}

async fn ends(kind: Kind) {
    let stage = Stage::new(kind).await;
    for end in ["exit 3", "kill -KILL $$"] {
        let child = stage.shell(&format!("{DETACHED} {end}"), wide()).await;
        let exit = child.wait().await;
        assert_eq!(inside(stage.path()), [0; 0], "after {end}: {exit:?}");
        until("the end of the launcher", || tagged(stage.data_id).is_empty()).await;
        std::fs::remove_file(stage.path().join("detached")).expect("it ran");
    }
}

async fn stopped(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut child = stage.shell(&format!("{DETACHED} echo up; exec sleep 605"), wide()).await;
    assert_eq!(line(&mut child).await, "up");
    assert!(inside(stage.path()).len() >= 5, "the tools are there to begin with");
    assert!(!child.has_ended());
    assert_eq!(child.stop().await, Exit::Signal(2));
    assert!(child.has_ended());
    assert_eq!(inside(stage.path()), [0; 0]);
}

async fn dropped(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut child = stage.shell(&format!("{DETACHED} echo up; exec sleep 605"), wide()).await;
    assert_eq!(line(&mut child).await, "up");
    drop(child);
    until("the end of everything", || inside(stage.path()).is_empty()).await;
    until("the end of the launcher", || tagged(stage.data_id).is_empty()).await;
}

async fn launcher_killed(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut child = stage.shell(&format!("{DETACHED} echo up; exec sleep 605"), wide()).await;
    assert_eq!(line(&mut child).await, "up");
    let launcher = launcher_of(stage.path());
    kill_process(launcher, Signal::KILL).expect("it runs");
    assert_eq!(child.wait().await, Exit::Signal(9));
    let left: Vec<i32> = tagged(stage.data_id);
    assert_eq!(left, [0; 0]);
    if kind == Kind::Namespace {
        // What has shed its tag too.
        until("the namespace's end", || inside(stage.path()).is_empty()).await;
    } else {
        end_inside(stage.path());
    }
}

async fn host_killed(kind: Kind) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_id = Uuid::new_v4();
    let mut host = host::start(&host::Scene::runs_a_program(kind, data_id, folder.path()));
    host.says("up").await;
    assert!(inside(folder.path()).len() >= 5, "the tools are there to begin with");
    host.kill().await;
    until("the end of everything", || inside(folder.path()).is_empty()).await;
    until("the end of the launcher", || tagged(data_id).is_empty()).await;
    assert_eq!(sweep(data_id), 0, "nothing was left to sweep");
}

async fn sweeps() {
    let ours = Uuid::new_v4();
    // One digit apart, and one that only begins the same way.
    let other = Uuid::from_u128(ours.as_u128() ^ 1);
    let folder = tempfile::tempdir().expect("a folder");
    let start = |tag: String| {
        std::process::Command::new("/bin/sh")
            .args(["-c", "setsid sleep 606 & env -i sleep 607 & exec sleep 608"])
            .env("AGENT_TAG", tag)
            .current_dir(folder.path())
            .spawn()
            .expect("a shell")
    };
    let mut left = start(format!("{ours}:{}", Uuid::new_v4()));
    let mut others =
        [format!("{other}:{}", Uuid::new_v4()), ours.to_string(), format!("x{ours}:x")].map(start);
    until("all that was started", || inside(folder.path()).len() == 12).await;
    let ended = tokio::task::spawn_blocking(move || sweep(ours)).await.expect("no panic");
    assert_eq!(ended, 3);
    left.wait().expect("it ended");
    assert_eq!(inside(folder.path()).len(), 9, "the others run on");
    assert_eq!(sweep(ours), 0);
    end_inside(folder.path());
    for other in &mut others {
        other.wait().expect("it ended");
    }
    // Those that run this test are above it, whatever they are tagged with; so is this process.
    assert_eq!(sweep(Uuid::nil()), 0);
}

/// The process between this one and what runs in `folder`. Its variables cannot be read: it hides
/// them from its own user too.
fn launcher_of(folder: &Path) -> Pid {
    let parent_of = |pid: i32| -> Option<i32> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:\t")?.parse().ok())
    };
    let own = std::process::id().cast_signed();
    let climb = |pid: i32| std::iter::successors(Some(pid), |pid| parent_of(*pid));
    inside(folder)
        .into_iter()
        .find_map(|pid| climb(pid).find(|above| parent_of(*above) == Some(own)))
        .and_then(Pid::from_raw)
        .expect("a launcher")
}

/// Ends what the test itself leaves.
fn end_inside(folder: &Path) {
    for pid in inside(folder).into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// The command of [`host::Scene::runs_a_program`].
pub(crate) fn busy(folder: &Path) -> overlord_process::Command {
    shell(&format!("{DETACHED} echo up; exec sleep 605"), folder)
}
