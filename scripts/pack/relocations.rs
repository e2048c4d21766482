//! Whether the linker stores relative relocations in the packed form, `DT_RELR`.
//!
//! The tables of a program hold thousands of pointers, which the loader adjusts at the start. In the usual form, each takes
//! 24 bytes; in the packed one, about half a byte. glibc reads the packed form since 2.36, and an older one
//! refuses the program. So it is used only if this machine's glibc reads it and the program is built for this machine.
//! A linker that does not know the option warns and ignores it.

use std::env::var;
use std::process::Command;

/// The first version of glibc that reads the packed form.
const FIRST: (u32, u32) = (2, 36);

/// Asks the linker for the packed form, if the program is for a system that reads it.
pub fn pack() {
    let is_gnu = var("CARGO_CFG_TARGET_ENV").is_ok_and(|name| name == "gnu");
    let is_for_this_machine = var("TARGET") == var("HOST");
    if is_gnu && is_for_this_machine && glibc().is_some_and(|version| version >= FIRST) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc: `getconf` writes `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
