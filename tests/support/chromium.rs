//! Chromium without a window, driven by the DevTools protocol: JSON messages over a pair of pipes, each
//! followed by a NUL byte.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};

use super::program::skipped;

/// How long a test waits for the browser before it says that something hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether tests with a browser run. If Chromium is missing, it says that the test is skipped. If
/// `DOCROOT_TEST_CHROMIUM` is `required`, as in continuous integration, the test fails instead, and if it is `unused`, no
/// test uses Chromium.
pub fn is_installed() -> bool {
    let wish = env::var("DOCROOT_TEST_CHROMIUM").unwrap_or_default();
    if wish == "unused" {
        skipped("DOCROOT_TEST_CHROMIUM is \"unused\"");
        return false;
    }
    if browser().is_some() {
        return true;
    }
    assert!(wish != "required", "{MISSING}");
    skipped(MISSING);
    false
}

/// Ends a test that needs Chromium if it is missing.
#[allow(unused_macros, reason = "many tests need no browser")]
macro_rules! needs_chromium {
    () => {
        if !$crate::support::chromium::is_installed() {
            return;
        }
    };
}
#[allow(unused_imports, reason = "many tests need no browser")]
pub(crate) use needs_chromium;

const MISSING: &str = "Chromium is not installed; scripts/test installs it where it can";

/// The name of Chromium, which differs between systems.
fn browser() -> Option<&'static str> {
    let path = env::var_os("PATH")?;
    let is_there = |name: &&str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(is_there)
}

/// The shell gives the pipes the numbers that Chromium expects, and removes its profile when it has ended. Its sandbox
/// does not work for root, nor in most containers.
const START: &str = "$1 --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --no-first-run --hide-scrollbars --remote-debugging-pipe \
    --user-data-dir=\"$2\" $3 about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1; rm -rf \"$2\"";

/// Accepts the certificates of servers that nobody vouches for.
const TRUSTING: &str = "--ignore-certificate-errors";

/// Browsers without a page. A start takes more than most tests. They end with the program of the tests, when nobody can
/// send them commands.
static FREE: Mutex<Vec<Browser>> = Mutex::new(Vec::new());

/// A running browser.
struct Browser {
    child: Child,
    commands: Option<ChildStdin>,
    /// From the thread that reads them.
    answers: Receiver<Value>,
    sent: u64,
    /// The option with which it was started, or nothing.
    flag: &'static str,
}

impl Browser {
    /// One that is free, or a new one.
    fn with(flag: &'static str) -> Browser {
        let free = {
            let mut free = FREE.lock().expect("nothing panics that holds it");
            let at = free.iter().position(|browser| browser.flag == flag);
            at.map(|at| free.swap_remove(at))
        };
        free.unwrap_or_else(|| Browser::start(flag))
    }

    fn start(flag: &'static str) -> Browser {
        let profile = tempfile::tempdir().expect("a folder").keep();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", START, "sh", browser().expect("it is installed")])
            .arg(profile)
            .arg(flag);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = shell.spawn().expect("a shell");
        Browser {
            commands: child.stdin.take(),
            answers: read_messages(child.stdout.take().expect("a pipe")),
            child,
            sent: 0,
            flag,
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when nobody can send it commands.
        self.commands = None;
        let ended = self.child.wait();
        ended.expect("it ends");
    }
}

/// A page in a browser of its own: nothing is stored from before. Dropping it closes it.
pub struct Page {
    /// `None` only while it is dropped.
    browser: Option<Browser>,
    /// What the browser stores for this page alone.
    context: Value,
    session: Option<String>,
    /// What happened and was not waited for.
    events: Vec<Value>,
}

impl Page {
    /// An empty page of this size.
    pub fn new(width: u32, height: u32) -> Page {
        Page::with(width, height, "")
    }

    /// The same for servers whose certificates nobody vouches for.
    pub fn trusting(width: u32, height: u32) -> Page {
        Page::with(width, height, TRUSTING)
    }

    fn with(width: u32, height: u32, flag: &'static str) -> Page {
        let mut page = Page {
            browser: Some(Browser::with(flag)),
            context: Value::Null,
            session: None,
            events: Vec::new(),
        };
        let mut created = page.call("Target.createBrowserContext", json!({}));
        page.context = created["browserContextId"].take();
        let create = json!({"url": "about:blank", "browserContextId": page.context});
        let target = page.call("Target.createTarget", create);
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", attach);
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Page.setLifecycleEventsEnabled", json!({"enabled": true}));
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        page.call("Emulation.setDeviceMetricsOverride", size);
        page
    }

