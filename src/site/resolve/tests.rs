use super::*;
use crate::site::disk::Effort;
use crate::site::disk::tests::gated;
use crate::site::options::Budgets;
use crate::site::root::LinkPolicy;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// A time long after all files of a test were written.
const LATER: i64 = 4_000_000_000;

fn allowances(memory: u64, copies: u64) -> Allowances {
    let options = SiteOptions {
        memory: 2 * memory,
        cache_memory: memory,
        max_copies: copies,
        ..SiteOptions::default()
    };
    Budgets::new(&options, 1).part()
}

fn site(root: &Path) -> Site {
    let root = Root::open(root, LinkPolicy::default()).expect("a root");
    let mut site = Site::new(Arc::new(root), Arc::default(), allowances(1 << 20, 2));
    site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
    site
}

/// The clock of a file server may be behind that of this machine.
#[test]
fn a_state_is_settled_if_it_is_old_by_the_clock_of_its_file_system() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), "1").expect("a file");
    let settles = |site: &mut Site, state: &FileState, age| {
        let now = HttpDate::from_unix(state.modified + age);
        site.begin_turn(now.expect("a date"));
        site.settles(state)
    };
    let mut first = site(folder.path());
    let local = first.root.find(b"a", Blocking::Allowed).expect("a file").1;
    assert!(!settles(&mut first, &local, 1) && settles(&mut first, &local, 60));
    // Of an unknown file system, as if its clock were a minute behind: the file has just been written.
    let [state, other] = [1, 2].map(FileState::of_size);
    assert!(!settles(&mut first, &state, 60) && !settles(&mut first, &state, 62));
    assert!(settles(&mut first, &state, 63) && settles(&mut first, &state, 64));
    assert!(!settles(&mut first, &other, 64), "another state");
    assert!(settles(&mut first, &other, 67));
    let mut second = site(folder.path());
    assert!(
        settles(&mut second, &state, LARGEST_SKEW + 9),
        "no clock is so wrong"
    );
    // Many other files do not keep it from being cached.
    assert!(!settles(&mut second, &state, 60));
    for other in (2..10_000).map(FileState::of_size) {
        assert!(!settles(&mut second, &other, 60));
    }
    assert!(settles(&mut second, &state, 63));
}

fn find(site: &mut Site, path: &str) -> Result<Rc<StoredFile>, DiskError> {
    let mut storage = Vec::new();
    let path = SitePath::decode(path.as_bytes(), &mut storage).expect("a path");
    match site.find(path).map_err(LookupError::on_disk_thread)? {
        Found::File(file) => Ok(file),
        Found::Directory => Err(DiskError::NotFound),
    }
}

#[test]
fn a_settled_file_is_cached_until_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), "one").expect("a file");
    fs::write(folder.path().join("b"), "stays").expect("a file");
    let mut site = site(folder.path());
    let first = find(&mut site, "/a").expect("there");
    let again = find(&mut site, "/a").expect("there");
    assert!(Rc::ptr_eq(&first, &again));
    let neighbour = find(&mut site, "/b").expect("there");
    fs::write(folder.path().join("a"), "two").expect("a file");
    site.look_again();
    let changed = find(&mut site, "/a").expect("there");
    assert_eq!(
        changed.memory.as_deref().map(|bytes| &bytes[..]),
        Some(&b"two"[..])
    );
    assert_ne!(first.state, changed.state);
    fs::remove_file(folder.path().join("a")).expect("removed");
    site.look_again();
    assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
    let again = find(&mut site, "/b").expect("there");
    assert!(Rc::ptr_eq(&neighbour, &again), "it has not changed");
}

#[test]
fn a_path_that_names_nothing_is_looked_for_once_a_turn() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site(folder.path());
    assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
    fs::write(folder.path().join("a"), "one").expect("a file");
    assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
    site.look_again();
    assert!(find(&mut site, "/a").is_ok());
    fs::remove_file(folder.path().join("a")).expect("removed");
    site.look_again();
    assert_eq!(find(&mut site, "/a").err(), Some(DiskError::NotFound));
}

