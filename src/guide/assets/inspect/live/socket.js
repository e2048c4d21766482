// The WebSocket to the server. It connects again until it succeeds.

import { areShown } from '../page/numbers.js';

const FIRST_PAUSE = 200, LONGEST_PAUSE = 5000;

// `receive` gets each message, `changed` whether the page is 'connected' or 'disconnected', and `returned` when
// the connection was lost, once there is one again.
export function listen({ receive, changed, returned }) {
  let pause = FIRST_PAUSE;
  let lostAt = null;
  const endpoint = new URL('wire', location.href);
  endpoint.protocol = endpoint.protocol.replace('http', 'ws');
  // The page is told of its own requests if it was opened with ?own.
  endpoint.search = areShown ? '?own' : '';
  endpoint.hash = '';
  const connect = () => {
    const socket = new WebSocket(endpoint.href);
    socket.onopen = () => {
      pause = FIRST_PAUSE;
      changed('connected');
      if (lostAt !== null) returned(lostAt);
      lostAt = null;
    };
    socket.onmessage = (event) => receive(JSON.parse(event.data));
    socket.onclose = () => {
      lostAt ??= Date.now();
      changed('disconnected');
      setTimeout(connect, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    };
  };
  connect();
}
