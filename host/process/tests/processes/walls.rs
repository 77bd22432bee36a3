//! A child tries everything, behind every wall that this machine can have, for a host of either
//! kind of user. Without a wall the same attempts go through: they are real.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use overlord_process::{Kind, StartError, Supervisor, WallRequest};
use tempfile::TempDir;
use uuid::Uuid;

use crate::attack::House;
use crate::host::{self, Scene};
use crate::stage::{Stage, all, available, each_wall, line, options, plain, play, shell, wide};

/// The user `nobody` of every Linux.
const NOBODY: u32 = 65534;

/// What goes through where there is no wall; the rest is held by what each program gives up anyway.
const WITHOUT: [&str; 9] = [
    "reads a secret",
    "lists a hidden folder",
    "appends to a secret",
    "adds to a hidden folder",
    "moves a hidden path away",
    "moves a folder above a hidden one",
    "links to a secret",
    "writes elsewhere",
    "connects to a socket in the data folder",
];

pub(crate) fn trials() -> Vec<Trial> {
    let root = rustix::process::geteuid().is_root();
    let mut trials = vec![
        plain("no wall is an error with every reason", no_wall),
        plain("the strongest wall is chosen and says why not a stronger one", strongest),
    ];
    let shared = plain("shared memory does not outlive the program, nor reach another", shared_memory);
    trials.push(shared.with_ignored_flag(!available(Kind::Namespace)));
    trials.extend(each_wall("a writable folder may lie in a hidden one", writable_in_hidden));
    let own = [Kind::User, Kind::Namespace, Kind::Landlock, Kind::None].map(|kind| (None, kind));
    let other = [Kind::Namespace, Kind::Landlock, Kind::None].map(|kind| (Some(NOBODY), kind));
    for (user, kind) in own.into_iter().chain(other) {
        for place in ["in /tmp", "elsewhere"] {
            let whose = if user.is_some() { "an ordinary host" } else { "this host" };
            let name = format!("a child of {whose} {place} tries all of it (wall: {kind})");
            let here = available(kind) && (root || user.is_none());
            let trial = Trial::test(name, move || attacked(user, kind, place == "elsewhere"));
            trials.push(trial.with_ignored_flag(!here));
        }
    }
    if !root {
        eprintln!("NOT TRIED HERE, hosts of another user: the tests do not run as root");
    }
    trials
}

fn attacked(user: Option<u32>, kind: Kind, elsewhere: bool) -> Result<(), Failed> {
    let Some(folder) = place(user, elsewhere) else {
        return Err("the build folder cannot be entered by other users".into());
    };
    let agent = (kind == Kind::User).then_some(NOBODY);
    let house = House::build(folder.path(), user, agent);
    play(async {
        let scene = Scene::IsAttacked { kind: kind.to_string(), house: house.clone() };
        let said = host::start_as(user, &house.program, &scene).rest().await;
        let broken: Vec<&str> = said.iter().filter_map(|line| line.strip_prefix("BROKEN ")).collect();
        let held = said.iter().filter(|line| line.starts_with("held ")).count();
        assert!(said.last().is_some_and(|line| line.starts_with("exit Code(0)")), "{said:?}");
        assert!(broken.len() + held >= 30, "not everything was tried: {said:?}");
        if kind == Kind::None {
            for name in WITHOUT {
                assert!(broken.contains(&name), "{name} should go through: {said:?}");
            }
        } else {
            assert_eq!(broken, [""; 0], "{said:?}");
        }
    });
    Ok(())
}

/// A folder that the user can enter: below the wall's own masks, or, where there is one, not.
fn place(user: Option<u32>, elsewhere: bool) -> Option<TempDir> {
    if !elsewhere {
        return Some(tempfile::tempdir().expect("a folder"));
    }
    let build = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let open = |path: &Path| fs::metadata(path).is_ok_and(|found| found.mode() & 0o001 != 0);
    let fits = !build.starts_with("/tmp") && (user.is_none() || build.ancestors().all(open));
    let root = rustix::process::geteuid().is_root();
    let parent = if fits || !root { build } else { Path::new("/var/lib") };
    tempfile::tempdir_in(parent).ok()
}

async fn no_wall() {
    let mut wanted = options(Kind::User, Uuid::new_v4());
    wanted.agent_user = Some("no-such-user".to_owned());
    let error = Supervisor::start(wanted).await.expect_err("there is no such user");
    let text = error.to_string();
    assert!(matches!(error, StartError::NoWall { .. }), "{text}");
    assert!(text.contains("no-such-user") && text.contains("useradd"), "{text}");

    let mut wanted = options(Kind::None, Uuid::new_v4());
    wanted.hidden = vec!["/no/such/folder/at/all".into()];
    let error = Supervisor::start(wanted).await.expect_err("it cannot be protected");
    assert!(matches!(error, StartError::Path { .. }), "{error}");
}

async fn strongest() {
    let mut wanted = options(Kind::None, Uuid::new_v4());
    wanted.wall = WallRequest::StrongestOrNone;
    let supervisor = Supervisor::start(wanted).await.expect("none is allowed");
    let best = [Kind::Namespace, Kind::Landlock, Kind::None].into_iter().find(|kind| available(*kind));
    assert_eq!(Some(supervisor.wall().kind()), best);
    let reasons = supervisor.wall().passed_over();
    assert_eq!(reasons[0], "not as another user: none is configured");
    assert!(supervisor.wall().to_string().starts_with("agents run"));
}

async fn shared_memory() {
    let stage = Stage::new(Kind::Namespace).await;
    let mut child = stage.shell("readlink /proc/self/ns/ipc", wide()).await;
    let theirs = line(&mut child).await;
    let ours = fs::read_link("/proc/self/ns/ipc").expect("a namespace");
    assert!(theirs.starts_with("ipc:") && Path::new(&theirs) != ours, "{theirs} is the machine's");
}

async fn writable_in_hidden(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let data = stage.path().join("data");
    let homes = data.join("homes/alice");
    fs::create_dir_all(&homes).expect("a folder");
    fs::write(data.join("secret"), "secret").expect("a file");
    fs::write(data.join("homes/secret"), "secret").expect("a file");
    let mut wanted = options(kind, stage.data_id);
    wanted.hidden = vec![data.clone()];
    stage.supervisor = Supervisor::start(wanted).await.expect("the wall");
    let script = "echo kept > kept; cat kept; cat ../../secret ../secret 2>/dev/null; echo end";
    let mut command = shell(script, &homes);
    command.writable = vec![homes.clone()];
    let mut child = stage.supervisor.spawn(command, wide()).await.expect("a shell");
    assert_eq!(line(&mut child).await, "kept");
    let rest = all(&mut child).await;
    if kind != Kind::None {
        assert_eq!(rest, [overlord_process::Event::Line(b"end".to_vec())]);
    }
    assert_eq!(fs::read_to_string(homes.join("kept")).expect("it was written"), "kept\n");

    // Both at once is a contradiction, and said so.
    if kind == Kind::Namespace {
        let mut command = shell("", &homes);
        command.writable = vec![data];
        let error = stage.supervisor.spawn(command, wide()).await.expect_err("contradiction");
        assert!(error.to_string().contains("writable and hidden"), "{error}");
    }
}