/// The states of the files are the same before and after, so only their way tells.
#[test]
fn a_cached_file_is_found_on_the_same_way_as_any_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root");
    for (path, content) in [("moves/a", "a"), ("b", "b"), (".hidden/c", "c")] {
        fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("folders");
        fs::write(root.join(path), content).expect("a file");
    }
    symlink("b", root.join("link")).expect("a link");
    fs::rename(root.join(".hidden"), root.join("shown")).expect("renamed");
    let mut site = site(&root);
    for path in ["/moves/a", "/b", "/link", "/shown/c"] {
        let first = find(&mut site, path).expect("there");
        site.look_again();
        let again = find(&mut site, path).expect("there");
        assert!(Rc::ptr_eq(&first, &again), "{path} is cached");
    }
    for name in ["moves", "b"] {
        fs::rename(root.join(name), folder.path().join(name)).expect("renamed");
        symlink(folder.path().join(name), root.join(name)).expect("a link");
    }
    fs::rename(root.join("shown"), root.join(".hidden")).expect("renamed");
    symlink(".hidden", root.join("shown")).expect("a link");
    site.look_again();
    for path in ["/moves/a", "/b", "/link"] {
        let error = find(&mut site, path).err();
        assert_eq!(error, Some(DiskError::Outside), "{path}");
    }
    let error = find(&mut site, "/shown/c").err();
    assert_eq!(error, Some(DiskError::Hidden));
}

#[test]
fn a_file_that_may_still_change_unnoticed_is_not_cached() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), "one").expect("a file");
    let mut site = site(folder.path());
    site.begin_turn(HttpDate::EPOCH);
    let first = find(&mut site, "/a").expect("there");
    let again = find(&mut site, "/a").expect("there");
    assert!(!Rc::ptr_eq(&first, &again));
}

#[test]
fn the_first_index_file_that_exists_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("index.htm"), "second").expect("a file");
    let mut site = site(folder.path());
    let found = find(&mut site, "/").expect("there");
    assert_eq!(found.path.as_ref(), b"index.htm");
    fs::write(folder.path().join("index.html"), "first").expect("a file");
    site.look_again();
    let found = find(&mut site, "/").expect("there");
    assert_eq!(found.path.as_ref(), b"index.html");
}

#[test]
fn a_large_file_is_reopened_and_its_state_is_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), vec![1; 1 << 20]).expect("a file");
    let mut site = site(folder.path());
    let file = find(&mut site, "/a").expect("there");
    assert!(file.memory.is_none());
    assert!(content(&mut site, &file).expect("readable").is_some());
    fs::write(folder.path().join("a"), vec![2; 1 << 20]).expect("a file");
    assert!(content(&mut site, &file).expect("readable").is_none());
}

/// Whoever closes it last frees its space, which takes long. A worker must not.
#[test]
fn a_disk_thread_closes_a_large_file_that_was_deleted_while_it_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a"]);
    let file = find(&mut site, "/a").expect("there");
    let (pool, pass, comes) = gated(1, 10);
    site.use_disk_threads(pool);
    let content = content(&mut site, &file).expect("readable");
    fs::remove_file(folder.path().join("a")).expect("deleted");
    drop(content.expect("unchanged"));
    let job = comes.recv_timeout(Duration::from_secs(20));
    assert_eq!(job, Ok(Effort::Read));
    pass.send(()).expect("a gate");
}

#[test]
fn without_memory_a_file_is_sent_from_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a", "b"] {
        fs::write(folder.path().join(name), vec![b'x'; 100_000]).expect("a file");
    }
    let mut site = site(folder.path());
    let memory = site.memory.allowances.memory.clone();
    // The cache gives way to what a response needs, but not while clients use its files.
    let first = find(&mut site, "/a").expect("there");
    let most = memory.limit() / 8 * 5 - first.held_bytes();
    let rest = memory.charge(Account::Contents, most).expect("free");
    let in_use = content(&mut site, &first).expect("readable");
    drop(first);
    let second = find(&mut site, "/b").expect("there");
    assert!(second.memory.is_none());
    assert!(matches!(
        content(&mut site, &second),
        Ok(Some(Stored::File(_)))
    ));
    drop((in_use, second));
    site.memory.cache.remove(b"b");
    let second = find(&mut site, "/b").expect("there");
    assert!(second.memory.is_some(), "the other file was evicted");
    drop(rest);
}

