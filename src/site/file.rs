//! A file and its representations: what is known about it without opening it again (RFC 9110 sections
//! 3.2, 8.4 and 8.8).

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use crate::semantics::coding::Coding;
use crate::semantics::date::HttpDate;
use crate::semantics::digest::Algorithm;
use crate::semantics::media_type::MediaType;
use crate::semantics::rules::RuleSet;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::validator::{EntityTag, Validators};
use crate::semantics::variant::{LAST_MEANINGLESS_TIME, Variant};
use crate::site::budget::Charge;
use crate::site::compress::MIN_SIZE;
use crate::site::digest::Digest;
use crate::site::file_state::FileState;
use crate::site::held::HeldBytes;
use crate::site::lookup::FileRead;
use crate::site::options::{SiteOptions, TagSource};
use crate::site::private::PrivateCopy;
use crate::site::reload_script;
use crate::text::hash::stable_hash;
use crate::text::segment::last_segment;

/// When a file was last compared with the disk on its worker.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastLook {
    /// The turn of the worker's loop.
    pub turn: u64,
    /// The time, in seconds since 1970.
    pub time: i64,
}

/// One state of a regular file on disk, with its representations.
pub struct StoredFile {
    /// The path below the root.
    pub path: Box<[u8]>,
    /// The state on disk that everything here was derived from.
    pub state: FileState,
    /// Whether the file system does not know the size of the content, or reports another time at each look.
    /// Then nothing shows whether the content has changed. It is read to its end, without validators.
    pub is_size_unknown: bool,
    /// Whether what is sent has the script of live reload.
    pub has_script: bool,
    /// The media type, by the name and the content.
    pub media_type: MediaType,
    /// Whether a file of this type and size is likely to shrink when it is coded.
    pub is_worth_coding: bool,
    /// The value of `Last-Modified`, if the file has a meaningful modification time.
    pub last_modified: Option<HttpDate>,
    /// The whole content, if it is small enough to be cached.
    pub memory: Option<Rc<HeldBytes>>,
    /// When it was last compared with the disk. It is kept here, so that noting it takes no look-up in the cache.
    pub(super) last_look: Cell<LastLook>,
    /// A private copy of content that is too large for `memory`, or of its end.
    pub(super) copy: Rc<OnceCell<Rc<PrivateCopy>>>,
    /// Whether the content was requested before. A HEAD or range request counts.
    pub(super) was_requested: Cell<bool>,
    /// Whether a copy is being made. At most one copy of a file is made at a time.
    pub(super) is_being_copied: Rc<Cell<bool>>,
    /// The memory of this value without its contents.
    charge: Charge,
    /// What its entity-tags are made from.
    tag_source: TagSource,
    /// The rules for its path, once they are known.
    rules: Cell<Option<RuleSet>>,
    identity: Representation,
    gzip: Representation,
    deflate: Representation,
    /// If it is a sidecar: what it holds of its original.
    sidecar: RefCell<Option<AsSidecar>>,
}

/// What a sidecar holds of its original.
struct AsSidecar {
    /// The entity-tag of the original. Another one means another state of it.
    original: String,
    representation: Rc<Representation>,
}

/// One representation of a file.
pub struct Representation {
    /// Which one it is.
    pub variant: Variant,
    /// The opaque part of its entity-tag, once it is known.
    tag: OnceCell<String>,
    /// The digests of its bytes that are known.
    digests: RefCell<Vec<Digest>>,
    /// The field lines of a response with content.
    pub described: PreparedLines,
    /// The field lines of a 304.
    pub not_modified: PreparedLines,
    /// The whole coded content, if a client has requested it and it is small enough to be cached.
    coded: RefCell<Option<Rc<HeldBytes>>>,
}

/// Field lines, as written in the head of a response, for each set of rules that applied so far.
#[derive(Default)]
pub struct PreparedLines(RefCell<Vec<(RuleSet, Rc<[u8]>)>>);

