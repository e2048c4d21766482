//! Which representation of a file is sent, and how much of it.
//!
//! The coding is chosen first, because it decides which entity-tag the preconditions are held
//! against and which bytes a range counts (RFC 9110 sections 12.5.3, 13.2.2, 14.2).

use std::cell::Cell;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::rc::Rc;

use crate::origin::answer::{Origin, Request, disk_error, error_fields};
use crate::origin::reason::Reason;
use crate::origin::response::{Circumstances, Response, ResponseWriter};
use crate::semantics::byteranges::Byteranges;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::decide::{Decision, Selected, decide};
use crate::semantics::field::FieldName;
use crate::semantics::method::Method;
use crate::semantics::range::ByteRange;
use crate::semantics::status::Status;
use crate::semantics::validator::Validators;
use crate::site::compress::{Coded, PIECE, code};
use crate::site::content::{Content, Piece, Progress, Source, Stored};
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::DiskError;

/// Content up to this size is coded within one turn: a few milliseconds at the worst.
const CODE_AT_ONCE: u64 = 4 * PIECE as u64;

/// Contents that one worker codes at the same time. Each holds about 300 KiB for the coder's
/// window, so slow readers could otherwise exhaust the machine's memory.
const MAX_CODERS: usize = 64;

/// How often a file is resolved again that was replaced between two looks.
const ATTEMPTS: usize = 4;

/// Every coding this server applies, in the order of its preference.
pub(super) const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

/// Counts the coders at work on one worker.
#[derive(Default)]
pub struct Coders {
    busy: Rc<Cell<usize>>,
}

/// A stream that is counted for as long as it lasts.
pub(super) struct Held<S> {
    source: S,
    busy: Rc<Cell<usize>>,
}

impl Coders {
    /// Whether one more content may be coded.
    pub(super) fn are_free(&self) -> bool {
        self.busy.get() < MAX_CODERS
    }

    /// Counts a coded stream until it is dropped.
    pub(super) fn hold<S: Source>(&self, source: S) -> Held<S> {
        self.busy.set(self.busy.get() + 1);
        Held {
            source,
            busy: Rc::clone(&self.busy),
        }
    }
}

impl<S: Source> Source for Held<S> {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        self.source.pull(out, budget)
    }
}

impl<S> Drop for Held<S> {
    fn drop(&mut self) {
        self.busy.set(self.busy.get() - 1);
    }
}

/// The content of a representation, before a range is applied.
pub(super) enum Whole {
    Stored(Stored),
    Stream(Box<dyn Source>),
}

/// What a representation's metadata says, whatever the status.
pub(super) struct Metadata<'a> {
    pub validators: Validators<'a>,
    pub media_type: &'a str,
    pub coding: Coding,
    /// The request fields that the choice depended on.
    pub vary: Option<&'static str>,
    /// `Content-Security-Policy`, for pages of the server's own.
    pub policy: Option<&'static str>,
}

impl Origin {
    /// Answers for a regular file.
    pub(super) fn answer_file(
        &mut self,
        request: &Request<'_>,
        path: SitePath<'_>,
        mut file: Rc<StoredFile>,
        out: &mut Vec<u8>,
    ) -> Response {
        let start = out.len();
        for _ in 0..ATTEMPTS {
            match self.try_file(request, &file, out) {
                Ok(Some(response)) => return response,
                Ok(None) => {}
                Err(fault) => {
                    out.truncate(start);
                    return disk_error(out, request.circumstances, fault);
                }
            }
            // Replaced since it was resolved: look again.
            out.truncate(start);
            self.site.look_again();
            file = match self.site.find(path) {
                Ok(Found::File(file)) => file,
                Ok(Found::Directory) => break,
                Err(fault) => return disk_error(out, request.circumstances, fault),
            };
        }
        disk_error(out, request.circumstances, DiskError::Exhausted)
    }

