//! Method, then target, then resource: the order in which a request is answered.

use crate::origin::index::ListingJob;
use crate::origin::reason::Reason;
use crate::origin::refuse::{disk_error, error, error_fields};
use crate::origin::request::{Circumstances, Request};
use crate::origin::response::{Response, ResponseWriter};
use crate::origin::stock::Stock;
use crate::semantics::method::{ALLOW, Method};
use crate::semantics::status::Status;
use crate::site::listing::Listing;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::DiskError;
use crate::text::{append, percent};

/// What answers requests on one worker.
pub struct Origin {
    /// What it answers from.
    pub stock: Stock,
    decoded: Vec<u8>,
}

/// The outcome of answering.
pub enum Answer {
    /// The head is written.
    Ready(Response),
    /// A directory must be read first; the request is to be answered again with its listing.
    Listing(Box<ListingJob>),
}

impl Origin {
    /// An origin that answers from `stock`.
    pub fn new(stock: Stock) -> Origin {
        Origin {
            stock,
            decoded: Vec::new(),
        }
    }

    /// Answers a request by appending a head to `out`. `listing` is the directory's, once it was
    /// read.
    pub fn answer(
        &mut self,
        request: &Request<'_>,
        listing: Option<Result<Listing, DiskError>>,
        out: &mut Vec<u8>,
    ) -> Answer {
        let circumstances = request.circumstances;
        let Some(method) = request.head.known else {
            let reason = Reason::UnknownMethod;
            return Answer::Ready(error(out, circumstances, Status::NotImplemented, reason));
        };
        if !method.is_allowed() {
            return Answer::Ready(not_allowed(out, circumstances));
        }
        let Some(raw) = request.target.path() else {
            return Answer::Ready(options(out, circumstances, Reason::ServerOptions));
        };
        let mut decoded = std::mem::take(&mut self.decoded);
        let answer = match SitePath::decode(raw, &mut decoded) {
            Ok(path) => self.answer_path(request, method, path, listing, out),
            Err(fault) => {
                let status = match fault.is_absence() {
                    true => Status::NotFound,
                    false => Status::BadRequest,
                };
                let reason = Reason::Path(fault);
                Answer::Ready(error(out, circumstances, status, reason))
            }
        };
        self.decoded = decoded;
        answer
    }

    fn answer_path(
        &mut self,
        request: &Request<'_>,
        method: Method,
        path: SitePath<'_>,
        listing: Option<Result<Listing, DiskError>>,
        out: &mut Vec<u8>,
    ) -> Answer {
        let circumstances = request.circumstances;
        let found = match self.stock.site.find(path) {
            Ok(found) => found,
            Err(fault) => return Answer::Ready(disk_error(out, circumstances, fault)),
        };
        if method == Method::Options {
            return Answer::Ready(options(out, circumstances, Reason::ResourceOptions));
        }
        match found {
            Found::File(file) => Answer::Ready(self.stock.answer_file(request, path, file, out)),
            Found::Directory if !path.is_directory() => {
                Answer::Ready(redirect_to_slash(request, path, out))
            }
            Found::Directory if !self.stock.site.options().listing => {
                let reason = Reason::ListingOff;
                Answer::Ready(error(out, circumstances, Status::NotFound, reason))
            }
            Found::Directory => match listing {
                Some(Ok(listing)) => {
                    Answer::Ready(self.stock.answer_listing(request, path, listing, out))
                }
                Some(Err(fault)) => Answer::Ready(disk_error(out, circumstances, fault)),
                None => {
                    let query = request.target.query().unwrap_or_default();
                    match ListingJob::new(&self.stock, path, query) {
                        Ok(job) => Answer::Listing(Box::new(job)),
                        Err(fault) => Answer::Ready(disk_error(out, circumstances, fault)),
                    }
                }
            },
        }
    }
}

/// RFC 9110 section 15.5.6: 405 names what is allowed.
pub(super) fn not_allowed(out: &mut Vec<u8>, circumstances: Circumstances) -> Response {
    let (status, reason) = (Status::MethodNotAllowed, Reason::MethodNotAllowed);
    let writer = ResponseWriter::begin(out, circumstances, status, reason);
    error_fields(writer.field("Allow", ALLOW.as_bytes()), status, reason)
}

/// RFC 9110 section 9.3.7.
fn options(out: &mut Vec<u8>, circumstances: Circumstances, reason: Reason) -> Response {
    ResponseWriter::begin(out, circumstances, Status::NoContent, reason)
        .field("Allow", ALLOW.as_bytes())
        .field("Accept-Ranges", b"bytes")
        .bodiless()
}

/// A directory's relative links work only below its slash. The location is a path that begins with
/// exactly one slash, so it can never name another host.
fn redirect_to_slash(request: &Request<'_>, path: SitePath<'_>, out: &mut Vec<u8>) -> Response {
    let mut location = Vec::new();
    append(
        &mut location,
        format_args!("/{}/", percent::path(path.as_bytes())),
    );
    if let Some(query) = request.target.query() {
        append(&mut location, format_args!("?{}", percent::as_sent(query)));
    }
    let (status, reason) = (Status::MovedPermanently, Reason::DirectoryWithoutSlash);
    let writer = ResponseWriter::begin(out, request.circumstances, status, reason);
    error_fields(writer.field("Location", &location), status, reason)
}
