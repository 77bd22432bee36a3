//! What happens to a program that runs too long, says too much, says nothing, or does not stop.

use std::time::Duration;

use libtest_mimic::Trial;
use overlord_process::{Event, Exit, Kind, Limits, StopCause};

use crate::stage::{Stage, all, each_wall, line, tagged, until, wide};

const SOON: Duration = Duration::from_millis(100);

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = each_wall("climbs the ladder: interrupt, terminate, end all", ladder);
    trials.extend(each_wall("ends what ignores every signal", stubborn));
    trials.extend(each_wall("signals the program and not its tools", only_the_program));
    trials.extend(each_wall("ends a program at its time limit unread", time));
    trials.extend(each_wall("tells of an idle program and stops it", idle));
    trials.extend(each_wall("ends a program that prints a gigabyte", gigabyte));
    trials.extend(each_wall("takes lines of ten megabytes and no longer", long_lines));
    trials.extend(each_wall("the output limit from both sides", output));
    trials.extend(each_wall("ends a program that does not exit after its output", lingers));
    trials.extend(each_wall("ends a program that does not exit after its work", finished));
    trials.extend(each_wall("holds a program whose reader is slow, which is not idle", slow_reader));
    trials.extend(each_wall("keeps the end of the errors", errors));
    trials
}

fn quick() -> Limits {
    Limits { grace: [SOON; 2], ..wide() }
}

async fn ladder(kind: Kind) {
    let stage = Stage::new(kind).await;
    let traps = "trap 'echo interrupted' INT; trap 'echo terminated; exit 7' TERM; echo ready; \
                 while :; do sleep 0.05; done";
    let mut child = stage.shell(traps, quick()).await;
    assert_eq!(line(&mut child).await, "ready");
    child.begin_stop();
    assert_eq!(line(&mut child).await, "interrupted");
    assert_eq!(line(&mut child).await, "terminated");
    assert_eq!(child.wait().await, Exit::Code(7));
    assert_eq!(child.stopped_because(), Some(StopCause::Host));

    let mut child = stage.shell("trap 'echo bye; exit 0' INT; echo; sleep 600 & wait", wide()).await;
    assert_eq!(line(&mut child).await, "");
    assert_eq!(child.stop().await, Exit::Code(0), "no more than SIGINT was needed");
    assert_eq!(line(&mut child).await, "bye");

    // An interrupt alone is no stop.
    let mut child =
        stage.shell("trap 'echo heard' INT; echo; read x; sleep 0.1 & wait; exit 3", wide()).await;
    assert_eq!(line(&mut child).await, "");
    child.interrupt();
    all(&mut child).await;
    assert_eq!(child.wait().await, Exit::Code(3));
    assert_eq!(child.stopped_because(), None);
}

async fn stubborn(kind: Kind) {
    let stage = Stage::new(kind).await;
    let script = "trap '' INT TERM HUP; echo ready; while :; do sleep 0.05; done";
    let mut child = stage.shell(script, quick()).await;
    assert_eq!(line(&mut child).await, "ready");
    assert_eq!(child.stop().await, Exit::Signal(9));
    until("the end of the launcher", || tagged(stage.data_id).is_empty()).await;
    // One that stopped itself can take no signal but the last.
    let mut child = stage.shell("trap '' INT TERM; echo ready; kill -STOP $$", quick()).await;
    assert_eq!(line(&mut child).await, "ready");
    assert_eq!(child.stop().await, Exit::Signal(9));
    until("the end of the launcher", || tagged(stage.data_id).is_empty()).await;
}

async fn only_the_program(kind: Kind) {
    let stage = Stage::new(kind).await;
    let script = "sh -c 'trap \"echo tool\" INT; echo up; while [ ! -e go ]; do sleep 0.05; done; echo tool-ends' & \
                  trap 'touch go' INT; wait; wait; wait; echo end";
    let mut child = stage.shell(script, wide()).await;
    assert_eq!(line(&mut child).await, "up");
    child.interrupt();
    let events = all(&mut child).await;
    let expected = ["tool-ends", "end"].map(|line| Event::Line(line.as_bytes().to_vec()));
    assert_eq!(events, expected);
}

async fn time(kind: Kind) {
    let stage = Stage::new(kind).await;
    let limits = Limits { time: SOON, ..quick() };
    // It talks without end and nobody calls `next`.
    let child = stage.shell("trap '' INT; while :; do echo on; done", limits.clone()).await;
    until("the end", || tagged(stage.data_id).is_empty()).await;
    assert_eq!(child.stopped_because(), Some(StopCause::Time));
    assert_eq!(child.wait().await, Exit::Signal(15));
    let quiet = stage.shell("exit 5", Limits { time: Duration::MAX, ..wide() }).await;
    assert_eq!(quiet.wait().await, Exit::Code(5));
}

