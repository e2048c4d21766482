//! Chooses among files that are representations of one resource (RFC 9110 sections 12.1, 12.5.1 and 12.5.4).
//!
//! ```text
//! /page.html   page.en.html, page.zh-Hant.html   by Accept-Language, or by the language that was chosen
//! /page.html   page.md                           by Accept
//! /photo.png   photo.avif, photo.webp            by Accept
//! ```
//!
//! A file without a language in its name is the representation for all who want none of the others. A
//! language that was chosen with `?lang=zh` is remembered in a cookie, and counts before `Accept-Language`.

use std::rc::Rc;

use crate::origin::disk_wait::{Facts, Obstacle};
use crate::origin::handler::Origin;
use crate::origin::represent::Extra;
use crate::origin::request::Request;
use crate::origin::resource::Resource;
use crate::origin::variants::Variants;
use crate::semantics::accept::chosen_alternate;
use crate::semantics::cookie;
use crate::semantics::language::{Language, Wanted, chosen, wanted};
use crate::semantics::media_type::suggested_by;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::variant::{Dimension, Dimensions};
use crate::site::file::StoredFile;
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::Told;
use crate::text::segment::last_segment;
use crate::text::{append, percent};

const LANGUAGE: Clause = clause!("RFC 9110 section 12.5.4", "by_language");
const MEDIA_TYPE: Clause = clause!("RFC 9110 section 12.5.1", "by_media_type");

/// A file that was chosen among several.
pub(super) struct Negotiated {
    /// The file.
    pub file: Rc<StoredFile>,
    /// Its language, if that is known.
    pub language: Option<Language>,
    /// Whether the query asks for this language, so that it is remembered.
    pub is_remembered: bool,
}

/// What came of choosing.
pub(super) enum Outcome {
    /// A file.
    File(Negotiated),
    /// No file is acceptable, and the operator wants 406. The files are in this directory.
    NoneAcceptable(Variants, Vec<u8>),
    /// No representation exists.
    None,
}

/// Documents that people write in several languages.
const DOCUMENTS: [&[u8]; 7] = [b"html", b"htm", b"xhtml", b"md", b"txt", b"pdf", b"epub"];

/// Extensions of files that may have another representation, and the extensions of those, best first.
const ALTERNATES: [(&[u8], &[&str]); 5] = [
    (b"png", &["avif", "webp"]),
    (b"jpg", &["avif", "webp"]),
    (b"jpeg", &["avif", "webp"]),
    (b"gif", &["avif", "webp"]),
    (b"html", &["md"]),
];

/// A path in two parts.
struct Name<'a> {
    stem: &'a [u8],
    /// Without its dot.
    extension: &'a [u8],
}

impl<'a> Name<'a> {
    fn of(path: &'a [u8]) -> Option<Name<'a>> {
        let dot = path.iter().rposition(|&byte| byte == b'.')?;
        let (stem, extension) = (&path[..dot], &path[dot + 1..]);
        let has_name = !stem.is_empty() && !stem.ends_with(b"/") && !extension.contains(&b'/');
        has_name.then_some(Name { stem, extension })
    }

    /// The language in the name: `en` in `page.en.html`.
    fn language(&self) -> Option<Language> {
        let name = last_segment(self.stem);
        let dot = name
            .iter()
            .rposition(|&byte| byte == b'.')
            .filter(|&dot| dot > 0)?;
        Language::parse(&name[dot + 1..])
    }

    fn in_language(&self, language: &Language) -> Vec<u8> {
        let language = language.as_str().as_bytes();
        [self.stem, b".", language, b".", self.extension].concat()
    }

    fn is_document(&self) -> bool {
        DOCUMENTS.contains(&self.extension)
    }

    fn alternates(&self) -> &'static [&'static str] {
        let known = ALTERNATES
            .iter()
            .find(|(extension, _)| *extension == self.extension);
        known.map_or(&[], |(_, alternates)| alternates)
    }
}

/// The request fields that choose among the representations of the resource at `path`.
pub(super) fn dimensions(path: &[u8]) -> Dimensions {
    let Some(name) = Name::of(path) else {
        return Dimensions::NONE;
    };
    let languages = match name.is_document() && name.language().is_none() {
        true => Dimensions::of(Dimension::Language),
        false => Dimensions::NONE,
    };
    match name.alternates() {
        [] => languages,
        _ => languages.and(Dimensions::of(Dimension::MediaType)),
    }
}

/// Chooses a representation of the resource at `path`. `own` is the file that this path names, if there is
/// one.
pub(super) fn negotiate(
    origin: &mut Origin,
    request: &Request<'_>,
    path: &[u8],
    own: Option<&Rc<StoredFile>>,
    facts: &Facts,
    trace: &mut Trace,
) -> Result<Outcome, Obstacle> {
    let Some(name) = Name::of(path) else {
        return Ok(own_or_none(own, None));
    };
    let outcome = match name.language() {
        _ if !name.is_document() => own_or_none(own, None),
        Some(language) => own_or_none(own, Some(language)),
        None => by_language(origin, request, &name, own, facts, trace)?,
    };
    match outcome {
        Outcome::File(chosen) => by_media_type(origin, request, chosen, facts, trace),
        other => Ok(other),
    }
}

fn own_or_none(own: Option<&Rc<StoredFile>>, language: Option<Language>) -> Outcome {
    own.map_or(Outcome::None, |file| {
        Outcome::File(Negotiated {
            file: Rc::clone(file),
            language,
            is_remembered: false,
        })
    })
}

