//! What the process must reach while it serves, so that the kernel can refuse everything else.
//!
//! A rule of Landlock belongs to a folder or a file, and not to its name. If another one gets the name later, the
//! rule does not apply to it. So docroot makes the rule for the folder above:
//!
//! ```text
//! root /srv/www, which a build deletes and makes again      -> /srv
//! root /srv/current -> releases/41, and soon releases/42    -> /srv, /srv/releases
//! root /home/me/www                                         -> /home/me/www alone: the rest is private
//! root target/doc, which a build makes again with target    -> also the current directory, if a project may be there
//! key  /etc/tls/key.pem, which a renewal replaces           -> files in /etc/tls
//! ```

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::net::config::Config;
use crate::net::served::Served;
use crate::net::tls::options::CertificateSource;
use crate::site::given_root::absolute;
use crate::text::segment::{MOST_LINKS, directory_of};

/// Directories with passwords, mail, logs, devices, or the homes of users. What is below some of them,
/// such as /var/www, is often public.
pub const SYSTEM: [&str; 8] = [
    "/dev", "/etc", "/home", "/proc", "/root", "/run", "/sys", "/var",
];

/// What the system has for all processes. The terminal tells whether it was closed, and `/dev/urandom` has random
/// numbers for old kernels.
const DEVICES: [&str; 2] = ["/dev/tty", "/dev/urandom"];

/// The limits of the queues of sockets, which may change at any time.
pub(super) const LIMITS: &str = "/proc/sys/net";

/// What may be done with a path and with everything below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// Read files.
    ReadFiles,
    /// Read files, and list folders.
    Read,
    /// Remove empty folders.
    RemoveFolders,
    /// Read files, list folders, and remove both.
    Clear,
    /// Make, rename and remove sockets of the Unix domain.
    Sockets,
    /// Write to a file.
    Append,
    /// Make files, and write to them.
    Logs,
}

impl Grant {
    /// Whether anything can be read.
    fn reads(self) -> bool {
        matches!(self, Grant::ReadFiles | Grant::Read | Grant::Clear)
    }

    /// Whether a log or a socket can be written or made.
    fn writes(self) -> bool {
        matches!(self, Grant::Sockets | Grant::Append | Grant::Logs)
    }
}

/// What the process must reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// A path may have several.
    grants: BTreeSet<(PathBuf, Grant)>,
    /// The TCP ports that the process may connect to, from any port that the system chooses.
    pub ports: Vec<u16>,
}

/// A file that is read again while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    /// The certificate.
    Certificate,
    /// The private key.
    Key,
    /// The authorities of clients.
    Authorities,
    /// The users and the hashes of their passwords.
    Users,
    /// The configuration file.
    Configuration,
}

/// The files that are read again while the server runs.
pub fn reread(config: &Config) -> Vec<(Reread, &Path)> {
    let mut files = Vec::new();
    if let Some(tls) = &config.tls {
        if let CertificateSource::Files { certificate, key } = &tls.certificate {
            files.push((Reread::Certificate, certificate.as_path()));
            files.push((Reread::Key, key.as_path()));
        }
        let authorities = tls.clients.authorities();
        files.extend(authorities.map(|file| (Reread::Authorities, file)));
    }
    let users = config.auth_file.as_deref();
    files.extend(users.map(|file| (Reread::Users, file)));
    let named = config.privileges.config_file.as_deref();
    files.extend(named.map(|file| (Reread::Configuration, file)));
    files
}

impl Reach {
    /// What a server with this configuration must reach. It replays requests on `ports`.
    pub fn of(config: &Config, ports: Vec<u16>) -> Reach {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Reach::from(config, ports, home.as_deref(), std::env::current_dir().ok())
    }