impl PreparedLines {
    /// The field lines for `rules`. The first call for these rules calls `write` to make them.
    pub fn get(&self, rules: RuleSet, write: impl FnOnce() -> Rc<[u8]>) -> Rc<[u8]> {
        let mut prepared = self.0.borrow_mut();
        if let Some((_, lines)) = prepared.iter().find(|(set, _)| *set == rules) {
            return Rc::clone(lines);
        }
        let lines = write();
        prepared.push((rules, Rc::clone(&lines)));
        lines
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl StoredFile {
    /// What a file costs apart from its content, in bytes. Most of it is the entity-tag and the field
    /// lines of each representation.
    pub(super) fn overhead(path: &[u8]) -> u64 {
        1792 + 2 * path.len() as u64
    }

    /// Describes the file at `path`, as it was read. `charge` is for its overhead. If its entity-tags are made
    /// from the content, they are not known until [`StoredFile::tag_by_content`] is called.
    pub(super) fn new(
        path: &[u8],
        read: FileRead<Charge>,
        charge: Charge,
        options: &SiteOptions,
    ) -> StoredFile {
        let FileRead {
            state,
            media_type,
            content,
            is_size_unknown,
            has_script,
        } = read;
        let memory = content.map(|(bytes, charge)| HeldBytes::new(bytes, charge));
        let is_meaningful = state.modified > LAST_MEANINGLESS_TIME;
        // The date is that of the document without the script. A client could join pieces of both.
        let modified = (is_meaningful && !has_script).then_some(state.modified);
        let file = StoredFile {
            path: path.into(),
            is_worth_coding: !is_size_unknown
                && size(state, memory.as_deref()) >= MIN_SIZE
                && media_type.is_compressible(),
            state,
            is_size_unknown,
            has_script,
            media_type,
            last_modified: modified.and_then(HttpDate::from_unix),
            memory,
            last_look: Cell::default(),
            copy: Rc::default(),
            was_requested: Cell::new(false),
            is_being_copied: Rc::default(),
            charge,
            tag_source: options.etag,
            rules: Cell::default(),
            identity: Representation::of(Variant::coded(Coding::Identity)),
            gzip: Representation::of(Variant::coded(Coding::Gzip)),
            deflate: Representation::of(Variant::coded(Coding::Deflate)),
            sidecar: RefCell::default(),
        };
        if options.etag == TagSource::Metadata {
            file.tag_by_metadata();
        }
        file
    }

    /// Makes the entity-tags from the metadata and, if it is in memory, the content. With the content, the tags are
    /// strong even if the file changed twice within one tick of the file system's clock.
    fn tag_by_metadata(&self) {
        let bytes = self.memory.as_deref().map(Deref::deref);
        // If neither the content nor the modification time can show that the file was replaced, the
        // change time does.
        let has_date = self.state.modified > LAST_MEANINGLESS_TIME;
        let change = (bytes.is_none() && !has_date).then(|| self.state.last_change());
        // A client that has the same bytes as another media type must not keep them as that (RFC 9110
        // section 8.8.1). Files in several languages are representations of one resource. They may have the
        // same size, time and type, so the path is what makes their tags differ.
        let media_type = &self.media_type.value;
        let content = stable_hash((self.state.version(), bytes, change, media_type, &self.path));
        let content = match self.lacks_script() {
            true => stable_hash((content, reload_script::element(None))),
            false => content,
        };
        // Another version of docroot may code the same content to other bytes.
        let coded = stable_hash((content, VERSION));
        self.tag(&format!("{content:016x}"), &format!("{coded:016x}"));
    }

    /// Makes the entity-tags from the digest of the content: its first half, as `sha256sum` prints it, and
    /// what else makes representations different. None of it depends on this server.
    pub fn tag_by_content(&self, content: &Digest) {
        let hex = |digest: &Digest, length: usize| -> String {
            let bytes = digest.as_bytes().iter().take(length);
            bytes.map(|byte| format!("{byte:02x}")).collect()
        };
        let of_text = |text: &str| hex(&Digest::of(Algorithm::Sha256, text.as_bytes()), 4);
        let (content, media_type) = (hex(content, 16), &self.media_type.value);
        // The digest of a file that is not in memory is that of the file without the script.
        let script = match self.lacks_script() {
            true => reload_script::element(None),
            false => String::new(),
        };
        let coded = of_text(&format!("{media_type} {VERSION}{script}"));
        self.tag(
            &format!("{content}-{}", of_text(&format!("{media_type}{script}"))),
            &format!("{content}-{coded}"),
        );
    }

    fn tag(&self, identity: &str, coded: &str) {
        for (representation, coding, tag) in [
            (&self.identity, Coding::Identity, identity),
            (&self.gzip, Coding::Gzip, coded),
            (&self.deflate, Coding::Deflate, coded),
        ] {
            let suffix = Variant::coded(coding).tag_suffix();
            representation.tag.get_or_init(|| format!("{tag}{suffix}"));
        }
    }

    /// Whether its entity-tags are known, or there are none.
    pub fn has_tags(&self) -> bool {
        self.is_size_unknown || self.identity.has_tag()
    }

    /// The last segment of the path.
    pub fn name(&self) -> &[u8] {
        last_segment(&self.path)
    }

    /// The rules for its path. The first call calls `find` to find them.
    pub fn rules_by(&self, find: impl FnOnce(&[u8]) -> RuleSet) -> RuleSet {
        let rules = self.rules.get().unwrap_or_else(|| find(&self.path));
        self.rules.set(Some(rules));
        rules
    }

    /// The content coding in which it is stored.
    pub fn stored(&self) -> Coding {
        self.media_type.stored
    }

    /// The size in bytes, without a coding of the server. A script that is in memory counts.
    pub fn size(&self) -> u64 {
        size(self.state, self.memory.as_deref())
    }

    /// Whether it gets its script while it is sent, because its content is not in memory.
    pub fn lacks_script(&self) -> bool {
        self.has_script && self.memory.is_none()
    }

    /// The length of the content without a coding of the server; `None` if only its end shows it.
    pub fn length(&self) -> Option<u64> {
        let is_known = !self.is_size_unknown && !self.lacks_script();
        is_known.then(|| self.size())
    }

    /// The representation in this coding, without a sidecar. The server itself makes no others than gzip
    /// and deflate.
    pub fn representation(&self, coding: Coding) -> &Representation {
        match coding {
            Coding::Gzip => &self.gzip,
            Coding::Deflate => &self.deflate,
            Coding::Identity | Coding::Brotli | Coding::Zstd => &self.identity,
        }
    }

    /// What this file, as a sidecar, holds of `original` in `coding`. It has the metadata of the original,
    /// and an entity-tag that follows its own bytes and the media type of the original. Before its own entity-tag is
    /// known, it has none. Only the entity-tag of the original tells which state of it this is for, so without that
    /// nothing is kept.
    pub fn as_sidecar_of(&self, original: &StoredFile, coding: Coding) -> Rc<Representation> {
        let (own, of_original) = (self.identity.tag.get(), original.identity.tag.get());
        let mut sidecar = self.sidecar.borrow_mut();
        if let Some(known) = &*sidecar
            && of_original == Some(&known.original)
        {
            return Rc::clone(&known.representation);
        }
        let representation = Representation::of(Variant::sidecar(coding));
        if let Some(own) = own {
            let hash = stable_hash((own, &original.media_type.value));
            let suffix = representation.variant.tag_suffix();
            representation
                .tag
                .get_or_init(|| format!("{hash:016x}{suffix}"));
        }
        let representation = Rc::new(representation);
        if let (Some(_), Some(of_original)) = (own, of_original) {
            *sidecar = Some(AsSidecar {
                original: of_original.clone(),
                representation: Rc::clone(&representation),
            });
        }
        representation
    }

    /// The state that it must be in when it is opened again; `None` if no state describes it.
    pub(super) fn expected(&self) -> Option<&FileState> {
        (!self.is_size_unknown).then_some(&self.state)
    }

    /// The validators of one of its representations. Each has its own entity-tag (RFC 9110 section
    /// 8.8.3.3). If the modification time is in the future, `now` replaces it (section 8.8.2.1).
    pub fn validators<'a>(
        &self,
        representation: &'a Representation,
        now: HttpDate,
    ) -> Validators<'a> {
        if self.is_size_unknown {
            return Validators::default();
        }
        Validators {
            entity_tag: representation.tag.get().map(|tag| EntityTag {
                weak: false,
                opaque: tag.as_bytes(),
            }),
            last_modified: self.last_modified.map(|date| date.min(now)),
        }
    }

