//! A folder of components that a host watches, and builds that differ from ours in nothing but their
//! hash. What a host makes of them is the tests' matter.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::{Host, Setup, built, wait_until};

/// The names of the components that Overlord builds, in the order in which a generation names them.
pub const NAMES: [&str; 5] = ["auth-cookie", "limit-window", "history-claude", "audit-jsonl", "agent-claude"];

/// A folder of components that a host watches.
pub struct Shelf(PathBuf);

impl Shelf {
    /// A folder of the test's own with all the built components, and the setup that names it.
    pub fn new(setup: Setup) -> (Setup, Self) {
        let folder = setup.folder().join("components");
        fs::create_dir(&folder).expect("making a folder for components");
        for name in NAMES {
            fs::copy(built(&format!("target/components/{name}.wasm")), folder.join(format!("{name}.wasm")))
                .unwrap_or_else(|e| panic!("{name}.wasm is missing ({e}): run `make build` first"));
        }
        let setup = setup.with("OVERLORD_COMPONENTS", &folder);
        (setup, Self(folder))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The file of a component.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.wasm"))
    }

    /// Puts a component into its place at once, as a careful operator does: written beside and renamed.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let beside = self.0.join(format!("{name}.wasm.beside"));
        fs::write(&beside, bytes).expect("writing a component");
        fs::rename(&beside, self.file(name)).expect("renaming a component");
    }
}

/// The bytes of a component that Overlord builds.
pub fn real(name: &str) -> Vec<u8> {
    fs::read(built(&format!("target/components/{name}.wasm"))).expect("run `make build` first")
}

/// The same component with a remark in it: another file with another hash.
pub fn remarked(name: &str, remark: &str) -> Vec<u8> {
    let mut bytes = real(name);
    bytes.extend(custom_section("remark", remark.as_bytes()));
    bytes
}

/// Waits for the generation `number` and gives back the line that tells of it.
#[track_caller]
pub fn generation(host: &Host, number: u64) -> String {
    let start = format!("generation {number} auth=");
    let line = |output: &str| output.lines().find(|line| line.contains(&start)).map(str::to_owned);
    wait_until(&format!("generation {number}"), || line(&host.output()))
}

/// A custom section as it stands in a file: its kind, its size, its name with a size of its own.
pub fn custom_section(name: &str, data: &[u8]) -> Vec<u8> {
    let mut content = leb(name.len());
    content.extend(name.as_bytes());
    content.extend(data);
    [vec![0], leb(content.len()), content].concat()
}

/// A size as WebAssembly writes it: seven bits a byte, the lowest first.
pub fn leb(mut size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(size & 0x7f).expect("seven bits");
        size >>= 7;
        bytes.push(if size == 0 { low } else { low | 0x80 });
        if size == 0 {
            return bytes;
        }
    }
}