    /// The same for a user with this home, from this directory.
    fn from(
        config: &Config,
        ports: Vec<u16>,
        home: Option<&Path>,
        current: Option<PathBuf>,
    ) -> Reach {
        let private = Private::with_home(home);
        let project = current.filter(|current| private.may_hold_project(current));
        let mut reach = Reach {
            ports,
            ..Reach::default()
        };
        // A link may lead to any file of the machine.
        if config.site.follow_symlinks {
            reach.add("/".into(), Grant::Read);
        }
        reach.add_roots(config, &private);
        reach.add_project(project);
        for (_, file) in reread(config) {
            reach.add_file(file, &private);
        }
        let of_admin = config.admin.iter().flat_map(|admin| &admin.bind.sockets);
        let sockets = config.bind.sockets.iter().chain(of_admin);
        let sockets = sockets.map(|socket| &socket.path);
        for path in sockets.chain(&config.take_over) {
            reach.add_socket(path);
        }
        let logs = config.log.file.iter().chain(&config.error_log);
        logs.for_each(|path| reach.add_log(path));
        for device in DEVICES.into_iter().chain([LIMITS]) {
            if Path::new(device).exists() {
                reach.add(device.into(), Grant::ReadFiles);
            }
        }
        reach
    }

    fn add_roots(&mut self, config: &Config, private: &Private) {
        let own = config.privileges.own_folder.as_deref();
        for root in config.roots() {
            match Served::find(root) {
                Ok(Served::Directory(folder)) if own == Some(folder.as_path()) => {
                    self.add_own(&folder)
                }
                Ok(Served::Directory(folder)) => {
                    self.add_folder(&folder, Grant::Read, private);
                }
                Ok(Served::File { folder, .. }) => {
                    self.add_file(root, private);
                    // It may be made again, too.
                    if !is_top(&folder) {
                        self.add_folder(&folder, Grant::ReadFiles, private);
                    }
                }
                // The server does not start, or keeps the sites that it has.
                Err(_) => {}
            }
        }
    }

    /// Adds the directory of a project, if some of what is below it is served. Who serves a folder of a project may
    /// build the project, and remove more than that folder.
    fn add_project(&mut self, project: Option<PathBuf>) {
        let Some(project) = project else {
            return;
        };
        // What docroot has unpacked itself is no part of a project.
        for grant in [Grant::Read, Grant::ReadFiles] {
            let mut grants = self.grants.iter();
            if grants.any(|(path, one)| *one == grant && path.starts_with(&project)) {
                self.add(project.clone(), grant);
            }
        }
    }

    /// What may be done with which path.
    pub(super) fn grants(&self) -> impl Iterator<Item = (&Path, Grant)> {
        let grants = self.grants.iter();
        grants.map(|(path, grant)| (path.as_path(), *grant))
    }

    /// The folders and files that can be read, apart from those of the system. None lies below another.
    pub fn readable(&self) -> Vec<&Path> {
        let of_system = |path: &Path| {
            DEVICES
                .iter()
                .chain([&LIMITS])
                .any(|one| path == Path::new(one))
        };
        let read = self
            .grants()
            .filter(|(path, grant)| grant.reads() && !of_system(path));
        let mut readable: Vec<&Path> = Vec::new();
        for (path, _) in read {
            // They are in order, so a folder comes before what is in it.
            if !readable.iter().any(|above| path.starts_with(above)) {
                readable.push(path);
            }
        }
        readable
    }

    /// Whether the process writes logs or makes sockets.
    pub fn writes(&self) -> bool {
        self.grants().any(|(_, grant)| grant.writes())
    }

    /// Whether every file of the machine can be read.
    pub fn is_everything(&self) -> bool {
        self.can_read(Path::new("/"), true)
    }

    /// The first path of another configuration that cannot be read. What does not exist is left out.
    pub fn first_outside(&self, config: &Config) -> Option<PathBuf> {
        let roots = config.roots();
        let roots = roots.iter().filter_map(|root| {
            let is_folder = root.is_dir();
            Some((root.canonicalize().ok()?, is_folder))
        });
        let files = reread(config);
        let files = files
            .iter()
            .filter_map(|(_, file)| Some((file.canonicalize().ok()?, false)));
        let mut wanted = roots.chain(files);
        wanted.find_map(|(path, is_folder)| (!self.can_read(&path, is_folder)).then_some(path))
    }

    fn can_read(&self, path: &Path, is_folder: bool) -> bool {
        let mut above = self
            .grants()
            .filter(|(granted, _)| path.starts_with(granted));
        above.any(|(_, grant)| match grant {
            Grant::Read | Grant::Clear => true,
            Grant::ReadFiles => !is_folder,
            Grant::RemoveFolders | Grant::Sockets | Grant::Append | Grant::Logs => false,
        })
    }