    /// `None` where the file is no longer what `file` says.
    fn try_file(
        &mut self,
        request: &Request<'_>,
        file: &Rc<StoredFile>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Response>, DiskError> {
        let circumstances = request.circumstances;
        let fields = &request.head.fields;
        let (coding, why) = match self.choose_coding(request, file) {
            CodingChoice::Chosen(coding, why) => (coding, why),
            CodingChoice::NotAcceptable => {
                let (status, reason) = (Status::NotAcceptable, Reason::CodingNotAcceptable);
                let writer = ResponseWriter::begin(out, circumstances, status, reason)
                    .field("Vary", b"Accept-Encoding");
                return Ok(Some(error_fields(writer, status, reason)));
            }
        };
        let metadata = Metadata {
            validators: file.validators(coding, circumstances.now),
            media_type: &file.media_type,
            coding,
            vary: self.site.options().compress.then_some("Accept-Encoding"),
            policy: None,
        };
        let selected = Selected {
            validators: metadata.validators,
            length: (coding == Coding::Identity).then_some(file.size()),
        };
        let method = request.head.known.unwrap_or(Method::Get);
        let decision = decide(
            method,
            fields,
            &selected,
            circumstances.now,
            self.max_ranges,
        );
        let reason = Reason::of(&decision, why);
        if let Some(response) = without_content(&decision, reason, &metadata, circumstances, out) {
            return Ok(Some(response));
        }
        let Some(whole) = self.content(file, coding)? else {
            return Ok(None);
        };
        Ok(Some(with_content(
            decision,
            reason,
            &metadata,
            whole,
            circumstances,
            out,
        )))
    }

    /// RFC 9110 section 12.5.3, and what this server adds to it: a request for ranges gets the
    /// identity coding where it may, because a client resumes in the bytes of the file and a part
    /// of a coded stream cannot be decoded by itself.
    fn choose_coding(&self, request: &Request<'_>, file: &StoredFile) -> CodingChoice {
        let fields = &request.head.fields;
        if !self.site.options().compress {
            return coding::choose(fields, &[]);
        }
        let offered: &[Coding] = match file.gains_from_coding() {
            true => &CODINGS,
            false => &[],
        };
        let choice = coding::choose(fields, offered);
        match choice {
            CodingChoice::Chosen(Coding::Identity, _) => choice,
            CodingChoice::Chosen(chosen, _) => match self.why_identity(request, file, chosen) {
                Some(why) if coding::accepts_identity(fields) => {
                    CodingChoice::Chosen(Coding::Identity, why)
                }
                _ => choice,
            },
            // A client that refuses identity gets a coding even where it gains nothing.
            CodingChoice::NotAcceptable => coding::choose(fields, &CODINGS),
        }
    }

    /// Why identity is sent although a coding was preferred, if so.
    fn why_identity(
        &self,
        request: &Request<'_>,
        file: &StoredFile,
        chosen: Coding,
    ) -> Option<CodingReason> {
        if request.head.fields.contains(FieldName::Range) {
            return Some(CodingReason::RangeAsked);
        }
        if file.size() <= CODE_AT_ONCE || file.coded(chosen).is_some() {
            return None;
        }
        if request.circumstances.is_http10 {
            return Some(CodingReason::LengthUnknown);
        }
        (!self.coders.are_free()).then_some(CodingReason::CodersBusy)
    }

    /// The content in this coding: from the cache, coded now, or coded as it is sent.
    fn content(
        &mut self,
        file: &Rc<StoredFile>,
        coding: Coding,
    ) -> Result<Option<Whole>, DiskError> {
        if coding == Coding::Identity {
            return Ok(self.site.content(file)?.map(Whole::Stored));
        }
        if let Some(bytes) = file.coded(coding) {
            return Ok(Some(Whole::Stored(Stored::Memory(bytes))));
        }
        let Some(source) = self.site.source(file)? else {
            return Ok(None);
        };
        if file.size() <= CODE_AT_ONCE {
            let bytes: Rc<[u8]> = code(source, coding)?.into();
            file.keep_coded(coding, Rc::clone(&bytes));
            return Ok(Some(Whole::Stored(Stored::Memory(bytes))));
        }
        let gathered = Gathered {
            coded: Coded::new(source, coding),
            gathered: Some(Vec::new()),
            limit: usize::try_from(self.site.largest_kept()).unwrap_or(usize::MAX),
            file: Rc::clone(file),
            coding,
        };
        Ok(Some(Whole::Stream(Box::new(self.coders.hold(gathered)))))
    }
}

/// A coded stream that is kept with its file when it has ended, unless it grows too large.
struct Gathered {
    coded: Coded,
    gathered: Option<Vec<u8>>,
    limit: usize,
    file: Rc<StoredFile>,
    coding: Coding,
}

impl Source for Gathered {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        let start = out.len();
        let progress = self.coded.pull(out, budget)?;
        if let Some(gathered) = &mut self.gathered {
            gathered.extend_from_slice(&out[start..]);
            if gathered.len() > self.limit {
                self.gathered = None;
            }
        }
        if progress == Progress::Done
            && let Some(gathered) = self.gathered.take()
        {
            self.file.keep_coded(self.coding, gathered.into());
        }
        Ok(progress)
    }
}

