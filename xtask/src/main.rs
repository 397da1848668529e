//! The project's chores; see `cargo xtask --help`.

mod codegen;

fn main() {
    codegen::run();
}
