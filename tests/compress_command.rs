//! `docroot compress`: the files that it writes, leaves alone and removes.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::DeflateEncoder;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{tcgetwinsize, tcsetwinsize};
use support::program::{command, command_without, skipped, terminal, unprivileged};
use support::{Setup, noise, until};

/// The extensions that this build writes.
const WRITTEN: &[&str] = match cfg!(feature = "codings") {
    true => &["br", "gz", "zst"],
    false => &["gz"],
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Folder {
        self.write(name, content);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// When anything of a file changed (ctime).
    fn changed(&self, name: &str) -> (i64, i64) {
        let state = fs::metadata(self.path(name)).expect("a file");
        (state.ctime(), state.ctime_nsec())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, content).expect("a file");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect(name)
    }

    fn set_time(&self, name: &str, time: SystemTime) {
        let file = fs::File::options().write(true).open(self.path(name));
        file.expect(name).set_modified(time).expect("a time");
    }

    fn modified(&self, name: &str) -> SystemTime {
        let state = fs::metadata(self.path(name)).expect(name);
        state.modified().expect("a time")
    }

    /// All files and links, without folders, in order.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(self.0.path(), "", &mut names);
        names.sort();
        names
    }

    /// What identifies each file and its content.
    fn states(&self) -> BTreeMap<String, (u64, i64, i64)> {
        let state = |name: String| {
            let state = fs::symlink_metadata(self.path(&name)).expect("a state");
            (name, (state.ino(), state.ctime(), state.ctime_nsec()))
        };
        self.names().into_iter().map(state).collect()
    }

    fn compress(&self, options: &[&str]) -> Output {
        let mut command = command();
        command.arg("compress").args(options).arg(self.0.path());
        command.output().expect("it runs")
    }

    /// Compresses without a fault. Returns the summary.
    #[track_caller]
    fn compressed(&self, options: &[&str]) -> String {
        let output = self.compress(options);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "{error}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().display());
        match entry.file_type().expect("a type").is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), names),
            false => names.push(name),
        }
    }
}

fn text() -> String {
    (0..500).map(|number| format!("line {number}\n")).collect()
}

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789)
}

/// These names, each original followed by its precompressed files.
fn with_sidecars(originals: &[&str], others: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = others.iter().map(|&name| name.to_owned()).collect();
    for name in originals {
        names.push((*name).to_owned());
        names.extend(
            WRITTEN
                .iter()
                .map(|extension| format!("{name}.{extension}")),
        );
    }
    names.sort();
    names
}

fn decoded(coded: &[u8], extension: &str) -> Vec<u8> {
    let mut content = Vec::new();
    match extension {
        #[cfg(feature = "codings")]
        "br" => {
            let mut decoder = brotli::Decompressor::new(coded, 4096);
            decoder.read_to_end(&mut content).expect("Brotli");
        }
        #[cfg(feature = "codings")]
        "zst" => content = zstd::decode_all(coded).expect("Zstandard"),
        _ => {
            let mut decoder = GzDecoder::new(coded);
            decoder.read_to_end(&mut content).expect("gzip");
            assert!(decoder.into_inner().is_empty(), "nothing follows");
        }
    }
    content
}

#[test]
fn precompressed_files_decode_to_the_original_and_have_its_time_and_mode() {
    let folder = Folder::new()
        .with("page.html", text())
        .with("a b/c/style.css", text())
        .with("README", text());
    folder.set_time("page.html", noon());
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(folder.path("page.html"), mode(0o640)).expect("a mode");
    fs::set_permissions(folder.path("README"), mode(0o755)).expect("a mode");
    let summary = folder.compressed(&[]);
    let all = ["page.html", "a b/c/style.css", "README"];
    assert_eq!(folder.names(), with_sidecars(&all, &[]));
    for name in all {
        for extension in WRITTEN {
            let sidecar = format!("{name}.{extension}");
            let coded = folder.read(&sidecar);
            assert!(coded.len() * 2 < text().len(), "{sidecar}");
            assert!(decoded(&coded, extension) == text().as_bytes(), "{sidecar}");
            assert_eq!(
                folder.modified(&sidecar),
                folder.modified(name),
                "{sidecar}"
            );
        }
    }
    let mode = |name| fs::metadata(folder.path(name)).expect("a file").mode() & 0o7777;
    assert_eq!((mode("page.html.gz"), mode("README.gz")), (0o640, 0o644));
    for extension in WRITTEN {
        let line = format!("wrote 3 files ({extension}): 13 KiB became ");
        assert!(summary.contains(&line), "{summary}");
    }
}