/// What the client wants, most wanted first: what the query says, then the cookie, then the field. Also how
/// many of the tags come from the query.
fn wanted_by(request: &Request<'_>) -> (Wanted, usize) {
    let pairs = request.query_pairs();
    let mut named = pairs.filter(|pair| *pair.name == *b"lang");
    let query = named.next_back();
    let by_query = query.map(|pair| chosen(&pair.value)).unwrap_or_default();
    let by_cookie = cookie::language(request.fields()).map(chosen);
    let mut wanted = wanted(request.fields());
    let from_query = by_query.len();
    wanted.tags = [by_query, by_cookie.unwrap_or_default(), wanted.tags].concat();
    (wanted, from_query)
}

/// Looks for the languages that the client wants, one after another.
fn by_language(
    origin: &mut Origin,
    request: &Request<'_>,
    name: &Name<'_>,
    own: Option<&Rc<StoredFile>>,
    facts: &Facts,
    trace: &mut Trace,
) -> Result<Outcome, Obstacle> {
    let default = origin.site.options().default_language.clone();
    let (wanted, from_query) = wanted_by(request);
    for (number, language) in wanted.tags.iter().enumerate() {
        let found = find(origin, &name.in_language(language), facts)?;
        let found = found.or_else(|| own.filter(|_| *language == default).cloned());
        if let Some(file) = found {
            trace.note(|| {
                let finding = "a language that the client wants exists";
                let value = Quote::of(language.as_str().as_bytes());
                Step::new(LANGUAGE, finding).with(Evidence::Value(value))
            });
            return Ok(Outcome::File(Negotiated {
                file,
                language: Some(language.clone()),
                is_remembered: number < from_query,
            }));
        }
    }
    let file = match own {
        Some(_) => None,
        None => find(origin, &name.in_language(&default), facts)?,
    };
    if own.is_none() && file.is_none() {
        return Ok(Outcome::None);
    }
    if !wanted.accepts_others && origin.site.options().strict_negotiation {
        let (folder, stem) = name
            .stem
            .split_at(name.stem.len() - last_segment(name.stem).len());
        let variants = Variants {
            stem: stem.to_vec(),
            extension: [b".", name.extension].concat(),
            dimensions: dimensions(&[name.stem, b".", name.extension].concat()),
        };
        return Ok(Outcome::NoneAcceptable(variants, folder.to_vec()));
    }
    trace.note(|| Step::new(LANGUAGE, "no language that the client wants exists"));
    match own {
        Some(_) => Ok(own_or_none(own, None)),
        None => Ok(own_or_none(file.as_ref(), Some(default))),
    }
}

/// Looks for another media type that the client names and prefers.
fn by_media_type(
    origin: &mut Origin,
    request: &Request<'_>,
    chosen: Negotiated,
    facts: &Facts,
    trace: &mut Trace,
) -> Result<Outcome, Obstacle> {
    let path = chosen.file.path.clone();
    let Some(name) = Name::of(&path) else {
        return Ok(Outcome::File(chosen));
    };
    for extension in name.alternates() {
        let other = [name.stem, b".", extension.as_bytes()].concat();
        let (Some(media_type), own) = (suggested_by(&other), &chosen.file.media_type.value) else {
            continue;
        };
        if !chosen_alternate(request.fields(), media_type, own) {
            continue;
        }
        if let Some(file) = find(origin, &other, facts)? {
            trace.note(|| {
                let finding = "the client names this media type, and does not prefer another one";
                let value = Quote::of(media_type.as_bytes());
                Step::new(MEDIA_TYPE, finding).with(Evidence::Value(value))
            });
            return Ok(Outcome::File(Negotiated { file, ..chosen }));
        }
    }
    Ok(Outcome::File(chosen))
}

fn find(
    origin: &mut Origin,
    path: &[u8],
    facts: &Facts,
) -> Result<Option<Rc<StoredFile>>, Obstacle> {
    Ok(match facts.find(origin, SitePath::of_decoded(path))? {
        Ok(Found::File(file)) => Some(file),
        Ok(Found::Directory) | Err(_) => None,
    })
}

/// The paths of the files whose representations a resource may have, for a request for `path`.
pub(super) fn bases(resource: &Resource<'_>, path: &[u8], options: &SiteOptions) -> Vec<Vec<u8>> {
    let pages = |path: &[u8]| match options.clean_urls {
        true => vec![[path, b".html"].concat()],
        false => Vec::new(),
    };
    let is_directory = path.is_empty() || path.ends_with(b"/");
    match resource {
        Resource::File(file, _) => vec![file.path.to_vec()],
        Resource::Directory if is_directory => {
            let index = options.index.iter();
            index.map(|name| [path, name.as_bytes()].concat()).collect()
        }
        Resource::Directory => pages(path),
        Resource::None(fault) if fault.told() == Told::Absent && !is_directory => {
            [vec![path.to_vec()], pages(path)].concat()
        }
        Resource::None(_) | Resource::Elsewhere(_) => Vec::new(),
    }
}

/// What a choice adds to the fields of a response for `path`.
pub(super) fn extra(chosen: &Negotiated, request: &Request<'_>, path: &[u8], base: &[u8]) -> Extra {
    let mut extra = Extra {
        dimensions: dimensions(base),
        ..Extra::default()
    };
    if let Some(language) = &chosen.language {
        extra = extra.field("Content-Language", language.to_string());
    }
    if *chosen.file.path != *path {
        let mut location = Vec::new();
        let name = percent::segment(chosen.file.name());
        append(&mut location, format_args!("{name}"));
        extra = extra.field("Content-Location", location);
    }
    if let Some(language) = chosen.language.as_ref().filter(|_| chosen.is_remembered) {
        extra = extra.field("Set-Cookie", cookie::remember(language, request.is_secure));
    }
    extra
}
