//! The docroot command: parses the arguments, runs the server and returns the exit status.
//!
//! The status is 0 after an orderly shutdown, 2 for a mistake in the arguments, and 1 for any other
//! error. After a second signal it is also 1. `docroot check` has its own: see its help.
#![forbid(unsafe_code)]

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use docroot::cli::banner::{Banner, summary};
use docroot::cli::check::Report;
use docroot::cli::config_file::ReadText;
use docroot::cli::config_file::text::{read_at_reload, read_at_start};
use docroot::cli::launch::{Check, Command, Compress, Explain, Launch, OutputFormat, RootSource};
use docroot::cli::learn::Book;
use docroot::cli::machine::{Machine, columns, has_desktop, wants_colour};
use docroot::cli::service_manager::{self, Event};
use docroot::cli::signals::{
    self, HeldBack, Ignored, act_on_signals, stop_on_signals, survive_file_size_limit,
};
use docroot::cli::warnings::{Surroundings, warnings};
use docroot::cli::{self, UsageError, explanation};
use docroot::http1::target::Scheme;
use docroot::net;
use docroot::net::clock;
use docroot::net::config::{Config, Port};
use docroot::net::descriptors;
use docroot::net::handle::Handle;
use docroot::net::inherited::Inherited;
use docroot::net::local_addresses::outward_addresses;
use docroot::net::logs;
use docroot::net::privileges::confine::Confined;
use docroot::net::reload::Reloaded;
use docroot::net::served::Served;
use docroot::net::server::Server;
use docroot::net::start_error::StartError;
use docroot::net::take_over::{self, Offer, Predecessor};
use docroot::observe::log::{Reopener, Reopenings};
use docroot::observe::metrics::Counters;
use docroot::observe::notice;
use docroot::observe::options::Detail;
use docroot::precompress::{self, fault::Fault, report::Report as Compressed, stop::Stop};

fn main() -> ExitCode {
    notice::print_panics();
    survive_file_size_limit();
    let machine = Machine::inspect();
    let status = match parse(&machine, &read_at_start) {
        Ok(Command::Serve(launch)) => run(*launch, machine, None, &mut None),
        Ok(Command::Learn(launch)) => learn(*launch, machine),
        Ok(Command::Check(request)) => check(&request),
        Ok(Command::Explain(request)) => explain(&request),
        Ok(Command::Compress(request)) => compress(&request),
        Ok(Command::HashPassword) => hash_password(),
        Ok(Command::Print(text)) => print(&text),
        Err(mistake) => tell(&mistake),
    };
    notice::flush(notice::FLUSH_TIMEOUT);
    status
}

/// Says what is wrong with the arguments. If it cannot be said, the status still tells.
fn tell(mistake: &UsageError) -> ExitCode {
    let _ = match mistake.is_for_program() {
        true => {
            let report = Report::of_mistake(mistake.mistake());
            io::stdout().write_all(&report.print(OutputFormat::Json))
        }
        false => mistake.print(),
    };
    ExitCode::from(USAGE)
}

/// What docroot is asked to do, by the arguments, the environment and the configuration file.
fn parse(machine: &Machine, read: ReadText<'_>) -> Result<Command, UsageError> {
    cli::parse(env::args_os(), env::vars_os(), machine, read)
}

/// Reloads the configuration, and says what came of it. `machine` is as it was at the start: what has changed of it
/// since is not the operator's wish.
fn reload(handle: &Handle, machine: &Machine, root: Option<&Path>) {
    let mut launch = match parse(machine, &read_at_reload) {
        Ok(Command::Serve(launch) | Command::Learn(launch)) => launch,
        Ok(_) => return,
        Err(mistake) => {
            let mistake = mistake.mistake();
            return say(format!(
                "docroot: the configuration was not reloaded: {mistake}\n"
            ));
        }
    };
    if let Some(root) = root {
        launch.config.root = root.to_owned();
    }
    let told = launch.told();
    match handle.reload(launch.config, launch.shown) {
        Ok(Some(reloaded)) => say(report(&told, &reloaded)),
        // The server is stopping.
        Ok(None) => {}
        Err(fault) => say(format!(
            "docroot: the configuration was not reloaded: {fault}\n"
        )),
    }
}

