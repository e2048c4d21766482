//! How files are served.

use super::definition::{Choice, Group, Kind, List, OptionDef, Scope, store, utf8};

use crate::semantics::language::Language;
use crate::semantics::pattern::Pattern;
use crate::site::options::TagSource;
use crate::site::path::is_hidden_name;
use crate::site::prefix::Prefix;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Serving",
    options: &[
        INDEX,
        NO_LISTING,
        ARCHIVE,
        HIDDEN,
        SYMLINKS,
        CLEAN_URLS,
        SPA,
        REDIRECT,
        PREFIX,
        NEGOTIATE,
        DEFAULT_LANGUAGE,
        STRICT_NEGOTIATION,
        TYPE,
        PRECOMPRESSED,
        ETAG,
        NO_COMPRESS,
        LIVE_RELOAD,
        RELOAD_IGNORE,
        OPEN,
    ],
};

const INDEX: OptionDef = OptionDef::new(
    "index",
    Kind::List(List {
        name: "NAME",
        separator: Some(','),
        clear: |settings| settings.config.site.index.clear(),
        add: |settings, value| {
            let name = index_name(utf8(value)?)?;
            settings.config.site.index.push(name);
            Ok(())
        },
    }),
    "The name of the file to serve for a directory, if the directory has it. To try several names, \
     repeat the option or separate them with commas",
)
.default(|settings| settings.config.site.index.join(","))
.scope(Scope::Answer);

const NO_LISTING: OptionDef = OptionDef::new(
    "no-listing",
    Kind::Switch(|settings| settings.config.site.listing = false),
    "Do not list a directory that has no index file; answer 404 instead",
)
.scope(Scope::Answer)
.common("Do not list directories without an index file");

const ARCHIVE: OptionDef = OptionDef::new(
    "archive",
    Kind::Switch(|settings| settings.config.site.archive = true),
    "Let clients download a directory and all that is below it as one file: /photos/?archive=zip, tar or \
     tar.gz. Listings have buttons for it. The archive contains what listings show, also in directories that have an \
     index file, but not what links to directories lead to. Each client gets one archive at a time",
)
.scope(Scope::Answer);

const HIDDEN: OptionDef = OptionDef::new(
    "include-hidden",
    Kind::Switch(|settings| settings.config.site.hidden = true),
    "Serve names that begin with a dot. docroot always serves .well-known",
)
.scope(Scope::Answer)
.common("Serve names that begin with a dot");

const SYMLINKS: OptionDef = OptionDef::new(
    "follow-symlinks",
    Kind::Switch(|settings| settings.config.site.follow_symlinks = true),
    "Follow symbolic links that lead out of the served directory",
)
.scope(Scope::Answer);

const CLEAN_URLS: OptionDef = OptionDef::new(
    "clean-urls",
    Kind::Switch(|settings| settings.config.site.clean_urls = true),
    "Serve about.html for /about, and redirect /about.html to it. The URL of an index file is that of its \
     directory",
)
.scope(Scope::Answer);

const SPA: OptionDef = OptionDef::new(
    "spa",
    Kind::Text("FILE", |settings, text| {
        store(&mut settings.config.site.spa, page(text).map(Some))
    }),
    "If a page does not exist, send this file instead, for an application that handles paths in the \
     browser. Missing scripts, images and other files are still 404. --spa alone means --spa=index.html",
)
.bare("index.html")
.default(|_| "off".into())
.scope(Scope::Answer)
.common("Send index.html for pages that do not exist");

const PREFIX: OptionDef = OptionDef::new(
    "prefix",
    Kind::Text("PATH", |settings, text| {
        let prefix = Prefix::parse(text);
        let prefix =
            prefix.map_err(|fault| format!("{}: {}", fault.text(), Prefix::advice(fault)));
        store(&mut settings.config.site.prefix, prefix)
    }),
    "Serve the directory below this path, such as /docs. All other paths are 404. Patterns and the paths of \
     --redirect do not include the prefix",
)
.default(|_| "/".into())
.scope(Scope::Answer);

