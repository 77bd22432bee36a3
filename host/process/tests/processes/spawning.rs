//! Starting programs: what they are given, what comes back when they cannot be, what they cost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use overlord_process::{Event, Exit, Kind, SpawnError};

use crate::host;
use crate::stage::{Stage, all, each_wall, line, plain, shell, wide};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        plain("a host keeps no descriptor and no zombie of 100 programs", host::leaves_nothing_open),
        plain("tells a missing program from a forbidden one", refusals),
        plain("finds a bare name on the given PATH only", bare_names),
    ];
    trials.extend(each_wall("passes on input, arguments, variables, directory", passes_on));
    trials.extend(each_wall("passes on codes and signals", exits));
    trials.extend(each_wall("runs twenty at once", twenty));
    trials.extend(each_wall("runs a program with a space in its path", space));
    trials.extend(each_wall("feeds a megabyte to a program that talks meanwhile", talks_back));
    trials.extend(each_wall("does not mind a program that closes its input", closed_input));
    trials.extend(each_wall("gives a program three descriptors and a session", clean));
    trials
}

async fn passes_on(kind: Kind) {
    let stage = Stage::new(kind).await;
    let script = "cat; printf '%s|' \"$@\"; echo; env | sort; pwd; printf last; echo err >&2";
    let mut command = shell(script, stage.path());
    command.arguments.extend(["name", "a b", "", "*", "-x"].map(str::to_owned));
    command.environment.push(("ODD".into(), "é\u{1f980} =x".into()));
    command.environment.push(("AGENT_TAG".into(), "forged".into()));
    command.stdin = b"in\0put\n".to_vec();
    let run = command.run;
    let mut child = stage.supervisor.spawn(command, wide()).await.expect("a shell");
    assert_eq!(child.next().await, Event::Line(b"in\0put".to_vec()));
    assert_eq!(line(&mut child).await, "a b||*|-x|");
    let rest: Vec<String> = all(&mut child)
        .await
        .into_iter()
        .map(|event| match event {
            Event::Line(line) => String::from_utf8(line).expect("text"),
            event => panic!("{event:?}"),
        })
        .collect();
    let pwd = format!("PWD={}", stage.path().display());
    let mut expected = vec![
        format!("AGENT_TAG={}:{run}", stage.data_id),
        "ODD=é\u{1f980} =x".to_owned(),
        "PATH=/usr/bin:/bin:/usr/sbin:/sbin".to_owned(),
        pwd,
    ];
    expected.push(stage.path().display().to_string());
    expected.push("last".to_owned());
    assert_eq!(rest, expected);
    assert_eq!(child.wait().await, Exit::Code(0));
    assert_eq!(child.stderr_tail(), "err\n");
    assert_eq!(child.stopped_because(), None);
    assert_eq!(child.next().await, Event::End);
}

async fn exits(kind: Kind) {
    let stage = Stage::new(kind).await;
    for (script, expected) in [
        ("exit 0", Exit::Code(0)),
        ("exit 255", Exit::Code(255)),
        ("kill -TERM $$", Exit::Signal(15)),
        ("kill -KILL $$", Exit::Signal(9)),
    ] {
        let child = stage.shell(script, wide()).await;
        assert_eq!(child.wait().await, expected, "{script}");
        assert_eq!(child.stopped_because(), None, "{script}");
    }
}

async fn twenty(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut children = Vec::new();
    for number in 0..20 {
        // They end only when all of them run.
        let script = format!(
            "touch started-{number}; \
             while [ $(ls | grep -c started) -lt 20 ]; do sleep 0.01; done; exit {number}"
        );
        children.push(stage.shell(&script, wide()).await);
    }
    for (number, child) in children.iter().enumerate() {
        assert_eq!(child.wait().await, Exit::Code(i32::try_from(number).expect("small")));
    }
}

async fn space(kind: Kind) {
    let stage = Stage::new(kind).await;
    let folder = stage.path().join("a folder; with $(words)");
    fs::create_dir(&folder).expect("a folder");
    let program = script(&folder.join("my program"), "#!/bin/sh\necho \"$0\"\n", 0o755);
    let mut command = shell("", stage.path());
    command.arguments = Vec::new();
    command.program.clone_from(&program);
    let mut child = stage.supervisor.spawn(command, wide()).await.expect("the program");
    assert_eq!(line(&mut child).await, program.display().to_string());
    assert_eq!(child.wait().await, Exit::Code(0));
}

async fn talks_back(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut command = shell("cat", stage.path());
    // More than both pipes and the host's buffer hold together.
    command.stdin = [&vec![b'x'; 1023][..], b"\n"].concat().repeat(4096);
    let mut child = stage.supervisor.spawn(command, wide()).await.expect("a shell");
    let events = all(&mut child).await;
    assert_eq!(events.len(), 4096);
    assert!(events.iter().all(|event| *event == Event::Line(vec![b'x'; 1023])));
    assert_eq!(child.wait().await, Exit::Code(0));
}

async fn closed_input(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut command = shell("exec <&-; echo done", stage.path());
    command.stdin = vec![b'x'; 1 << 20];
    let mut child = stage.supervisor.spawn(command, wide()).await.expect("a shell");
    assert_eq!(line(&mut child).await, "done");
    assert_eq!(child.wait().await, Exit::Code(0));
}

