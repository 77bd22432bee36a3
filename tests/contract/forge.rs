//! Small components made of text: a core module in WAT, the contract or a bent copy of it, and the
//! host's own way from a module to a component. Knows how the contract's types lie in a guest's
//! memory, and nothing of what a test does with the component.

use std::fmt::Write as _;

use overlord::sandbox::package::component_of;
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// The contract as one package, without the lines that each file of it begins with.
pub fn contract() -> String {
    let files = ["types", "http", "files", "process", "hooks", "worlds"];
    let wit = overlord_tests::host::checkout().join("wit");
    files.iter().fold("package overlord:policy@0.1.0;\n".to_owned(), |mut whole, file| {
        let path = wit.join(format!("{file}.wit"));
        let text = std::fs::read_to_string(&path).expect("the contract is part of the checkout");
        let text = text.strip_prefix("package overlord:policy@0.1.0;").expect("each file names the package");
        whole.push_str(text);
        whole
    })
}

/// The contract with one part of it replaced.
#[track_caller]
pub fn contract_but(part: &str, other: &str) -> String {
    let contract = contract();
    assert_eq!(contract.matches(part).count(), 1, "the contract has `{part}` once");
    contract.replace(part, other)
}

/// A component of `world` in the package or packages of `wit`.
#[track_caller]
pub fn component(wit: &str, world: &str, module: &str, cases: Option<&str>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("contract.wit", wit).expect("the contract can be read");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is in it");
    let mut module = wat::parse_str(module).expect("the test's module is a module");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("a world can be described");
    component_of(&module, cases).expect("the test's module keeps to its world")
}

/// A limiter whose `admit` has this body. Its parameters are `$user` `$user_len` `$running` `$now`
/// `$cell` `$cell_len`; it returns where its answer lies, and at `$answer` there is one: to admit.
pub fn limiter(body: &str) -> Vec<u8> {
    component(&contract(), "limit-policy", &limiter_module(body), None)
}

/// The module of [`limiter`].
pub fn limiter_module(body: &str) -> String {
    module(&format!(
        r#"(global $calls (mut i32) (i32.const 0))
        (func $admit (export "overlord:policy/limiter@0.1.0#admit")
            (param $settings i32) (param $settings_len i32) (param $user i32) (param $user_len i32)
            (param $roles i32) (param $roles_len i32) (param $now i64) (param $running i32)
            (param $waiting i32) (param $facts i32) (param $facts_len i32)
            (param $cell i32) (param $cell_len i32) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            {body}
            (global.get $answer))"#
    ))
}

/// A limiter of the form `2`: what `limit-window` writes, under another first byte. It admits everybody
/// whose cell is its own, and breaks over another's.
pub fn second_form() -> Vec<u8> {
    limiter_of_form("2")
}

/// The same under another form's name.
pub fn limiter_of_form(name: &str) -> Vec<u8> {
    let module = module(&format!(
        r#"(func (export "overlord:policy/migration@0.1.0#form") (result i32)
            {form}
            (i32.store (i32.const 1024) (i32.const 2048)) (i32.store (i32.const 1028) (i32.const {length}))
            (global.get $answer))
        (func (export "overlord:policy/migration@0.1.0#migrate")
            (param $settings i32) (param $settings_len i32) (param $form i32) (param $form_len i32)
            (param $cell i32) (param $cell_len i32) (result i32)
            (block $foreign
                ;; limit-window says nothing of its form, and begins its cells with a 1.
                (br_if $foreign (local.get $form_len))
                (br_if $foreign (i32.eqz (local.get $cell_len)))
                (br_if $foreign (i32.ne (i32.load8_u (local.get $cell)) (i32.const 1)))
                (i32.store8 (local.get $cell) (i32.const 2))
                (i32.store (i32.const 1028) (local.get $cell))
                (i32.store (i32.const 1032) (local.get $cell_len))
                (return (global.get $answer)))
            {fault}
            (i32.store8 (i32.const 1024) (i32.const 1))
            (i32.store (i32.const 1028) (i32.const 3072)) (i32.store (i32.const 1032) (i32.const 14))
            (global.get $answer))
        (func (export "overlord:policy/limiter@0.1.0#admit")
            (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32) (param $cell i32) (param $cell_len i32)
            (result i32)
            (if (local.get $cell_len) (then
                (if (i32.ne (i32.load8_u (local.get $cell)) (i32.const 2)) (then unreachable))))
            (global.get $answer))"#,
        form = bytes_at(2048, name.as_bytes()),
        length = name.len(),
        fault = bytes_at(3072, b"not my own one"),
    ));
    component(&contract(), "limit-policy-migrating", &module, None)
}

/// A limiter that answers with `cell_len` bytes of memory as the new cell.
pub fn limiter_with_cell(cell_len: usize) -> Vec<u8> {
    limiter(&format!(
        "(drop (memory.grow (i32.const 4)))
        (i32.store (i32.const 1056) (i32.const 1))
        (i32.store (i32.const 1060) (i32.const 65536))
        (i32.store (i32.const 1064) (i32.const {cell_len}))"
    ))
}

/// A limiter that counts: it refuses with the number of calls that its instance has served as the
/// seconds to wait, after `body` was run.
pub fn counting_limiter(body: &str) -> Vec<u8> {
    limiter(&format!(
        "{body}
        (i32.store (i32.const 1028) (i32.const 2))
        (i32.store (i32.const 1048) (i32.const 1))
        (i32.store (i32.const 1052) (global.get $calls))"
    ))
}

/// An audit policy whose every record is these bytes.
pub fn audit_saying(record: &[u8]) -> Vec<u8> {
    audit(&format!(
        "(drop (memory.grow (i32.const {pages})))
        {data}
        (i32.store (i32.const 1028) (i32.const 2048))
        (i32.store (i32.const 1032) (i32.const {length}))",
        pages = record.len() / 65536 + 1,
        data = bytes_at(2048, record),
        length = record.len(),
    ))
}