#[test]
fn what_a_server_sends_is_what_was_written() {
    let setup = Setup::new().file("page.html", text());
    let mut command = command();
    let output = command.arg("compress").arg(setup.root()).output();
    assert!(output.expect("it runs").status.success());
    let server = setup
        .with(|config| config.site.precompressed = true)
        .start();
    let response = server.get("/page.html", &[("Accept-Encoding", "gzip")]);
    let sidecar = fs::read(server.root.join("page.html.gz")).expect("a file");
    assert!(response.body == sidecar);
    assert!(decoded(&response.body, "gz") == text().as_bytes());
}

#[test]
fn a_second_run_writes_nothing() {
    let folder = Folder::new().with("a.html", text()).with("b/c.css", text());
    folder.compressed(&[]);
    let before = folder.states();
    let summary = folder.compressed(&["--clean"]);
    assert_eq!(folder.states(), before);
    let count = 2 * WRITTEN.len();
    assert_eq!(
        summary,
        format!("wrote nothing\n{count} files: up to date\n")
    );
}

#[test]
fn what_does_not_become_smaller_is_left_out() {
    // Random bytes in base 95 shrink by a tenth, those in base 256 not at all.
    let random: Vec<u8> = noise(20_000)
        .chunks(2)
        .map(|two| two[0] ^ two[1] << 3)
        .collect();
    let coded = {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut coder, &random).expect("memory");
        coder.finish().expect("memory")
    };
    let folder = Folder::new()
        .with("picture.png", text())
        .with("archive.zip", text())
        .with("packed.svgz", &coded)
        .with("data.json.gz", text())
        .with("empty.html", "")
        .with("tiny.html", "<p>")
        .with("random.wasm", &coded)
        .with("unknown.xyz", &coded);
    let before = folder.names();
    let summary = folder.compressed(&["--clean"]);
    assert_eq!(folder.names(), before);
    let count = 2 * WRITTEN.len();
    let line = format!("{count} files: not written, because less than 2 % would be saved\n");
    assert_eq!(summary, format!("wrote nothing\n{line}"));
}

/// As after `cp -p` with an earlier release.
#[test]
fn the_sidecar_of_an_original_that_an_older_one_has_replaced_is_renewed() {
    let folder = Folder::new().with("a.html", text());
    folder.set_time("a.html", noon());
    folder.compressed(&[]);
    let old = text() + "older";
    // The clock of the file system has a coarse tick.
    until("the original is put in place later", || {
        folder.write("a.html", &old);
        folder.set_time("a.html", noon() - Duration::from_secs(9));
        let mut sidecars = WRITTEN
            .iter()
            .map(|extension| format!("a.html.{extension}"));
        sidecars.all(|name| folder.changed("a.html") > folder.changed(&name))
    });
    let summary = folder.compressed(&["--clean"]);
    assert!(summary.contains("wrote 1 file (gz)"), "{summary}");
    for extension in WRITTEN {
        let coded = folder.read(&format!("a.html.{extension}"));
        assert!(decoded(&coded, extension) == old.as_bytes(), "{extension}");
    }
    assert_eq!(folder.modified("a.html.gz"), folder.modified("a.html"));
}

/// It says what it cannot look at, and goes on.
#[test]
fn one_name_that_cannot_be_looked_at_does_not_end_its_folder() {
    let folder = Folder::new().with("bad", text()).with("c.html", text());
    let place = tempfile::tempdir().expect("a folder");
    let Some(mut disk) = support::fuse::SlowFs::mount(folder.0.path(), place.path()) else {
        return;
    };
    disk.order("fail bad EIO");
    let mut compress = command();
    compress.arg("compress").arg(place.path());
    let output = compress.output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("\"bad\" cannot be read"), "{error}");
    // The file system is read-only.
    assert!(error.contains("\"c.html.gz\" cannot be written"), "{error}");
}