    fn add(&mut self, path: PathBuf, grant: Grant) {
        self.grants.insert((path, grant));
    }

    /// Adds a folder, and what the path may lead to after a build or a deployment.
    fn add_folder(&mut self, folder: &Path, grant: Grant, private: &Private) {
        let (Ok(given), Ok(real)) = (absolute(folder), folder.canonicalize()) else {
            return;
        };
        self.add(real, grant);
        for folder in places(&given, private) {
            if !private.has(&folder) {
                self.add(folder, grant);
            }
        }
    }

    /// Adds a file, and the folders in which another file may get its name. Editors and renewals replace files.
    fn add_file(&mut self, file: &Path, private: &Private) {
        let (Ok(given), Ok(real)) = (absolute(file), file.canonicalize()) else {
            return;
        };
        self.add(real, Grant::ReadFiles);
        for folder in places(&given, private) {
            if !is_top(&folder) {
                self.add(folder, Grant::ReadFiles);
            }
        }
    }

    /// Adds the file of a log, and its folder, where a new file gets its name after the old one was renamed.
    fn add_log(&mut self, path: &Path) {
        if let Ok(real) = path.canonicalize() {
            self.add(real, Grant::Append);
        }
        // A device such as `/dev/null` is not renamed.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return;
        }
        if let Ok(real) = directory_of(path).canonicalize() {
            self.add(real, Grant::Logs);
        }
    }

    /// Adds the folder of a socket. A stale one is replaced, and the own one is removed at the end.
    fn add_socket(&mut self, path: &Path) {
        // If it does not exist, the server does not start.
        if let Ok(real) = directory_of(path).canonicalize() {
            self.add(real, Grant::Sockets);
        }
    }

    /// Adds a folder that the server removes at its end.
    fn add_own(&mut self, folder: &Path) {
        let Ok(real) = folder.canonicalize() else {
            return;
        };
        if let Some(above) = real.parent() {
            self.add(above.to_owned(), Grant::RemoveFolders);
        }
        self.add(real, Grant::Clear);
    }
}

/// Folders with files of others. To serve one folder of them is no reason to read all.
struct Private(Vec<PathBuf>);

impl Private {
    fn with_home(home: Option<&Path>) -> Private {
        let home = home.and_then(|home| home.canonicalize().ok());
        let system = SYSTEM.iter().map(PathBuf::from);
        Private(system.chain(["/".into()]).chain(home).collect())
    }

    /// Whether a directory may be that of a project. What is directly in a folder of the system, such as /home/me or
    /// /var/lib, has other things too.
    fn may_hold_project(&self, folder: &Path) -> bool {
        let system = SYSTEM.iter().map(Path::new).chain([Path::new("/")]);
        let is_in_system = |above: &Path| system.into_iter().any(|one| one == above);
        !self.has(folder) && !folder.parent().is_none_or(is_in_system)
    }

    fn has(&self, folder: &Path) -> bool {
        self.0.iter().any(|private| private == folder)
    }
}

/// The folders that must be readable, so that the path can lead elsewhere later. These are the folder of its last name
/// and, for each link on the path, two folders: that of the link and that of its target. A link such as `/srv`,
/// directly in a private folder, was made by whoever set up the machine. It counts only as the last name.
fn places(path: &Path, private: &Private) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut done = PathBuf::from("/");
    let mut rest = names(path);
    let mut links = 0;
    while let Some(name) = rest.pop() {
        if name == ".." {
            done.pop();
            continue;
        }
        let here = done.join(&name);
        let target = fs::read_link(&here).ok().filter(|_| links < MOST_LINKS);
        let Some(target) = target else {
            done = here;
            continue;
        };
        links += 1;
        if rest.is_empty() || !private.has(&done) {
            found.push(done.clone());
            let real = here.canonicalize().ok();
            found.extend(real.and_then(|real| Some(real.parent()?.to_owned())));
        }
        if target.is_absolute() {
            done = "/".into();
        }
        rest.extend(names(&target));
    }
    found.extend(done.parent().map(Path::to_owned));
    found
}

/// Whether a folder is the whole file system.
fn is_top(folder: &Path) -> bool {
    folder
        .canonicalize()
        .is_ok_and(|real| real == Path::new("/"))
}