/// The content of a file, for a client.
fn content(site: &mut Site, file: &Rc<StoredFile>) -> Result<Option<Stored>, LookupError> {
    let caller = Caller {
        network: [10, 0, 0, 1].into(),
        now: std::time::Instant::now(),
        wakers: std::task::Waker::noop(),
    };
    site.content(file, None, caller)
}

/// Sends content as the pump does: in pieces, with a check at the end.
fn send(content: Stored) -> Vec<u8> {
    let mut bytes = vec![0; content.len() as usize];
    match content {
        Stored::File(file) => {
            for (number, piece) in bytes.chunks_mut(100_000).enumerate() {
                let offset = 100_000 * number as u64;
                let read = file.read_checked_at(piece, offset).expect("unchanged");
                let checked = read.expect("the worker itself waits");
                if offset + 100_000 >= file.state.size {
                    file.finish_copy(checked);
                }
            }
        }
        Stored::Private(copy) => bytes = copy.to_vec(),
        Stored::Memory(_) => panic!("it is large"),
    }
    bytes
}

/// A site with files of 2 MiB each and space for two private copies.
fn site_of_large_files(root: &Path, names: &[&str]) -> Site {
    for name in names {
        fs::write(root.join(name), vec![b'x'; 2 << 20]).expect("a file");
    }
    let root = Root::open(root, LinkPolicy::default()).expect("a root");
    Site::new(Arc::new(root), Arc::default(), allowances(5 << 20, 2))
}

/// Reads a thousand bytes of a response.
#[track_caller]
fn read_some(content: &Stored, offset: u64) {
    let Stored::File(file) = content else {
        panic!("it is not sent from the file");
    };
    let read = file.read_at(&mut [0; 1000], offset).expect("readable");
    assert_eq!(read, Some(1000));
}

/// Requests the content of a file in a turn of its own.
fn ask(site: &mut Site, path: &str) -> Stored {
    ask_at(site, path, LATER)
}

/// The same at this time.
fn ask_at(site: &mut Site, path: &str, now: i64) -> Stored {
    site.begin_turn(HttpDate::from_unix(now).expect("a date"));
    let file = find(site, path).expect("there");
    let content = content(site, &file).expect("readable").expect("unchanged");
    site.copy_while_sent(&file, &content);
    content
}

/// Requests a file after it was sent twice. If there is space for a copy, the copy exists by then.
fn ask_often(site: &mut Site, path: &str) -> Stored {
    send(ask(site, path));
    send(ask(site, path));
    ask(site, path)
}

fn is_copy(content: &Stored) -> bool {
    matches!(content, Stored::Private(_))
}

fn is_same_copy(one: &Stored, other: &Stored) -> bool {
    match (one, other) {
        (Stored::Private(one), Stored::Private(other)) => Rc::ptr_eq(one, other),
        _ => false,
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_file_that_is_requested_again_is_copied_until_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let old: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
    fs::write(folder.path().join("a"), &old).expect("a file");
    let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
    let mut site = Site::new(Arc::new(root), Arc::default(), allowances(5 << 20, 2));
    let ask = |site: &mut Site| ask(site, "/a");
    let first = ask(&mut site);
    assert!(matches!(first, Stored::File(_)));
    assert_eq!(send(first), old);
    // A request that arrives during the copy reads the file and makes no second copy.
    let (second, third) = (ask(&mut site), ask(&mut site));
    assert_eq!(site.memory.allowances.copying.held(), old.len() as u64);
    assert!(matches!(third, Stored::File(_)));
    assert_eq!((send(second), send(third)), (old.clone(), old.clone()));
    let copy = ask(&mut site);
    assert!(matches!(copy, Stored::Private(_)));
    assert!(is_same_copy(&copy, &ask(&mut site)), "one copy serves all");
    let mut new = old.clone();
    new[1_000_000] ^= 1;
    fs::write(folder.path().join("a"), &new).expect("a file");
    let now = ask(&mut site);
    assert_eq!(send(copy), old, "a copy does not change");
    assert_eq!(send(now), new, "the old copy is not sent for the new state");
}

#[test]
#[cfg(target_os = "linux")]
fn the_end_of_a_file_is_copied_that_is_too_large_for_a_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let content: Vec<u8> = (0..900_000u32).flat_map(u32::to_le_bytes).collect();
    fs::write(folder.path().join("a"), &content).expect("a file");
    let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
    let mut site = Site::new(Arc::new(root), Arc::default(), allowances(5 << 20, 2));
    // It began before there was a copy, and reaches the end later.
    let (first, second) = (ask(&mut site, "/a"), ask(&mut site, "/a"));
    assert_eq!(send(second), content);
    let Stored::File(file) = &first else {
        panic!("there is no copy of the whole file");
    };
    let copy = file.copied_end(content.len() as u64 - 1).expect("a copy");
    assert!(copy.first > 0 && copy.to_vec() == content[copy.first as usize..]);
    assert!(file.copied_end(copy.first).is_some());
    assert!(file.copied_end(copy.first - 1).is_none());
    let held = find(&mut site, "/a").expect("there").held_bytes();
    assert_eq!(held, StoredFile::overhead(b"a") + copy.length());
}