    /// Adds the steps that say how the validators of a representation were made.
    pub fn note_validators(
        &self,
        representation: &Representation,
        now: HttpDate,
        trace: &mut Trace,
    ) {
        const ENTITY_TAG: Clause = clause!("RFC 9110 section 8.8.3", "validators");
        const LAST_MODIFIED: Clause = clause!("RFC 9110 section 8.8.2", "validators");
        if self.is_size_unknown {
            return trace.note(|| {
                let finding = "the file system does not know the file's size or time, so there are no validators";
                Step::new(ENTITY_TAG, finding)
            });
        }
        trace.note(|| {
            let tag = self.validators(representation, now).entity_tag;
            let tag = Quote::written(|out| tag.iter().for_each(|tag| tag.write(out)));
            Step::new(ENTITY_TAG, self.tag_finding(representation.variant))
                .with(Evidence::Value(tag))
        });
        trace.note(|| {
            let Some(date) = self.validators(representation, now).last_modified else {
                let finding = match self.has_script {
                    true => "the modification date is that of the document without the script",
                    false => "the file has no meaningful modification date",
                };
                return Step::new(LAST_MODIFIED, finding);
            };
            let finding = match self.is_dated_ahead(now) {
                true => {
                    "the file's modification date is in the future, so the current date is used"
                }
                false => "the modification date is that of the file",
            };
            let date = Quote::written(|out| date.write(out));
            Step::new(LAST_MODIFIED, finding).with(Evidence::Value(date))
        });
    }

