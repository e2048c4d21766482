//! Whether the operator's redirects make a loop, alone or with docroot's own redirects (RFC 9110 section 15.4).
//!
//! ```text
//! /about=/about.html   with clean URLs            /about  -> /about.html -> /about
//! /docs/=/docs         if docs is a directory     /docs/  -> /docs       -> /docs/
//! /a=/x/../a           clients remove `x/..`      /a      -> /a
//! ```
//!
//! Files come and go while the server runs. So a redirect of docroot counts even if it happens only while some
//! file exists. It leads to something that exists, so docroot never redirects twice in a row.

use std::collections::HashSet;
use std::fmt;

use super::{Redirect, Redirects};
use crate::text::append;
use crate::text::percent::{self, Octet};
use crate::text::segment::last_segment;

/// Which redirects docroot makes by itself.
#[derive(Clone, Copy, Debug)]
pub struct OwnRedirects<'a> {
    /// The decoded prefix of the site, such as `docs/`.
    pub prefix: &'a [u8],
    /// Whether pages and index files have clean URLs.
    pub clean_urls: bool,
    /// The names of index files.
    pub index: &'a [String],
}

/// Redirects that make a loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectLoop {
    /// Those of the operator, as they were written.
    rules: Vec<Box<str>>,
    /// Those of docroot.
    own: Vec<OwnRedirect>,
}

/// A redirect that docroot makes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnRedirect {
    reason: OwnReason,
    /// Decoded paths of the site, without a slash at their start.
    from: Vec<u8>,
    to: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnReason {
    /// The URL of a directory ends with a slash.
    Directory,
    /// A page or an index file has a clean URL.
    CleanUrl,
}

/// A redirect on the way of a client.
#[derive(Clone)]
enum Hop<'a> {
    Rule(&'a Redirect),
    Own(OwnRedirect),
}

/// Where a client is after some redirects.
struct Position<'a> {
    hops: Vec<Hop<'a>>,
    /// The decoded path in the site.
    path: Vec<u8>,
}

impl Position<'_> {
    /// Whether docroot itself has redirected the client to it.
    fn is_by_docroot(&self) -> bool {
        matches!(self.hops.last(), Some(Hop::Own(_)))
    }
}

/// How many positions are looked at for each redirect. A loop of a thousand redirects has fewer.
const MOST_POSITIONS: usize = 4096;

/// The longest path in bytes that is followed. Longer targets are refused.
const LONGEST_PATH: usize = 8192;

/// A text for any wildcard. No path that a target leads to has it.
const ANYTHING: &[u8] = b"~anything~";

/// Looks for a loop: for any wildcard text, or for empty text on every round.
pub fn check(redirects: &Redirects, own: OwnRedirects<'_>) -> Result<(), RedirectLoop> {
    let starts = redirects.0.iter();
    let starts = starts.flat_map(|first| [(first, ANYTHING), (first, b"")]);
    let mut loops = starts.filter_map(|(first, text)| loop_from(first, text, redirects, own));
    loops
        .next()
        .map_or(Ok(()), |hops| Err(RedirectLoop::of(hops)))
}

/// Follows the redirects from `first`, with `text` for each wildcard, until it matches again.
fn loop_from<'a>(
    first: &'a Redirect,
    text: &[u8],
    redirects: &'a Redirects,
    own: OwnRedirects<'_>,
) -> Option<Vec<Hop<'a>>> {
    let wildcards = vec![text; first.from.wildcards()];
    let mut unvisited: Vec<Position<'a>> =
        Vec::from_iter(own.follow(first, &wildcards, Vec::new()));
    let mut seen = HashSet::new();
    while let Some(position) = unvisited.pop() {
        // At most one redirect of docroot follows each redirect of the operator.
        let is_long =
            position.hops.len() > 2 * redirects.0.len() || position.path.len() > LONGEST_PATH;
        if is_long || !seen.insert((position.path.clone(), position.is_by_docroot())) {
            continue;
        }
        // Paths that become longer each time would let the search grow without end.
        if seen.len() > MOST_POSITIONS {
            return None;
        }
        let Some((redirect, wildcards)) = redirects.matched(&position.path) else {
            unvisited.extend(own.positions_after(&position));
            continue;
        };
        if !std::ptr::eq(redirect, first) {
            unvisited.extend(own.follow(redirect, &wildcards, position.hops));
        } else if text == ANYTHING || wildcards.concat().is_empty() {
            return Some(position.hops);
        }
    }
    None
}

