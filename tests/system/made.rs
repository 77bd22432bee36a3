//! Components made for a test: small ones that do one wrong thing. It owns their bytes; the folder that
//! a host takes them from is the shelf's, what a host makes of them the tests' matter.

use std::fmt::Write as _;
use std::fs;

use overlord_tests::host::{Host, Setup, checkout, wait_until};
pub use overlord_tests::shelf::{NAMES, Shelf, generation, real, remarked};
use overlord_tests::shelf::{custom_section, leb};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Resolve, WorldItem};

/// What a small component does instead of its work.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Runs into `unreachable`.
    Trap,
    /// Never comes back.
    Loop,
    /// Asks for memory until there is no more, and then traps.
    Eat,
    /// Traps before it is called.
    TrapAtStart,
    /// Never comes to its first call.
    LoopAtStart,
    /// Asks for memory until there is no more, and traps, before it is called.
    EatAtStart,
}

/// A component with cases of its own.
pub fn with_cases(mut component: Vec<u8>, cases: &str) -> Vec<u8> {
    component.extend(custom_section("overlord:cases", cases.as_bytes()));
    component
}

/// A component of a world that does the same wrong thing whatever it is asked, but for the harmless
/// question that a host asks before it lets it serve. The function that does
/// it bears the name `falls_over`, and behind that a line that pretends to be the host's.
pub fn broken(world: &str, does: Does) -> Vec<u8> {
    fallen(world, does, true)
}

/// The same, whatever it is asked.
pub fn broken_at_once(world: &str, does: Does) -> Vec<u8> {
    fallen(world, does, false)
}

fn fallen(world: &str, does: Does, answers_the_trial: bool) -> Vec<u8> {
    const NAME: &str = "$\"falls_over\\0aERROR forged\"";
    const LOOP: &str = "(loop $again br $again) unreachable";
    const EAT: &str =
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let body = match does {
        Does::Trap | Does::TrapAtStart => "unreachable",
        Does::Loop | Does::LoopAtStart => LOOP,
        Does::Eat | Does::EatAtStart => EAT,
    };
    let at_start = matches!(does, Does::TrapAtStart | Does::LoopAtStart | Does::EatAtStart);
    let start = if at_start { format!("(start {NAME})") } else { String::new() };
    let rest = format!("(func {NAME} {body}) {start}");
    component(world, &rest, &format!("(call {NAME}) unreachable"), answers_the_trial)
}

/// How a function knows the harmless question: a condition on its flat parameters, the length of a
/// text in it.
fn is_the_trial(function: &str) -> &'static str {
    match function {
        "authenticate" => "(i32.eq (local.get 5) (i32.const 1))", // the path `/`
        "admit" => "(i32.eq (local.get 3) (i32.const 6))",        // the user `nobody`
        "format" => "(i32.eq (local.get 3) (i32.const 5))",       // the event `trial`
        "ask" => "(i32.eq (local.get 6) (i32.const 6))",          // the user `nobody`
        "titles" => "(i32.eqz (local.get 3))",                    // of no files
        _ => "(i32.const 0)",
    }
}

/// A limiter that admits nobody and says so.
pub fn closed_limiter(message: &str) -> Vec<u8> {
    // result<outcome, fault>: ok, `refuse` with an event and a message, no time to wait, no cell.
    let event = "rate_limited";
    answering(
        "limit-policy",
        &[0, 2, TEXTS, event.len(), TEXTS + event.len(), message.len()],
        &format!("{event}{message}"),
    )
}

/// A limiter that cannot decide, whatever it is asked.
pub fn faulting_limiter(message: &str) -> Vec<u8> {
    answering("limit-policy", &[1, TEXTS, message.len()], message)
}

/// An auth component to whom nobody is welcome.
pub fn unwelcoming_auth(why: &str) -> Vec<u8> {
    // result<judgement, fault>: ok, `denied`, `forbidden` with its reason.
    answering("auth-policy", &[0, 1, FORBIDDEN, TEXTS, why.len()], why)
}