#[test]
fn an_outdated_file_is_renewed() {
    let folder = Folder::new().with("a.html", text());
    folder.set_time("a.html", noon());
    folder.compressed(&[]);
    let new = text() + "more";
    folder.write("a.html", &new);
    folder.set_time("a.html", noon() + Duration::from_nanos(1));
    // A file that was cut off by a full disk is not up to date either.
    folder.write("b.html", text());
    folder.write("b.html.gz", "");
    let summary = folder.compressed(&[]);
    assert!(summary.contains("wrote 2 files (gz)"), "{summary}");
    for extension in WRITTEN {
        let coded = folder.read(&format!("a.html.{extension}"));
        assert!(decoded(&coded, extension) == new.as_bytes(), "{extension}");
    }
    assert!(decoded(&folder.read("b.html.gz"), "gz") == text().as_bytes());
}

#[test]
fn hidden_files_are_compressed_only_on_request() {
    let files = [".env.txt", ".git/a.txt", "a/.b/c.txt", ".well-known/d.txt"];
    let folder = files
        .iter()
        .fold(Folder::new(), |folder, name| folder.with(name, text()));
    folder.compressed(&[]);
    let hidden = &files[..3];
    assert_eq!(folder.names(), with_sidecars(&files[3..], hidden));
    folder.compressed(&["--include-hidden"]);
    assert_eq!(folder.names(), with_sidecars(&files, &[]));
}

#[test]
fn links_are_not_followed() {
    let outside = Folder::new()
        .with("secret.txt", text())
        .with("in/a.txt", text());
    let folder = Folder::new().with("real.html", text());
    symlink(outside.path("secret.txt"), folder.path("link.txt")).expect("a link");
    symlink(outside.path("in"), folder.path("folder")).expect("a link");
    symlink("real.html", folder.path("inner.html")).expect("a link");
    symlink(".", folder.path("circle")).expect("a link");
    folder.compressed(&["--clean"]);
    let links = ["link.txt", "folder", "inner.html", "circle"];
    assert_eq!(folder.names(), with_sidecars(&["real.html"], &links));
    assert_eq!(outside.names(), ["in/a.txt", "secret.txt"]);
    // The folder that is named may be a link.
    let to = Folder::new();
    symlink(outside.path("in"), to.path("in")).expect("a link");
    let output = command().arg("compress").arg(to.path("in")).output();
    assert!(output.expect("it runs").status.success());
    assert!(outside.path("in/a.txt.gz").exists());
}

