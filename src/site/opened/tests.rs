use super::*;
use crate::site::disk::NOBODY;
use crate::site::disk::tests::gated;
use crate::site::disk::{Ended, Room};
use crate::site::root::LinkPolicy;
use std::fs;
use std::os::unix::fs::FileExt;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn check(change: impl FnOnce(&std::path::Path), want: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    fs::write(&path, vec![b'a'; 10_000]).expect("a file");
    let open = opened(folder.path());
    change(&path);
    assert_eq!(open.check(Blocking::Allowed).is_ok(), want);
}

/// The file `a` in a folder.
fn opened(folder: &std::path::Path) -> Opened {
    opened_with(folder, None)
}

/// The same with a pool that closes it.
fn opened_with(folder: &std::path::Path, pool: Option<DiskPool>) -> Opened {
    let root = Arc::new(Root::open(folder, LinkPolicy::default()).expect("a root"));
    let (_, state) = root.find(b"a", Blocking::Allowed).expect("a state");
    let opened = Opened::new(&root, pool, b"a", Some(&state), Blocking::Allowed);
    opened.expect("readable").expect("unchanged")
}

/// The kernel would wait for the disk in the middle of a call, and the worker with it.
#[test]
#[cfg(target_os = "linux")]
fn the_kernel_sends_only_what_it_has_in_memory() {
    const MOST: u64 = 4 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    fs::write(&path, vec![b'x'; 2 * MOST as usize]).expect("a file");
    let file = File::open(&path).expect("it opens");
    // From here: linux/magic.h.
    const TMPFS: i64 = 0x0102_1994;
    if rustix::fs::fstatfs(&file).is_ok_and(|one| one.f_type == TMPFS) {
        eprintln!("skipped: this file system has no disk");
        return;
    }
    let open = opened(folder.path());
    let length = |offset| {
        let part = open.cached_part(offset, MOST);
        part.map_or(0, |part| part.length)
    };
    // Pages that another processor has just used may stay.
    file.sync_all().expect("written");
    let advice = rustix::fs::Advice::DontNeed;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while (length(0), length(MOST)) != (0, 0) {
        rustix::fs::fadvise(&file, 0, None, advice).expect("the advice");
        assert!(
            std::time::Instant::now() < end,
            "the kernel forgets nothing"
        );
    }
    file.read_exact_at(&mut [0; 100_000], 0).expect("read");
    assert!(length(0) >= 100_000);
}

/// Opens a file of this length, changes it, and closes it. Returns the jobs that disk threads did for that.
fn jobs_of_closing(length: u64, change: impl FnOnce(&std::path::Path)) -> Vec<Effort> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    fs::write(&path, vec![b'a'; length as usize]).expect("a file");
    let (pool, pass, comes) = gated(1, 10);
    let open = opened_with(folder.path(), Some(pool.clone()));
    change(&path);
    drop(open);
    // The only thread does this job last.
    let (network, room) = (NOBODY, Room::Unlimited);
    let last = pool.submit(Effort::Look, FileSystem::NONE, network, room, || ());
    for _ in 0..2 {
        pass.send(()).expect("a gate");
    }
    let last = last.expect("a thread");
    last.wait(PATIENCE);
    assert!(matches!(last.poll(), Some(Ended::Done(()))));
    let mut jobs: Vec<Effort> = comes.try_iter().collect();
    assert_eq!(jobs.pop(), Some(Effort::Look));
    jobs
}

#[test]
fn a_disk_thread_frees_the_space_of_a_large_file_that_was_deleted() {
    let delete = |path: &std::path::Path| fs::remove_file(path).expect("deleted");
    let replace = |path: &std::path::Path| {
        let new = path.with_extension("new");
        fs::write(&new, "new").expect("a file");
        fs::rename(new, path).expect("renamed");
    };
    let link = |path: &std::path::Path| {
        fs::hard_link(path, path.with_extension("link")).expect("a link");
        delete(path);
    };
    assert_eq!(jobs_of_closing(LONG_TO_FREE, delete), [Effort::Read]);
    assert_eq!(jobs_of_closing(LONG_TO_FREE, replace), [Effort::Read]);
    assert_eq!(jobs_of_closing(LONG_TO_FREE, |_| {}), []);
    assert_eq!(jobs_of_closing(LONG_TO_FREE, link), []);
    assert_eq!(jobs_of_closing(LONG_TO_FREE / 2, delete), []);
}

#[test]
fn holes_read_as_zeros() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let file = File::create(&path).expect("a file");
    file.write_all_at(b"data", 3_000_000).expect("written");
    file.set_len(9_000_000).expect("longer");
    let mut want = vec![0; 9_000_000];
    want[3_000_000..3_000_004].copy_from_slice(b"data");
    let open = opened(folder.path());
    assert!(open.is_sparse);
    let mut got = Vec::new();
    while got.len() < want.len() {
        // The read must overwrite every byte that it counts.
        let mut piece = [b'x'; 100_000];
        let count = open.read_at(&mut piece, got.len() as u64, Blocking::Allowed);
        let count = count.expect("read");
        assert!(count > 0);
        got.extend_from_slice(&piece[..count]);
    }
    assert!(got == want);
}

fn append(path: &std::path::Path) {
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(path)
        .expect("opened");
    std::io::Write::write_all(&mut file, b"more").expect("written");
}

#[test]
fn a_file_that_has_only_grown_is_intact() {
    check(|_| {}, true);
    check(append, true);
    check(
        |path| fs::rename(path, path.with_extension("b")).expect("renamed"),
        true,
    );
    check(|path| fs::remove_file(path).expect("removed"), true);
}

#[test]
fn a_file_with_another_mode_or_link_is_intact() {
    use std::os::unix::fs::PermissionsExt;

    check(
        |path| fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode"),
        true,
    );
    check(
        |path| fs::hard_link(path, path.with_extension("b")).expect("a link"),
        true,
    );
}

/// As `cp -p` and `rsync --inplace -t` do.
#[test]
fn a_rewritten_file_with_its_old_times_is_not_intact() {
    let rewrite = |path: &std::path::Path, content: &[u8]| {
        let before = fs::metadata(path).expect("a state");
        let time = |state: &fs::Metadata| (state.ctime(), state.ctime_nsec());
        let file = fs::OpenOptions::new().write(true).open(path);
        let file = file.expect("opened");
        // The clock of the file system has a coarse tick.
        while time(&before) == time(&file.metadata().expect("a state")) {
            file.write_all_at(content, 0).expect("written");
            let modified = before.modified().expect("a time");
            file.set_modified(modified).expect("a time");
        }
    };
    check(|path| rewrite(path, &[b'b'; 10_000]), false);
    check(|path| rewrite(path, &[b'b'; 1_000]), false);
    let with_mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt;

        rewrite(path, &[b'b'; 10_000]);
        fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode");
    };
    check(with_mode, false);
}

#[test]
fn a_rewritten_file_is_not_intact() {
    check(
        |path| fs::write(path, vec![b'b'; 10_000]).expect("written"),
        false,
    );
    check(
        |path| fs::write(path, vec![b'b'; 10_001]).expect("written"),
        false,
    );
    check(
        |path| fs::write(path, vec![b'a'; 9_999]).expect("written"),
        false,
    );
    check(|path| fs::write(path, "").expect("written"), false);
}