    /// Adds the step that says that the file has the script of live reload, if it does.
    pub fn note_script(&self, trace: &mut Trace) {
        const CLAUSE: Clause = clause!("RFC 9110 section 3.2", "note_script");
        if self.has_script {
            trace.note(|| {
                Step::new(
                    CLAUSE,
                    "the option --live-reload adds a script to the document",
                )
            });
        }
    }

    /// How the entity-tag of a representation was made.
    fn tag_finding(&self, variant: Variant) -> &'static str {
        let is_coded = variant.coding != Coding::Identity;
        if variant.is_sidecar {
            return "the entity-tag is a hash of the precompressed file, and ends with its extension";
        }
        match (self.tag_source, self.memory.is_some(), is_coded) {
            (TagSource::Content, _, false) => "the entity-tag is a hash of the file's content",
            (TagSource::Content, _, true) => {
                "the entity-tag is a hash of the file's content, and ends with the coding"
            }
            (TagSource::Metadata, true, false) => {
                "the entity-tag is a hash of the file's metadata and content"
            }
            (TagSource::Metadata, false, false) => {
                "the entity-tag is a hash of the file's metadata"
            }
            (TagSource::Metadata, true, true) => {
                "the entity-tag is a hash of the file's metadata and content, and ends with the coding"
            }
            (TagSource::Metadata, false, true) => {
                "the entity-tag is a hash of the file's metadata, and ends with the coding"
            }
        }
    }

    /// The step that says why no coding is worth it for this file; `None` if one is.
    pub fn step_without_coding(&self) -> Option<Step> {
        const CLAUSE: Clause = clause!("RFC 9110 section 8.4", "new");
        let bytes = |count: u64| Quote::of(format!("{count} bytes").as_bytes());
        if self.is_worth_coding {
            None
        } else if self.is_size_unknown {
            let finding = "the size of the file is not known, so it is not compressed";
            Some(Step::new(CLAUSE, finding))
        } else if self.size() < MIN_SIZE {
            let step = Step::new(CLAUSE, "the file is too small to be worth compressing");
            Some(step.compared(bytes(self.size()), bytes(MIN_SIZE), "minimum"))
        } else {
            let step = Step::new(CLAUSE, "files of this media type rarely become smaller");
            Some(step.with(Evidence::Value(Quote::of(self.media_type.value.as_bytes()))))
        }
    }

    /// Whether the modification time is in the future. If so, the validators change with `now`: see
    /// [`StoredFile::validators`].
    pub fn is_dated_ahead(&self, now: HttpDate) -> bool {
        self.last_modified.is_some_and(|date| date > now)
    }

    /// Whether nobody but the owner of `file` uses it or its content.
    pub(super) fn is_unused(file: &Rc<StoredFile>) -> bool {
        let is_single = |content: &Option<Rc<HeldBytes>>| {
            content
                .as_ref()
                .is_none_or(|content| Rc::strong_count(content) == 1)
        };
        let coded = [&file.gzip, &file.deflate];
        Rc::strong_count(file) == 1
            && is_single(&file.memory)
            && coded.into_iter().all(|one| is_single(&one.coded.borrow()))
    }

    /// How many bytes of memory it holds.
    pub(super) fn held_bytes(&self) -> u64 {
        let of_coded = |one: &Representation| {
            let coded = one.coded.borrow();
            coded.as_ref().map_or(0, |bytes| bytes.cost())
        };
        let memory = self.memory.as_ref().map_or(0, |bytes| bytes.cost());
        let copy = self.copy.get().map_or(0, |copy| copy.length());
        self.charge.units() + memory + of_coded(&self.gzip) + of_coded(&self.deflate) + copy
    }
}

