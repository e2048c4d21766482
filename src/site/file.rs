//! A file as the origin of its representations: what is known of it without opening it again.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crate::semantics::coding::Coding;
use crate::semantics::date::HttpDate;
use crate::semantics::media_type::{is_compressible, media_type};
use crate::semantics::validator::{EntityTag, Validators};
use crate::site::compress::MIN_SIZE;
use crate::site::places::Places;
use crate::site::private::PrivateCopy;
use crate::site::root::Identity;

/// A modification time this close to 1970 was made up by a packager and tells nothing of a change.
const MEANINGLESS_TIME: i64 = 60;

/// One state of a regular file.
pub struct StoredFile {
    /// Where it is below the root.
    pub path: Box<[u8]>,
    /// The state of the disk that everything here was derived from.
    pub identity: Identity,
    /// `Content-Type`, with its charset where it is text.
    pub media_type: Cow<'static, str>,
    /// Whether a content coding is worth its while for this type and size.
    pub gains_from_coding: bool,
    /// `Last-Modified`, where the file system's time means anything.
    pub last_modified: Option<HttpDate>,
    /// The whole content, where it is small enough to be kept.
    pub memory: Option<Rc<[u8]>>,
    /// A private copy of a content that is too large to be kept so.
    pub copy: OnceCell<Rc<PrivateCopy>>,
    /// Whether its content was asked for before, be it for its head or a part.
    pub was_asked: Cell<bool>,
    /// One place: for the copy that is being made.
    pub drafts: Places,
    /// Opaque entity-tags by coding.
    tags: [String; 3],
    /// What is said of it in the head of an answer, by coding, once it was put into words.
    fields: [OnceCell<Box<[u8]>>; 3],
    /// Whole coded contents, by coding, once somebody has asked for them.
    coded: RefCell<[Option<Rc<[u8]>>; 3]>,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl StoredFile {
    /// Describes the file at `path` in the state `identity`.
    pub fn new(path: &[u8], identity: Identity, memory: Option<Rc<[u8]>>) -> StoredFile {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let content = mark((&identity, memory.as_deref()));
        // Another version may code the same content to other bytes.
        let coded = mark((content, VERSION));
        let tag = |mark, coding: Coding| format!("{mark:016x}{}", coding.suffix());
        let tags = [
            tag(content, Coding::Identity),
            tag(coded, Coding::Gzip),
            tag(coded, Coding::Deflate),
        ];
        let modified = Some(identity.modified).filter(|&seconds| seconds > MEANINGLESS_TIME);
        let media_type = media_type(name);
        StoredFile {
            path: path.into(),
            gains_from_coding: identity.size >= MIN_SIZE && is_compressible(&media_type),
            identity,
            media_type,
            last_modified: modified.and_then(HttpDate::from_unix),
            memory,
            copy: OnceCell::new(),
            was_asked: Cell::new(false),
            drafts: Places::new(1),
            tags,
            fields: Default::default(),
            coded: RefCell::default(),
        }
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.identity.size
    }

    /// The validators of the representation in this coding, which has an entity-tag of its own
    /// (RFC 9110 section 8.8.3.3). A modification time in the future is replaced by `now` (section
    /// 8.8.2.1).
    pub fn validators(&self, coding: Coding, now: HttpDate) -> Validators<'_> {
        Validators {
            entity_tag: Some(EntityTag {
                weak: false,
                opaque: self.tags[index(coding)].as_bytes(),
            }),
            last_modified: self.last_modified.map(|date| date.min(now)),
        }
    }

    /// Where to keep what is said of this coding in the head of an answer. `None` where that changes
    /// with `now`, see [`StoredFile::validators`].
    pub fn fields(&self, coding: Coding, now: HttpDate) -> Option<&OnceCell<Box<[u8]>>> {
        let is_settled = self.last_modified.is_none_or(|date| date <= now);
        is_settled.then(|| &self.fields[index(coding)])
    }

    /// The whole coded content, if it is kept.
    pub fn coded(&self, coding: Coding) -> Option<Rc<[u8]>> {
        self.coded.borrow()[index(coding)].clone()
    }

    /// Keeps the whole coded content.
    pub fn keep_coded(&self, coding: Coding, bytes: Rc<[u8]>) {
        self.coded.borrow_mut()[index(coding)] = Some(bytes);
    }

    /// How many bytes of content are kept.
    pub fn held_bytes(&self) -> u64 {
        let coded = self.coded.borrow();
        let contents = coded.iter().chain([&self.memory]).flatten();
        let copy = self.copy.get().map_or(0, |copy| copy.size);
        contents.map(|content| content.len() as u64).sum::<u64>() + copy
    }
}

/// What stands for a state of a file. Where the content is at hand it takes part, so that the tag is
/// strong even of two contents that one tick of the file system's clock has seen. The hasher has
/// no random key: the tag outlives a restart.
fn mark(state: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

fn index(coding: Coding) -> usize {
    match coding {
        Coding::Identity => 0,
        Coding::Gzip => 1,
        Coding::Deflate => 2,
    }
}

#[cfg(test)]
impl StoredFile {
    /// A file that is on no disk.
    pub fn in_memory(name: &str, content: Vec<u8>) -> StoredFile {
        let identity = Identity::of_size(content.len() as u64);
        StoredFile::new(name.as_bytes(), identity, Some(Rc::from(content)))
    }
}