impl OwnRedirects<'_> {
    /// Where a redirect leads within the site.
    fn follow<'a>(
        &self,
        redirect: &'a Redirect,
        wildcards: &[&[u8]],
        mut hops: Vec<Hop<'a>>,
    ) -> Option<Position<'a>> {
        let mut root = Vec::new();
        append(&mut root, format_args!("/{}", percent::path(self.prefix)));
        let location = redirect.to.location(&root, wildcards, None);
        let path = self.path_in_site(&requested_path(&location)?)?;
        hops.push(Hop::Rule(redirect));
        Some(Position { hops, path })
    }

    /// A path without the prefix. The prefix without the slash at its end is redirected to the root.
    fn path_in_site(&self, path: &[u8]) -> Option<Vec<u8>> {
        match path.strip_prefix(self.prefix) {
            None if self.prefix.strip_suffix(b"/") == Some(path) => Some(Vec::new()),
            rest => rest.map(<[u8]>::to_vec),
        }
    }

    /// Where docroot may redirect a path that no redirect of the operator matches.
    fn positions_after<'a>(&self, position: &Position<'a>) -> Vec<Position<'a>> {
        if position.is_by_docroot() {
            return Vec::new();
        }
        let from = &position.path;
        let slash = with_slash(from).map(|to| (OwnReason::Directory, to));
        let clean = self.clean_path(from).map(|to| (OwnReason::CleanUrl, to));
        let position = |(reason, to): (OwnReason, Vec<u8>)| {
            let from = from.clone();
            let mut hops = position.hops.clone();
            hops.push(Hop::Own(OwnRedirect {
                reason,
                from,
                to: to.clone(),
            }));
            Position { hops, path: to }
        };
        slash.into_iter().chain(clean).map(position).collect()
    }

    /// The clean path of the file or the page with this path.
    fn clean_path(&self, path: &[u8]) -> Option<Vec<u8>> {
        if !self.clean_urls {
            return None;
        }
        let page = path.strip_suffix(b"/");
        let name = last_segment(page.unwrap_or(path));
        let folder = &path[..page.unwrap_or(path).len() - name.len()];
        let is_index = |name: &[u8]| self.index.iter().any(|index| index.as_bytes() == name);
        if is_index(name) || is_index(&[name, b".html"].concat()) {
            return Some(folder.to_vec());
        }
        let clean = page.or_else(|| path.strip_suffix(b".html"))?;
        (!last_segment(clean).is_empty()).then(|| clean.to_vec())
    }
}

/// The path of a directory.
fn with_slash(path: &[u8]) -> Option<Vec<u8>> {
    let is_complete = path.is_empty() || path.ends_with(b"/");
    (!is_complete).then(|| [path, b"/"].concat())
}

