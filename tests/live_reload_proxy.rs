//! `--live-reload` over HTTPS, behind a reverse proxy, and from an address of the local network, in a browser.
#![cfg(all(feature = "live-reload", feature = "tls", target_os = "linux"))]

mod support;

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Config, Port};
use docroot::site::prefix::Prefix;
use support::chromium::{Page, needs_chromium};
use support::nginx::Nginx;
use support::program::skipped;
use support::tls::Authority;
use support::{Client, Setup, TestServer};

/// A site whose server can be started again on the same port.
struct Site {
    root: tempfile::TempDir,
    change: Box<dyn Fn(&mut Config)>,
    server: Option<TestServer>,
}

impl Site {
    fn start(change: impl Fn(&mut Config) + 'static) -> Site {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("docs")).expect("a folder");
        let mut site = Site {
            root,
            change: Box::new(change),
            server: None,
        };
        site.write_page("first");
        site.write_width(100);
        site.server = Some(site.serve(0));
        site
    }

    fn serve(&self, port: u16) -> TestServer {
        let setup = Setup::new().with(|config| {
            config.site.live_reload = true;
            config.root = self.root.path().to_owned();
            config.port = Port::Fixed(port);
            (self.change)(config);
        });
        setup.start()
    }

    fn address(&self) -> SocketAddr {
        self.server.as_ref().expect("it runs").address
    }

    /// Ends the server, does something, and starts it again.
    fn restart(&mut self, meanwhile: impl FnOnce(&Site)) {
        let port = self.address().port();
        self.server = None;
        meanwhile(self);
        self.server = Some(self.serve(port));
    }

    fn file(&self, name: &str) -> impl AsRef<Path> + use<> {
        self.root.path().join("docs").join(name)
    }

    fn write_page(&self, title: &str) {
        let page = format!(
            "<!doctype html><title>{title}</title><link rel=\"icon\" href=\"data:,\">\
             <link rel=\"stylesheet\" href=\"site.css\"><p id=\"text\">text</p>"
        );
        fs::write(self.file("index.html"), page).expect("written");
    }

    fn write_width(&self, pixels: u32) {
        let sheet = format!("p {{ width: {pixels}px }}");
        fs::write(self.file("site.css"), sheet).expect("written");
    }
}

/// A style sheet of the page at this address is replaced in place, and the page is reloaded when it changes. The same
/// holds after a restart.
#[track_caller]
fn check(site: &mut Site, url: &str) {
    let mut browser = Page::new(800, 600);
    browser.trust_every_server();
    browser.open(url);
    browser.run("window.mark = true");
    site.write_width(200);
    wait_for_width(&mut browser, 200);
    site.restart(|_| ());
    // Once the server answers, it sees changes. The page asks for its file first.
    browser.run(ANSWERED);
    site.write_width(300);
    wait_for_width(&mut browser, 300);
    assert_eq!(browser.run("window.mark"), true, "{url}: it was reloaded");
    site.write_page("second");
    browser.wait_for_page(url);
    browser.wait_for("document.title === 'second'");
    site.restart(|site| site.write_page("third"));
    browser.wait_for_page(url);
    browser.wait_for("document.title === 'third'");
}

/// Resolves when the site answers.
const ANSWERED: &str = "(async () => {
    while (!await fetch(location.href).then(response => response.ok, () => false)) {
      await new Promise(done => setTimeout(done, 20));
    }
})()";

fn wait_for_width(browser: &mut Page, pixels: u32) {
    let width = "getComputedStyle(document.getElementById('text')).width";
    browser.wait_for(&format!("{width} === '{pixels}px'"));
}

/// What makes nginx pass an upgrade. It sends `Connection: upgrade` with every request, but `Upgrade` only if the
/// client did.
const UPGRADES: &str = "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\n\
                        proxy_set_header Connection upgrade;\n";

/// The host and the port that the browser sent.
const HOST: &str = "proxy_set_header Host $http_host;\n";

/// The site behind nginx, which forwards the paths below `from` to those below `to`. An empty `to` leaves the
/// path as it is. Opens `path`.
#[track_caller]
fn check_proxied(mut site: Site, tls: bool, more: &str, [from, to, path]: [&str; 3]) {
    let authority = Authority::new("authority");
    let certificate = tls.then(|| authority.server());
    let address = site.address();
    let location =
        format!("{UPGRADES}{more}location {from} {{ proxy_pass http://{address}{to}; }}");
    let Some(proxy) = Nginx::start(&location, certificate.as_ref()) else {
        return;
    };
    let scheme = if tls { "https" } else { "http" };
    check(&mut site, &format!("{scheme}://{}{path}", proxy.address));
}

