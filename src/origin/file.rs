//! A regular file: which of its representations is sent.
//!
//! The coding is chosen first, because it decides which entity-tag the preconditions are held
//! against and which bytes a range counts (RFC 9110 sections 12.5.3, 13.2.2, 14.2).

use std::rc::Rc;

use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Metadata, Whole};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::origin::stock::Stock;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::field::FieldName;
use crate::semantics::method::Method;
use crate::semantics::range::{self, RangeChoice};
use crate::site::body_error::BodyError;
use crate::site::compress::{Coded, PIECE, code};
use crate::site::content::{Held, Progress, Source, Stored};
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::{Found, Gains};
use crate::site::root::DiskError;

/// Content up to this size is coded within one turn: a few milliseconds at the worst.
const CODE_AT_ONCE: u64 = 4 * PIECE as u64;

/// What the choice of a file's representation depends on.
const VARY: &str = "Accept-Encoding";

/// How often a file is resolved again that was replaced between two looks.
const ATTEMPTS: usize = 4;

impl Stock {
    /// Answers for a regular file.
    pub fn answer_file(
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
            // Replaced since it was resolved: look again, in a new turn.
            out.truncate(start);
            self.site.look_again();
            file = match self.site.find(path) {
                Ok(Found::File(file)) => file,
                Ok(Found::Directory) => break,
                Err(fault) => return disk_error(out, request.circumstances, fault),
            };
        }
        disk_error(out, request.circumstances, DiskError::Unsteady)
    }

    /// `None` where the file is no longer what `file` says.
    fn try_file(
        &mut self,
        request: &Request<'_>,
        file: &Rc<StoredFile>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Response>, DiskError> {
        let fields = &request.head.fields;
        let (coding, why) = match self.choose_coding(request, file) {
            CodingChoice::Chosen(coding, why) => (coding, why),
            CodingChoice::NotAcceptable => {
                return Ok(Some(not_acceptable(request, VARY, out)));
            }
        };
        let preferred = metadata(file, coding, request);
        let plain = metadata(file, Coding::Identity, request);
        let mut answer = Decided::new(request, &preferred, why, self.max_ranges);
        if let Some(why) = self.hindrance(request, file, coding)
            && coding::accepts_identity(fields)
        {
            let bare = Decided::new(request, &plain, why, self.max_ranges);
            if !answer.suits_better_than(&bare) {
                answer = bare;
            }
        }
        if let Some(response) = answer.without_content(out) {
            return Ok(Some(response));
        }
        let whole = self.content(file, answer.coding())?;
        Ok(whole.map(|whole| answer.with_content(whole, out)))
    }

    /// RFC 9110 section 12.5.3.
    fn choose_coding(&self, request: &Request<'_>, file: &StoredFile) -> CodingChoice {
        let fields = &request.head.fields;
        match coding::choose(fields, self.offered(file.gains_from_coding)) {
            // A client that refuses identity gets a coding even where it gains nothing.
            CodingChoice::NotAcceptable => coding::choose(fields, self.offered(true)),
            choice => choice,
        }
    }

    /// Why identity is sent although a coding is preferred, if so. A request for ranges is one
    /// reason: a client resumes in the bytes of the file, and a part of a coded stream cannot be
    /// decoded by itself.
    fn hindrance(
        &self,
        request: &Request<'_>,
        file: &StoredFile,
        coding: Coding,
    ) -> Option<CodingReason> {
        if coding == Coding::Identity {
            None
        } else if self.asks_for_range(request, file) {
            Some(CodingReason::RangeAsked)
        } else if file.size() <= CODE_AT_ONCE || file.coded(coding).is_some() {
            None
        } else if request.circumstances.is_http10 {
            Some(CodingReason::LengthUnknown)
        } else {
            (!self.coders.are_free(1)).then_some(CodingReason::CodersBusy)
        }
    }

    /// Whether the request has a `Range` that means something here (RFC 9110 section 14.2).
    fn asks_for_range(&self, request: &Request<'_>, file: &StoredFile) -> bool {
        let value = request.head.fields.sole(FieldName::Range);
        request.head.known == Some(Method::Get)
            && value.is_some_and(|value| {
                let choice = range::select(value, file.size(), self.max_ranges);
                !matches!(choice, RangeChoice::Ignored(_))
            })
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
        if file.size() > CODE_AT_ONCE && !self.coders.are_free(1) {
            // The client refuses identity, or it would have been chosen.
            return Err(DiskError::Exhausted);
        }
        if file.size() <= CODE_AT_ONCE {
            let bytes: Rc<[u8]> = match code(source, coding) {
                Ok(bytes) => bytes.into(),
                Err(BodyError::Changed) => return Ok(None),
                Err(fault) => return Err(fault.into()),
            };
            self.site.gains().keep(file, coding, Rc::clone(&bytes));
            return Ok(Some(Whole::Stored(Stored::Memory(bytes))));
        }
        let gathered = Gathered {
            coded: Coded::new(source, coding),
            gathered: Some(Vec::new()),
            limit: usize::try_from(self.site.largest_kept()).unwrap_or(usize::MAX),
            gains: self.site.gains(),
            file: Rc::clone(file),
            coding,
        };
        Ok(Some(Whole::Stream(Box::new(Held::new(
            gathered,
            &self.coders,
        )))))
    }
}

/// What is said of a file in one coding.
fn metadata<'a>(file: &'a StoredFile, coding: Coding, request: &Request<'_>) -> Metadata<'a> {
    Metadata {
        validators: file.validators(coding, request.circumstances.now),
        media_type: &file.media_type,
        coding,
        length: (coding == Coding::Identity).then_some(file.size()),
        has_ranges: true,
        vary: VARY,
        policy: None,
        fields: file.fields(coding, request.circumstances.now),
    }
}

/// A coded stream that is kept with its file when it has ended, unless it grows too large.
struct Gathered {
    coded: Coded,
    gathered: Option<Vec<u8>>,
    limit: usize,
    gains: Gains,
    file: Rc<StoredFile>,
    coding: Coding,
}

impl Source for Gathered {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Progress, BodyError> {
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
            self.gains.keep(&self.file, self.coding, gathered.into());
        }
        Ok(progress)
    }
}
