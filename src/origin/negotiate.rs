//! Chooses among files that are representations of one resource (RFC 9110 sections 12.1, 12.5.1 and 12.5.4).
//!
//! ```text
//! /page.html   page.en.html, page.zh-Hant.html   by Accept-Language, or by the language that was chosen
//! /page.html   page.md                           by Accept
//! /photo.png   photo.avif, photo.webp            by Accept
//! ```
//!
//! A file without a language in its name is the representation for all who want none of the others. It counts as one in
//! the default language, but only the operator can say that it is: then it has a `Content-Language`. A language that was
//! chosen with `?lang=zh` is remembered in a cookie, and counts before `Accept-Language`.

use std::rc::Rc;

use crate::origin::attempt::{Attempt, Obstacle};
use crate::origin::represent::Extra;
use crate::origin::request::Request;
use crate::origin::resource::Resource;
use crate::origin::variants::{Sought, Variants};
use crate::semantics::accept::preferred_alternates;
use crate::semantics::cookie;
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::field::FieldName;
use crate::semantics::language::{Language, Wanted, chosen, wanted};
use crate::semantics::media_type::suggested_by;
use crate::semantics::precondition::asks_for_whole;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::variant::{Dimension, Dimensions};
use crate::site::disk_error::Told;
use crate::site::file::StoredFile;
use crate::site::options::SiteOptions;
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
    /// The language that is remembered, because the query asks for it.
    remembered: Option<Language>,
    /// Whether the client refuses this language.
    is_refused: bool,
}

/// What came of choosing.
pub(super) enum Outcome {
    /// A file.
    File(Negotiated),
    /// None of these files is acceptable, and the operator wants 406.
    NoneAcceptable(Sought, Rc<Variants>),
    /// No representation exists.
    None,
}

/// How good an outcome is, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// There is nothing to send.
    Nothing,
    /// The client refuses what exists.
    Refused,
    /// There is a file to send.
    Acceptable,
}

impl Outcome {
    /// How good it is.
    pub(super) fn rank(&self) -> Rank {
        match self {
            Outcome::None => Rank::Nothing,
            Outcome::NoneAcceptable(..) => Rank::Refused,
            Outcome::File(chosen) if chosen.is_refused => Rank::Refused,
            Outcome::File(_) => Rank::Acceptable,
        }
    }
}

/// The languages that a client wants. They are the same for all representations of an answer.
pub(super) struct Wants {
    wanted: Wanted,
    /// How many of the tags come from the query. They are the first.
    from_query: usize,
    /// How many of the tags come from the cookie. They follow.
    from_cookie: usize,
}

/// What asks for a language.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    Query,
    Cookie,
    Field,
}

impl Asker {
    /// That the resource exists in the language, as part of a sentence.
    fn finding(self) -> &'static str {
        match self {
            Asker::Query => "the resource exists in a language that the query asks for",
            Asker::Cookie => "the resource exists in a language that the cookie asks for",
            Asker::Field => "the resource exists in a language that Accept-Language asks for",
        }
    }

    /// The request that does not ask for it.
    fn edit(self) -> Edit {
        match self {
            Asker::Query => Edit::target(WITHOUT_LANGUAGE),
            Asker::Cookie => Edit::remove(FieldName::Cookie),
            Asker::Field => Edit::remove(FieldName::AcceptLanguage),
        }
    }
}

const WITHOUT_LANGUAGE: NewTarget = NewTarget::WithoutQuery("lang");

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
        Language::of_name(&name[dot + 1..])
    }

    /// The paths of the file in a language. Most people write tags in their usual case, others in small
    /// letters.
    fn in_language(&self, language: &Language) -> impl Iterator<Item = Vec<u8>> {
        let usual = language.as_str().to_owned();
        let lower = usual.to_ascii_lowercase();
        let lower = (lower != usual).then_some(lower);
        let tags = [usual].into_iter().chain(lower);
        tags.map(|tag| [self.stem, b".", tag.as_bytes(), b".", self.extension].concat())
    }

    /// The files of this name in all languages.
    fn in_all_languages(&self) -> Sought {
        Sought {
            folder: folder_of(self.stem).to_vec(),
            stem: last_segment(self.stem).to_vec(),
            extension: [b".", self.extension].concat(),
        }
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
    attempt: &mut Attempt<'_>,
    wants: &Wants,
    path: &[u8],
    own: Option<&Rc<StoredFile>>,
) -> Result<Outcome, Obstacle> {
    let Some(name) = Name::of(path) else {
        return Ok(own_or_none(own, None));
    };
    let outcome = match name.language() {
        _ if !name.is_document() => own_or_none(own, None),
        Some(language) => own_or_none(own, Some(language)),
        None => by_language(attempt, wants, &name, own)?,
    };
    match outcome {
        Outcome::File(chosen) => by_media_type(attempt, chosen),
        other => Ok(other),
    }
}

