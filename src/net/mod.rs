//! Sockets, threads, readiness and deadlines.
//!
//! One acceptor thread per listener sends sockets over channels to the workers. Each worker waits
//! for readiness of its own connections and drives them. A connection can stop at any byte and
//! continue later, so a slow client costs a slot and never a thread.

// A server from its configuration to its end.
pub mod server;
// What other threads may ask of a server.
pub mod handle;
// A server that runs.
mod running;
// The listening sockets of a server.
mod sockets;
// Answering a request without a socket.
pub mod explain;
// What a server would find wrong at its start.
pub mod check;
// The configuration.
pub mod config;
// How much a client may ask for, and how long it may take.
pub mod limits;
// What the root means: a directory, or a single file.
pub mod served;
// Watches the files, for live reload.
mod watches;
// Whether the limit of open files lets the server serve.
pub mod descriptors;
// Why the server did not start.
pub mod start_error;
// What the process gives up before it serves.
pub mod privileges;
// The files of the logs.
pub mod logs;
// Opens listeners.
mod listen;
// A listener: its address, whether it speaks TLS, and its service.
pub mod listener;
// The addresses at which other machines can reach this one.
pub mod local_addresses;

// The thread that accepts.
mod acceptor;
// The administrative pages, at a listener and on a worker of their own.
mod admin;
// What these pages see of the server.
mod operated;
// Opens connections of the server to itself.
mod replay;
// How other threads reach a worker.
pub mod mailbox;
// A thread that serves connections.
pub mod worker;
// The connections of a worker.
mod slots;
// The timers of its connections.
mod timers;
// Which connections to give up if they hold too much memory.
mod shed;
// Which connections give their places to new clients.
mod places;
// Ranks what connections hold.
mod ranking;
// What the connections of a worker hold.
mod candidates;
// A queue in which client networks take turns.
mod fair_queue;
// How the system schedules the threads.
mod scheduling;
// What the connection that a worker drives may use.
pub mod context;
// The time, read once per turn.
pub mod clock;

// One client's connection.
pub mod connection;
// What the bytes of a connection mean now.
pub mod protocol;
// One request and its response.
mod exchange;
// What the log says about the request.
mod request_text;
// Which id a request has.
mod request_ids;
// The heads of an exchange, for the log.
mod kept_heads;
// The head of a request that is answered later.
mod saved_head;
// A transport, its buffers and its deadline, during a turn.
pub mod stream;
// What all workers share.
pub mod settings;
// Opens what a configuration names.
mod open;
// Switches to a new configuration.
pub mod reload;
// What is left of a stream between turns.
mod stream_state;
// When a client has taken too long.
mod deadline;
// Bytes received and not parsed yet.
mod buffer;
// Bytes written and not taken by the socket yet.
mod outbox;
// Moves a body into the socket.
mod pump;
// When `sendfile` may send a file without a copy.
mod sendfile;
// A socket, in plain text or with a TLS session.
pub mod transport;
// Why a transport failed.
mod transport_error;
// The socket.
mod socket;
// The listening sockets of a server that is replaced.
pub mod inherited;
// How a new server takes over the sockets of a running one.
pub mod take_over;
// Why a socket that has no address cannot be used.
pub mod socket_error;
// Listening sockets that the service manager passes.
pub mod passed;
// Sockets of the Unix domain.
pub mod socket_file;
// HTTPS.
pub mod tls;
