//! A short torture; `make torture` is a long one.

use std::process::Command;

#[test]
fn not_a_cent_is_missing_after_kills_of_everything() {
    let tortured = Command::new(env!("CARGO_BIN_EXE_mercato"))
        .args(["torture", "--seed", "20261121"])
        .args(["--operations", "150", "--clients", "6", "--kills", "5"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .unwrap();

    let told = String::from_utf8_lossy(&tortured.stdout);
    let complaint = String::from_utf8_lossy(&tortured.stderr);
    assert!(tortured.status.success(), "{told}\n{complaint}");
    let judged = told.lines().filter(|line| line.starts_with("invariant ")).count();
    assert!(judged > 30, "{told}");
    for victim in ["server ×2", "worker ×1", "postgres ×1", "session ×1"] {
        assert!(told.contains(victim), "{victim}: {told}");
    }
}
