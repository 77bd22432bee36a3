//! The lent directory: nothing leaves it, nothing hangs, nothing grows without bound.

use super::*;

#[test]
fn nothing_leaves_the_directory() {
    let place = tempfile::tempdir().expect("a folder");
    let lent = place.path().join("lent");
    std::fs::create_dir_all(lent.join("a")).expect("a folder");
    std::fs::write(place.path().join("secret"), "s").expect("a file");
    std::fs::write(lent.join("a/inside"), "i").expect("a file");
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, lent.join(name)).expect("a link");
    link("../secret", "out");
    link("/etc/passwd", "absolute");
    link("a/inside", "in");
    link("loop", "loop");
    let directory = Directory::open(&lent).expect("lent");
    for path in
        ["../secret", "a/../../secret", "out", "absolute", "/etc/passwd", "/proc/self/environ", "loop"]
    {
        assert_eq!(directory.file(path).expect_err(path), IoError::Denied, "{path}");
    }
    for path in ["a", ""] {
        assert!(directory.file(path).is_err(), "{path:?} is no file");
    }
    assert_eq!(directory.file("missing").expect_err("missing"), IoError::NotFound);
    assert_eq!(directory.file("a/in\0side").expect_err("a NUL"), IoError::Denied);
    for path in ["a/inside", "in", "a/../a/inside"] {
        assert_eq!(directory.file(path).expect(path).read(0, 10).expect(path), b"i");
    }
    assert!(directory.has_directory("a"));
    assert!(!directory.has_directory("a/inside"));
    assert!(!directory.has_directory(".."));
}

#[test]
fn a_pipe_does_not_hold_the_reader() {
    let place = tempfile::tempdir().expect("a folder");
    let pipe = place.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .expect("a pipe");
    let directory = Directory::open(place.path()).expect("lent");
    assert_eq!(directory.file("pipe").expect_err("a pipe"), IoError::Denied);
    assert_eq!(directory.entries("").expect("listed").len(), 0);
}

#[test]
fn reads_are_bounded_and_end_at_the_end() {
    let place = tempfile::tempdir().expect("a folder");
    let long = vec![7_u8; READ_BYTES_MAX as usize + 5];
    std::fs::write(place.path().join("long"), &long).expect("a file");
    let directory = Directory::open(place.path()).expect("lent");
    let file = directory.file("long").expect("open");
    assert_eq!(file.size, long.len() as u64);
    assert_eq!(file.read(0, u32::MAX).expect("read").len(), READ_BYTES_MAX as usize);
    assert_eq!(file.read(READ_BYTES_MAX.into(), u32::MAX).expect("read").len(), 5);
    assert_eq!(file.read(u64::MAX / 2, 10).expect("read").len(), 0);
}

#[test]
fn a_link_in_the_place_of_the_lent_directory_leads_nowhere_else() {
    let place = tempfile::tempdir().expect("a folder");
    let home = place.path().join("home");
    std::fs::create_dir_all(home.join("real")).expect("a folder");
    std::fs::write(home.join("real/f"), "f").expect("a file");
    let read = |name: &str, real| Directory::open_below(&home, name, real).map(|lent| lent.file("f").is_ok());
    assert!(read("real", true).expect("a folder"));
    assert!(!read("missing", true).expect("none"));
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, home.join(name)).expect("a link");
    link(Path::new("real"), "within");
    link(place.path(), "absolute");
    link(Path::new(".."), "up");
    assert!(read("within", false).expect("it stays at home"));
    for (name, real) in [("within", true), ("absolute", false), ("up", false), ("up", true)] {
        let error = read(name, real).expect_err(name).to_string();
        assert!(error.contains(name) && error.contains("CLAUDE_CONFIG_DIR"), "{error}");
    }
}

#[test]
fn a_missing_directory_is_empty() {
    let directory = Directory::open(Path::new("/nowhere/at/all")).expect("lent");
    assert_eq!(directory.file("x").expect_err("missing"), IoError::NotFound);
    assert!(!directory.has_directory("projects"));
}

#[test]
fn a_scripted_directory_behaves_like_a_real_one() {
    let files =
        BTreeMap::from([("p/w/a.jsonl".to_owned(), "abc".to_owned()), ("p/x".to_owned(), String::new())]);
    let directory = Directory::scripted(&files);
    assert_eq!(directory.file("p/w/a.jsonl").expect("there").read(1, 5).expect("read"), b"bc");
    assert_eq!(directory.file("p/w").expect_err("no file"), IoError::NotFound);
    let names: Vec<_> = directory
        .entries("p")
        .expect("there")
        .into_iter()
        .map(|entry| (entry.name, entry.directory))
        .collect();
    assert_eq!(names, [("w".to_owned(), true), ("x".to_owned(), false)]);
    assert!(directory.has_directory("p/w"));
    assert!(!directory.has_directory("p/x"));
}
