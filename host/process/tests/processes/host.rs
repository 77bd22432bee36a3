//! The part of a host in a process of its own: one that is killed, one whose descriptors are
//! counted, one that runs as another user.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use overlord_process::{Child, Event, Kind, Supervisor, WallRequest, harden_host};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use uuid::Uuid;

use crate::stage::{self, options, shell, wide};
use crate::{attack, ending};

/// What makes this binary play this part.
pub(crate) const PART: &str = "host";

/// What such a host does.
#[derive(Serialize, Deserialize)]
pub(crate) enum Scene {
    RunsAProgram { kind: String, data_id: Uuid, folder: PathBuf },
    Counts,
    IsAttacked { kind: String, house: attack::House },
}

impl Scene {
    pub(crate) fn runs_a_program(kind: Kind, data_id: Uuid, folder: &Path) -> Self {
        Self::RunsAProgram { kind: kind.to_string(), data_id, folder: folder.to_path_buf() }
    }
}

/// A host in a process of its own.
pub(crate) struct Host {
    process: tokio::process::Child,
    lines: Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Host {
    /// Waits for a line.
    pub(crate) async fn says(&mut self, expected: &str) {
        let said = self.lines.next_line().await.expect("text");
        assert_eq!(said.as_deref(), Some(expected));
    }

    /// All that it says to its end.
    pub(crate) async fn rest(mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("text") {
            all.push(line);
        }
        assert!(self.process.wait().await.expect("it was started").success(), "{all:?}");
        all
    }

    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.expect("it runs");
    }
}

pub(crate) fn start(scene: &Scene) -> Host {
    start_as(None, Path::new("/proc/self/exe"), scene)
}

/// Starts a host, as another user where one is given.
pub(crate) fn start_as(user: Option<u32>, program: &Path, scene: &Scene) -> Host {
    let mut command = tokio::process::Command::new(program);
    command
        .args([PART, &serde_json::to_string(scene).expect("plain data")])
        .env(attack::SECRET_VARIABLE, attack::SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if let Some(user) = user {
        command.uid(user).gid(user).env("HOME", "/");
    }
    let mut process = command.spawn().expect("this binary");
    let stdout = process.stdout.take().expect("it is piped");
    Host { process, lines: BufReader::new(stdout).lines() }
}

/// Plays the part.
pub(crate) fn play(scene: &str) {
    harden_host().expect("every process may");
    match serde_json::from_str(scene).expect("a scene") {
        Scene::RunsAProgram { kind, data_id, folder } => stage::play(async {
            let supervisor = Supervisor::start(options(kind_of(&kind), data_id)).await;
            let supervisor = supervisor.expect("this wall was tried before");
            let mut child = supervisor.spawn(ending::busy(&folder), wide()).await.expect("a shell");
            print_lines(&mut child).await;
        }),
        Scene::Counts => stage::play(count()),
        Scene::IsAttacked { kind, house } => stage::play(be_attacked(kind_of(&kind), house)),
    }
}

/// A hundred programs leave no descriptor open and no zombie behind.
pub(crate) async fn leaves_nothing_open() {
    assert_eq!(start(&Scene::Counts).rest().await, ["as before"]);
}

async fn count() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = || std::fs::read_dir("/proc/self/fd").expect("its own").count();
    let mut wanted = options(Kind::None, Uuid::new_v4());
    wanted.wall = WallRequest::StrongestOrNone;
    let supervisor = Supervisor::start(wanted).await.expect("none is allowed");
    let run = async |script: &str| {
        let outcome = supervisor.spawn(shell(script, folder.path()), wide()).await;
        outcome.expect("a shell").wait().await;
    };
    run("exit 0").await;
    let before = opened();
    for number in 0..100 {
        run(&format!("exit {number}")).await;
        if number % 10 == 0 {
            let mut missing = shell("", folder.path());
            missing.program = PathBuf::from("no-such-program");
            supervisor.spawn(missing, wide()).await.expect_err("there is none");
        }
    }
    stage::until("closed descriptors", || opened() <= before).await;
    let own = format!("PPid:\t{}", std::process::id());
    stage::until("no children", || {
        !std::fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
            std::fs::read_to_string(entry.path().join("status"))
                .is_ok_and(|status| status.lines().any(|line| line == own))
        })
    })
    .await;
    println!("as before");
}

async fn be_attacked(kind: Kind, house: attack::House) {
    let open = house.open_sockets();
    let mut wanted = options(kind, Uuid::new_v4());
    wanted.hidden = house.hidden();
    wanted.read_only = house.read_only();
    let supervisor = Supervisor::start(wanted).await.expect("the wall");
    assert_eq!(supervisor.wall().kind(), kind);
    let mut command = shell("", &house.work());
    command.program.clone_from(&house.program);
    command.arguments = vec![attack::PART.to_owned()];
    command.environment.push(("HOME".into(), house.home().into()));
    command.stdin = serde_json::to_vec(&house.plan(kind)).expect("plain data");
    command.writable = vec![house.work(), house.home()];
    let mut child = supervisor.spawn(command, wide()).await.expect("the attacker");
    print_lines(&mut child).await;
    println!("exit {:?} {}", child.wait().await, child.stderr_tail());
    drop(open);
}

async fn print_lines(child: &mut Child) {
    loop {
        match child.next().await {
            Event::Line(line) => println!("{}", String::from_utf8_lossy(&line)),
            Event::Idle => {}
            Event::End => return,
        }
    }
}

fn kind_of(name: &str) -> Kind {
    [Kind::User, Kind::Namespace, Kind::Landlock, Kind::None]
        .into_iter()
        .find(|kind| kind.to_string() == name)
        .expect("a kind")
}