    /// Sends a command and returns its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        let browser = self.browser.as_mut().expect("it is not dropped");
        browser.sent += 1;
        let sent = browser.sent;
        let mut message = json!({"id": sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let message = format!("{message}\0");
        let commands = browser.commands.as_mut().expect("it has not ended");
        commands.write_all(message.as_bytes()).expect("it runs");
        loop {
            let mut answer = self.next();
            if answer["id"] == sent {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        let browser = self.browser.as_ref().expect("it is not dropped");
        match browser.answers.recv_timeout(PATIENCE) {
            Ok(message) => message,
            Err(RecvTimeoutError::Disconnected) => panic!("Chromium has ended"),
            Err(RecvTimeoutError::Timeout) => panic!("nothing happens; before: {:#?}", self.events),
        }
    }

    /// Accepts any certificate, because the authorities of the tests are not installed.
    pub fn trust_every_server(&mut self) {
        let ignore = json!({"ignore": true});
        self.call("Security.setIgnoreCertificateErrors", ignore);
    }

    /// Opens a page and waits until it has loaded.
    #[track_caller]
    pub fn open(&mut self, url: &str) {
        let navigated = self.call("Page.navigate", json!({"url": url}));
        assert_eq!(navigated["errorText"], Value::Null, "{url}");
        let loader = &navigated["loaderId"];
        self.wait_for_load(loader);
        // A test that waits for a page means a later one.
        self.events.retain(|event| {
            event["method"] != "Page.frameNavigated"
                || event["params"]["frame"]["loaderId"] != *loader
        });
    }

    /// Waits until the browser has navigated to this page and has loaded it. Scripts that run before may
    /// still run in the old page, or in one without a body.
    #[track_caller]
    pub fn wait_for_page(&mut self, url: &str) {
        let frame = self.wait_for_event("Page.frameNavigated", |happened| {
            happened["frame"]["url"] == url && happened["frame"]["parentId"].is_null()
        });
        self.wait_for_load(&frame["frame"]["loaderId"]);
    }

    /// Waits until the document that this loader brings has loaded: an event of the page before it does
    /// not count.
    #[track_caller]
    fn wait_for_load(&mut self, loader: &Value) {
        self.wait_for_event("Page.lifecycleEvent", |happened| {
            happened["name"] == "load" && happened["loaderId"] == *loader
        });
    }

    /// Waits until the page writes a line with this text to its console.
    #[track_caller]
    pub fn wait_for_said(&mut self, text: &str) {
        self.wait_for_event("Runtime.consoleAPICalled", |happened| {
            let line = happened["args"][0]["value"].as_str();
            line.is_some_and(|line| line.contains(text))
        });
    }

    /// The parameters of an event that has happened or will. It is found once.
    #[track_caller]
    fn wait_for_event(&mut self, method: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let is_wanted = |event: &Value| event["method"] == method && is_wanted(&event["params"]);
        loop {
            if let Some(at) = self.events.iter().position(is_wanted) {
                return self.events.remove(at)["params"].take();
            }
            let event = self.next();
            self.events.push(event);
        }
    }

    /// The value of an expression of JavaScript, or what its promise brings.
    #[track_caller]
    pub fn run(&mut self, expression: &str) -> Value {
        let mut evaluated = self.call(
            "Runtime.evaluate",
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true}),
        );
        let fault = &evaluated["exceptionDetails"];
        assert_eq!(*fault, Value::Null, "{expression}");
        evaluated["result"]["value"].take()
    }

    /// Waits until an expression is true in this page. The page looks at it in each frame.
    #[track_caller]
    pub fn wait_for(&mut self, expression: &str) {
        let look = format!(
            "new Promise(done => {{
               const end = Date.now() + 20_000;
               const look = () => {expression} ? done(true)
                 : Date.now() > end ? done(false) : requestAnimationFrame(look);
               look();
             }})"
        );
        if self.run(&look) != true {
            let shown = self.run("document.body.innerText.slice(0, 1000)");
            panic!("never true: {expression} in {shown}");
        }
    }

    /// Presses a key, such as `Enter` or `j`.
    pub fn press(&mut self, key: &str) {
        let text = match key {
            "Enter" => "\r",
            one if one.chars().count() == 1 => one,
            _ => "",
        };
        let kind = if text.is_empty() {
            "rawKeyDown"
        } else {
            "keyDown"
        };
        let down = json!({"type": kind, "key": key, "text": text});
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key}),
        );
    }

    /// Types a text.
    pub fn enter(&mut self, text: &str) {
        for char in text.chars() {
            self.press(char.encode_utf8(&mut [0; 4]));
        }
    }

    /// What the page complained of so far: violations of its policy, and exceptions.
    pub fn complaints(&self) -> Vec<&Value> {
        // Chromium also logs each response that is an error.
        let is_of_page = |event: &&Value| event["params"]["entry"]["source"] != "network";
        self.logged().into_iter().filter(is_of_page).collect()
    }

    /// The same with requests that failed: everything that the console shows.
    pub fn logged(&self) -> Vec<&Value> {
        let methods = [
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Log.entryAdded",
        ];
        let is_logged = |event: &&Value| methods.iter().any(|method| event["method"] == *method);
        self.events.iter().filter(is_logged).collect()
    }
}

/// Reads messages until the browser ends.
fn read_messages(pipe: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut message = Vec::new();
        while pipe.read_until(0, &mut message).is_ok() && message.pop() == Some(0) {
            let parsed = serde_json::from_slice(&message).expect("JSON");
            if sender.send(parsed).is_err() {
                break;
            }
            message.clear();
        }
    });
    messages
}

impl Drop for Page {
    fn drop(&mut self) {
        // The browser of a test that failed may be in any state.
        if std::thread::panicking() {
            return;
        }
        self.session = None;
        let context = json!({"browserContextId": self.context});
        self.call("Target.disposeBrowserContext", context);
        let mut free = FREE.lock().expect("nothing panics that holds it");
        free.extend(self.browser.take());
    }
}
