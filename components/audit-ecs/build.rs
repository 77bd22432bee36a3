//! Gives the guest a small stack, so that its whole memory is few pages.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=16384");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
