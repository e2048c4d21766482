// Divides the head of an HTTP/1 message into tokens. A pure function: it needs no page.
//
// A head is a string whose char codes are the octets. Each octet belongs to exactly one token:
//
//   GET /a?b HTTP/1.1\r\n     method SP path ? query SP version CRLF
//   Host: x\r\n               field-name : OWS field-value CRLF
//   \r\n                      end
//
// A token is { kind, start, end } and has a `fault` if the grammar does not allow its octets there.
// Octets that a rule forbids form a token of their own, so that the page can mark just them.

// The rule of the grammar and the section for each kind of token.
export const RULES = {
  'empty-line': ['CRLF', 'RFC 9112 section 2.2'],
  'method': ['method = token', 'RFC 9110 section 9.1'],
  'request-sp': ['request-line = method SP request-target SP HTTP-version', 'RFC 9112 section 3'],
  'scheme': ['scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )', 'RFC 3986 section 3.1'],
  'scheme-end': ['absolute-URI = scheme ":" hier-part [ "?" query ]', 'RFC 3986 section 4.3'],
  'authority': ['authority = [ userinfo "@" ] host [ ":" port ]', 'RFC 3986 section 3.2'],
  'path': ['absolute-path = 1*( "/" segment )', 'RFC 9110 section 4.1'],
  'question': ['origin-form = absolute-path [ "?" query ]', 'RFC 9112 section 3.2.1'],
  'query': ['query = *( pchar / "/" / "?" )', 'RFC 3986 section 3.4'],
  'authority-form': ['authority-form = uri-host ":" port', 'RFC 9112 section 3.2.3'],
  'asterisk-form': ['asterisk-form = "*"', 'RFC 9112 section 3.2.4'],
  'version': ['HTTP-version = HTTP-name "/" DIGIT "." DIGIT', 'RFC 9112 section 2.3'],
  'status-sp': ['status-line = HTTP-version SP status-code SP [ reason-phrase ]', 'RFC 9112 section 4'],
  'status-code': ['status-code = 3DIGIT', 'RFC 9112 section 4'],
  'reason-phrase': ['reason-phrase = 1*( HTAB / SP / VCHAR / obs-text )', 'RFC 9112 section 4'],
  'crlf': ['CRLF = CR LF', 'RFC 9112 section 2.1'],
  'field-name': ['field-name = token', 'RFC 9110 section 5.1'],
  'colon': ['field-line = field-name ":" OWS field-value OWS', 'RFC 9112 section 5'],
  'ows': ['OWS = *( SP / HTAB )', 'RFC 9110 section 5.6.3'],
  'field-value': ['field-value = *field-content', 'RFC 9110 section 5.5'],
  'end': ['HTTP-message = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]', 'RFC 9112 section 2.1'],
  'content': ['message-body = *OCTET', 'RFC 9112 section 6'],
  'unknown': ['', 'RFC 9112 section 2.1'],
};

// The section that each fault breaks.
export const FAULTS = {
  'not-http': 'RFC 9112 section 3',
  'not-token': 'RFC 9110 section 5.6.2',
  'not-target': 'RFC 9112 section 3.2',
  'extra-space': 'RFC 9112 section 3',
  'bad-version': 'RFC 9112 section 2.3',
  'no-version': 'RFC 9112 section 3',
  'bad-status': 'RFC 9112 section 4',
  'no-reason-sp': 'RFC 9112 section 4',
  'bare-lf': 'RFC 9112 section 2.2',
  'bare-cr': 'RFC 9112 section 2.2',
  'obs-fold': 'RFC 9112 section 5.2',
  'space-before-colon': 'RFC 9112 section 5.1',
  'no-name': 'RFC 9112 section 5',
  'no-colon': 'RFC 9112 section 5',
  'control': 'RFC 9110 section 5.5',
};

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
// unreserved, sub-delims, gen-delims without "#", and "%".
const URI = /[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]%]/;
const TEXT = /[\t -~\x80-\xff]/;
const VERSION = /^HTTP\/\d\.\d$/;

// The tokens of a head. `side` is 'request' or 'response'.
export function dissect(head, side) {
  const reader = new Reader(head);
  // A recipient ignores empty lines before the request line.
  while (side === 'request' && reader.isEmptyLine()) reader.lineEnd('empty-line');
  if (reader.at < head.length) {
    const end = reader.contentEnd();
    if (side === 'request') requestLine(reader, end);
    else statusLine(reader, end);
    reader.lineEnd('crlf', reader.pending);
  }
  while (reader.at < head.length) {
    if (reader.isEmptyLine()) {
      reader.lineEnd('end');
      reader.take('content', head.length);
    } else {
      fieldLine(reader, reader.contentEnd());
      reader.lineEnd('crlf', reader.pending);
    }
  }
  return reader.tokens;
}

function requestLine(reader, end) {
  const line = reader.head.slice(reader.at, end);
  const space = line.indexOf(' ');
  if (space < 0 && ![...line].every((octet) => TOKEN.test(octet))) {
    return reader.take('unknown', end, 'not-http');
  }
  const targetStart = space < 0 ? end : reader.at + space;
  reader.checked('method', targetStart, TOKEN, 'not-token');
  reader.spaces('request-sp', end);
  const last = line.lastIndexOf(' ');
  const rest = line.slice(last + 1);
  const hasVersion = last > space || /^HTTP\//i.test(rest);
  const versionStart = hasVersion ? end - rest.length : end;
  let targetEnd = versionStart;
  while (targetEnd > reader.at && reader.head[targetEnd - 1] === ' ') targetEnd--;
  target(reader, targetEnd, line.startsWith('CONNECT '));
  reader.spaces('request-sp', versionStart);
  if (hasVersion) reader.take('version', end, VERSION.test(rest) ? undefined : 'bad-version');
  else reader.pending = 'no-version';
}