/// The responses that carry no part of the representation.
pub(super) fn without_content(
    decision: &Decision,
    reason: Reason,
    metadata: &Metadata<'_>,
    circumstances: Circumstances,
    out: &mut Vec<u8>,
) -> Option<Response> {
    let (status, length) = match decision {
        Decision::NotModified(_) => {
            let writer = ResponseWriter::begin(out, circumstances, Status::NotModified, reason);
            return Some(metadata.for_cache(writer).bodiless());
        }
        Decision::PreconditionFailed(_) => (Status::PreconditionFailed, None),
        Decision::RangeNotSatisfiable { length } => (Status::RangeNotSatisfiable, Some(*length)),
        Decision::Whole(_) | Decision::Partial(_) | Decision::Multipart(_) => return None,
    };
    let mut writer = ResponseWriter::begin(out, circumstances, status, reason);
    if let Some(length) = length {
        writer = writer.field("Content-Range", format!("bytes */{length}").as_bytes());
    }
    Some(error_fields(metadata.vary(writer), status, reason))
}

/// The responses that carry all or some of it.
pub(super) fn with_content(
    decision: Decision,
    reason: Reason,
    metadata: &Metadata<'_>,
    whole: Whole,
    circumstances: Circumstances,
    out: &mut Vec<u8>,
) -> Response {
    let begin = |out, status| {
        let writer = ResponseWriter::begin(out, circumstances, status, reason);
        metadata.for_cache(writer)
    };
    let stored = match whole {
        Whole::Stored(stored) => stored,
        Whole::Stream(source) => {
            let writer = metadata.for_content(begin(out, Status::Ok));
            return writer.stream(Content::Stream(source));
        }
    };
    let length = stored.len();
    match decision {
        Decision::Partial(range) => {
            let slice = stored.slice(range.first, range.len());
            metadata
                .for_content(begin(out, Status::PartialContent))
                .field("Content-Range", content_range(&range, length).as_bytes())
                .content(range.len(), Content::One(slice))
        }
        Decision::Multipart(ranges) => {
            let layout = Byteranges::new(
                boundary(),
                metadata.media_type.to_owned(),
                length,
                ranges.clone(),
            );
            metadata
                .for_parts(begin(out, Status::PartialContent), &layout.content_type())
                .content(layout.content_length(), parts(&layout, &ranges, &stored))
        }
        _ => {
            let writer = metadata.for_content(begin(out, Status::Ok));
            writer.content(length, Content::One(stored.slice(0, length)))
        }
    }
}

/// The pieces of a multipart/byteranges content: heads and slices in turn, then the closing line.
fn parts(layout: &Byteranges, ranges: &[ByteRange], stored: &Stored) -> Content {
    let mut pieces = VecDeque::with_capacity(2 * ranges.len() + 1);
    for (number, range) in ranges.iter().enumerate() {
        let mut head = Vec::new();
        layout.part_head(number, &mut head);
        pieces.push_back(Piece::Bytes(head));
        pieces.push_back(stored.slice(range.first, range.len()));
    }
    let mut closing = Vec::new();
    layout.closing(&mut closing);
    pieces.push_back(Piece::Bytes(closing));
    Content::Several(pieces)
}

/// RFC 9110 section 14.4.
fn content_range(range: &ByteRange, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.first, range.last)
}

/// A line that no content holds but by design: the hasher's keys are random.
fn boundary() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

impl Metadata<'_> {
    /// What a cache needs (RFC 9110 section 15.4.5): the fields of a 304, and of every answer with
    /// content too.
    fn for_cache<'o>(&self, writer: ResponseWriter<'o>) -> ResponseWriter<'o> {
        let mut writer = self.vary(writer).field("Cache-Control", b"no-cache");
        if let Some(tag) = &self.validators.entity_tag {
            writer = writer.entity_tag(tag);
        }
        writer
    }

    fn vary<'o>(&self, writer: ResponseWriter<'o>) -> ResponseWriter<'o> {
        match self.vary {
            Some(fields) => writer.field("Vary", fields.as_bytes()),
            None => writer,
        }
    }

    fn for_content<'o>(&self, writer: ResponseWriter<'o>) -> ResponseWriter<'o> {
        let writer = self.for_parts(writer, self.media_type);
        match self.coding {
            Coding::Identity => writer,
            coding => writer.field("Content-Encoding", coding.name().as_bytes()),
        }
    }

    fn for_parts<'o>(&self, writer: ResponseWriter<'o>, media_type: &str) -> ResponseWriter<'o> {
        let mut writer = writer
            .field("Content-Type", media_type.as_bytes())
            .field("X-Content-Type-Options", b"nosniff")
            .field("Accept-Ranges", b"bytes");
        if let Some(policy) = self.policy {
            writer = writer.field("Content-Security-Policy", policy.as_bytes());
        }
        if let Some(date) = self.validators.last_modified {
            writer = writer.date("Last-Modified", date);
        }
        writer
    }
}
