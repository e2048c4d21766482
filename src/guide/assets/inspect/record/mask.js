// Hides secrets in messages that docroot has not masked. Pure functions, as in src/semantics/secrets.rs and
// src/observe/masked.rs: the table src/observe/masked/cases.json holds for both.

const MASK = '***';

const SECRET = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'];

// Fields whose value is a URI, or a reference that is relative to one.
const WITH_URI = ['referer', 'location', 'content-location'];

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

export const isSecret = (name) => SECRET.includes(name.trim().toLowerCase());

// The value of a field as it may be shown.
export function maskedValue(name, value) {
  if (isSecret(name) && value !== '') return MASK;
  return valueWithoutUserInformation(name, value);
}

// A head without secrets.
export function maskedHead(head) {
  const secretOf = secrets();
  let isFirst = true;
  return lines(head).map(([line, end]) => {
    const secret = secretOf(line);
    const text = secret !== null ? `${line.slice(0, secret)} ${MASK}` : isFirst ? maskedWords(line) : maskedField(line);
    isFirst &&= line === '';
    return text + end;
  }).join('');
}

// What is known of a chunked body, with each octet of the secrets in its trailer section masked.
export function maskedChunked(body) {
  const at = trailersOf(body);
  if (at === null) return body;
  const secretOf = secrets();
  return body.slice(0, at) + lines(body.slice(at)).map(([line, end]) => {
    const secret = secretOf(line);
    if (secret === null) return line + end;
    const shown = secret + /^ */.exec(line.slice(secret))[0].length;
    return line.slice(0, shown) + '*'.repeat(line.length - shown) + end;
  }).join('');
}

// A target, a URI or an authority, with a mask for its user information.
export function withoutUserInformation(target) {
  if (target.startsWith('/')) return target;
  const scheme = SCHEME.exec(target)?.[0] ?? '';
  const rest = target.slice(scheme.length);
  const at = (scheme ? rest.split(/[/?#]/, 1)[0] : rest).lastIndexOf('@');
  return at < 0 ? target : scheme + MASK + rest.slice(at);
}

// Where the trailer section of a chunked body begins, or null.
function trailersOf(body) {
  for (let at = 0;;) {
    const line = /^([0-9A-Fa-f]+)[^\n]*\n/.exec(body.slice(at));
    if (!line) return null;
    const size = parseInt(line[1], 16);
    at += line[0].length;
    if (size === 0) return at;
    at += size + 2;
  }
}

// A function that says of each line, one after the other, where its secret begins, or null. A folded line continues the
// value before it.
function secrets() {
  let isSecretSoFar = false;
  return (line) => {
    const secret = secretOfLine(line);
    const isFolded = /^[ \t]/.test(line);
    isSecretSoFar = secret !== null || (isFolded && isSecretSoFar);
    return !isSecretSoFar ? null : isFolded ? 0 : secret;
  };
}

// Where the secret of a line begins. The line may have other octets around the name or within it, or no colon.
function secretOfLine(line) {
  const [, before, name, behind] = /^([^!#$%&'*+.^`|~\w-]*)([!#$%&'*+.^`|~\w-]+)([^!#$%&'*+.^`|~\w-]*)/.exec(line) ?? [];
  if (name === undefined) return null;
  const end = before.length + name.length;
  if (SECRET.includes(name.toLowerCase())) return end + behind.indexOf(':') + 1;
  const colon = line.indexOf(':');
  return colon >= 0 && SECRET.includes(line.slice(0, colon).replace(/[^A-Za-z-]/g, '').toLowerCase()) ? colon + 1 : null;
}

// The request-line, in which a target may have user information.
const maskedWords = (line) => line.split(/([ \t\f])/).map(withoutUserInformation).join('');

function valueWithoutUserInformation(name, value) {
  const isUri = WITH_URI.includes(name.toLowerCase()) && SCHEME.test(value);
  return isUri || name.toLowerCase() === 'host' ? withoutUserInformation(value) : value;
}

function maskedField(line) {
  const [whole, name, spaces, value] = /^([^:]*):([ \t\f]*)(.*)$/s.exec(line) ?? [];
  return whole === undefined ? line : `${name}:${spaces}${valueWithoutUserInformation(name, value)}`;
}

// The lines of a head, each with its end. A bare CR or LF ends a line too, so that it cannot hide a secret.
const lines = (head) => Array.from(head.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g), ([, line, end]) => [line, end])
  .filter(([line, end]) => line + end !== '');