#[test]
fn pages_reload_over_https() {
    needs_chromium!();
    let authority = Authority::new("authority");
    let options = authority.server().options();
    let mut site = Site::start(move |config| config.tls = Some(options.clone()));
    let url = format!("https://{}/docs/", site.address());
    check(&mut site, &url);
}

#[test]
fn pages_reload_behind_a_proxy() {
    needs_chromium!();
    check_proxied(Site::start(|_| ()), false, HOST, ["/", "", "/docs/"]);
}

#[test]
fn pages_reload_behind_a_proxy_that_ends_tls() {
    needs_chromium!();
    check_proxied(Site::start(|_| ()), true, HOST, ["/", "", "/docs/"]);
}

#[test]
fn pages_reload_behind_a_proxy_that_removes_a_prefix() {
    needs_chromium!();
    check_proxied(
        Site::start(|_| ()),
        true,
        HOST,
        ["/some/app/", "/", "/some/app/docs/"],
    );
}

#[test]
fn pages_reload_behind_a_proxy_that_adds_a_prefix() {
    needs_chromium!();
    check_proxied(Site::start(|_| ()), true, HOST, ["/", "/docs/", "/"]);
}

#[test]
fn pages_reload_behind_a_proxy_that_replaces_a_prefix() {
    needs_chromium!();
    let site = Site::start(|config| {
        config.site.prefix = Prefix::parse("/inner").expect("a prefix");
    });
    let paths = ["/outer/", "/inner/docs/", "/outer/index.html"];
    check_proxied(site, true, HOST, paths);
}

/// The host is that of the server behind it.
#[test]
fn pages_reload_behind_a_proxy_that_replaces_the_host() {
    needs_chromium!();
    let forwarded = "proxy_set_header X-Forwarded-Host $http_host;\n";
    check_proxied(Site::start(|_| ()), true, forwarded, ["/", "", "/docs/"]);
}

/// The example of the README for nginx.
fn example() -> String {
    let readme = include_str!("../README.md");
    let begin = readme
        .find("      location /some/prefix/ {")
        .expect("the example");
    let end = begin + readme[begin..].find("      }").expect("its end");
    readme[begin..end].to_owned() + "}"
}

/// The wire view and the lab are for this machine, and the client of a proxy may be on any.
#[test]
fn a_proxy_opens_the_wire_view_to_nobody() {
    let site = Site::start(|config| {
        config.inspect = true;
        config.lab = true;
        let name = HostPattern::parse("files.example").expect("a name");
        config.allow_hosts = vec![name];
    });
    let inner = site.address().to_string();
    let plain = format!("location /some/prefix/ {{ proxy_pass http://{inner}/; }}");
    let example = example();
    assert!(example.contains("http://127.0.0.1:8080/"), "{example}");
    let example = example.replace("127.0.0.1:8080", &inner);
    // A browser cannot send this host; a proxy that sets none of the other fields may.
    let hidden = example.replace("proxy_set_header X-Forwarded-For", "#");
    for (configuration, host) in [
        (example, "localhost"),
        (hidden, "files.example"),
        (plain, "files.example"),
    ] {
        let Some(proxy) = Nginx::start(&configuration, None) else {
            return;
        };
        for (path, status) in [
            ("docs/", 200),
            (".docroot/", 403),
            (".docroot/wire", 403),
            (".docroot/lab/", 403),
        ] {
            let mut client = Client::of(TcpStream::connect(proxy.address).expect("it accepts"));
            let request = format!(
                "GET /some/prefix/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            );
            client.send(request.as_bytes());
            assert_eq!(
                client.response("GET").status,
                status,
                "{path} {configuration}"
            );
        }
    }
}

/// As a phone does, if it is in the same network.
#[test]
fn pages_reload_at_an_address_of_the_network() {
    needs_chromium!();
    let Some(own) = own_address() else {
        skipped("this machine has no address but loopback");
        return;
    };
    let mut site = Site::start(|config| {
        config.bind.required = vec![[0, 0, 0, 0].into()];
        config.allow_hosts.clear();
    });
    let url = format!("http://{own}:{}/docs/", site.address().port());
    check(&mut site, &url);
}

/// The address from which this machine would send to another one. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}
