//! What payloads say, and what they must not.

use super::{MAX_NAME, MAX_ROLES, Path, PayloadError, Principal};

/// The user and the roles.
type Said = (String, Vec<String>);

fn read_at(json: &str, user: &str, roles: &str) -> Result<Said, PayloadError> {
    let path = |text| Path::parse(text).expect("a good path");
    Principal::read(json.as_bytes(), &path(user), &path(roles))
        .map(|principal| (principal.user, principal.roles))
}

fn read(json: &str) -> Result<Said, PayloadError> {
    read_at(json, "username", "roles")
}

fn user(name: &str) -> Said {
    (name.to_owned(), Vec::new())
}

fn roles(roles: &[&str]) -> Said {
    ("a".to_owned(), roles.iter().map(|role| (*role).to_owned()).collect())
}

#[test]
fn the_name_stands_at_the_path() {
    assert_eq!(read(r#"{"username":"alice"}"#), Ok(user("alice")));
    assert_eq!(
        read(r#" { "x": [1, {}], "username" : "al\u00efce \ud83e\udd80", "y": null } "#),
        Ok(user("alïce 🦀"))
    );
    assert_eq!(read_at(r#"{"user":{"name":"bob"},"name":"eve"}"#, "user.name", "r"), Ok(user("bob")));
    assert_eq!(
        read_at(r#"{"user":{"name":{"name":"eve"}}}"#, "user.name.name.name", "r"),
        Err(PayloadError::NoUser)
    );
}

#[test]
fn of_two_names_the_last_counts_as_in_python() {
    assert_eq!(read(r#"{"username":"alice","username":"bob"}"#), Ok(user("bob")));
    assert_eq!(read(r#"{"username":"alice","user\u006eame":"bob"}"#), Ok(user("bob")));
    assert_eq!(read(r#"{"username":"alice","username":null}"#), Err(PayloadError::NoUser));
}

#[test]
fn who_has_no_name_is_nobody() {
    for json in ["{}", "[]", "null", "\"username\"", "1", r#"{"username":null}"#, r#"{"Username":"a"}"#] {
        assert_eq!(read(json), Err(PayloadError::NoUser), "{json}");
    }
}

#[test]
fn a_name_is_text_and_nothing_else() {
    for value in ["1", "1.5", "true", "{}", r#"["alice"]"#, "\"\""] {
        let json = format!(r#"{{"username":{value}}}"#);
        assert_eq!(read(&json), Err(PayloadError::User), "{json}");
    }
}

#[test]
fn a_name_has_no_control_characters() {
    for name in ["a\\nb", "\\u0000", "a\\u001b[31m", "a\\u007f", "a\\u0085b"] {
        assert_eq!(read(&format!(r#"{{"username":"{name}"}}"#)), Err(PayloadError::User), "{name}");
        let json = format!(r#"{{"username":"a","roles":["{name}"]}}"#);
        assert_eq!(read(&json), Err(PayloadError::Roles), "{name}");
    }
}

#[test]
fn a_name_has_an_end() {
    for letter in ["x", "🦀"] {
        let longest = letter.repeat(MAX_NAME);
        assert_eq!(read(&format!(r#"{{"username":"{longest}"}}"#)), Ok(user(&longest)));
        let longer = letter.repeat(MAX_NAME + 1);
        assert_eq!(read(&format!(r#"{{"username":"{longer}"}}"#)), Err(PayloadError::User));
        let json = format!(r#"{{"username":"a","roles":"{longer}"}}"#);
        assert_eq!(read(&json), Err(PayloadError::Roles));
    }
}

#[test]
fn roles_are_a_text_or_a_list_of_texts() {
    let with = |value: &str| read(&format!(r#"{{"username":"a","roles":{value}}}"#));
    assert_eq!(with(r#""admin""#), Ok(roles(&["admin"])));
    assert_eq!(with(r#"["admin", "staff"]"#), Ok(roles(&["admin", "staff"])));
    assert_eq!(with("[]"), Ok(roles(&[])));
    assert_eq!(with("null"), Ok(roles(&[])));
    for value in ["1", "true", "{}", "[1]", r#"["admin", null]"#, r#"[["admin"]]"#, r#""""#, r#"[""]"#] {
        assert_eq!(with(value), Err(PayloadError::Roles), "{value}");
    }
}

#[test]
fn roles_are_so_many_and_no_more() {
    let with = |count: usize| {
        let list = vec!["\"r\""; count].join(",");
        read(&format!(r#"{{"username":"a","roles":[{list}]}}"#))
    };
    assert_eq!(with(MAX_ROLES), Ok(roles(&["r"; MAX_ROLES])));
    assert_eq!(with(MAX_ROLES + 1), Err(PayloadError::Roles));
}

#[test]
fn what_is_no_json_is_refused_whole() {
    for json in [
        "",
        "{",
        r#"{"username":"a""#,
        r#"{"username":"a"}x"#,
        r#"{"username":"a",}"#,
        "{'username':'a'}",
        r#"{"username":"a","x":NaN}"#,
        r#"{"username":"\ud800"}"#,
    ] {
        assert_eq!(read(json), Err(PayloadError::Json), "{json}");
    }
    let latin = Principal::read(b"{\"username\":\"\xe9\"}", &Path::of("username"), &Path::of("roles"));
    assert_eq!(latin, Err(PayloadError::Json));
}

#[test]
fn depth_beside_the_path_takes_no_stack() {
    let (open, close) = ("[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(read(&format!(r#"{{"x":{open}{close},"username":"a"}}"#)), Ok(user("a")));
    assert_eq!(read(&format!(r#"{{"username":{open}{close}}}"#)), Err(PayloadError::User));
    assert_eq!(read(&format!(r#"{{"username":"a","roles":{open}{close}}}"#)), Err(PayloadError::Roles));
    assert_eq!(read(&format!(r#"{{"x":{open}"#)), Err(PayloadError::Json));
}

#[test]
fn what_is_written_stands_at_the_paths() {
    let write = |user: &str, roles: &str| {
        let principal = Principal { user: "al\"ice".to_owned(), roles: vec!["admin".to_owned()] };
        let path = |text| Path::parse(text).expect("a good path");
        principal.write(&path(user), &path(roles)).expect("a good name")
    };
    assert_eq!(write("username", "roles"), r#"{"username":"al\"ice","roles":["admin"]}"#);
    assert_eq!(write("user.name", "user.roles"), r#"{"user":{"name":"al\"ice","roles":["admin"]}}"#);
    assert_eq!(write("a.b.c", "a.d"), r#"{"a":{"b":{"c":"al\"ice"},"d":["admin"]}}"#);
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let write = |user: &str, role: &str| {
        let principal = Principal { user: user.to_owned(), roles: vec![role.to_owned()] };
        principal.write(&Path::of("username"), &Path::of("roles"))
    };
    assert_eq!(write("", "r"), Err(PayloadError::User));
    assert_eq!(write("a\n", "r"), Err(PayloadError::User));
    assert_eq!(write("a", ""), Err(PayloadError::Roles));
    assert!(write("a", "r").is_ok());
}
