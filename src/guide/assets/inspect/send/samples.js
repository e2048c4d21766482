// Requests to begin with, for a person who tries what docroot does with them. A pure function.

const NEXT = (host) => `GET /next HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

// The names of the samples, in the order of the menu. Those of the second group are refused by docroot.
export const SAMPLES = {
  valid: ['get', 'head', 'conditional', 'range', 'ranges', 'coding', 'close', 'pipelined', 'absolute', 'options', 'websocket'],
  refused: ['cl-te', 'te-cl', 'two-lengths', 'bare-lf', 'space-before-colon', 'obs-fold', 'no-host', 'two-hosts', 'no-version', 'tls-hello'],
};

// The octets of a sample for this host.
export function sample(name, host) {
  const get = (fields = '', line = 'GET / HTTP/1.1') => `${line}\r\nHost: ${host}\r\n${fields}\r\n`;
  const next = NEXT(host);
  switch (name) {
    case 'get': return get();
    case 'head': return get('', 'HEAD / HTTP/1.1');
    case 'conditional': return get('If-None-Match: *\r\n');
    case 'range': return get('Range: bytes=0-99\r\n');
    case 'ranges': return get('Range: bytes=0-9, 20-29, -10\r\n');
    case 'coding': return get('Accept-Encoding: gzip\r\n');
    case 'close': return get('Connection: close\r\n');
    case 'pipelined': return get() + next;
    case 'absolute': return get('', `GET http://${host}/ HTTP/1.1`);
    case 'options': return get('', 'OPTIONS * HTTP/1.1');
    case 'websocket': return get('Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', 'GET /.docroot/lab/echo HTTP/1.1');
    // One recipient counts Content-Length, so the next request is content. The other counts chunks, so it is
    // a request.
    case 'cl-te': return get(`Content-Length: ${5 + next.length}\r\nTransfer-Encoding: chunked\r\n`, 'POST / HTTP/1.1') + '0\r\n\r\n' + next;
    // The other way round: the request is the data of a chunk. `length` ends behind the size of the chunk.
    case 'te-cl': {
      const size = next.length.toString(16) + '\r\n';
      return get(`Content-Length: ${size.length}\r\nTransfer-Encoding: chunked\r\n`, 'POST / HTTP/1.1') + size + next + '\r\n0\r\n\r\n';
    }
    case 'two-lengths': return get(`Content-Length: 0\r\nContent-Length: ${next.length}\r\n`, 'POST / HTTP/1.1') + next;
    case 'bare-lf': return get().replaceAll('\r\n', '\n') + next;
    case 'space-before-colon': return get(`Content-Length : ${next.length}\r\n`, 'POST / HTTP/1.1') + next;
    case 'obs-fold': return get(`Content-Length:\r\n ${next.length}\r\n`, 'POST / HTTP/1.1') + next;
    case 'no-host': return 'GET / HTTP/1.1\r\n\r\n';
    case 'two-hosts': return get('Host: other.example\r\n');
    case 'no-version': return 'GET /\r\n\r\n';
    // The beginning of a TLS record: handshake, TLS 1.0, 5 octets, ClientHello.
    case 'tls-hello': return '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03';
    default: return '';
  }
}
