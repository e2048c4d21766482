//! The files with secrets of docroot itself: keys, passwords, the configuration. Clients should not get them, and other
//! users of the machine should not read or change them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::net::config::Config;
use crate::net::privileges::reach::{Reread, reread};
use crate::net::tls::options::CertificateSource;
use crate::site::given_root::absolute;
use crate::site::named_file;
use crate::site::path::is_hidden_name;

/// The files with secrets.
fn secrets(config: &Config) -> impl Iterator<Item = (Reread, &Path)> {
    let is_secret = |kind: Reread, file: &Path| match kind {
        Reread::Key | Reread::Users | Reread::Configuration => true,
        Reread::Certificate => Some(file) != key(config) && has_key(file),
        Reread::Authorities => has_key(file),
    };
    let files = reread(config).into_iter();
    files.filter(move |&(kind, file)| is_secret(kind, file))
}

/// The private key that the configuration names.
pub(super) fn key(config: &Config) -> Option<&Path> {
    match &config.tls.as_ref()?.certificate {
        CertificateSource::Files { key, .. } => Some(key),
        CertificateSource::SelfSigned => None,
    }
}

/// Whether a file of certificates holds a private key as well.
fn has_key(certificates: &Path) -> bool {
    has(certificates, b"PRIVATE KEY-----")
}

/// Whether a file has this text.
fn has(file: &Path, text: &[u8]) -> bool {
    let content = named_file::read(file).unwrap_or_default();
    content.windows(text.len()).any(|window| window == text)
}

/// The secrets that are among the files that are served, each as the path by which clients get it.
pub(super) fn served_secrets(config: &Config) -> Vec<(Reread, PathBuf)> {
    let served = secrets(config).filter_map(|(kind, file)| Some((kind, served_as(config, file)?)));
    served.collect()
}

/// The path by which clients get a file.
fn served_as(config: &Config, file: &Path) -> Option<PathBuf> {
    let real = file.canonicalize().ok()?;
    if is_served(config, &real) {
        return Some(real);
    }
    let given = || as_given(file).find(|path| is_served(config, path));
    let followed = config.site.follow_symlinks.then(given).flatten();
    followed.or_else(|| {
        let mut roots = config.roots().into_iter();
        roots.find_map(|root| led_to(config, root, &real))
    })
}

/// The path as the operator wrote it, with the links in its beginning resolved, for each length of the beginning. If
/// one of its links is in the root, the path from there on is a path of the site.
fn as_given(file: &Path) -> impl Iterator<Item = PathBuf> {
    let file = absolute(file).unwrap_or_default();
    let above: Vec<PathBuf> = file.ancestors().skip(1).map(Path::to_owned).collect();
    above.into_iter().filter_map(move |above| {
        let rest = file.strip_prefix(&above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    })
}

/// What leads to a file from directly below the root: another name of the file or, if links are followed, a link to it
/// or to a folder above it. To look further down could take minutes.
fn led_to(config: &Config, root: &Path, real: &Path) -> Option<PathBuf> {
    let found = real.metadata().ok()?;
    let (is_followed, has_names) = (config.site.follow_symlinks, found.nlink() > 1);
    let root = root.canonicalize().ok()?;
    if !(is_followed || has_names) || !root.is_dir() {
        return None;
    }
    let leads = |entry: fs::DirEntry| {
        let path = entry.path();
        if has_names && entry.ino() == found.ino() {
            let is_same = entry.metadata().is_ok_and(|one| one.dev() == found.dev());
            return is_same.then_some(path);
        }
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let target = path.canonicalize().ok().filter(|_| is_followed && is_link);
        match real.strip_prefix(target?).ok()? {
            rest if rest.as_os_str().is_empty() => Some(path),
            rest => Some(path.join(rest)),
        }
    };
    let entries = fs::read_dir(&root).ok()?.filter_map(Result::ok);
    let mut leading = entries.filter_map(leads);
    leading.find(|path| is_visible(config, &root, path))
}

/// Whether a real path is in a served directory, or a served file, and not hidden.
pub(super) fn is_served(config: &Config, file: &Path) -> bool {
    let roots = config.roots().into_iter();
    let mut roots = roots.filter_map(|root| root.canonicalize().ok());
    roots.any(|root| is_visible(config, &root, file))
}

/// Whether a file is in the root, and not hidden.
fn is_visible(config: &Config, root: &Path, file: &Path) -> bool {
    let Ok(below) = file.strip_prefix(root) else {
        return false;
    };
    let is_hidden = below.iter().any(|name| is_hidden_name(name.as_bytes()));
    config.site.hidden || !is_hidden
}

/// The secrets that other users of the machine can read or change, and the permissions of each.
pub(super) fn open_secrets(config: &Config) -> Vec<(Reread, PathBuf, u32)> {
    let open = secrets(config).filter_map(|(kind, file)| {
        // A device, or the pipe of a command, is nobody else's.
        let found = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
        let mode = found.permissions().mode() & PERMISSIONS;
        let is_open = mode & forbidden(config, kind, file) != 0;
        is_open.then(|| (kind, file.to_owned(), mode))
    });
    open.collect()
}

/// The permissions that others should not have. The group of a password file is that of a server or of its operators.
fn forbidden(config: &Config, kind: Reread, file: &Path) -> u32 {
    match kind {
        Reread::Key | Reread::Certificate | Reread::Authorities => match config.privileges.user {
            // A server that becomes another user may read its key by its group.
            Some(_) => OTHERS & !GROUP_READS,
            None => OTHERS,
        },
        Reread::Users => OTHER_READS | OTHER_WRITES,
        Reread::Configuration => {
            let mut users = config.rules.protection.users().iter();
            match users.any(|user| has(file, user.hash.as_bytes())) {
                true => OTHER_READS | OTHER_WRITES,
                false => OTHER_WRITES,
            }
        }
    }
}

/// Whether all users may replace the files of a directory with this mode, or write to a file. If a directory is sticky,
/// only their owner may.
pub(super) fn is_writable_for_all(mode: u32) -> bool {
    mode & 0o1002 == OTHER_WRITES
}

/// The permissions of a file.
const PERMISSIONS: u32 = 0o777;

/// The permissions of the group and of all others.
const OTHERS: u32 = 0o077;

/// The group may read.
const GROUP_READS: u32 = 0o040;

/// All others may read.
const OTHER_READS: u32 = 0o004;

/// All others may write.
pub(super) const OTHER_WRITES: u32 = 0o002;