#[test]
#[cfg(target_os = "linux")]
fn a_copy_is_kept_only_of_a_whole_file_that_has_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a", "b"]);
    site.begin_turn(HttpDate::from_unix(LATER).expect("a date"));
    for (path, grows) in [("/a", true), ("/b", false)] {
        let file = find(&mut site, path).expect("there");
        let mut ask = || {
            let content = content(&mut site, &file).expect("readable");
            let content = content.expect("unchanged");
            site.copy_while_sent(&file, &content);
            content
        };
        ask();
        let unsent = ask();
        assert!(file.is_being_copied.get());
        drop(unsent);
        assert!(!file.is_being_copied.get(), "it was not sent");
        // A file that has only grown is sent up to its old end, but its state has changed.
        let whole = ask();
        if grows {
            let mut log = fs::OpenOptions::new();
            let log = log.append(true).open(folder.path().join(&path[1..]));
            std::io::Write::write_all(&mut log.expect("it opens"), b"more").expect("it grows");
        }
        assert_eq!(send(whole).len(), 2 << 20);
        assert_eq!(file.copy.get().is_some(), !grows, "{path}");
    }
}

/// Two files that are being copied for clients that have read little of them.
#[cfg(target_os = "linux")]
fn slow_copies(site: &mut Site) -> [Stored; 2] {
    let slow = ["/a", "/b"].map(|path| {
        send(ask(site, path));
        ask(site, path)
    });
    slow.iter().for_each(|content| read_some(content, 0));
    assert_eq!(site.memory.allowances.copying.held(), 4 << 20);
    slow
}

#[test]
#[cfg(target_os = "linux")]
fn a_slow_copy_is_given_up_for_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
    let slow = slow_copies(&mut site);
    send(ask_at(&mut site, "/c", LATER + 9));
    send(ask_at(&mut site, "/c", LATER + 9));
    assert!(!is_copy(&ask_at(&mut site, "/c", LATER + 9)), "no space");
    send(ask_at(&mut site, "/c", LATER + 10));
    assert!(is_copy(&ask_at(&mut site, "/c", LATER + 10)));
    assert_eq!(
        site.memory.allowances.copying.held(),
        4 << 20,
        "one was enough"
    );
    // The responses go on, one of them without a copy.
    assert!(slow.map(send).iter().all(|bytes| bytes.len() == 2 << 20));
    let copies = ["/a", "/b"].map(|path| is_copy(&ask_at(&mut site, path, LATER + 10)));
    assert_eq!(copies, [false, true], "the older one was given up");
}

#[test]
#[cfg(target_os = "linux")]
fn slow_copies_are_not_given_up_in_vain() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a", "b", "c", "d"]);
    site.memory.allowances = allowances(8 << 20, 3);
    let _slow = slow_copies(&mut site);
    // A copy that has just begun, and a second client of the same file.
    send(ask(&mut site, "/c"));
    let _copied = ask_at(&mut site, "/c", LATER + 10);
    let _second = ask_at(&mut site, "/c", LATER + 10);
    assert_eq!(site.memory.allowances.copying.held(), 6 << 20);
}