fn own_or_none(own: Option<&Rc<StoredFile>>, language: Option<Language>) -> Outcome {
    own.map_or(Outcome::None, |file| {
        Outcome::File(Negotiated::new(Rc::clone(file), language))
    })
}

impl Negotiated {
    /// A file that was chosen because it exists.
    fn new(file: Rc<StoredFile>, language: Option<Language>) -> Negotiated {
        Negotiated {
            file,
            language,
            remembered: None,
            is_refused: false,
        }
    }
}

impl Wants {
    /// What a client wants, most wanted first: what the query says, then the cookie, then the field.
    pub(super) fn of(request: &Request<'_>) -> Wants {
        let pairs = request.query_pairs();
        let mut named = pairs.filter(|pair| *pair.name == *b"lang");
        let query = named.next_back();
        let by_query = query.map(|pair| chosen(&pair.value)).unwrap_or_default();
        let by_cookie = cookie::language(request.fields()).map(chosen);
        let by_cookie = by_cookie.unwrap_or_default();
        let mut wanted = wanted(request.fields());
        let (from_query, from_cookie) = (by_query.len(), by_cookie.len());
        wanted.tags = [by_query, by_cookie, wanted.tags].concat();
        Wants {
            wanted,
            from_query,
            from_cookie,
        }
    }

    /// What asks for the language with this number.
    fn asker(&self, number: usize) -> Asker {
        match number {
            _ if number < self.from_query => Asker::Query,
            _ if number < self.from_query + self.from_cookie => Asker::Cookie,
            _ => Asker::Field,
        }
    }
}

/// Looks for the languages that the client wants, one after another. If there is none of them, it gets what it accepts
/// as well or, unless the operator wants 406, the representation for all others.
fn by_language(
    attempt: &mut Attempt<'_>,
    wants: &Wants,
    name: &Name<'_>,
    own: Option<&Rc<StoredFile>>,
) -> Result<Outcome, Obstacle> {
    let of_own = attempt.origin.site.options().default_language.clone();
    let default = attempt.origin.site.options().language_of_others();
    for (number, language) in wants.wanted.tags.iter().enumerate() {
        let found = match find_in_language(attempt, name, language)? {
            Some(file) => Some((file, Some(language))),
            None => {
                let own = own.filter(|_| *language == default);
                own.map(|file| (Rc::clone(file), of_own.as_ref()))
            }
        };
        if let Some((file, own)) = found {
            let asker = wants.asker(number);
            attempt.trace.note(|| {
                let value = Quote::of(language.as_str().as_bytes());
                let step = Step::new(LANGUAGE, asker.finding()).with(Evidence::Value(value));
                step.unless(asker.edit())
            });
            return Ok(Outcome::File(Negotiated {
                remembered: (asker == Asker::Query).then(|| language.clone()),
                ..Negotiated::new(file, own.cloned())
            }));
        }
    }
    if let Some(chosen) = acceptable(attempt, wants, name, own)? {
        return Ok(Outcome::File(chosen));
    }
    if let Some(refusal) = refusal(attempt, name)? {
        return Ok(refusal);
    }
    let Some(chosen) = for_others(attempt, &wants.wanted, name, own)? else {
        return Ok(Outcome::None);
    };
    let finding = "the resource exists in no language that the client wants";
    attempt.trace.note(|| Step::new(LANGUAGE, finding));
    Ok(Outcome::File(chosen))
}