/// The size of content in memory or, if there is none, of the file.
fn size(state: FileState, memory: Option<&HeldBytes>) -> u64 {
    memory.map_or(state.size, |bytes| bytes.len() as u64)
}

impl Representation {
    /// Whether its entity-tag is known.
    pub fn has_tag(&self) -> bool {
        self.tag.get().is_some()
    }

    /// A representation whose entity-tag is not known yet.
    fn of(variant: Variant) -> Representation {
        Representation {
            variant,
            tag: OnceCell::new(),
            digests: RefCell::default(),
            described: PreparedLines::default(),
            not_modified: PreparedLines::default(),
            coded: RefCell::default(),
        }
    }

    /// The whole coded content, if it is kept.
    pub fn coded(&self) -> Option<Rc<HeldBytes>> {
        self.coded.borrow().clone()
    }

    /// The digest of all its bytes by this algorithm, if it is known.
    pub fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        let digests = self.digests.borrow();
        digests
            .iter()
            .copied()
            .find(|digest| digest.algorithm == algorithm)
    }

    /// Keeps the digest of all its bytes.
    pub fn keep_digest(&self, digest: Digest) {
        if self.digest(digest.algorithm).is_none() {
            self.digests.borrow_mut().push(digest);
        }
    }

    /// Keeps the whole coded content.
    pub(super) fn keep_coded(&self, bytes: Rc<HeldBytes>) {
        self.coded.replace(Some(bytes));
    }
}

#[cfg(test)]
use crate::semantics::{beginning::Beginning, media_type::media_type, own_types::OwnTypes};
#[cfg(test)]
use crate::site::{
    budget::{Account, Allowance},
    storage::Storage,
};

#[cfg(test)]
impl StoredFile {
    /// A file that is not on disk.
    pub(super) fn in_memory(name: &str, content: Vec<u8>) -> StoredFile {
        StoredFile::with_tags_of(TagSource::Metadata, name, content)
    }

    fn with_tags_of(etag: TagSource, name: &str, content: Vec<u8>) -> StoredFile {
        let state = FileState::of_size(content.len() as u64);
        let overhead = StoredFile::overhead(name.as_bytes());
        let charge = Allowance::unlimited().charge_anyway(Account::Contents, overhead);
        let beginning = Beginning {
            bytes: &content,
            is_whole: true,
        };
        let media_type = media_type(name.as_bytes(), beginning, &OwnTypes::default());
        let contents = || Allowance::unlimited().charge_anyway(Account::Contents, 0);
        let read = FileRead {
            state,
            media_type,
            content: Some((Storage::of(content), contents())),
            is_size_unknown: false,
            has_script: false,
        };
        let options = SiteOptions {
            etag,
            ..SiteOptions::default()
        };
        StoredFile::new(name.as_bytes(), read, charge, &options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_has_no_entity_tag_before_its_content_is_known() {
        let file = |name| StoredFile::with_tags_of(TagSource::Content, name, b"content".into());
        let digest = Digest::of(Algorithm::Sha256, b"content");
        let (original, sidecar) = (file("a.html"), file("a.html.br"));
        let now = HttpDate::from_unix(0).expect("a date");
        let tag = || -> Option<String> {
            let representation = sidecar.as_sidecar_of(&original, Coding::Brotli);
            let tag = sidecar.validators(&representation, now).entity_tag?;
            Some(String::from_utf8(tag.opaque.into()).expect("ASCII"))
        };
        assert_eq!(tag(), None);
        original.tag_by_content(&digest);
        assert_eq!(tag(), None);
        sidecar.tag_by_content(&digest);
        let known = tag();
        assert!(known.is_some());
        assert_eq!(known, tag());
    }

    #[test]
    fn nothing_of_a_sidecar_is_kept_for_an_original_without_entity_tag() {
        let file = |name| StoredFile::with_tags_of(TagSource::Content, name, b"content".into());
        let digest = Digest::of(Algorithm::Sha256, b"content");
        let (original, sidecar) = (file("a.html"), file("a.html.br"));
        sidecar.tag_by_content(&digest);
        let of_original = || sidecar.as_sidecar_of(&original, Coding::Brotli);
        assert!(
            !Rc::ptr_eq(&of_original(), &of_original()),
            "it may be another original"
        );
        original.tag_by_content(&digest);
        assert!(Rc::ptr_eq(&of_original(), &of_original()));
    }
}