const REDIRECT: OptionDef = OptionDef::new(
    "redirect",
    Kind::List(List {
        name: "RULE",
        separator: Some('\n'),
        clear: |settings| settings.config.rules.redirects.clear(),
        add: |settings, value| {
            let added = settings.config.rules.redirects.add(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Redirect paths that match FROM, such as '/old/**=/new/$1' or '/blog/*=https://b.example/$1 308'. * \
     stands for a part of one name and ** for any number of directories; $1 is what the first of them \
     stands for. The query is kept. The status is 301 unless 302, 307 or 308 follows. Repeat the option \
     for several redirects; the first one that matches counts",
)
.default(|_| "none".into())
.table("{from}={to}[ {status}]")
.scope(Scope::Answer);

const NEGOTIATE: OptionDef = OptionDef::new(
    "negotiate",
    Kind::Switch(|settings| settings.config.site.negotiate = true),
    "Choose among representations: page.en.html or page.zh-Hant.html for /page.html, by Accept-Language; \
     photo.avif or photo.webp for /photo.png and page.md for /page.html, by Accept. ?lang=zh chooses a \
     language, and a cookie remembers it",
)
.scope(Scope::Answer);

const DEFAULT_LANGUAGE: OptionDef = OptionDef::new(
    "default-language",
    Kind::Text("TAG", |settings, text| {
        let language = Language::parse(text.as_bytes());
        let language = language.ok_or_else(|| "write a language tag such as en or pt-BR".into());
        store(&mut settings.config.site.default_language, language.map(Some))
    }),
    "With --negotiate, the language of files without a language in their names. Clients get these files \
     if they want none of the other languages. With this option, docroot says in Content-Language that they \
     are in this language",
)
.default(|settings| {
    let language = settings.config.site.language_of_others();
    format!("{language}, without Content-Language")
})
.scope(Scope::Answer);

const STRICT_NEGOTIATION: OptionDef = OptionDef::new(
    "strict-negotiation",
    Kind::Switch(|settings| settings.config.site.strict_negotiation = true),
    "With --negotiate, answer 406 with a list of the representations if the client accepts none of their \
     languages",
)
.scope(Scope::Answer);

const TYPE: OptionDef = OptionDef::new(
    "type",
    Kind::List(List {
        name: "RULE",
        separator: Some(','),
        clear: |settings| settings.config.site.types.clear(),
        add: |settings, value| {
            let added = settings.config.site.types.add(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Send files with this extension, or with a path that matches this pattern, as this media type, such \
     as log=text/plain or '/v2/**=application/json'. If a text type has no parameters, docroot adds the \
     charset. 'wasm.gz=application/wasm; coding=gzip' also says that the files are compressed; coding=br \
     does so for Brotli, and clients that do not accept it get 406. For several rules, repeat the option \
     or separate them with commas",
)
.default(|_| "by name and content".into())
.table("{pattern}={type}")
.scope(Scope::Answer);

const PRECOMPRESSED: OptionDef = OptionDef::new(
    "precompressed",
    Kind::Switch(|settings| settings.config.site.precompressed = true),
    "Send page.html.br, page.html.zst or page.html.gz for page.html, if the client accepts the coding and \
     the file is not older than page.html. If the client prefers several equally, docroot sends the \
     smallest. To make these files, run docroot compress",
)
.scope(Scope::Answer);

const ETAG: OptionDef = OptionDef::new(
    "etag",
    Kind::Choice(
        "SOURCE",
        &[
            Choice {
                word: "metadata",
                help: "The size and the modification time and, of small files, the content",
                apply: |settings| settings.config.site.etag = TagSource::Metadata,
            },
            Choice {
                word: "content",
                help: "The content alone (SHA-256)",
                apply: |settings| settings.config.site.etag = TagSource::Content,
            },
        ],
    ),
    "What the entity-tags of files are made from. With 'content', servers with copies of the same files \
     send the same entity-tags, but docroot must read a large file to its end before it first sends any \
     of it, and again after each change. This takes about 2 seconds per GiB, or longer on a slow disk",
)
.default(|_| "metadata".into())
.scope(Scope::Answer);

const NO_COMPRESS: OptionDef = OptionDef::new(
    "no-compress",
    Kind::Switch(|settings| settings.config.site.compress = false),
    "Do not compress responses",
)
.scope(Scope::Answer);

/// A build without the feature has these options too, and says how to get it.
const LIVE_RELOAD: OptionDef = OptionDef::new(
    "live-reload",
    Kind::Switch(|settings| settings.config.site.live_reload = true),
    "Reload open pages when files change. docroot adds a script to HTML documents, listings and error pages. \
     If only a style sheet or an image changes, the page replaces it without reloading",
)
.scope(Scope::Answer)
.common("Reload pages when files change");

const RELOAD_IGNORE: OptionDef = OptionDef::new(
    "reload-ignore",
    Kind::List(List {
        name: "PATTERN",
        separator: Some(','),
        clear: |settings| settings.config.reload_ignored.clear(),
        add: |settings, value| {
            let pattern = Pattern::parse(utf8(value)?).map_err(|fault| fault.to_string())?;
            settings.config.reload_ignored.push(pattern);
            Ok(())
        },
    }),
    "Do not reload pages when a file that matches the pattern changes, such as '/logs/**'. Temporary files of \
     editors are always ignored, and hidden files unless they are served. Repeat the option for several \
     patterns",
)
.default(|_| "none".into())
.scope(Scope::Server);

const OPEN: OptionDef = OptionDef::new(
    "open",
    Kind::Switch(|settings| settings.open = true),
    "Open the address in the browser",
)
.short('o')
.common("Open the address in the browser");

/// Parses the path of a file below the root.
fn page(text: &str) -> Result<String, String> {
    let path = text.strip_prefix('/').unwrap_or(text);
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && !is_hidden_name(name.as_bytes());
    match path.split('/').all(is_name) {
        true => Ok(path.into()),
        false => Err(
            "write a path in the served directory, without .. or hidden names, such as index.html"
                .into(),
        ),
    }
}

/// Parses the name of one file, without a directory.
fn index_name(text: &str) -> Result<String, String> {
    match text {
        "" | "." | ".." => Err("not a single file name such as index.html".into()),
        _ if text.contains('/') => Err("not a single file name such as index.html".into()),
        _ => Ok(text.into()),
    }
}
