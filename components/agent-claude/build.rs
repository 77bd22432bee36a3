//! Gives the guest its stack. A decision slot makes do with 64 KiB; this component reads JSON of
//! any shape and lives as long as its program, so it pays for room instead of counting frames.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=262144");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