/// What the operator should know after a reload.
fn report(told: &[String], reloaded: &Reloaded) -> String {
    let config = &reloaded.config;
    let mut lines = vec!["reloaded the configuration".to_owned()];
    let ignored = reloaded.ignored.iter();
    lines.extend(ignored.map(|option| format!("{option}: restart docroot to apply the new value")));
    lines.extend_from_slice(told);
    lines.extend_from_slice(&reloaded.notices);
    let fingerprint = reloaded.fingerprint.iter();
    lines.extend(
        fingerprint.map(|new| format!("the certificate is new; its SHA-256 fingerprint is {new}")),
    );
    let warnings = warnings(config, &Surroundings::inspect(config));
    lines.extend(warnings.iter().map(ToString::to_string));
    lines
        .iter()
        .map(|line| format!("docroot: {line}\n"))
        .collect()
}

/// Serves. After the second signal, the folder of the book is removed even if a thread hangs. Signals are held back
/// until they have handlers.
fn run(
    launch: Launch,
    machine: Machine,
    book: Option<Arc<Book>>,
    held_back: &mut Option<HeldBack>,
) -> ExitCode {
    let (root, source) = (launch.config.root.clone(), launch.root_source.clone());
    match serve(launch, machine, book, held_back) {
        Ok(status) => status,
        Err(error) => fail_to_start(&error, &root, &source),
    }
}

fn learn(mut launch: Launch, machine: Machine) -> ExitCode {
    // A signal between here and the handlers would leave the folder behind.
    let mut held_back = match HeldBack::new() {
        Ok(held_back) => Some(held_back),
        Err(fault) => return fail(&StartError::System("a signal handler", fault)),
    };
    let book = match Book::unpack() {
        Ok(book) => Arc::new(book),
        Err(fault) => return fail(&fault),
    };
    launch.config.root = book.folder().to_owned();
    launch.config.privileges.own_folder = Some(book.folder().to_owned());
    let status = run(launch, machine, Some(Arc::clone(&book)), &mut held_back);
    book.remove();
    status
}

fn check(request: &Check) -> ExitCode {
    let report = Report::of(request);
    match print(&report.print(request.format)) {
        ExitCode::SUCCESS => ExitCode::from(report.status(request.is_strict)),
        status => status,
    }
}

fn explain(request: &Explain) -> ExitCode {
    notice::tell(&request.remarks);
    let head = explanation::request(request);
    let root = request.config.root.clone();
    match net::explain::explain(request.config.clone(), &head) {
        Ok(explained) => print(&explanation::print(&explained, request)),
        Err(error) => fail_to_start(&error, &root, &request.root_source),
    }
}

/// Says why the server could not start.
fn fail_to_start(error: &StartError, root: &Path, source: &RootSource) -> ExitCode {
    fail(&source.start_message(error, root))
}

fn compress(request: &Compress) -> ExitCode {
    let stop = Arc::new(Stop::default());
    let (first, last) = (Arc::clone(&stop), Arc::clone(&stop));
    if let Err(fault) = stop_on_signals(move || first.set(), move || last.remove_unfinished()) {
        return fail(&Fault::System("a signal handler", fault));
    }
    notice::tell(&request.remarks);
    // Only a person at a terminal needs to see the progress.
    let columns = columns(io::stderr());
    let mut show = |report: &Compressed| show_progress(report, columns.unwrap_or_default());
    let show: Option<&mut dyn FnMut(&Compressed)> = match columns {
        Some(_) => Some(&mut show),
        None => None,
    };
    let erase = if columns.is_some() { ERASE_LINE } else { "" };
    // Whoever compresses waits for these lines, so none of them is lost.
    let mut tell = |fault: &Fault| write_now(&format!("{erase}docroot: {fault}\n"));
    let outcome = precompress::run(&request.options, &stop, show, &mut tell);
    write_now(erase);
    match outcome {
        Ok(report) => match print(report.to_string().as_bytes()) {
            ExitCode::SUCCESS if report.has_failures() => ExitCode::FAILURE,
            status => status,
        },
        Err(fault @ Fault::Root(..)) => fail(&request.root_source.message(&fault, false)),
        Err(fault) => fail(&fault),
    }
}

/// Returns to the beginning of a line on a terminal and erases it.
const ERASE_LINE: &str = "\r\x1b[K";

fn show_progress(report: &Compressed, columns: usize) {
    // In the last column, some terminals go to the next line.
    let line: String = report
        .progress()
        .chars()
        .take(columns.saturating_sub(1))
        .collect();
    write_now(&format!("{ERASE_LINE}{line}"));
}

fn hash_password() -> ExitCode {
    match cli::hash_password::run() {
        Ok(hash) => print(format!("{hash}\n").as_bytes()),
        Err(fault) => {
            say(format!("docroot: {fault}\n"));
            ExitCode::FAILURE
        }
    }
}