async fn idle(kind: Kind) {
    let stage = Stage::new(kind).await;
    let limits = Limits { idle: SOON, ..wide() };
    let script = "trap 'echo last words; exit 4' INT; echo first; sleep 600 & wait";
    let mut child = stage.shell(script, limits).await;
    let events = all(&mut child).await;
    let said = |text: &str| Event::Line(text.as_bytes().to_vec());
    assert_eq!(events, [said("first"), Event::Idle, said("last words")]);
    assert_eq!(child.wait().await, Exit::Code(4));
    assert_eq!(child.stopped_because(), Some(StopCause::Idle));
}

async fn gigabyte(kind: Kind) {
    let stage = Stage::new(kind).await;
    let limits = Limits { output_bytes: 1 << 20, ..wide() };
    let mut child = stage.shell("yes 0123456789 | head -c 1073741824", limits).await;
    let lines = all(&mut child).await.len();
    assert!(lines <= (1 << 20) / 11 + 6000, "{lines} lines are more than the limit and one read");
    child.wait().await;
    assert_eq!(child.stopped_because(), Some(StopCause::Output));
    until("the end of the launcher", || tagged(stage.data_id).is_empty()).await;
}

async fn long_lines(kind: Kind) {
    const LINE: usize = 10 << 20;
    let stage = Stage::new(kind).await;
    let limits = Limits { line_bytes: LINE, ..wide() };
    let script = format!("head -c {LINE} /dev/zero; echo; head -c {LINE} /dev/zero; echo; echo end");
    let mut child = stage.shell(&script, limits.clone()).await;
    for _ in 0..2 {
        assert_eq!(child.next().await, Event::Line(vec![0; LINE]));
    }
    assert_eq!(line(&mut child).await, "end");
    assert_eq!(child.wait().await, Exit::Code(0));
    assert_eq!(child.stopped_because(), None);

    let script = format!("echo first; head -c {} /dev/zero; sleep 600", LINE + 1);
    let mut child = stage.shell(&script, limits).await;
    assert_eq!(all(&mut child).await, [Event::Line(b"first".to_vec())]);
    assert_eq!(child.wait().await, Exit::Signal(9));
    assert_eq!(child.stopped_because(), Some(StopCause::Line));
}

async fn output(kind: Kind) {
    let stage = Stage::new(kind).await;
    for (said, cause) in [(1000, None), (1001, Some(StopCause::Output))] {
        let limits = Limits { output_bytes: 1000, ..wide() };
        let script = format!("head -c {said} /dev/zero; [ {said} = 1000 ] || sleep 600");
        let child = stage.shell(&script, limits).await;
        child.wait().await;
        assert_eq!(child.stopped_because(), cause, "{said} bytes");
    }
}

async fn lingers(kind: Kind) {
    let stage = Stage::new(kind).await;
    let limits = Limits { linger: SOON, ..wide() };
    let mut child = stage.shell("echo result; exec sleep 600 >&-", limits).await;
    assert_eq!(all(&mut child).await, [Event::Line(b"result".to_vec())]);
    assert_eq!(child.wait().await, Exit::Signal(2));
    assert_eq!(child.stopped_because(), Some(StopCause::Linger));
}

async fn finished(kind: Kind) {
    let stage = Stage::new(kind).await;
    let limits = Limits { linger: SOON, ..wide() };
    let mut child = stage.shell("echo result; exec sleep 600", limits).await;
    assert_eq!(line(&mut child).await, "result");
    child.finish_within(SOON);
    assert_eq!(child.wait().await, Exit::Signal(2));
    assert_eq!(child.stopped_because(), Some(StopCause::Linger));
}

async fn slow_reader(kind: Kind) {
    let stage = Stage::new(kind).await;
    let limits = Limits { idle: Duration::from_millis(500), ..wide() };
    // Far more than the host holds, and a mark when the program could write all of it.
    let script = "head -c 8388608 /dev/zero | tr '\\0' '\\n'; touch written; echo end";
    let mut child = stage.shell(script, limits).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!stage.path().join("written").exists(), "nobody has read, so it must wait");
    let events = all(&mut child).await;
    assert_eq!(events.len(), 8_388_609);
    assert_eq!(events.last(), Some(&Event::Line(b"end".to_vec())));
    assert_eq!(child.wait().await, Exit::Code(0));
    assert_eq!(child.stopped_because(), None);
}

async fn errors(kind: Kind) {
    let stage = Stage::new(kind).await;
    let script = "head -c 1000000 /dev/zero >&2; printf '\\377 and the end\\n' >&2";
    let child = stage.shell(script, wide()).await;
    assert_eq!(child.wait().await, Exit::Code(0));
    let tail = child.stderr_tail();
    assert!(tail.ends_with("\0\u{fffd} and the end\n"), "{:?}", &tail[tail.len() - 30..]);
    assert_eq!(tail.chars().count(), 8 << 10);
}
