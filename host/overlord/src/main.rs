//! The program.
fn main() -> std::process::ExitCode {
    overlord::cli::main()
}