/// The representation for a client that names languages and also accepts any other: the one for all others. If the
/// client refuses that, it gets the first one that it does not refuse.
fn acceptable(
    attempt: &mut Attempt<'_>,
    wants: &Wants,
    name: &Name<'_>,
    own: Option<&Rc<StoredFile>>,
) -> Result<Option<Negotiated>, Obstacle> {
    let wanted = &wants.wanted;
    if !wanted.accepts_others {
        return Ok(None);
    }
    let for_others = for_others(attempt, wanted, name, own)?;
    let chosen = match for_others.filter(|chosen| !chosen.is_refused) {
        None => first_acceptable(attempt, wanted, name)?,
        chosen => chosen,
    };
    let finding = match wanted.tags[..] {
        [] => "the client accepts any language",
        _ => {
            "the resource exists in no language that the client names, and the client accepts any other"
        }
    };
    if chosen.is_some() {
        attempt.trace.note(|| Step::new(LANGUAGE, finding));
    }
    Ok(chosen)
}

/// The representation for all who want none of the others: the file without a language in its name, or the one in the
/// default language.
fn for_others(
    attempt: &mut Attempt<'_>,
    wanted: &Wanted,
    name: &Name<'_>,
    own: Option<&Rc<StoredFile>>,
) -> Result<Option<Negotiated>, Obstacle> {
    let options = attempt.origin.site.options();
    if let Some(file) = own {
        let language = options.default_language.clone();
        return Ok(Some(Negotiated {
            is_refused: language.as_ref().is_some_and(|own| wanted.refuses(own)),
            ..Negotiated::new(Rc::clone(file), language)
        }));
    }
    let default = options.language_of_others();
    let found = find_in_language(attempt, name, &default)?;
    Ok(found.map(|file| Negotiated {
        is_refused: wanted.refuses(&default),
        ..Negotiated::new(file, Some(default))
    }))
}

/// The first file, by name, in a language that the client does not refuse.
fn first_acceptable(
    attempt: &mut Attempt<'_>,
    wanted: &Wanted,
    name: &Name<'_>,
) -> Result<Option<Negotiated>, Obstacle> {
    let Some((sought, variants)) = all_variants(attempt, name)? else {
        return Ok(None);
    };
    for (language, file) in variants.languages(&sought) {
        if !wanted.refuses(&language)
            && let Some(file) = find_readable(attempt, &[&sought.folder, file].concat())?
        {
            return Ok(Some(Negotiated::new(file, Some(language))));
        }
    }
    Ok(None)
}

/// The refusal of a client that accepts none of the languages, if the operator wants that. A file without
/// variants has no language to choose, so it is sent to everyone.
fn refusal(attempt: &Attempt<'_>, name: &Name<'_>) -> Result<Option<Outcome>, Obstacle> {
    if !attempt.origin.site.options().strict_negotiation {
        return Ok(None);
    }
    let all = all_variants(attempt, name)?.filter(|(_, variants)| !variants.is_empty());
    Ok(all.map(|(sought, variants)| Outcome::NoneAcceptable(sought, variants)))
}

/// The files of this name in all languages. The directory is read for it.
fn all_variants(
    attempt: &Attempt<'_>,
    name: &Name<'_>,
) -> Result<Option<(Sought, Rc<Variants>)>, Obstacle> {
    let sought = name.in_all_languages();
    if !attempt.origin.site.options().shows_folder(&sought.folder) {
        return Ok(None);
    }
    let variants = attempt.facts.variants(&sought)?;
    Ok(Some((sought, variants)))
}

