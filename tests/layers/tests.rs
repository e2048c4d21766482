//! The checks themselves, checked: each kind of fault is found, and nothing else.

use std::path::PathBuf;

use super::tree::{Tree, crates_of};
use super::{assert_none, function_lengths};

/// A tree of files, each a path below `src` and its text, in a project with these crates.
fn tree(files: &[(&str, &str)]) -> Tree {
    let files: Vec<(PathBuf, String)> = files
        .iter()
        .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
        .collect();
    Tree::new(&files, &["httpdate", "proptest", "rustix", "some-crate"])
}

#[track_caller]
fn check_upward(path: &str, text: &str, want: &[&str]) {
    assert_eq!(tree(&[(path, text)]).upward(), want, "{path}: {text:?}");
}

#[test]
fn an_arrow_that_points_up_is_found() {
    check_upward("net/a.rs", "use crate::net::b; use crate::text::c;", &[]);
    check_upward("net/a.rs", "use crate::cli::b;", &["net/a.rs:1: uses cli"]);
    let fault = "site/a.rs:1: uses net";
    check_upward("site/a.rs", "use crate::{text::a, net::b};", &[fault]);
    check_upward(
        "site/a.rs",
        "use crate::{text::{a, b}, net::{c, d}};",
        &[fault; 2],
    );
    check_upward("site/a.rs", "fn f() { crate::net::b::c(); }", &[fault]);
    check_upward("site/a.rs", "use super::super::net::b;", &[fault]);
    check_upward(
        "site/mod.rs",
        "use super::net::b;",
        &["site/mod.rs:1: uses net"],
    );
    check_upward(
        "site/a.rs",
        "mod b { use super::super::super::net; }",
        &[fault],
    );
    check_upward("site/a.rs", "use docroot::net;", &[fault]);
    check_upward(
        "text.rs",
        "use crate::semantics::a;",
        &["text.rs:1: uses semantics"],
    );
    check_upward("main.rs", "use docroot::cli::a; use docroot::net;", &[]);
}

#[test]
fn a_file_outside_the_layers_is_found() {
    let tree = tree(&[("net/a.rs", ""), ("helpers/b.rs", ""), ("lib.rs", "")]);
    assert_eq!(tree.homeless(), ["helpers/b.rs"]);
}

#[test]
fn tests_obey_the_arrows_too() {
    let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::net::a;\n}";
    check_upward("site/a.rs", text, &["site/a.rs:4: uses net"]);
    let text = "#[cfg(test)]\nmod tests {}\nuse crate::net::a;";
    check_upward("site/a.rs", text, &["site/a.rs:3: uses net"]);
}

#[test]
fn the_root_of_the_crate_is_no_way_around() {
    check_upward("site/a.rs", "use crate::*;", &["site/a.rs:1: uses *"]);
    let fault = "site/a.rs:1: uses the root";
    check_upward(
        "site/a.rs",
        "use crate as c; fn f() { c::net::a() }",
        &[fault],
    );
    check_upward("site/a.rs", "use super::super as up;", &[fault]);
    check_upward("site/a.rs", "use crate::{self as c};", &[fault]);
    check_upward(
        "site/a.rs",
        "use crate::no_layer;",
        &["site/a.rs:1: uses no_layer"],
    );
}

#[track_caller]
fn check_impure(text: &str, want: Option<&str>) {
    let want: Vec<String> = want
        .map(|what| format!("http1/a.rs:1: {what}"))
        .into_iter()
        .collect();
    assert_eq!(tree(&[("http1/a.rs", text)]).impure(), want, "{text:?}");
    // Other layers may.
    assert_none(text, &tree(&[("site/a.rs", text)]).impure());
}