/// Neither a link nor a folder is replaced.
#[test]
fn a_name_that_is_taken_is_a_fault() {
    let outside = Folder::new().with("precious", "precious");
    let folder = Folder::new()
        .with("a.html", text())
        .with("b.html", text())
        .with("c.html", text())
        .with("b.html.gz/inside", "");
    symlink(outside.path("precious"), folder.path("a.html.gz")).expect("a link");
    let output = folder.compress(&["--clean"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    for name in ["a.html.gz", "b.html.gz"] {
        let line = format!(
            "docroot: \"{name}\" is not a regular file, so docroot does not replace it: \
             remove or rename it\n"
        );
        assert!(error.contains(&line), "{error}");
    }
    assert_eq!(error.lines().count(), 2, "{error}");
    assert_eq!(outside.read("precious"), b"precious");
    assert!(decoded(&folder.read("c.html.gz"), "gz") == text().as_bytes());
    let summary = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(summary.ends_with("2 files: failed\n"), "{summary}");
}

#[test]
fn clean_removes_what_is_of_no_use() {
    let folder = Folder::new()
        .with("page.html", text())
        .with("gone.html", text())
        .with("emptied.css", text());
    folder.compressed(&[]);
    fs::remove_file(folder.path("gone.html")).expect("removed");
    folder.write("emptied.css", "");
    // Without the option, nothing is removed.
    folder.compressed(&[]);
    let all = with_sidecars(&["page.html", "gone.html", "emptied.css"], &[]);
    assert_eq!(folder.names().len(), all.len() - 1);
    let summary = folder.compressed(&["--clean"]);
    assert_eq!(
        folder.names(),
        with_sidecars(&["page.html"], &["emptied.css"])
    );
    let line = format!("{} files: removed\n", 2 * WRITTEN.len());
    assert!(summary.ends_with(&line), "{summary}");
}

/// What no coding makes smaller.
fn hard() -> Vec<u8> {
    let hard = noise(3000)
        .iter()
        .map(|byte| byte.wrapping_mul(167))
        .collect::<Vec<u8>>();
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut coder, &hard).expect("memory");
    coder.finish().expect("memory")
}

#[test]
fn clean_removes_outdated_files_that_are_not_renewed() {
    let folder = Folder::new().with("a.wasm", hard());
    for extension in ["br", "zst", "gz"] {
        let name = format!("a.wasm.{extension}");
        folder.write(&name, "old");
        folder.set_time(&name, noon());
    }
    folder.compressed(&[]);
    assert_eq!(folder.names().len(), 4);
    let summary = folder.compressed(&["--clean"]);
    assert_eq!(folder.names(), ["a.wasm"]);
    assert!(summary.ends_with("3 files: removed\n"), "{summary}");
}

/// The original may be an older one that was put back, whose content the precompressed files hold.
#[test]
fn clean_keeps_what_may_be_right_and_is_not_renewed() {
    let sidecars = ["br", "gz", "zst"].map(|extension| format!("a.wasm.{extension}"));
    let folder = Folder::new().with("a.wasm", hard());
    for name in &sidecars {
        folder.write(name, "perhaps right");
        folder.set_time(name, noon());
    }
    until("the original is put in place later", || {
        folder.write("a.wasm", hard());
        folder.set_time("a.wasm", noon() - Duration::from_secs(9));
        let later = |name: &String| folder.changed("a.wasm") > folder.changed(name);
        sidecars.iter().all(later)
    });
    folder.compressed(&["--clean"]);
    assert_eq!(folder.names().len(), 4);
    // Now they are certainly wrong.
    folder.set_time("a.wasm", noon() + Duration::from_secs(9));
    folder.compressed(&["--clean"]);
    assert_eq!(folder.names(), ["a.wasm"]);
}

/// They may be all that there is.
#[test]
fn clean_keeps_what_others_compressed() {
    let folder = Folder::new()
        .with("data.csv.gz", "not by docroot")
        .with("data.csv.zst", "not by docroot")
        .with("backup.tar.gz", "a release")
        .with("backup.tar", "newer, and not what docroot compresses")
        .with("notes.br", "who knows");
    folder.set_time("backup.tar.gz", noon());
    let before = folder.states();
    assert_eq!(folder.compressed(&["--clean"]), "wrote nothing\n");
    assert_eq!(folder.states(), before);
}

/// As after a crash: the file is there, and nobody has it locked.
#[test]
fn clean_removes_what_a_crash_has_left() {
    let name = "sub/.docroot-compress-1-0";
    let folder = Folder::new().with(name, "half").with("a.txt", text());
    folder.compressed(&[]);
    assert!(folder.path(name).exists());
    let file = fs::File::options()
        .write(true)
        .open(folder.path(name))
        .expect("opened");
    file.lock().expect("a lock");
    folder.compressed(&["--clean"]);
    assert!(folder.path(name).exists(), "another process writes it");
    drop(file);
    folder.compressed(&["--clean"]);
    assert!(!folder.path(name).exists());
}

#[test]
fn files_that_cannot_be_read_or_written_are_named_and_the_rest_is_done() {
    let Some(mut command) = unprivileged() else {
        return;
    };
    let folder = Folder::new()
        .with("a.html", text())
        .with("closed.html", text())
        .with("shut/in.html", text())
        .with("full/in.html", text())
        .with("z.html", text());
    let set_mode = |name, mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path(name), mode).expect("a mode");
    };
    set_mode("closed.html", 0);
    set_mode("shut", 0);
    set_mode("full", 0o555);
    let output = command.arg("compress").arg(folder.0.path()).output();
    let output = output.expect("it runs");
    set_mode("shut", 0o755);
    set_mode("full", 0o755);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    let count = |begin: &str| error.lines().filter(|line| line.starts_with(begin)).count();
    let denied = "Permission denied (os error 13)";
    assert_eq!(
        count("docroot: \"closed.html\" cannot be read: "),
        WRITTEN.len()
    );
    assert_eq!(count("docroot: \"shut/\" cannot be read: "), 1, "{error}");
    let gz = "docroot: \"full/in.html.gz\" cannot be written for \"full/in.html\": ";
    assert_eq!(count(gz), 1, "{error}");
    assert!(error.lines().all(|line| line.ends_with(denied)), "{error}");
    let all = ["a.html", "z.html"];
    let others = ["closed.html", "shut/in.html", "full/in.html"];
    assert_eq!(folder.names(), with_sidecars(&all, &others));
}