#[test]
#[cfg(target_os = "linux")]
fn a_copy_is_slow_by_its_rate() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), vec![b'x'; 9 << 20]).expect("a file");
    let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
    let mut site = Site::new(Arc::new(root), Arc::default(), allowances(20 << 20, 2));
    drop(ask(&mut site, "/a"));
    let first = ask(&mut site, "/a");
    let Stored::File(file) = &first else {
        panic!("it is not copied yet");
    };
    let mut piece = vec![0; 1 << 20];
    let mut read = |range: std::ops::Range<u64>| {
        for number in range {
            let read = file.read_checked_at(&mut piece, number << 20);
            assert!(read.expect("readable").is_some());
        }
    };
    // 512 KiB a second are enough, and less is not.
    read(0..5);
    let is_first_copied = |site: &mut Site| {
        drop(ask_at(site, "/a", LATER + 10));
        site.memory.allowances.copying.held() == 9 << 20
    };
    assert!(is_first_copied(&mut site));
    drop(ask_at(&mut site, "/a", LATER + 11));
    assert_eq!(
        site.memory.allowances.copying.held(),
        0,
        "the second was dropped"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_slow_client_keeps_no_file_from_being_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a"]);
    send(ask(&mut site, "/a"));
    let slow = ask(&mut site, "/a");
    read_some(&slow, 0);
    for (later, copies) in [(9, false), (10, true)] {
        send(ask_at(&mut site, "/a", LATER + later));
        let next = ask_at(&mut site, "/a", LATER + later);
        assert_eq!(is_copy(&next), copies, "{later}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_copy_of_an_end_takes_space_when_the_end_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &[]);
    let size = 3_600_000;
    fs::write(folder.path().join("a"), vec![b'x'; size]).expect("a file");
    let [first, second, third] = [(); 3].map(|()| ask(&mut site, "/a"));
    drop(first);
    let held = |site: &Site| site.memory.allowances.copying.held();
    for offset in [0, 1_000_000] {
        read_some(&second, offset);
        assert_eq!(held(&site), 0, "{offset}");
    }
    // The other client is the first at the end.
    read_some(&third, size as u64 - 3000);
    assert_eq!(held(&site), 3000);
    read_some(&second, size as u64 - 2000);
    assert_eq!(held(&site), 3000, "one copy is enough");
    drop(third);
    assert_eq!(held(&site), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_new_copy_evicts_only_one_old_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
    let first = ask_often(&mut site, "/a");
    let second = ask_often(&mut site, "/b");
    assert!(is_copy(&first) && is_copy(&second));
    assert!(is_same_copy(&first, &ask(&mut site, "/a")), "both fit");
    // From here on, neither copy is being sent.
    drop(first);
    let second = match second {
        Stored::Private(copy) => Rc::downgrade(&copy),
        _ => panic!("it is a copy"),
    };
    assert!(
        is_copy(&ask_often(&mut site, "/c")),
        "one of the old copies can be evicted"
    );
    assert!(
        second.upgrade().is_some(),
        "only one copy had to be evicted"
    );
    assert!(is_copy(&ask(&mut site, "/b")));
    assert!(is_copy(&ask(&mut site, "/c")));
    assert!(!is_copy(&ask(&mut site, "/a")), "it was evicted");
}

#[test]
#[cfg(target_os = "linux")]
fn a_copy_that_is_being_sent_keeps_its_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
    let clients = ["/a", "/b"].map(|path| ask_often(&mut site, path));
    assert!(clients.iter().all(is_copy));
    let third = ask_often(&mut site, "/c");
    assert!(!is_copy(&third), "both copies are being sent");
    for (copy, path) in clients.iter().zip(["/a", "/b"]) {
        assert!(is_same_copy(copy, &ask(&mut site, path)), "{path} is kept");
    }
    assert!(clients.map(send).iter().all(|bytes| bytes.len() == 2 << 20));
    drop(third);
    assert!(is_copy(&ask_often(&mut site, "/c")), "now there is space");
}

#[test]
#[cfg(target_os = "linux")]
fn no_copy_is_evicted_if_that_does_not_make_enough_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut site = site_of_large_files(folder.path(), &["a", "b", "c"]);
    site.memory.allowances = allowances(5 << 20, 3);
    fs::write(folder.path().join("small"), vec![b'x'; 3 << 18]).expect("a file");
    let clients = ["/a", "/b"].map(|path| ask_often(&mut site, path));
    assert!(clients.iter().all(is_copy));
    assert!(is_copy(&ask_often(&mut site, "/small")));
    // Of 5 MiB, 4 MiB are being sent. Evicting the small copy would not make space for 2 MiB.
    assert!(!is_copy(&ask_often(&mut site, "/c")));
    assert!(is_copy(&ask(&mut site, "/small")), "it is kept");
}