/// The decoded path that a client comes to from a location, without a slash at its start. Clients remove dot
/// segments (RFC 3986 section 5.2.4), and docroot redirects to the path without empty ones. `None` for another
/// server, and for a path that docroot refuses.
fn requested_path(location: &[u8]) -> Option<Vec<u8>> {
    let path = location.strip_prefix(b"/")?;
    let end = path.iter().position(|byte| b"?#".contains(byte));
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let mut is_directory = false;
    for segment in path[..end.unwrap_or(path.len())].split(|&byte| byte == b'/') {
        let segment = decoded(segment)?;
        is_directory = matches!(&*segment, b"" | b"." | b"..");
        match &*segment {
            b"." => {}
            b".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    let mut path = segments.join(&b'/');
    if is_directory && !path.is_empty() {
        path.push(b'/');
    }
    Some(path)
}

/// A decoded segment. `None` if a slash is encoded.
fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
    let octets = percent::octets(segment).map(|octet| match octet {
        Octet::Encoded(b'/') => None,
        Octet::Plain(byte) | Octet::Encoded(byte) => Some(byte),
        Octet::Malformed => Some(b'%'),
    });
    octets.collect()
}

impl RedirectLoop {
    fn of(hops: Vec<Hop<'_>>) -> RedirectLoop {
        let (mut rules, mut own) = (Vec::new(), Vec::new());
        for hop in hops {
            match hop {
                Hop::Rule(redirect) => rules.push(redirect.text.clone()),
                Hop::Own(redirect) => own.push(redirect),
            }
        }
        RedirectLoop { rules, own }
    }
}

impl fmt::Display for RedirectLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<String> = self.rules.iter().map(|rule| format!("'{rule}'")).collect();
        let make = if rules.len() == 1 { "makes" } else { "make" };
        write!(f, "--redirect {} {make} a loop", rules.join(" and "))?;
        for (number, own) in self.own.iter().enumerate() {
            let joint = if number == 0 { ", because" } else { " and" };
            write!(f, "{joint} {own}")?;
        }
        f.write_str(": choose another target")
    }
}

impl fmt::Display for OwnRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &[u8]| {
            let anything = String::from_utf8_lossy(ANYTHING);
            String::from_utf8_lossy(path).replace(&*anything, "*")
        };
        let (from, to) = (path(&self.from), path(&self.to));
        match self.reason {
            OwnReason::Directory => {
                write!(
                    f,
                    "docroot redirects /{from} to /{to} if /{from} is a directory"
                )
            }
            OwnReason::CleanUrl => write!(f, "--clean-urls redirects /{from} to /{to}"),
        }
    }
}

impl std::error::Error for RedirectLoop {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said about these redirects; nothing if they make no loop.
    fn told(rules: &[&str], prefix: &str, clean_urls: bool) -> String {
        let mut redirects = Redirects::default();
        for rule in rules {
            redirects.add(rule).expect(rule);
        }
        let index = ["index.html".to_owned(), "index.htm".to_owned()];
        let own = OwnRedirects {
            prefix: prefix.as_bytes(),
            clean_urls,
            index: &index,
        };
        let found = super::check(&redirects, own);
        found.map_or_else(|found| found.to_string(), |()| String::new())
    }

    #[track_caller]
    fn check(rules: &[&str], is_loop: bool) {
        assert_eq!(!told(rules, "", false).is_empty(), is_loop, "{rules:?}");
    }

    #[test]
    fn a_redirect_that_leads_to_itself_is_found() {
        check(&["/a=/a"], true);
        check(&["/a=/a?b"], true);
        check(&["/**=/new/$1"], true);
        check(&["/*=/$1"], true);
        check(&["/x*=/$1/x"], true); // for /x alone
        check(&["/*a=/ba$1"], false); // /a leads to /ba, and /ba to /bab
    }

    #[test]
    fn loops_of_several_redirects_are_found() {
        check(&["/a=/b", "/b=/a"], true);
        check(&["/b=/a", "/a=/b", "/s=/a"], true);
        check(&["/a=/b", "/b=/c?x#y", "/c=/a"], true);
        check(&["/a/**=/b/$1", "/b/**=/a/$1"], true);
        check(&["/a/**=/b/x/$1", "/b/**=/a/y/$1"], true); // they get longer each time
        check(&["/a\\%20b=/c", "/c=/a%2520b"], true); // a pattern is a decoded path
        check(&["/a=/b", "/b=/c"], false);
        check(&["/b=/c", "/a=/b"], false);
        check(&["/a=/b", "/b=https://h.example/a"], false);
        check(&["/b/keep=/c", "/a/**=/b/$1", "/b/**=/d/$1"], false);
        // The first redirect keeps the last from its own target.
        check(&["/new=/", "/**=/new"], true);
        check(&["/new=https://h.example/", "/**=/new"], false);
    }

