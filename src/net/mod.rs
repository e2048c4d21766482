//! Sockets, threads, readiness and deadlines.
//!
//! A blocking acceptor a listener hands sockets over a channel to workers; each worker waits on
//! the readiness of its own connections and drives them. A connection is a value that can stop at
//! any byte and go on later, so a slow client costs a slot and never a thread.

// The thread that accepts.
pub mod acceptor;
// What a worker lends to the connection it drives.
pub mod bench;
// Bytes received and not yet understood, or made and not yet sent.
pub mod buffer;
// The time, read once in a turn.
pub mod clock;
// How a connection ends.
pub mod closing;
// What the server is asked to do.
pub mod config;
// One client's connection, as a resumable value.
pub mod connection;
// When a connection has taken too long.
pub mod deadline;
// A request's body, read and thrown away.
pub mod discard;
// One request and its answer on a connection.
pub mod exchange;
// What a passed deadline means.
pub mod expiry;
// How a connection to the TLS port begins.
pub mod handshake;
// A request that is answered, or told of, later.
pub mod kept;
// How much of everything a client may use, and how long it may take.
pub mod limits;
// Addresses and ports.
pub mod listen;
// The bytes written and not yet taken.
pub mod outbox;
// Moving content into a socket.
pub mod pump;
// Where others can reach this machine.
pub mod reach;
// More of a request, or the client's end.
pub mod receiving;
// How the serving threads are scheduled.
pub mod scheduling;
// An answer on its way, and what is told of it.
pub mod sending;
// Listeners, workers, and their end.
pub mod server;
// The socket.
pub mod socket;
// Why the server did not start.
pub mod start_error;
// HTTPS.
pub mod tls;
// How bytes pass between a connection and its client.
pub mod transport;
// Why they no longer pass.
pub mod transport_error;
// The thread that serves.
pub mod worker;