/// An audit policy whose record is `length` times the letter `x`.
pub fn audit_saying_much(length: usize) -> Vec<u8> {
    audit(&format!(
        "(drop (memory.grow (i32.const {pages})))
        (memory.fill (i32.const 2048) (i32.const 120) (i32.const {length}))
        (i32.store (i32.const 1028) (i32.const 2048))
        (i32.store (i32.const 1032) (i32.const {length}))",
        pages = length / 65536 + 1,
    ))
}

/// An audit policy whose `format` has this body.
pub fn audit(body: &str) -> Vec<u8> {
    component(&contract(), "audit-policy", &audit_module(body), None)
}

/// The module of [`audit`].
pub fn audit_module(body: &str) -> String {
    module(&format!(
        r#"(func $format (export "overlord:policy/audit@0.1.0#format")
            (param $settings i32) (param $settings_len i32) (param $name i32) (param $name_len i32)
            (param $at i64) (param $fields i32) (param $fields_len i32) (result i32)
            {body}
            (global.get $answer))"#
    ))
}

/// An auth policy that admits `user` in as many roles as said, each of the name `role`, and issues a
/// cookie of this name and value.
pub fn auth(user: &str, roles: usize, role: &str, cookie: (&str, &str)) -> Vec<u8> {
    let (name, value) = cookie;
    let mut list = Vec::new();
    for _ in 0..roles {
        list.extend(16384_u32.to_le_bytes());
        list.extend(u32::try_from(role.len()).expect("a role is short").to_le_bytes());
    }
    let module = module(&format!(
        r#"(func (export "overlord:policy/auth@0.1.0#authenticate")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
            {user_bytes} {role_bytes} {list}
            (i32.store (i32.const 1032) (i32.const 8192))
            (i32.store (i32.const 1036) (i32.const {user_len}))
            (i32.store (i32.const 1040) (i32.const 20480))
            (i32.store (i32.const 1044) (i32.const {roles}))
            (global.get $answer))
        (func (export "overlord:policy/auth@0.1.0#issue")
            (param i32 i32 i32 i32 i32 i32 i64) (result i32)
            {name_bytes} {value_bytes}
            (i32.store (i32.const 1032) (i32.const 8192))
            (i32.store (i32.const 1036) (i32.const {name_len}))
            (i32.store (i32.const 1040) (i32.const 16384))
            (i32.store (i32.const 1044) (i32.const {value_len}))
            (i64.store (i32.const 1048) (i64.const 60))
            (global.get $answer))"#,
        user_bytes = bytes_at(8192, user.as_bytes()),
        role_bytes = bytes_at(16384, role.as_bytes()),
        list = bytes_at(20480, &list),
        user_len = user.len(),
        name_bytes = bytes_at(8192, name.as_bytes()),
        value_bytes = bytes_at(16384, value.as_bytes()),
        name_len = name.len(),
        value_len = value.len(),
    ));
    component(&contract(), "auth-policy", &module, None)
}

/// A module with what every one of them needs: memory, an allocator that never frees, and zeros at
/// `$answer`, which most results read as the first good one.
pub fn module(functions: &str) -> String {
    module_with("", functions)
}

/// The same with imports.
fn module_with(imports: &str, functions: &str) -> String {
    format!(
        r#"(module
        {imports}
        (memory (export "memory") 1)
        (global $answer i32 (i32.const 1024))
        (global $free (mut i32) (i32.const 32768))
        (func (export "cabi_realloc") (param $old i32) (param $old_len i32) (param $align i32) (param $len i32)
            (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
            (global.set $free (i32.add (local.get $at) (local.get $len)))
            (block $fits
                (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
                (drop (memory.grow (i32.add (i32.div_u (local.get $len) (i32.const 65536)) (i32.const 1)))))
            (local.get $at))
        {functions})"#
    )
}

/// A history policy that opens the file `f` each time it is asked for its directory, and never closes it.
/// The directory's name has as many letters as its instance has served calls.
pub fn careless_history() -> Vec<u8> {
    let imports = r#"(import "overlord:policy/files@0.1.0" "open" (func $open (param i32 i32 i32)))"#;
    let name = bytes_at(2048, b"f");
    let letters = bytes_at(3072, &[b'd'; 16]);
    let functions = format!(
        r#"(global $calls (mut i32) (i32.const 0))
        (func (export "overlord:policy/history@0.1.0#directory") (param i32 i32) (result i32)
            {name} {letters}
            (call $open (i32.const 2048) (i32.const 1) (i32.const 2064))
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store (i32.const 1024) (i32.const 0))
            (i32.store (i32.const 1028) (i32.const 3072))
            (i32.store (i32.const 1032) (global.get $calls))
            (i32.const 1024))
        (func (export "overlord:policy/history@0.1.0#locate") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "overlord:policy/history@0.1.0#sessions") (param i32 i32 i32) (result i32) unreachable)
        (func (export "overlord:policy/history@0.1.0#titles") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "overlord:policy/history@0.1.0#read")
            (param i32 i32 i32 i32 i32 i64 i32 i64 i32) (result i32) unreachable)"#
    );
    component(&contract(), "history-policy", &module_with(imports, &functions), None)
}

/// Instructions that put `bytes` into memory at `address`.
pub fn bytes_at(address: usize, bytes: &[u8]) -> String {
    bytes.iter().enumerate().fold(String::new(), |mut code, (at, byte)| {
        let at = address + at;
        writeln!(code, "(i32.store8 (i32.const {at}) (i32.const {byte}))").expect("text can be written to");
        code
    })
}