    #[test]
    fn clients_and_docroot_normalise_the_target() {
        check(&["/a=/./a"], true);
        check(&["/a=/%2E/a"], true);
        check(&["/a=/b/../a"], true);
        check(&["/a=/../a"], true); // nothing is above the root
        check(&["/x/*=/y/../x/$1"], true);
        check(&["/d/=/d/."], true);
        check(&["/d/=/d/e/.."], true);
        check(&["/x/a=/x//a"], true);
        check(&["/x/*=/x/$1/"], true); // for /x/ alone
        check(&["/a=/b/../c"], false);
        check(&["/x/a=/x%2Fa"], false); // 404
        check(&["/a=/a//../b"], false); // a/b
    }

    #[test]
    fn loops_through_the_slash_of_a_directory_are_found() {
        check(&["/docs/=/docs"], true);
        check(&["/x=/docs", "/docs/=/x"], true);
        check(&["/docs/=/docs", "/docs=/new"], false);
        // From one and the same path, docroot redirects a client that it has not just redirected.
        check(&["/a=/b.html", "/b.html/=/b", "/b/=/a"], true);
        check(&["/docs=/docs/"], false);
        check(&["/docs/=/docs.html"], false);
    }

    #[track_caller]
    fn check_clean(rules: &[&str], is_loop: bool) {
        assert_eq!(told(rules, "", false), "", "{rules:?}");
        assert_eq!(!told(rules, "", true).is_empty(), is_loop, "{rules:?}");
    }

    #[test]
    fn loops_through_clean_urls_are_found() {
        check_clean(&["/about=/about.html"], true);
        check_clean(&["/=/index.html"], true);
        check_clean(&["/=/index"], true);
        check_clean(&["/=/index.htm"], true);
        check_clean(&["/docs/=/docs/index.html"], true);
        check_clean(&["/docs/=/docs/index/"], true);
        check_clean(&["/about=/about/"], true);
        check_clean(&["/about.html=/about"], false);
        check_clean(&["/docs/index.html=/docs/"], false);
        check_clean(&["/=/docs/index.html"], false);
        check_clean(&["/=/.html"], false);
    }

    #[test]
    fn a_search_that_grows_ends() {
        let mut rules = vec!["/s=/1x.html", "/*x.html/=/$1xax.html", "/*x=/$1xbx.html"];
        let others: Vec<String> = (0..30)
            .map(|number| format!("/{number}=/n{number}"))
            .collect();
        rules.extend(others.iter().map(String::as_str));
        told(&rules, "", true);
    }

    #[track_caller]
    fn check_below(prefix: &str, rules: &[&str], is_loop: bool) {
        assert_eq!(!told(rules, prefix, true).is_empty(), is_loop, "{rules:?}");
    }

    #[test]
    fn paths_are_compared_without_the_prefix() {
        check_below("p/", &["/a=/a"], true);
        check_below("p/", &["/about=/about.html"], true);
        check_below("p/", &["/=/index.html"], true);
        check_below("p/", &["/a=/../p/a"], true);
        check_below("p/", &["/=/../p"], true);
        check_below("p/", &["/a=/../a"], false);
        check_below("p/", &["/a=/p/a"], false);
    }

    #[track_caller]
    fn check_told(rules: &[&str], want: &str) {
        assert_eq!(told(rules, "", true), want, "{rules:?}");
    }

    #[test]
    fn the_message_names_each_redirect() {
        check_told(
            &["/a=/./a"],
            "--redirect '/a=/./a' makes a loop: choose another target",
        );
        check_told(
            &["/s=/a", "/a=/b 302", "/b=/a"],
            "--redirect '/a=/b 302' and '/b=/a' make a loop: choose another target",
        );
        check_told(
            &["/about=/about.html"],
            "--redirect '/about=/about.html' makes a loop, because --clean-urls redirects /about.html to /about: \
             choose another target",
        );
        check_told(
            &["/a/*=/b/$1", "/b/*/=/a/$1"],
            "--redirect '/a/*=/b/$1' and '/b/*/=/a/$1' make a loop, because docroot redirects /b/* to /b/*/ if \
             /b/* is a directory: choose another target",
        );
    }
}