#[track_caller]
fn check_mistake(arguments: &[&str], status: i32, want: &str) {
    let output = command().args(arguments).output().expect("it runs");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(error.starts_with(want), "{arguments:?}: {error}");
}

#[test]
fn mistakes_are_told() {
    let none = "docroot: \"/no/such/folder\" does not exist: name the folder to compress\n";
    check_mistake(&["compress", "/no/such/folder"], 1, none);
    let file = "docroot: \"Cargo.toml\" is not a folder: name the folder to compress\n";
    check_mistake(&["compress", "Cargo.toml"], 1, file);
    let port = "docroot: unexpected option '--port': compress does not take --port\n";
    check_mistake(&["compress", "--port", "1"], 2, port);
    let near = "docroot: there is no option '--claen'; did you mean --clean?\n\
                try 'docroot compress --help' for all options\n";
    check_mistake(&["compress", "--claen"], 2, near);
    let second = "docroot: unexpected argument 'b'";
    check_mistake(&["compress", "a", "b"], 2, second);
    let first = "docroot: compress must be the first argument: write docroot compress, then";
    check_mistake(&["www", "compress"], 2, first);
    let only = "docroot: unexpected option '--clean': only compress takes --clean\n";
    check_mistake(&["--clean", "www"], 2, only);
}

