// The examples of the atlas that are really sent: a request, and the fields that this server reads in it or sends in
// its response. trial.js adds the version and the host. Values in brackets are those of almanac.txt.

const FORM = 'Content-Type: application/x-www-form-urlencoded';

export const HANDSHAKE = `GET /.docroot/lab/echo
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==`;

// What each request shows. The first one that has a field is its example.
const FIELDS = {
  'GET /almanac.txt\nIf-None-Match: [etag]': 'If-None-Match',
  'GET /almanac.txt\nIf-Modified-Since: [last-modified]': 'If-Modified-Since',
  'GET /almanac.txt\nIf-Match: [etag]': 'If-Match',
  'GET /almanac.txt\nIf-Unmodified-Since: [last-modified]': 'If-Unmodified-Since',
  'GET /almanac.txt\nRange: bytes=0-99': 'Range Content-Range',
  'GET /almanac.txt\nRange: bytes=0-99\nIf-Range: [etag]': 'If-Range',
  'GET /almanac.txt\nAccept-Encoding: gzip': 'Accept-Encoding Content-Encoding Vary',
  'GET /lessons/07-conditional/\nAccept-Language: zh-CN, zh;q=0.9, en;q=0.5': 'Accept-Language Content-Language Content-Location',
  'GET /shelf/\nAccept: application/json': 'Accept',
  'GET /shelf/': 'Content-Security-Policy Cross-Origin-Resource-Policy',
  'GET /shelf': 'Location',
  'GET /almanac.txt?download': 'Content-Disposition',
  'GET /almanac.txt\nWant-Repr-Digest: sha-512=3, sha-256=10': 'Want-Repr-Digest Repr-Digest',
  'GET /almanac.txt\nWant-Content-Digest: sha-256=1': 'Want-Content-Digest Content-Digest',
  'GET /almanac.txt\nExpect: coffee': 'Expect',
  'GET /almanac.txt\nConnection: close': 'Connection',
  'GET /almanac.txt\nCookie: lang=zh': 'Cookie',
  'GET /almanac.txt\nReferer: [origin]/\nUser-Agent: curl/8.5.0': 'Referer User-Agent',
  'GET /almanac.txt': 'Accept-Ranges Cache-Control Content-Length Content-Type Date ETag Host Last-Modified Server Server-Timing X-Content-Type-Options',
  'DELETE /almanac.txt': 'Allow',
  'GET /.docroot/lab/cookies\nOrigin: null': 'Origin',
  'GET /.docroot/lab/cookies\nSec-Fetch-Site: cross-site': 'Sec-Fetch-Site',
  'GET /.docroot/lab/cookies\nForwarded: for=192.0.2.60;proto=https': 'Forwarded',
  'GET /.docroot/lab/cookies\nVia: 1.1 proxy.example': 'Via',
  'GET /.docroot/lab/cookies\nX-Forwarded-For: 192.0.2.60': 'X-Forwarded-For',
  'GET /.docroot/lab/cookies\nX-Forwarded-Host: files.example': 'X-Forwarded-Host',
  'GET /.docroot/lab/cookies\nX-Forwarded-Proto: https': 'X-Forwarded-Proto',
  'GET /.docroot/lab/cookies\nX-Real-IP: 192.0.2.60': 'X-Real-IP',
  'GET /almanac.txt\nProxy-Authorization: Basic ZGVtbzpvcGVuIHNlc2FtZQ==': 'Proxy-Authorization',
  [`POST /.docroot/lab/cookies\n${FORM}\nContent-Length: 21\n\nname=theme&value=dark`]: 'Set-Cookie',
  [`POST /.docroot/lab/clear\n${FORM}\nContent-Length: 11\n\ntypes=cache`]: 'Clear-Site-Data',
  'GET /.docroot/lab/status/401\nAuthorization: Basic ZGVtbzpvcGVuIHNlc2FtZQ==': 'Authorization',
  'GET /.docroot/lab/status/401': 'WWW-Authenticate',
  'GET /.docroot/lab/status/407': 'Proxy-Authenticate',
  'GET /.docroot/lab/status/503': 'Retry-After',
  'GET /.docroot/lab/hints': 'Link',
  'GET /.docroot/lab/cache?age=30': 'Age',
  'GET /.docroot/lab/chunked?delay=0&trailers=1\nTE: trailers\nConnection: TE': 'TE Trailer Transfer-Encoding',
  'GET /.docroot/lab/negotiate\nAccept-Charset: utf-8, iso-8859-1;q=0.5': 'Accept-Charset',
  'GET /.docroot/lab/events\nLast-Event-ID: 42': 'Last-Event-ID',
  [`${HANDSHAKE}\nSec-WebSocket-Extensions: permessage-deflate`]: 'Sec-WebSocket-Extensions',
  [HANDSHAKE]: 'Sec-WebSocket-Accept Sec-WebSocket-Key Sec-WebSocket-Version Upgrade',
  [`${HANDSHAKE.replace('echo', 'chat')}\nSec-WebSocket-Protocol: chat, superchat`]: 'Sec-WebSocket-Protocol',
};

// The fields that this server reads or sends only with an option.
const OPTIONS = {
  '--cors': 'Access-Control-Allow-Credentials Access-Control-Allow-Headers Access-Control-Allow-Methods Access-Control-Allow-Origin '
    + 'Access-Control-Expose-Headers Access-Control-Max-Age Access-Control-Request-Headers Access-Control-Request-Method Timing-Allow-Origin',
  '--security-headers': 'Cross-Origin-Opener-Policy Permissions-Policy Referrer-Policy X-Frame-Options',
  '--coi': 'Cross-Origin-Embedder-Policy',
  '--hsts': 'Strict-Transport-Security',
  '--request-id': 'X-Request-Id',
  '--cache': 'Expires',
  '--spa': 'Sec-Fetch-Dest',
};

// The option that a field needs.
export const fieldOption = name => Object.keys(OPTIONS).find(option => OPTIONS[option].split(' ').includes(name));

// The request whose exchange has this field.
export const fieldTry = name => Object.keys(FIELDS).find(request => FIELDS[request].split(' ').includes(name));

// A method as a request for a file. The wildcard is none, and PRI begins another protocol.
export const methodTry = ({ name, example }) => {
  if (name === '*') return null;
  return ['CONNECT', 'OPTIONS', 'PRI'].includes(name) ? example : `${name} /almanac.txt`;
};

// The lab answers with any status. 101 is the answer to a handshake.
export const statusTry = ({ code }) => (code === 101 ? HANDSHAKE : `GET /.docroot/lab/status/${code}`);

// A frame of an example in hexadecimal. Codes that never stand in a frame have none.
export const frameTry = ({ example }) => (/^[0-9a-f]{2}( [0-9a-f]{2})+$/.test(example) ? example : null);