/// The place of `forbidden` among the denials.
const FORBIDDEN: usize = 3;

/// Where the texts of an answer lie in the memory of a small component: behind the answer itself.
const TEXTS: usize = 64;

/// A component of a world whose every answer is these words of memory, and zeros behind them.
fn answering(wanted: &str, answer: &[usize], texts: &str) -> Vec<u8> {
    let word = |word: &usize| u32::try_from(*word).expect("it is small").to_le_bytes();
    let escaped = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").expect("a string takes all");
            text
        })
    };
    let answer = escaped(&answer.iter().flat_map(word).collect::<Vec<u8>>());
    let texts = escaped(texts.as_bytes());
    let data = format!("(data (i32.const 0) \"{answer}\") (data (i32.const {TEXTS}) \"{texts}\")");
    component(wanted, &data, "(i32.const 0)", false)
}

/// A component that wants WASI and nothing else, as the binary format has it: an instance type with
/// nothing in it, and an import of that type.
pub fn wants_wasi() -> Vec<u8> {
    let name = "wasi:cli/environment@0.2.6";
    let import = [&[1, 0][..], &leb(name.len()), name.as_bytes(), &[5, 0]].concat();
    [&b"\0asm\x0d\0\x01\0"[..], &[7, 3, 1, 0x42, 0, 10], &leb(import.len()), &import].concat()
}

/// What a host calls this component in its log: the first digits of its hash, as `overlord component
/// inspect` tells it.
pub fn digest(setup: &Setup, bytes: &[u8]) -> String {
    let file = setup.folder().join("inspected.wasm");
    fs::write(&file, bytes).expect("writing a component");
    let shown = setup.command(["component", "inspect"]).arg(&file).output().expect("running overlord");
    let shown = String::from_utf8(shown.stdout).expect("text");
    let line = shown.lines().find_map(|line| line.strip_prefix("sha256")).expect("a line with the hash");
    line.trim()[..12].to_owned()
}

/// How many generations a host has told of.
pub fn generations(host: &Host) -> usize {
    host.output().lines().filter(|line| line.contains(" generation ") && line.contains(" auth=")).count()
}

/// Waits until a host's log has a line with all these words, and gives it back.
#[track_caller]
pub fn logged(host: &Host, words: &[&str]) -> String {
    let fits = |line: &&str| words.iter().all(|word| line.contains(word));
    wait_until(&format!("a line of the log with {words:?}"), || {
        host.output().lines().find(fits).map(str::to_owned)
    })
}

/// A component of a world: every function that it exports has this body, and `rest` belongs to the
/// module too. The harmless question may be answered before that, with zeros.
fn component(world: &str, rest: &str, body: &str, answers_the_trial: bool) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(checkout().join("wit")).expect("the contract");
    let id = resolve.select_world(&[package], Some(world)).expect("one of the five worlds");
    let mut text = String::from("(module $made\n(memory (export \"memory\") 1)\n");
    let realloc =
        "(func $realloc (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 4096))";
    let _ = writeln!(text, "{realloc}\n{rest}");
    for (key, item) in &resolve.worlds[id].exports {
        let WorldItem::Interface { id: interface, .. } = item else { continue };
        let interface_name = resolve.name_world_key(key);
        for (name, function) in &resolve.interfaces[*interface].functions {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            let params: Vec<_> = signature.params.iter().copied().map(core_type).collect();
            let results: Vec<_> = signature.results.iter().copied().map(core_type).collect();
            let first = if answers_the_trial {
                format!("(if {} (then (return (i32.const 0))))", is_the_trial(name))
            } else {
                String::new()
            };
            let _ = writeln!(
                text,
                "(func ${name} (export \"{interface_name}#{name}\") (param {}) (result {}) {first} {body})",
                params.join(" "),
                results.join(" ")
            );
        }
    }
    text.push(')');
    let mut module = wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8).expect("its world fits");
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).expect("a component")
}

fn core_type(kind: WasmType) -> &'static str {
    match kind {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}