#[test]
fn the_help_is_that_of_the_command() {
    let help = |option| {
        let output = command()
            .args(["compress", option])
            .output()
            .expect("it runs");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    for option in ["-h", "--help"] {
        let help = help(option);
        assert!(help.contains("--clean"), "{help}");
        assert!(!help.contains("--port"), "{help}");
    }
    let is_told = help("--help").contains("--features codings");
    assert_eq!(is_told, !cfg!(feature = "codings"));
}

#[test]
fn the_folder_may_be_named_by_a_variable() {
    let folder = Folder::new().with("a.html", text());
    let output = command()
        .arg("compress")
        .env("DOCROOT_PATH", folder.0.path())
        .output()
        .expect("it runs");
    assert!(output.status.success());
    assert_eq!(folder.names(), with_sidecars(&["a.html"], &[]));
}

/// The payload of a gzip file that begins with docroot's header.
fn payload(coded: &[u8]) -> &[u8] {
    const HEADER: usize = 10 + "docroot\0".len();
    const TRAILER: usize = 8;
    &coded[HEADER..coded.len() - TRAILER]
}

/// At its lower levels, none of the encoders makes this text as small.
#[test]
fn precompressed_files_are_as_small_as_their_encoders_make_them() {
    let content = include_str!("../README.md");
    let folder = Folder::new().with("a.txt", content);
    folder.compressed(&[]);
    let deflated = |level: u32| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    let coded = folder.read("a.txt.gz");
    assert!(payload(&coded) == deflated(9), "level 9");
    assert_ne!(deflated(8), deflated(9));
    #[cfg(feature = "codings")]
    {
        let brotli = |quality: i32| {
            let mut coded = Vec::new();
            let params = brotli::enc::BrotliEncoderParams {
                quality,
                ..Default::default()
            };
            brotli::BrotliCompress(&mut content.as_bytes(), &mut coded, &params).expect("memory");
            coded.len()
        };
        let length = folder.read("a.txt.br").len();
        let least = (0..=10).map(brotli).min();
        assert!(Some(length) < least, "{length} {least:?}");
        let zstd = |level| {
            zstd::bulk::compress(content.as_bytes(), level)
                .expect("memory")
                .len()
        };
        let length = folder.read("a.txt.zst").len();
        // For so short a text, the last levels are alike.
        let least = (1..=15).map(zstd).min();
        assert!(Some(length) < least, "{length} {least:?}");
        let most = *zstd::compression_level_range().end();
        assert!(length <= zstd(most), "{length} {}", zstd(most));
    }
}

/// Files that take long.
fn large_files() -> Folder {
    let large: Vec<u8> = noise(1 << 20).repeat(32);
    let folders = Folder::new().with("0.txt", &large);
    folders.with("1.txt", &large)
}

impl Folder {
    /// How many files are being written.
    fn unfinished(&self) -> usize {
        let names = self.names();
        let names = names.iter();
        names
            .filter(|name| name.starts_with(".docroot-compress-"))
            .count()
    }
}

#[test]
fn several_files_are_written_at_a_time() {
    if std::thread::available_parallelism().is_ok_and(|count| count.get() == 1) {
        return skipped("this machine has one processor");
    }
    let folder = large_files();
    let mut command = command();
    let child = command
        .arg("compress")
        .arg(folder.0.path())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("it starts");
    until("it writes two", || folder.unfinished() >= 2);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    child.wait().expect("a status");
}

#[test]
fn a_terminal_shows_the_progress_in_one_line() {
    const COLUMNS: u16 = 20;
    let folder = large_files();
    let (mut user, end) = terminal();
    let mut size = tcgetwinsize(&end).expect("a terminal");
    (size.ws_row, size.ws_col) = (5, COLUMNS);
    tcsetwinsize(&end, size).expect("a terminal");
    let mut command = command();
    command.arg("compress").arg(folder.0.path()).stderr(end);
    let mut child = command.spawn().expect("it starts");
    drop(command);
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while shown.matches("compressing: ").count() < 2 {
        let count = user.read(&mut buffer).expect("the terminal is open");
        shown += std::str::from_utf8(&buffer[..count]).expect("ASCII");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    child.wait().expect("a status");
    while let Ok(count @ 1..) = user.read(&mut buffer) {
        shown += std::str::from_utf8(&buffer[..count]).expect("ASCII");
    }
    let mut lines: Vec<&str> = shown.split("\r\x1b[K").collect();
    // The message of the end stands in a line without progress.
    assert!(
        lines
            .pop()
            .is_some_and(|end| end.starts_with("docroot: stopped;")),
        "{shown:?}"
    );
    assert_eq!(lines.pop().map(str::is_empty), Some(false), "{shown:?}");
    let is_progress =
        |line: &&str| line.starts_with("compressing: 0 of ") && line.len() < COLUMNS.into();
    assert!(lines.iter().skip(1).all(is_progress), "{shown:?}");
}

/// A signal ends it without a half-written file.
#[test]
fn a_signal_leaves_no_half_written_file() {
    let folder = large_files();
    let mut child = command()
        .arg("compress")
        .arg(folder.0.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    until("it writes", || folder.unfinished() > 0);
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    let status = child.wait().expect("a status");
    let mut error = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut error).expect("UTF-8");
    assert_eq!(status.code(), Some(1), "{error}");
    let want = "docroot: stopped; precompressed files written so far: 0\n";
    assert_eq!(error, want);
    let left = folder.names();
    let is_whole = |name: &String| !name.starts_with('.');
    assert!(left.iter().all(is_whole), "{left:?}");
}

/// Brotli works for seconds on what it has read. Whoever cannot wait presses Ctrl-C again.
#[test]
fn a_second_signal_leaves_no_half_written_file_either() {
    let folder = large_files();
    let mut child = command()
        .arg("compress")
        .arg(folder.0.path())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until("it writes", || folder.unfinished() > 0);
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).expect("it runs");
    // Signals of one kind that come at once are one. If the first one has ended it, there is nobody to signal.
    let _ = kill_process(pid, Signal::TERM);
    assert_eq!(child.wait().expect("a status").code(), Some(1));
    let left = folder.names();
    assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
}

/// A limit on processes, as services and containers have one.
#[test]
#[cfg(target_os = "linux")]
fn without_threads_it_says_so() {
    let folder = Folder::new().with("a.txt", text());
    let mut command = command_without("clone3", "EAGAIN");
    let output = command.arg("compress").arg(folder.0.path()).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("could not be created: "), "{said}");
    assert_eq!(folder.names(), ["a.txt"]);
}
