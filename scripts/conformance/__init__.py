"""What `scripts/websocket-conformance` checks, and the client that checks it."""