fn serve(
    launch: Launch,
    machine: Machine,
    book: Option<Arc<Book>>,
    held_back: &mut Option<HeldBack>,
) -> Result<ExitCode, StartError> {
    descriptors::check(&launch.config, signals::DESCRIPTORS)?;
    logs::open_error_log(&launch.config)?;
    let counters = Arc::new(Counters::default());
    let (server, predecessor, offer) = bind(&launch, &counters)?;
    let ignored = Ignored::of_process();
    let browser = browser(launch.open, machine.given_descriptors)?;
    let confined = server.confine()?;
    // Before any thread starts, so that no other thread receives a signal that is held back.
    let of_book = book.as_ref().map(|_| launch.config.root.clone());
    let remove_book = move || {
        if let Some(book) = book {
            book.remove();
        }
    };
    let handle = server.handle();
    let reload = move || {
        service_manager::reloading(|| reload(&handle, &machine, of_book.as_deref()));
    };
    let (reopen, reopenings) = reopening();
    let (handle, counted) = (server.handle(), Arc::clone(&counters));
    let hurry = act_on_signals(handle, counted, ignored, reload, reopen, remove_book)
        .map_err(|fault| StartError::System("a signal handler", fault))?;
    *held_back = None;
    let log = logs::start(&launch.config, reopenings, Arc::clone(&counters))?;
    service_manager::start_watchdog(server.handle())?;
    let notices = notices(&launch, &server, &confined);
    let banner = banner(&launch, &server);
    let began = clock::instant();
    let (sockets, handle) = (server.sockets(), server.handle());
    let outcome = server.run(&log, || {
        predecessor.into_iter().for_each(Predecessor::replace);
        say(notices);
        if launch.banner {
            notice::show(banner.text);
        }
        if let Some(offer) = offer {
            wait_for_successor(offer, sockets, handle);
        }
        service_manager::tell(Event::Ready);
        if let Some(browser) = &browser {
            // The thread waits for this.
            let _ = browser.send(banner.url);
        }
    });
    log.shutdown(LOG_TIMEOUT);
    if launch.banner && outcome.is_ok() {
        sum_up(&counters, began);
    }
    outcome.map(|()| match hurry.is_set() {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// What opens the files of the logs again, and the wishes that the access log receives.
fn reopening() -> (impl Fn() + Send + 'static, Reopenings) {
    let (reopener, reopenings) = Reopener::pair();
    let reopen = move || {
        reopener.ask();
        notice::reopen();
    };
    (reopen, reopenings)
}

/// Only a person at a terminal needs the summary.
fn sum_up(counters: &Counters, began: Instant) {
    if io::stderr().is_terminal() {
        let time = clock::instant().saturating_duration_since(began);
        notice::show(summary(&counters.snapshot(), time));
    }
}

/// Opens what the server needs, with the sockets of the server that it replaces, and where it waits for the next one.
fn bind(
    launch: &Launch,
    counters: &Arc<Counters>,
) -> Result<(Server, Option<Predecessor>, Option<Offer>), StartError> {
    let (mut predecessor, mut inherited) = (None, Inherited::default());
    let (mut offer, mut files) = (None, Vec::new());
    if let Some(path) = launch.config.take_over.as_deref() {
        let (waiting, file) = match take_over::ask(path)? {
            Some(given) => {
                (predecessor, inherited) = (Some(given.predecessor), given.sockets);
                (given.offer, given.file)
            }
            None => Offer::at(path)?,
        };
        offer = Some(waiting);
        files.push(file);
    }
    let (config, counters) = (launch.config.clone(), Arc::clone(counters));
    let mut server = Server::take_over(config, counters, inherited, files)?;
    server.set_shown_config(Arc::clone(&launch.shown));
    Ok((server, predecessor, offer))
}

/// Waits on a thread of its own for the server that will replace this one.
fn wait_for_successor(offer: Offer, sockets: Vec<Arc<TcpListener>>, handle: Handle) {
    let wait = move || {
        if !offer.until_replaced(&sockets, &handle) {
            return;
        }
        say("docroot: another docroot has taken over\n".to_owned());
        service_manager::tell(Event::Stopping);
        handle.hand_over();
    };
    let thread = thread::Builder::new().name("take-over".into()).spawn(wait);
    if let Err(fault) = thread {
        let fault = StartError::System("a thread", fault);
        say(format!("docroot: {fault}\n"));
    }
}

/// The exit status after a mistake in the arguments.
const USAGE: u8 = 2;

/// How long docroot waits at exit until the log is written.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// What docroot says at the start beside the banner: remarks, notices and warnings.
fn notices(launch: &Launch, server: &Server, confined: &Confined) -> String {
    let config = server.config();
    let remarks = launch.told().into_iter();
    let notices = server.notices().iter().map(ToString::to_string);
    let warnings = warnings(config, &Surroundings::inspect(config));
    let warnings = warnings.iter().map(ToString::to_string);
    let told = confined
        .told()
        .filter(|_| config.log.detail > Detail::Brief);
    let lines = remarks
        .chain(notices)
        .chain(warnings)
        .chain(told.map(|told| told.to_string()));
    lines.map(|line| format!("docroot: {line}\n")).collect()
}

/// What a server shows when it starts.
struct Shown {
    /// The banner.
    text: String,
    /// The URL that `--open` opens.
    url: Option<String>,
}

fn banner(launch: &Launch, server: &Server) -> Shown {
    let (listening, plain) = (server.addresses(), server.plain_addresses());
    let admin = server.admin_addresses();
    let config = server.config();
    // It was found when the server was bound.
    let root =
        Served::find(&config.root).map_or_else(|_| config.root.clone(), |served| served.absolute());
    let banner = Banner {
        listening: &listening,
        sockets: &config.bind.sockets,
        scheme: match config.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        },
        plain: &plain,
        admin: &admin,
        fingerprint: server.fingerprint(),
        outward: &outward_addresses(),
        root: &root,
        sites: &config.sites,
        only: config.only_hosts(),
        prefix: config.site.prefix.as_bytes(),
        inspect: config.inspect,
        lab: config.lab,
        class: config.class_from.is_some(),
        taken: taken_port(config, &listening),
        qr: launch.qr,
        columns: columns(io::stderr()),
        colour: wants_colour(&io::stderr()),
    };
    Shown {
        text: banner.text(),
        url: banner.url_to_open(),
    }
}

/// The preferred port, if the server had to use another one. The service manager chooses the ports that it passes.
fn taken_port(config: &Config, listening: &[SocketAddr]) -> Option<u16> {
    match config.port {
        Port::Preferred(port) if !config.bind.passed => {
            let is_other = |at: &SocketAddr| at.port() != port;
            (!listening.is_empty() && listening.iter().all(is_other)).then_some(port)
        }
        Port::Preferred(_) | Port::Fixed(_) => None,
    }
}

/// If a browser is wanted, starts a thread that opens an address in it. The thread starts before the process is
/// confined, because the browser has its rights. Signals are not for this thread.
/// The browser may have so many open files.
fn browser(
    is_wanted: bool,
    descriptors: u64,
) -> Result<Option<Sender<Option<String>>>, StartError> {
    if !is_wanted {
        return Ok(None);
    }
    let (urls, url) = bounded::<Option<String>>(1);
    let open = move || {
        if let Ok(url) = url.recv() {
            open_browser(url.as_deref(), descriptors);
        }
    };
    let _held_back =
        HeldBack::new().map_err(|fault| StartError::System("a signal handler", fault))?;
    let thread = thread::Builder::new().name("browser".into()).spawn(open);
    thread.map_err(|fault| StartError::System("a thread", fault))?;
    Ok(Some(urls))
}

fn open_browser(url: Option<&str>, descriptors: u64) {
    let Some(url) = url else { return };
    if !has_desktop(|name| env::var_os(name)) {
        return say(format!(
            "docroot: cannot open a browser, because neither DISPLAY nor WAYLAND_DISPLAY is set; \
             open {url} yourself\n"
        ));
    }
    if let Err(error) = docroot::cli::browser::open(url, descriptors) {
        say(format!(
            "docroot: cannot open the browser: {error}; open {url} yourself\n"
        ));
    }
}

/// Prints on the standard output. It is not an error if the reader closes the pipe early.
fn print(text: &[u8]) -> ExitCode {
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(format!("docroot: cannot print: {error}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Writes on the standard error and waits until that is done. If it fails, there is no other place to say so.
fn write_now(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Says what went wrong to whoever has started docroot.
fn fail(fault: &dyn Display) -> ExitCode {
    notice::show(format!("docroot: {fault}\n"));
    ExitCode::FAILURE
}

/// Prints a notice.
fn say(text: String) {
    if !text.is_empty() {
        notice::print(text);
    }
}
