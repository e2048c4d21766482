//! A file as the origin of its representations: what is known of it without opening it again.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crate::semantics::coding::Coding;
use crate::semantics::date::HttpDate;
use crate::semantics::media_type::{is_compressible, media_type};
use crate::semantics::rules::RuleSet;
use crate::semantics::validator::{EntityTag, Validators};
use crate::semantics::variant::Variant;
use crate::site::compress::MIN_SIZE;
use crate::site::private::PrivateCopy;
use crate::site::quota::Quota;
use crate::site::root::FileState;

/// A modification time this close to 1970 was made up by a packager and tells nothing of a change.
const MEANINGLESS_TIME: i64 = 60;

/// One state of a regular file, with its representations.
pub struct StoredFile {
    /// Where it is below the root.
    pub path: Box<[u8]>,
    /// The state of the disk that everything here was derived from.
    pub state: FileState,
    /// `Content-Type`, with its charset if it is text.
    pub media_type: Cow<'static, str>,
    /// Whether a content coding makes a file of this type and size smaller.
    pub is_worth_coding: bool,
    /// `Last-Modified`, if the file system's time means anything.
    pub last_modified: Option<HttpDate>,
    /// The whole content, if it is small enough to be kept.
    pub memory: Option<Rc<[u8]>>,
    /// A private copy of a content that is too large for that.
    pub copy: OnceCell<Rc<PrivateCopy>>,
    /// Whether its content was asked for before, even if only for its head or a part.
    pub was_asked: Cell<bool>,
    /// One place: for the copy that is being made.
    pub pending_copies: Quota,
    /// One for each variant.
    representations: [Representation; 3],
}

/// What is known of one representation of a file.
pub struct Representation {
    variant: Variant,
    /// The opaque part of its entity-tag.
    tag: String,
    /// The field lines of a response with content.
    pub described: PreparedLines,
    /// The field lines of a 304.
    pub not_modified: PreparedLines,
    /// The whole coded content, once a client has asked for it.
    coded: RefCell<Option<Rc<[u8]>>>,
}

/// Field lines as they stand in the head of a response, by the rules that apply to it.
#[derive(Default)]
pub struct PreparedLines(RefCell<Vec<(RuleSet, Rc<[u8]>)>>);

impl PreparedLines {
    /// The lines under `rules`, which `write` makes the first time.
    pub fn get(&self, rules: RuleSet, write: impl FnOnce() -> Rc<[u8]>) -> Rc<[u8]> {
        let mut known = self.0.borrow_mut();
        if let Some((_, lines)) = known.iter().find(|(set, _)| *set == rules) {
            return Rc::clone(lines);
        }
        let lines = write();
        known.push((rules, Rc::clone(&lines)));
        lines
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl StoredFile {
    /// Describes the file at `path` in the state `state`.
    pub fn new(path: &[u8], state: FileState, memory: Option<Rc<[u8]>>) -> StoredFile {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let content = mark((&state, memory.as_deref()));
        // Another version may code the same content to other bytes.
        let coded = mark((content, VERSION));
        let representation = |mark, coding| {
            let variant = Variant::coded(coding);
            Representation {
                variant,
                tag: format!("{mark:016x}{}", variant.tag_suffix()),
                described: PreparedLines::default(),
                not_modified: PreparedLines::default(),
                coded: RefCell::default(),
            }
        };
        let modified = Some(state.modified).filter(|&seconds| seconds > MEANINGLESS_TIME);
        let media_type = media_type(name);
        StoredFile {
            path: path.into(),
            is_worth_coding: state.size >= MIN_SIZE && is_compressible(&media_type),
            state,
            media_type,
            last_modified: modified.and_then(HttpDate::from_unix),
            memory,
            copy: OnceCell::new(),
            was_asked: Cell::new(false),
            pending_copies: Quota::new(1),
            representations: [
                representation(content, Coding::Identity),
                representation(coded, Coding::Gzip),
                representation(coded, Coding::Deflate),
            ],
        }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.state.size
    }

    /// One of its representations.
    pub fn representation(&self, variant: Variant) -> &Representation {
        let [identity, others @ ..] = &self.representations;
        let found = others.iter().find(|other| other.variant == variant);
        found.unwrap_or(identity)
    }

    /// The validators of a representation, which has an entity-tag of its own (RFC 9110 section
    /// 8.8.3.3). A modification time in the future is replaced by `now` (section 8.8.2.1).
    pub fn validators(&self, variant: Variant, now: HttpDate) -> Validators<'_> {
        Validators {
            entity_tag: Some(EntityTag {
                weak: false,
                opaque: self.representation(variant).tag.as_bytes(),
            }),
            last_modified: self.last_modified.map(|date| date.min(now)),
        }
    }

    /// Whether its modification time lies in the future, so that what is said of the file changes
    /// with `now`: see [`StoredFile::validators`].
    pub fn is_dated_ahead(&self, now: HttpDate) -> bool {
        self.last_modified.is_some_and(|date| date > now)
    }

    /// How many bytes of content are kept.
    pub fn held_bytes(&self) -> u64 {
        let of_coded =
            |one: &Representation| one.coded.borrow().as_ref().map_or(0, |all| all.len());
        let coded: usize = self.representations.iter().map(of_coded).sum();
        let memory = self.memory.as_ref().map_or(0, |all| all.len());
        let copy = self.copy.get().map_or(0, |copy| copy.size);
        (coded + memory) as u64 + copy
    }
}

impl Representation {
    /// The whole coded content, if it is kept.
    pub fn coded(&self) -> Option<Rc<[u8]>> {
        self.coded.borrow().clone()
    }

    /// Keeps the whole coded content.
    pub fn keep_coded(&self, bytes: Rc<[u8]>) {
        self.coded.replace(Some(bytes));
    }
}

/// What stands for a state of a file. If the content is at hand it takes part, so that the tag is
/// strong even of two contents that one tick of the file system's clock has seen. The hasher has
/// no random key: the tag outlives a restart.
fn mark(state: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
impl StoredFile {
    /// A file that is on no disk.
    pub fn in_memory(name: &str, content: Vec<u8>) -> StoredFile {
        let state = FileState::of_size(content.len() as u64);
        StoredFile::new(name.as_bytes(), state, Some(Rc::from(content)))
    }
}