fn find_in_language(
    attempt: &mut Attempt<'_>,
    name: &Name<'_>,
    language: &Language,
) -> Result<Option<Rc<StoredFile>>, Obstacle> {
    for path in name.in_language(language) {
        if let Some(file) = find_readable(attempt, &path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Looks for another media type that the client prefers.
fn by_media_type(attempt: &mut Attempt<'_>, chosen: Negotiated) -> Result<Outcome, Obstacle> {
    let path = chosen.file.path.clone();
    let Some(name) = Name::of(&path) else {
        return Ok(Outcome::File(chosen));
    };
    let extensions = name.alternates().iter();
    let paths = extensions.map(|extension| [name.stem, b".", extension.as_bytes()].concat());
    let (paths, types): (Vec<Vec<u8>>, Vec<&str>) = paths
        .filter_map(|path| suggested_by(&path).map(|media_type| (path, media_type)))
        .unzip();
    let own = &chosen.file.media_type.value;
    for index in preferred_alternates(attempt.request.fields(), own, &types) {
        if let Some(file) = find_readable(attempt, &paths[index])? {
            attempt.trace.note(|| {
                let finding = "the client prefers this media type to that of the file";
                let value = Quote::of(types[index].as_bytes());
                let is_whole = asks_for_whole(attempt.request.fields());
                Step::new(MEDIA_TYPE, finding)
                    .with(Evidence::Value(value))
                    .unless(Edit::remove(FieldName::Accept).keeps_status_if(is_whole))
            });
            return Ok(Outcome::File(Negotiated { file, ..chosen }));
        }
    }
    Ok(Outcome::File(chosen))
}

/// A file that the client may read. Others do not count, so that nobody learns of them.
fn find_readable(
    attempt: &mut Attempt<'_>,
    path: &[u8],
) -> Result<Option<Rc<StoredFile>>, Obstacle> {
    match attempt.may_read(path) {
        true => attempt.find_file(path),
        false => Ok(None),
    }
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

/// The relative reference from the path of the request to a file that was chosen; `None` if that path is the
/// file's own URL.
pub(super) fn location(
    attempt: &mut Attempt<'_>,
    file: &StoredFile,
) -> Result<Option<Vec<u8>>, Obstacle> {
    let (path, folder) = (attempt.path.as_bytes(), folder_of(&file.path));
    let name = clean_name(attempt, file)?;
    if *file.path == *path || [folder, name].concat() == path {
        return Ok(None);
    }
    if name.is_empty() {
        return Ok(Some(b"./".to_vec()));
    }
    let mut location = Vec::new();
    append(&mut location, format_args!("{}", percent::segment(name)));
    Ok(Some(location))
}

/// The last segment of the URL of a file. With clean URLs, that of an index file is the URL of its folder,
/// and that of a page lacks its extension, unless another file has that name.
fn clean_name<'a>(attempt: &mut Attempt<'_>, file: &'a StoredFile) -> Result<&'a [u8], Obstacle> {
    let (options, name) = (attempt.origin.site.options(), file.name());
    if !options.clean_urls || options.only.is_some() {
        return Ok(name);
    }
    if options.index.iter().any(|index| index.as_bytes() == name) {
        let index = attempt.find_file(folder_of(&file.path))?;
        let is_index = index.is_some_and(|index| index.path == file.path);
        return Ok(if is_index { b"" } else { name });
    }
    Ok(match file.path.strip_suffix(b".html") {
        Some(clean) if attempt.find_file(clean)?.is_none() => last_segment(clean),
        _ => name,
    })
}

/// The path of the folder of a file.
fn folder_of(path: &[u8]) -> &[u8] {
    &path[..path.len() - last_segment(path).len()]
}

/// What a choice adds to the fields of a response: `location` leads to the file, and the representations
/// differ in these `dimensions`.
pub(super) fn extra(
    chosen: &Negotiated,
    request: &Request<'_>,
    location: Option<Vec<u8>>,
    dimensions: Dimensions,
    trace: &mut Trace,
) -> Extra {
    let mut extra = Extra {
        dimensions,
        ..Extra::default()
    };
    if let Some(language) = &chosen.language {
        extra = extra.field("Content-Language", language.to_string());
    }
    if let Some(location) = location {
        extra = extra.field("Content-Location", location);
    }
    if let Some(language) = &chosen.remembered {
        let value = cookie::remember(language, request.is_secure);
        trace.note(|| {
            let finding = "a cookie remembers the language that the query asks for";
            let value = Evidence::Value(Quote::of(value.as_bytes()));
            Step::new(cookie::REMEMBERED, finding)
                .with(value)
                .unless(Edit::target(WITHOUT_LANGUAGE))
        });
        extra = extra.field("Set-Cookie", value);
    }
    extra
}
