//! What docroot prints when it listens: what it serves, its URLs, who can connect, and how to stop
//! it. The banner goes to the standard error, because the standard output is for the access log.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::qr::{self, Qr};
use crate::http1::allowed_hosts::HostPattern;
use crate::http1::target::Scheme;
use crate::net::config::{SiteRoot, SocketFile};
use crate::observe::metrics::Snapshot;
use crate::observe::options::LogOptions;
use crate::text::escape::Name;
use crate::text::human::{Elapsed, Grouped, HumanSize};
use crate::text::percent;

/// What the banner shows.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// Where the server listens.
    pub listening: &'a [SocketAddr],
    /// The sockets of the Unix domain where it listens.
    pub sockets: &'a [SocketFile],
    /// The scheme of the URLs there.
    pub scheme: Scheme,
    /// Where the server listens without TLS and redirects to HTTPS.
    pub plain: &'a [SocketAddr],
    /// Where it answers operators.
    pub admin: &'a [SocketAddr],
    /// The SHA-256 fingerprint of the certificate, if docroot made it for this run.
    pub fingerprint: Option<&'a str>,
    /// The addresses at which other machines reach this one. They replace 0.0.0.0 and ::.
    pub outward: &'a [IpAddr],
    /// The absolute path of the served directory or file.
    pub root: &'a Path,
    /// Further sites.
    pub sites: &'a [SiteRoot],
    /// The hosts of `--allow-host`, if the server answers only for them and for those of the sites.
    pub only: Option<&'a [HostPattern]>,
    /// The decoded prefix of all paths, as in [`Prefix::as_bytes`](crate::site::prefix::Prefix::as_bytes).
    pub prefix: &'a [u8],
    /// Whether the wire view is served.
    pub inspect: bool,
    /// Whether the lab is served.
    pub lab: bool,
    /// Whether there is a class.
    pub class: bool,
    /// The default port, if another program uses it and docroot chose the next one.
    pub taken: Option<u16>,
    /// When to print a QR code.
    pub qr: Qr,
    /// The columns of the terminal; `None` if the banner goes elsewhere.
    pub columns: Option<usize>,
    /// Whether to use colours.
    pub colour: bool,
}

