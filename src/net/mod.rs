//! Sockets, threads, readiness and deadlines.
//!
//! One blocking acceptor per listener hands sockets over a channel to workers. Each worker waits on
//! the readiness of its own connections and drives them. A connection is a value that can stop at
//! any byte and go on later, so a slow client costs a slot and never a thread.

// Listeners, workers, and their end.
pub mod server;
// Answering a request without a socket.
pub mod explain;
// What the server is asked to do.
pub mod config;
// How much of everything a client may use, and how long it may take.
pub mod limits;
// Why the server did not start.
pub mod start_error;
// Opening listeners: which addresses, which port.
pub mod listen;
// A listener: an address, TLS or not, and who answers there.
pub mod listener;
// Where others can reach this machine.
pub mod local_addresses;

// The thread that accepts.
pub mod acceptor;
// How a worker is reached from other threads.
pub mod mailbox;
// The thread that serves.
pub mod worker;
// When each of its connections must be looked at again.
pub mod timers;
// How the serving threads are scheduled.
pub mod scheduling;
// What a worker lends to the connection it drives.
pub mod context;
// The time, read once in a turn.
pub mod clock;

// One client's connection, as a resumable value.
pub mod connection;
// What its bytes mean now.
pub mod protocol;
// One request and its response.
pub mod exchange;
// A request that is answered later.
pub mod saved_head;
// A transport with its buffers and its deadline.
pub mod stream;
// When a client has taken too long.
pub mod deadline;
// Bytes received and not yet understood.
pub mod buffer;
// Bytes written and not yet taken.
pub mod outbox;
// Moving a body into a socket.
pub mod pump;
// How bytes pass between a connection and its client.
pub mod transport;
// Why they no longer pass.
pub mod transport_error;
// The socket.
pub mod socket;
// HTTPS.
pub mod tls;
