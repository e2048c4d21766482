// Hides secrets in messages that docroot has not masked. Pure functions, as in src/semantics/secrets.rs and
// src/observe/masked.rs: the table src/observe/masked/cases.json holds for both.

const MASK = '***';

const SECRET = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'];

// Fields whose value is a URI, or a reference that is relative to one.
const WITH_URI = ['referer', 'location', 'content-location'];

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

export const isSecret = (name) => SECRET.includes(name.trim().toLowerCase());

const isHost = (name) => trimmed(name) === 'host';
const hasUri = (name) => WITH_URI.includes(trimmed(name));
const trimmed = (name) => name.replace(/^[ \t\f\r\n]+|[ \t\f\r\n]+$/g, '').toLowerCase();

// The value of a field as it may be shown.
export function maskedValue(name, value) {
  if (isSecret(name) && value !== '') return MASK;
  return valueWithoutUserInformation(name, value);
}

// A head without secrets.
export function maskedHead(head) {
  const secretOf = secrets();
  let isFirst = true;
  return lines(head).map(([line, end, isOpen]) => {
    const secret = secretOf(line, isOpen);
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
  return body.slice(0, at) + lines(body.slice(at)).map(([line, end, isOpen]) => {
    const secret = secretOf(line, isOpen);
    if (secret !== null) {
      const shown = secret + /^ */.exec(line.slice(secret))[0].length;
      return line.slice(0, shown) + '*'.repeat(line.length - shown) + end;
    }
    const [from, to] = userInformationOfLine(line) ?? [0, 0];
    return line.slice(0, from) + '*'.repeat(to - from) + line.slice(to) + end;
  }).join('');
}

// A target, a URI or an authority, with a mask for its user information.
export function withoutUserInformation(target) {
  if (target.startsWith('/')) return target;
  const scheme = SCHEME.exec(target)?.[0] ?? '';
  return without(target, beforeAt(target, scheme.length, scheme !== ''));
}

// What stands before the last @ of the authority that begins here, as two places, or null.
function beforeAt(text, from, hasEnd) {
  const rest = text.slice(from);
  const at = (hasEnd ? rest.split(/[/?#]/, 1)[0] : rest).lastIndexOf('@');
  return at < 0 ? null : [from, from + at];
}

const without = (text, places) => places ? text.slice(0, places[0]) + MASK + text.slice(places[1]) : text;

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
  return (line, isOpen) => {
    const secret = secretOfLine(line) ?? (isOpen ? valueWithUserInformation(line) : null);
    const isFolded = /^[ \t]/.test(line);
    isSecretSoFar = secret !== null || (isFolded && isSecretSoFar);
    return !isSecretSoFar ? null : isFolded ? 0 : secret;
  };
}

// Where the value of a field begins that may have user information, or null. Nobody sees where that stands if the value goes
// on elsewhere.
function valueWithUserInformation(line) {
  const colon = line.indexOf(':');
  return colon >= 0 && (isHost(line.slice(0, colon)) || hasUri(line.slice(0, colon))) ? colon + 1 : null;
}

// Where the secret of a line begins. The line may have other words or octets around the name or within it, or no colon. Behind
// an octet that no value may have, another field may begin.
function secretOfLine(line) {
  const secret = secretOfField(line);
  if (secret !== null) return secret;
  let at = 0;
  for (const piece of line.split(/[\0-\x08\x0a-\x1f\x7f]/)) {
    const found = secretOfField(piece);
    if (found !== null) return at + found;
    at += piece.length + 1;
  }
  return null;
}

const TOKEN = /[!#$%&'*+.^`|~\w-]/;
const WORD = /[!#$%&'*+.^`|~\w-]+/g;

// The same for one field. Without a colon, its name comes first. What follows a space and a slash is a target.
function secretOfField(field) {
  const colon = field.indexOf(':');
  const before = colon < 0 ? field : field.slice(0, colon);
  const words = [...before.split(/(?<=[ \t\n\f\r])\//, 1)[0].matchAll(WORD)];
  for (let first = 0; first < (colon < 0 ? Math.min(1, words.length) : words.length); first++) {
    const end = endOfSecretName(words, first);
    if (end === null) continue;
    return colon >= 0 && !TOKEN.test(before.slice(end)) ? colon + 1 : end;
  }
  return null;
}

const LONGEST = Math.max(...SECRET.map((name) => name.length));

// Where a secret name ends that begins with this word. Other octets than letters and hyphens do not count.
function endOfSecretName(words, first) {
  let name = words[first][0].replace(/[^A-Za-z-]/g, '');
  if (name === '') return null;
  for (let at = first; name.length <= LONGEST; name += words[at][0].replace(/[^A-Za-z-]/g, '')) {
    if (SECRET.includes(name.toLowerCase())) return words[at].index + words[at][0].length;
    if (++at === words.length) return null;
  }
  return null;
}

// The request-line, in which a target may have user information.
// An @ in the random octets of a TLS handshake is no sign of user information.
const maskedWords = (line) => line.startsWith('\x16') ? line : line.split(/([ \t\f])/).map(withoutUserInformation).join('');

// Where the user information stands in the value of a field, or null. A reference may begin with an authority.
function userInformationOfField(name, value) {
  if (!isHost(name) && !hasUri(name)) return null;
  const scheme = SCHEME.exec(value)?.[0] ?? (hasUri(name) && value.startsWith('//') ? '//' : '');
  if (scheme) return beforeAt(value, scheme.length, true);
  return isHost(name) ? beforeAt(value, 0, false) : null;
}

const valueWithoutUserInformation = (name, value) => without(value, userInformationOfField(name, value));

function userInformationOfLine(line) {
  const [whole, name, spaces, value] = /^([^:]*):([ \t\f]*)(.*)$/s.exec(line) ?? [];
  const places = whole === undefined ? null : userInformationOfField(name, value);
  return places?.map((place) => name.length + 1 + spaces.length + place) ?? null;
}

const maskedField = (line) => without(line, userInformationOfLine(line));

// The lines of a head, each with its end, and whether its field goes on: the next line is folded, or the head was cut here. A
// bare CR or LF ends a line too, so that it cannot hide a secret.
const lines = (head) => Array.from(head.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g))
  .filter(([whole]) => whole !== '')
  .map(({ 0: whole, 1: line, 2: end, index }) => [line, end, end === '' || /^[ \t]/.test(head.slice(index + whole.length, index + whole.length + 1))]);