impl Banner<'_> {
    /// The text. It ends with a line end.
    pub fn text(&self) -> String {
        let mut text = self.served();
        for (is_served, path, what) in [
            (self.inspect, "", "to see each request and its response"),
            (self.lab, "lab/", "to try HTTP and WebSocket"),
            (self.class, "learn/class", "to see what the class has done"),
        ] {
            if let Some(url) = self.url_to_open().filter(|_| is_served) {
                let url = self.bold(&format!("{url}.docroot/{path}"));
                writeln!(text, "Open {url} {what}.").unwrap_or_default();
            }
        }
        text.push_str(&self.code());
        let plain = self.urls_of(Scheme::Http, self.plain);
        if !plain.is_empty() {
            let plain = plain.join(" ");
            writeln!(text, "These URLs redirect to HTTPS: {plain}").unwrap_or_default();
        }
        for address in self.admin {
            writeln!(text, "Health and metrics are at http://{address}/").unwrap_or_default();
        }
        if let Some(fingerprint) = self.fingerprint {
            text.push_str("The certificate is self-signed. Its SHA-256 fingerprint:\n");
            writeln!(text, "  {fingerprint}").unwrap_or_default();
        }
        if let Some(port) = self.taken {
            let now = self.listening.first().map_or(0, SocketAddr::port);
            writeln!(
                text,
                "Port {port} is in use, so docroot uses {now}. Use --port to choose a port."
            )
            .unwrap_or_default();
        }
        text.push_str(self.who_can_connect());
        text.push_str("Press Ctrl-C to stop.\n");
        text
    }

    /// What is served, and at which URLs.
    fn served(&self) -> String {
        let Some(only) = self.only else {
            let mut text = self.served_at(self.root, &self.urls());
            for site in self.sites {
                let root = Name::of(&site.root);
                let host = &site.host;
                // Writing to a string never fails.
                writeln!(text, "For the host {host}, it serves {root}.").unwrap_or_default();
            }
            return text;
        };
        let is_site = |host: &HostPattern| self.sites.iter().any(|site| site.host == *host);
        let of_root: Vec<&HostPattern> = only.iter().filter(|host| !is_site(host)).collect();
        let mut text = String::new();
        if !of_root.is_empty() {
            let urls = self.urls_for(self.scheme, self.listening, &of_root);
            text += &self.served_at(self.root, &urls);
        }
        for site in self.sites {
            let urls = self.urls_for(self.scheme, self.listening, &[&site.host]);
            text += &self.served_at(&site.root, &urls);
        }
        text
    }

    fn served_at(&self, root: &Path, urls: &[String]) -> String {
        let mut text = format!("docroot serves {} at\n", Name::of(root));
        for url in urls {
            text += &format!("  {}\n", self.bold(url));
        }
        for socket in self.sockets {
            text += &format!("  unix:{}\n", Name::of(&socket.path));
        }
        text
    }

    /// The hosts that the server answers for, if it answers for no others.
    fn named_hosts(&self) -> Option<Vec<&HostPattern>> {
        let of_sites = self.sites.iter().map(|site| &site.host);
        Some(self.only?.iter().chain(of_sites).collect())
    }

    /// The URL of every address, in the order of the sockets. If a socket listens on all addresses,
    /// it has several URLs. The first one is for this machine. If the server answers only for some hosts,
    /// the URLs have these hosts.
    pub fn urls(&self) -> Vec<String> {
        self.urls_of(self.scheme, self.listening)
    }

    /// The first URL that a browser can open. `*.example` is in no URL.
    pub fn url_to_open(&self) -> Option<String> {
        self.urls().into_iter().find(|url| !url.contains('*'))
    }

    fn urls_of(&self, scheme: Scheme, sockets: &[SocketAddr]) -> Vec<String> {
        if let Some(hosts) = self.named_hosts() {
            return self.urls_for(scheme, sockets, &hosts);
        }
        let mut urls: Vec<String> = Vec::new();
        for socket in sockets {
            for ip in self.addresses(socket.ip()) {
                let url = self.url(scheme, &host_of(ip), socket.port());
                if !urls.contains(&url) {
                    urls.push(url);
                }
            }
        }
        urls
    }

    /// The URLs with these hosts. All sockets of a scheme have the same port.
    fn urls_for(
        &self,
        scheme: Scheme,
        sockets: &[SocketAddr],
        hosts: &[&HostPattern],
    ) -> Vec<String> {
        let mut urls: Vec<String> = Vec::new();
        if let Some(port) = sockets.first().map(SocketAddr::port) {
            for host in hosts {
                let host = match host {
                    HostPattern::Address(ip) => host_of(*ip),
                    HostPattern::Name(_) | HostPattern::Below(_) | HostPattern::Any => {
                        host.to_string()
                    }
                };
                let url = self.url(scheme, &host, port);
                if !urls.contains(&url) {
                    urls.push(url);
                }
            }
        }
        urls
    }

    /// The QR code of the URL for other machines, or why there is none although it was asked for.
    fn code(&self) -> String {
        let is_asked = match self.qr {
            Qr::Always => true,
            Qr::Auto if self.columns.is_some() => false,
            Qr::Auto | Qr::Never => return String::new(),
        };
        let columns = self.columns.unwrap_or(LogOptions::WIDTH);
        let Some(url) = self.url_for_others() else {
            let hint = "Use --bind lan to let others connect.";
            let told = format!("No other machine can connect, so there is no QR code. {hint}\n");
            return if is_asked { told } else { String::new() };
        };
        match qr::code(&url, columns, self.colour) {
            Some(code) => format!("Scan this code to open {url} on a phone:\n{code}"),
            None if is_asked => "The terminal is too narrow for the QR code.\n".to_owned(),
            None => String::new(),
        }
    }

    /// A URL at which other machines can connect. Phones have IPv4 in every local network.
    fn url_for_others(&self) -> Option<String> {
        let all = self.listening.iter().flat_map(|socket| {
            let ips = self.addresses(socket.ip()).into_iter();
            ips.map(|ip| SocketAddr::new(ip, socket.port()))
        });
        let others = all.filter(|at| !at.ip().to_canonical().is_loopback());
        let at = others.min_by_key(SocketAddr::is_ipv6)?;
        match self.only {
            Some(_) => self.url_to_open(),
            None => Some(self.url(self.scheme, &host_of(at.ip()), at.port())),
        }
    }

    /// The URL of the root of the site.
    fn url(&self, scheme: Scheme, host: &str, port: u16) -> String {
        let prefix = percent::path(self.prefix);
        format!("{}{prefix}", url(scheme, host, port))
    }

    fn addresses(&self, ip: IpAddr) -> Vec<IpAddr> {
        let loopback = match ip {
            _ if !ip.is_unspecified() => return vec![ip],
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let same_family = |other: &&IpAddr| other.is_ipv4() == ip.is_ipv4();
        let outward = self.outward.iter().filter(same_family);
        [loopback].into_iter().chain(outward.copied()).collect()
    }

    fn who_can_connect(&self) -> &'static str {
        let ips = || self.listening.iter().map(SocketAddr::ip);
        if self.listening.is_empty() {
            "Only programs on this machine can connect, through the socket.\n"
        } else if ips().all(|ip| ip.is_loopback()) {
            "Only this machine can connect. Use --bind lan to let others connect.\n"
        } else if ips().any(|ip| ip.is_unspecified()) {
            "Other machines can connect at every address of this machine.\n"
        } else {
            "Other machines can connect.\n"
        }
    }

    fn bold(&self, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[1;36m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// What docroot says at its end, in one line: what it did since it listened.
pub fn summary(done: &Snapshot, time: Duration) -> String {
    let requests = Grouped(done.requests);
    let s = if done.requests == 1 { "" } else { "s" };
    let (sent, time) = (HumanSize(done.bytes_sent), Elapsed(time));
    format!("docroot: {requests} request{s}, {sent} sent, in {time}\n")
}

/// A URL such as `http://127.0.0.1:8080/`, without the default port of its scheme (RFC 9110 section
/// 4.2.3).
fn url(scheme: Scheme, host: &str, port: u16) -> String {
    match (scheme, port) {
        (Scheme::Http, 80) => format!("http://{host}/"),
        (Scheme::Http, _) => format!("http://{host}:{port}/"),
        (Scheme::Https, 443) => format!("https://{host}/"),
        (Scheme::Https, _) => format!("https://{host}:{port}/"),
    }
}

/// An address as the host of a URL.
fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain one. Each test says what is different.
    fn banner(listening: &[SocketAddr]) -> Banner<'_> {
        Banner {
            listening,
            sockets: &[],
            scheme: Scheme::Http,
            plain: &[],
            admin: &[],
            fingerprint: None,
            outward: &[],
            root: Path::new("/srv"),
            sites: &[],
            only: None,
            prefix: b"",
            inspect: false,
            lab: false,
            class: false,
            taken: None,
            qr: Qr::Auto,
            columns: None,
            colour: false,
        }
    }

    #[track_caller]
    fn check_urls(listening: &[&str], outward: &[&str], want: &[&str]) {
        let listening: Vec<SocketAddr> = listening.iter().map(|a| a.parse().expect(a)).collect();
        let outward: Vec<IpAddr> = outward.iter().map(|a| a.parse().expect(a)).collect();
        let banner = Banner {
            outward: &outward,
            ..banner(&listening)
        };
        assert_eq!(banner.urls(), want);
    }

    #[test]
    fn every_address_has_a_url() {
        check_urls(
            &["127.0.0.1:8080", "[::1]:8080"],
            &["192.0.2.7"],
            &["http://127.0.0.1:8080/", "http://[::1]:8080/"],
        );
        check_urls(
            &["0.0.0.0:80", "[::]:80", "127.0.0.1:80"],
            &["192.0.2.7", "2001:db8::7"],
            &[
                "http://127.0.0.1/",
                "http://192.0.2.7/",
                "http://[::1]/",
                "http://[2001:db8::7]/",
            ],
        );
        check_urls(&["0.0.0.0:1"], &[], &["http://127.0.0.1:1/"]); // without a network
    }

    #[test]
    fn the_wire_view_and_the_lab_have_a_url() {
        let listening = ["0.0.0.0:8080".parse().expect("an address")];
        let banner = Banner {
            inspect: true,
            lab: true,
            prefix: b"docs/",
            ..banner(&listening)
        };
        let want = "Open http://127.0.0.1:8080/docs/.docroot/ to see each request and its response.\n\
             Open http://127.0.0.1:8080/docs/.docroot/lab/ to try HTTP and WebSocket.\n";
        assert!(banner.text().contains(want), "{}", banner.text());
    }

    #[track_caller]
    fn check_text(listening: &str, root: &str, taken: Option<u16>, colour: bool, want: &str) {
        let listening = [listening.parse().expect(listening)];
        let banner = Banner {
            root: Path::new(root),
            taken,
            colour,
            ..banner(&listening)
        };
        assert_eq!(banner.text(), want);
    }

    #[test]
    fn the_text_shows_the_root_who_can_connect_and_how_to_stop() {
        check_text(
            "127.0.0.1:8081",
            "/srv",
            Some(8080),
            false,
            "docroot serves \"/srv\" at\n  \
             http://127.0.0.1:8081/\n\
             Port 8080 is in use, so docroot uses 8081. Use --port to choose a port.\n\
             Only this machine can connect. Use --bind lan to let others connect.\n\
             Press Ctrl-C to stop.\n",
        );
        check_text(
            "0.0.0.0:8080",
            "/a\n\x1b[2J\u{202e}\u{3164}",
            None,
            true,
            "docroot serves \"/a\\n\\u{1b}[2J\\u{202e}\\u{3164}\" at\n  \
             \x1b[1;36mhttp://127.0.0.1:8080/\x1b[0m\n\
             Other machines can connect at every address of this machine.\n\
             Press Ctrl-C to stop.\n",
        );
        check_text(
            "192.0.2.7:8080",
            "/srv",
            None,
            false,
            "docroot serves \"/srv\" at\n  \
             http://192.0.2.7:8080/\n\
             Other machines can connect.\n\
             Press Ctrl-C to stop.\n",
        );
    }

    #[test]
    fn a_server_of_some_hosts_shows_urls_that_it_answers() {
        let listening = ["127.0.0.1:8080", "[::1]:8080"].map(|at| at.parse().expect(at));
        let pattern = |text: &str| HostPattern::parse(text).expect(text);
        let site = |host: &str, root: &str| SiteRoot {
            host: pattern(host),
            root: root.into(),
        };
        let sites = [site("*.b.example", "/b"), site("a.example", "/a")];
        let only = Banner {
            sites: &sites,
            only: Some(&[]),
            ..banner(&listening)
        };
        let of_sites = "docroot serves \"/b\" at\n  http://*.b.example:8080/\n\
            docroot serves \"/a\" at\n  http://a.example:8080/\n";
        assert_eq!(only.served(), of_sites);
        assert_eq!(
            only.url_to_open().as_deref(),
            Some("http://a.example:8080/")
        );
        let allowed = [pattern("::1"), pattern("a.example"), pattern("c.example")];
        let more = Banner {
            only: Some(&allowed),
            ..only
        };
        let of_root =
            "docroot serves \"/srv\" at\n  http://[::1]:8080/\n  http://c.example:8080/\n";
        assert_eq!(more.served(), [of_root, of_sites].concat());
    }

    #[test]
    fn https_shows_the_redirecting_port_and_the_fingerprint() {
        let listening = ["127.0.0.1:8443", "[::1]:443"].map(|at| at.parse().expect(at));
        let plain = ["127.0.0.1:80", "[::1]:8080"].map(|at| at.parse().expect(at));
        let banner = Banner {
            scheme: Scheme::Https,
            plain: &plain,
            fingerprint: Some("AB:CD"),
            columns: Some(80),
            ..banner(&listening)
        };
        assert_eq!(
            banner.text(),
            "docroot serves \"/srv\" at\n  \
             https://127.0.0.1:8443/\n  \
             https://[::1]/\n\
             These URLs redirect to HTTPS: http://127.0.0.1/ http://[::1]:8080/\n\
             The certificate is self-signed. Its SHA-256 fingerprint:\n  \
             AB:CD\n\
             Only this machine can connect. Use --bind lan to let others connect.\n\
             Press Ctrl-C to stop.\n"
        );
    }

    const NONE: &str = "No other machine can connect, so there is no QR code. \
                        Use --bind lan to let others connect.\n";
    const NARROW: &str = "The terminal is too narrow for the QR code.\n";

    /// `want` is the URL of the code, or what is said instead of it.
    #[track_caller]
    fn check_code(listening: &[&str], qr: Qr, columns: Option<usize>, want: &str) {
        let listening: Vec<SocketAddr> = listening.iter().map(|a| a.parse().expect(a)).collect();
        let outward = ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse().expect(ip));
        let banner = Banner {
            outward: &outward,
            qr,
            columns,
            ..banner(&listening)
        };
        let want = match want.starts_with("http") {
            true => {
                let code = qr::code(want, 80, false).expect("it fits");
                format!("Scan this code to open {want} on a phone:\n{code}")
            }
            false => want.to_owned(),
        };
        assert_eq!(banner.code(), want);
    }

    #[test]
    fn the_code_is_for_the_address_that_a_phone_can_reach() {
        let terminal = Some(80);
        check_code(&["0.0.0.0:80"], Qr::Auto, terminal, "http://192.0.2.7/");
        check_code(&["[::]:1"], Qr::Auto, terminal, "http://[2001:db8::7]:1/");
        let both = ["[::]:1", "0.0.0.0:1"];
        check_code(&both, Qr::Auto, terminal, "http://192.0.2.7:1/");
        let two = ["127.0.0.1:1", "192.0.2.9:1"];
        check_code(&two, Qr::Auto, terminal, "http://192.0.2.9:1/");
        check_code(&two, Qr::Auto, None, ""); // not on a terminal
        check_code(&two, Qr::Always, None, "http://192.0.2.9:1/");
        check_code(&two, Qr::Never, terminal, "");
        check_code(&["127.0.0.1:1", "[::1]:1"], Qr::Auto, terminal, "");
        check_code(&["127.0.0.1:1"], Qr::Always, terminal, NONE);
        check_code(&two, Qr::Auto, Some(20), "");
        check_code(&two, Qr::Always, Some(20), NARROW);
    }

    #[test]
    fn the_summary_says_what_was_done() {
        let mut done = Snapshot {
            requests: 1234,
            bytes_sent: 5 << 20,
            ..Snapshot::default()
        };
        let time = Duration::from_secs(303);
        let want = "docroot: 1,234 requests, 5.0 MiB sent, in 5 min 3 s\n";
        assert_eq!(summary(&done, time), want);
        done.requests = 1;
        let want = "docroot: 1 request, 5.0 MiB sent, in 400 ms\n";
        assert_eq!(summary(&done, Duration::from_millis(400)), want);
    }
}
