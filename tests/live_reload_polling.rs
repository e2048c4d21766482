//! `--live-reload` if the system has no watches left. This takes all of them, so the test has a file of its
//! own.
#![cfg(all(feature = "live-reload", target_os = "linux"))]

mod support;

use std::net::TcpStream;

use rustix::fs::inotify;
use support::{PATIENCE, Setup};
use tungstenite::Message;

#[test]
fn files_are_looked_at_once_a_second() {
    let mut taken = Vec::new();
    while let Ok(watch) = inotify::init(inotify::CreateFlags::CLOEXEC) {
        taken.push(watch);
    }
    let server = Setup::new()
        .with(|config| config.site.live_reload = true)
        .file("folder/a.css", "")
        .start();
    let stream = TcpStream::connect(server.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let url = format!("ws://{}/.docroot/live-reload", server.address);
    let (mut page, _) = tungstenite::client(url, stream).expect("a WebSocket");
    page.send(Message::text("0")).expect("sent");
    server.write("folder/b.css", "");
    let news = page.read().expect("a message");
    let news = news.to_text().expect("text");
    assert!(news.contains(r#""folder/b.css""#), "{news}");
}