async fn clean(kind: Kind) {
    let stage = Stage::new(kind).await;
    // A descriptor that somebody left open over the host, as shells do with `3<file`.
    // Signals 32 and 33 are the C library's own, which no program can set.
    let script = "ls -l /proc/self/fd | awk 'NR > 1 {print $9}' | tr '\\n' ' '; echo; \
                  cut -d' ' -f 6 /proc/$$/stat; echo $$; \
                  grep -E 'SigIgn|SigBlk' /proc/self/status | sed 's/0000000180000000/0000000000000000/'; \
                  ulimit -c; ulimit -H -c";
    let mut child = stage.shell(script, wide()).await;
    // The fourth is the listing's own.
    assert_eq!(line(&mut child).await, "0 1 2 3 ");
    let session = line(&mut child).await;
    assert_eq!(session, line(&mut child).await, "it leads its session");
    assert_eq!(line(&mut child).await, "SigBlk:\t0000000000000000");
    assert_eq!(line(&mut child).await, "SigIgn:\t0000000000000000");
    assert_eq!(line(&mut child).await, "0");
    assert_eq!(line(&mut child).await, "0");
    assert_eq!(child.wait().await, Exit::Code(0));
}

async fn refusals() {
    let stage = Stage::new(Kind::None).await;
    let folder = stage.path();
    script(&folder.join("forbidden"), "#!/bin/sh\n", 0o644);
    script(&folder.join("no-interpreter"), "#!/no/such/interpreter\n", 0o755);
    script(&folder.join("no-program"), "just words\n", 0o755);
    fs::create_dir(folder.join("folder")).expect("a folder");
    let try_it = async |program: PathBuf, edit: &dyn Fn(&mut overlord_process::Command)| {
        let mut command = shell("", folder);
        command.program = program;
        edit(&mut command);
        stage.supervisor.spawn(command, wide()).await.expect_err("it cannot run")
    };
    let keep = |_: &mut overlord_process::Command| {};
    for missing in ["nothing", "forbidden/below", "/no such/program -x", ""] {
        let given = if missing.is_empty() { PathBuf::new() } else { folder.join(missing) };
        let error = try_it(given, &keep).await;
        assert!(matches!(error, SpawnError::Missing), "{missing}: {error}");
    }
    for denied in ["forbidden", "folder"] {
        let error = try_it(folder.join(denied), &keep).await;
        assert!(matches!(error, SpawnError::Denied), "{denied}: {error}");
    }
    let sentence = async |program: &Path, edit: &dyn Fn(&mut overlord_process::Command)| match try_it(
        program.to_path_buf(),
        edit,
    )
    .await
    {
        SpawnError::Other(sentence) => sentence,
        error => panic!("{error:?}"),
    };
    assert!(sentence(&folder.join("no-interpreter"), &keep).await.contains("interpreter"));
    assert!(sentence(&folder.join("no-program"), &keep).await.contains("no program"));
    let shell = Path::new("/bin/sh");
    let nul = |command: &mut overlord_process::Command| command.arguments.push("a\0b".to_owned());
    assert!(sentence(shell, &nul).await.contains("NUL"));
    let huge = |command: &mut overlord_process::Command| command.arguments.push("x".repeat(5 << 20));
    assert!(sentence(shell, &huge).await.contains("larger"));
    let absurd = |command: &mut overlord_process::Command| command.arguments.push("x".repeat(9 << 20));
    assert!(sentence(shell, &absurd).await.contains("larger"));
    let nowhere = |command: &mut overlord_process::Command| command.directory.push("nowhere");
    assert!(sentence(shell, &nowhere).await.contains("nowhere"));
}

async fn bare_names() {
    let stage = Stage::new(Kind::None).await;
    let folder = stage.path();
    for (name, mode) in [("one", 0o644), ("two", 0o755)] {
        fs::create_dir(folder.join(name)).expect("a folder");
        script(&folder.join(name).join("the-agent"), "#!/bin/sh\necho found\n", mode);
    }
    script(&folder.join("local-agent"), "#!/bin/sh\n", 0o755);
    let with_path = async |name: &str, path: &str| {
        let mut command = shell("", folder);
        command.program = PathBuf::from(name);
        command.environment = vec![("PATH".into(), path.into())];
        stage.supervisor.spawn(command, wide()).await
    };
    let (one, two) = (folder.join("one"), folder.join("two"));
    let both = format!("/no/such:{}:{}:/bin", one.display(), two.display());
    let mut child = with_path("the-agent", &both).await.expect("the second can be run");
    assert_eq!(line(&mut child).await, "found");
    let only_first = with_path("the-agent", &one.display().to_string()).await;
    assert!(matches!(only_first, Err(SpawnError::Denied)), "{only_first:?}");
    for (name, path) in [("the-agent", "/bin"), ("the-agent", ""), ("sh -c", "/bin")] {
        let outcome = with_path(name, path).await;
        assert!(matches!(outcome, Err(SpawnError::Missing)), "{name} on {path}: {outcome:?}");
    }
    // Parts that are empty or relative would mean the workspace, where a model writes programs.
    for path in ["", ":", ".", ":/bin:"] {
        let outcome = with_path("local-agent", path).await;
        assert!(matches!(outcome, Err(SpawnError::Missing)), "{path}: {outcome:?}");
    }
}

fn script(path: &Path, text: &str, mode: u32) -> PathBuf {
    fs::write(path, text).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    path.to_path_buf()
}