/// The names of a path, the last one first.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::http1::allowed_hosts::HostPattern;
    use crate::net::config::SiteRoot;

    /// A folder with releases, a key, and links as deployments and renewals make them.
    fn machine() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().canonicalize().expect("a path");
        for name in [
            "srv/releases/41/public",
            "srv/www",
            "home/me/www",
            "live",
            "archive",
            "tree/a",
        ] {
            fs::create_dir_all(place.join(name)).expect("folders");
        }
        for name in ["archive/key1.pem", "home/me/report.pdf", "srv/page.html"] {
            fs::write(place.join(name), "").expect("a file");
        }
        for (target, name) in [
            ("releases/41", "srv/current"),
            ("current/public", "srv/site"),
            ("../archive/key1.pem", "live/key.pem"),
            ("../home/me/report.pdf", "srv/report.pdf"),
            ("tree", "wood"),
        ] {
            symlink(target, place.join(name)).expect("a link");
        }
        (folder, place)
    }

    fn config(root: &Path) -> Config {
        Config::new(root.to_owned(), 1, 1024)
    }

    /// What can be read below `place`, without the path to it.
    fn readable(place: &Path, config: &Config) -> Vec<String> {
        let reach = Reach::from(config, Vec::new(), Some(&place.join("home/me")), None);
        let readable = reach.readable().into_iter();
        let inner = readable.map(|path| path.strip_prefix(place).unwrap_or(path));
        inner.map(|path| path.display().to_string()).collect()
    }

    /// The only grant of a path.
    #[track_caller]
    fn granted(reach: &Reach, path: &Path) -> Option<Grant> {
        let mut grants = reach.grants().filter(|(granted, _)| *granted == path);
        let grant = grants.next().map(|(_, grant)| grant);
        assert_eq!(grants.next(), None, "a second one");
        grant
    }

    #[test]
    fn a_root_brings_what_its_path_may_lead_to() {
        let (_folder, place) = machine();
        let check = |root: &str, want: &[&str]| {
            assert_eq!(readable(&place, &config(&place.join(root))), want, "{root}");
        };
        // A build may make it again.
        check("srv/www", &["srv"]);
        check("srv/../srv/www", &["srv"]);
        // A deployment may point the link at another release.
        check("srv/releases/41", &["srv/releases"]);
        check("srv/current", &["srv"]);
        check("srv/current/public", &["srv"]);
        check("wood/a", &[""]);
        // The home directory has other things, too.
        check("home/me/www", &["home/me/www"]);
        check("home/me", &["home"]);
        check("absent", &[]);
    }

    #[test]
    fn a_project_in_the_current_directory_may_be_built_again() {
        let (_folder, place) = machine();
        let home = place.join("home/me");
        let check = |current: &str, config: &Config, want: &[&str]| {
            let current = Some(place.join(current));
            let reach = Reach::from(config, Vec::new(), Some(&home), current);
            let want: Vec<PathBuf> = want.iter().map(|path| place.join(path)).collect();
            assert_eq!(reach.readable(), want);
        };
        let release = config(&place.join("srv/releases/41"));
        check("srv", &release, &["srv"]);
        check("tree", &release, &["srv/releases"]);
        check("home/me", &config(&home.join("www")), &["home/me/www"]);
        let private = Private::with_home(Some(&home));
        for (folder, may_be_project) in [
            ("/", false),
            ("/srv", false),
            ("/home/you", false),
            ("/var/lib", false),
            ("/var/lib/docroot", true),
            ("/home/you/project", true),
        ] {
            let found = private.may_hold_project(Path::new(folder));
            assert_eq!(found, may_be_project, "{folder}");
        }
        // docroot has unpacked that folder itself.
        let mut book = config(&place.join("tree/a"));
        book.privileges.own_folder = Some(place.join("tree/a"));
        check("tree", &book, &["tree/a"]);
    }

    /// The folder of the releases may be elsewhere.
    #[test]
    fn the_target_of_a_link_may_have_siblings() {
        let (_folder, place) = machine();
        let other = tempfile::tempdir().expect("a folder");
        let other = other.path().canonicalize().expect("a path");
        fs::create_dir_all(other.join("b/1/public")).expect("folders");
        symlink(other.join("b/1"), place.join("srv/far")).expect("a link");
        let want = [other.join("b").display().to_string(), "srv".into()];
        for root in ["srv/far", "srv/far/public"] {
            let mut got = readable(&place, &config(&place.join(root)));
            got.sort();
            let mut want = want.clone();
            want.sort();
            assert_eq!(got, want, "{root}");
        }
    }

    #[test]
    fn private_folders_are_not_opened_for_one_folder_in_them() {
        let private = Private::with_home(None);
        for folder in ["/", "/etc", "/home", "/var"] {
            assert!(private.has(Path::new(folder)), "{folder}");
        }
        assert!(!private.has(Path::new("/srv")));
        let usr = Reach::from(&config(Path::new("/usr")), Vec::new(), None, None);
        assert_eq!(usr.readable(), [Path::new("/usr")]);
        assert!(!usr.is_everything());
        let top = Reach::from(&config(Path::new("/")), Vec::new(), None, None);
        assert!(top.is_everything());
    }

    #[test]
    fn files_are_read_where_others_may_get_their_names() {
        let (_folder, place) = machine();
        let mut config = config(&place.join("srv/www"));
        config.auth_file = Some(place.join("live/key.pem"));
        let reach = Reach::from(&config, Vec::new(), None, None);
        let grant = |name: &str| granted(&reach, &place.join(name));
        assert_eq!(grant("srv"), Some(Grant::Read));
        assert_eq!(grant("live"), Some(Grant::ReadFiles));
        assert_eq!(grant("archive"), Some(Grant::ReadFiles));
        assert_eq!(grant("home/me"), None);
        // A single file is such a file. Its folder may be made again.
        config.root = place.join("srv/report.pdf");
        let reach = Reach::from(&config, Vec::new(), Some(&place.join("home/me")), None);
        let grant = |name: &str| granted(&reach, &place.join(name));
        assert_eq!(grant("srv"), Some(Grant::ReadFiles));
        assert_eq!(grant("home/me"), Some(Grant::ReadFiles));
        assert_eq!(grant("home"), None);
        assert_eq!(granted(&reach, &place), Some(Grant::ReadFiles));
    }

    #[test]
    fn followed_links_may_lead_anywhere() {
        let (_folder, place) = machine();
        let mut config = config(&place.join("srv/www"));
        config.site.follow_symlinks = true;
        let reach = Reach::from(&config, Vec::new(), None, None);
        assert!(reach.is_everything());
        assert_eq!(reach.readable(), [Path::new("/")]);
    }

    #[test]
    fn a_folder_of_its_own_can_be_removed() {
        let (_folder, place) = machine();
        let mut config = config(&place.join("srv/www"));
        config.privileges.own_folder = Some(place.join("srv/www"));
        let reach = Reach::from(&config, Vec::new(), None, None);
        let grant = |name: &str| granted(&reach, &place.join(name));
        assert_eq!(grant("srv/www"), Some(Grant::Clear));
        assert_eq!(grant("srv"), Some(Grant::RemoveFolders));
        assert_eq!(readable(&place, &config), ["srv/www"]);
    }

    #[test]
    fn another_configuration_may_need_more() {
        let (_folder, place) = machine();
        let mut config = config(&place.join("srv/www"));
        config.auth_file = Some(place.join("archive/key1.pem"));
        let reach = Reach::from(&config, Vec::new(), None, None);
        assert_eq!(reach.first_outside(&config), None);
        let site = |name: &str| SiteRoot {
            host: HostPattern::Name("a.example".into()),
            root: place.join(name),
        };
        config.sites = vec![site("srv/releases")];
        assert_eq!(reach.first_outside(&config), None);
        config.sites = vec![site("srv/releases"), site("tree")];
        assert_eq!(reach.first_outside(&config), Some(place.join("tree")));
        // Files in this folder may be read, but not the folder.
        config.sites = vec![site("archive")];
        assert_eq!(reach.first_outside(&config), Some(place.join("archive")));
        config.sites = vec![site("absent")];
        assert_eq!(reach.first_outside(&config), None);
        config.sites.clear();
        config.auth_file = Some(place.join("home/me/report.pdf"));
        let report = place.join("home/me/report.pdf");
        assert_eq!(reach.first_outside(&config), Some(report));
    }
}
