//! The binary: everything is in the library, so that tests run what ships.

use std::process::ExitCode;

/// Many small, short-lived values from many threads: what this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mercato::commands::run()
}