#[test]
fn what_is_impure_is_found() {
    check_impure("use std::fmt; use std::time::{Duration, SystemTime};", None);
    check_impure("use httpdate::parse; use crate::text::io;", None);
    check_impure("use std::fs::File;", Some("std::fs::File"));
    check_impure("use std::{fmt, io};", Some("std::io"));
    check_impure(
        "fn f() -> core::net::TcpStream {}",
        Some("core::net::TcpStream"),
    );
    check_impure("use core::net::SocketAddr;", None);
    check_impure("use core::net::Ipv6Addr;", None);
    check_impure("use std as s;", Some("std"));
    check_impure("use std::*;", Some("std::*"));
    check_impure("use std::{self as s};", Some("std::self"));
    check_impure("use std::time::Instant;", Some("Instant"));
    check_impure("use std::time::*; fn f(a: Instant) {}", Some("Instant"));
    check_impure("let a = SystemTime::now();", Some("SystemTime::now"));
    check_impure("let a = UNIX_EPOCH.elapsed();", Some("elapsed"));
    check_impure("println!();", Some("println"));
    check_impure("rustix::fs::stat(a);", Some("rustix::fs::stat"));
    check_impure("use some_crate::a;", Some("some_crate::a"));
    check_impure("use {rustix as r};", Some("rustix"));
    check_impure("let rustix = 1;", None);
    check_impure("use proptest::prelude;", Some("proptest::prelude"));
    check_impure("#[cfg(test)] use proptest::prelude;", None);
    check_impure("#[cfg(test)] use std::thread;", Some("std::thread"));
}

#[test]
fn files_that_only_tests_have_are_known() {
    let parent = ("http1/mod.rs", "#[cfg(test)] mod a;");
    let child = ("http1/a.rs", "use proptest::prelude; use super::b;");
    assert_none("a test file", &tree(&[parent, child]).impure());
    let other = ("http1/b.rs", "use super::a;");
    assert_none(
        "a test file",
        &tree(&[parent, child, other]).circles("http1"),
    );
}

#[track_caller]
fn check_circles(files: &[(&str, &str)], want: &[&str]) {
    assert_eq!(tree(files).circles("net"), want, "{files:?}");
}

#[test]
fn a_circle_of_imports_is_found() {
    let circle = "net/a.rs <-> net/b.rs";
    let a = ("net/a.rs", "use crate::net::b::B;");
    check_circles(&[a, ("net/b.rs", "use crate::site::a;")], &[]);
    check_circles(&[a, ("net/b.rs", "use crate::net::a::A;")], &[circle]);
    check_circles(&[a, ("net/b.rs", "fn f() { super::a::g(); }")], &[circle]);
    check_circles(
        &[
            a,
            ("net/b.rs", "#[cfg(test)] mod tests { use crate::net::a; }"),
        ],
        &[],
    );
    check_circles(
        &[
            a,
            ("net/b.rs", "use crate::net::{c, d};"),
            ("net/c.rs", "use crate::net::a;"),
            ("net/d.rs", "use crate::net::e;"),
            ("net/e.rs", "use crate::net::d;"),
        ],
        &[
            "net/a.rs <-> net/b.rs <-> net/c.rs",
            "net/d.rs <-> net/e.rs",
        ],
    );
    let parent = ("net/p/mod.rs", "mod c; pub use c::C;");
    let child = ("net/p/c.rs", "use super::P;");
    check_circles(&[parent, child], &["net/p/c.rs <-> net/p/mod.rs"]);
    check_circles(&[parent, ("net/p/c.rs", "use super::super::q;")], &[]);
}

#[test]
fn methods_away_from_their_type_are_found() {
    let a = ("net/a.rs", "pub struct A; impl A {}");
    let b = "use super::a::A; impl Clone for A {} #[cfg(test)] impl A {}";
    check_circles(&[a, ("net/b.rs", b)], &[]);
    let b = ("net/b.rs", "use super::a::A;\nimpl A {}");
    check_circles(&[a, b], &["net/b.rs:2: methods of A"]);
}

#[test]
fn code_from_elsewhere_is_found() {
    let tree = tree(&[("net/a.rs", "#[path = \"../cli/b.rs\"] mod b;")]);
    assert_eq!(tree.displaced(), ["net/a.rs:1: another file"]);
}

#[test]
fn long_functions_are_found() {
    let long = format!("fn a() {{\n{}}}\n", "    b();\n".repeat(70));
    assert_eq!(function_lengths(&long), [(1, 72)]);
    assert_eq!(function_lengths("fn a() {}\nfn b() {\n}\n"), [(2, 2)]);
}

#[test]
fn the_crates_of_a_manifest_are_found() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\nb = \"1\"\nc-d.workspace = true\n\
                    [target.'cfg(unix)'.dependencies]\ne = { version = \"1\" }\n[features]\nf = []\n";
    assert_eq!(crates_of(manifest), ["b", "c-d", "e"]);
}