function target(reader, end, isConnect) {
  const text = reader.head.slice(reader.at, end);
  if (text === '*') return reader.take('asterisk-form', end);
  if (isConnect) return reader.checked('authority-form', end, URI, 'not-target');
  const absolute = /^([A-Za-z][A-Za-z0-9+\-.]*)(:\/\/)([^/?#]*)/.exec(text);
  if (absolute) {
    reader.take('scheme', reader.at + absolute[1].length);
    reader.take('scheme-end', reader.at + absolute[2].length);
    reader.checked('authority', reader.at + absolute[3].length, URI, 'not-target');
  }
  const mark = reader.head.indexOf('?', reader.at);
  const pathEnd = mark < 0 || mark > end ? end : mark;
  const isPath = absolute || text.startsWith('/');
  if (isPath) reader.checked('path', pathEnd, URI, 'not-target');
  else reader.take('path', pathEnd, 'not-target');
  if (reader.at < end) reader.take('question', reader.at + 1);
  reader.checked('query', end, URI, 'not-target');
}

function statusLine(reader, end) {
  const line = reader.head.slice(reader.at, end);
  const [version] = line.split(' ', 1);
  reader.take('version', reader.at + version.length, VERSION.test(version) ? undefined : 'bad-version');
  if (reader.at < end) reader.take('status-sp', reader.at + 1);
  const [code] = reader.head.slice(reader.at, end).split(' ', 1);
  reader.take('status-code', reader.at + code.length, /^\d{3}$/.test(code) ? undefined : 'bad-status');
  // The space stands there even if there is no phrase.
  if (reader.at < end) reader.take('status-sp', reader.at + 1);
  else reader.pending = 'no-reason-sp';
  reader.checked('reason-phrase', end, TEXT, 'control');
}

function fieldLine(reader, end) {
  const { head } = reader;
  if (head[reader.at] === ' ' || head[reader.at] === '\t') {
    return value(reader, end, 'obs-fold');
  }
  const colon = head.indexOf(':', reader.at);
  if (colon < 0 || colon >= end) {
    // The end of a head that was cut may be the beginning of a name.
    const isCut = end === head.length;
    return reader.take('unknown', end, isCut ? undefined : 'no-colon');
  }
  let nameEnd = colon;
  while (nameEnd > reader.at && ' \t'.includes(head[nameEnd - 1])) nameEnd--;
  const isNameless = nameEnd === reader.at;
  reader.checked('field-name', nameEnd, TOKEN, 'not-token');
  reader.take('ows', colon, 'space-before-colon');
  reader.take('colon', colon + 1, isNameless ? 'no-name' : undefined);
  value(reader, end);
}

function value(reader, end, fault) {
  let first = reader.at;
  while (first < end && ' \t'.includes(reader.head[first])) first++;
  let last = end;
  while (last > first && ' \t'.includes(reader.head[last - 1])) last--;
  reader.take('ows', first, fault);
  reader.checked('field-value', last, TEXT, 'control');
  reader.take('ows', end);
}

class Reader {
  constructor(head) {
    this.head = head;
    this.at = 0;
    this.tokens = [];
    // A fault of the line that its end shows, because something is missing there.
    this.pending = undefined;
  }

  // Takes the octets up to `end` as one token, if there are any.
  take(kind, end, fault) {
    if (end <= this.at) return;
    const token = { kind, start: this.at, end };
    if (fault) token.fault = fault;
    this.tokens.push(token);
    this.at = end;
  }

  // Takes the octets up to `end`. Those that are not allowed become tokens with this fault.
  checked(kind, end, allowed, fault) {
    while (this.at < end) {
      const isAllowed = allowed.test(this.head[this.at]);
      let next = this.at + 1;
      while (next < end && allowed.test(this.head[next]) === isAllowed) next++;
      const isBareCr = !isAllowed && this.head.slice(this.at, next).includes('\r');
      this.take(kind, next, isAllowed ? undefined : isBareCr ? 'bare-cr' : fault);
    }
  }

  // Takes the spaces before `end`. The grammar has exactly one.
  spaces(kind, end) {
    const start = this.at;
    while (this.at < end && this.head[this.at] === ' ') {
      this.take(kind, this.at + 1, this.at > start ? 'extra-space' : undefined);
    }
  }

  isEmptyLine() {
    return this.head.startsWith('\r\n', this.at) || this.head[this.at] === '\n';
  }

  // Where the line end begins.
  contentEnd() {
    const lf = this.head.indexOf('\n', this.at);
    if (lf < 0) return this.head.length;
    return lf > this.at && this.head[lf - 1] === '\r' ? lf - 1 : lf;
  }

  lineEnd(kind, fault) {
    const length = this.head[this.at] === '\r' ? 2 : 1;
    this.take(kind, Math.min(this.at + length, this.head.length), fault || (length === 1 ? 'bare-lf' : undefined));
    this.pending = undefined;
  }
}

// The fields of a head as [name, value], in order.
export function fieldsOf(head, tokens) {
  const fields = [];
  let isName = false;
  for (const { kind, start, end } of tokens) {
    const text = head.slice(start, end);
    if (kind === 'field-name') {
      if (isName) fields[fields.length - 1][0] += text;
      else fields.push([text, '']);
      isName = true;
      continue;
    }
    isName = false;
    if (kind === 'field-value' && fields.length) fields[fields.length - 1][1] += text;
  }
  return fields;
}
