// Commands for the terminal that repeat an exchange. Pure functions.

import { dissect, fieldsOf } from '../octets/dissect.js';

const MASKED = '***';

// A word for a POSIX shell. Octets that are not printable need the $'...' of bash, zsh and ksh.
export function quoted(octets) {
  if (/^[\w@%+=:,./-]+$/.test(octets)) return octets;
  if (/^[ -~]*$/.test(octets)) return `'${octets.replaceAll("'", `'\\''`)}'`;
  const escaped = octets.replace(/[^ -~]|['\\]/g, (octet) =>
    octet === "'" || octet === '\\' ? '\\' + octet : '\\x' + octet.charCodeAt(0).toString(16).padStart(2, '0'));
  return `$'${escaped}'`;
}

function requestOf(exchange) {
  const tokens = dissect(exchange.request.head, 'request');
  const isValid = exchange.method !== '' && exchange.target !== '' && !tokens.some(({ fault }) => fault);
  const fields = fieldsOf(exchange.request.head, tokens);
  const has = (pattern) => fields.some(([name, value]) => pattern.test(name) && value !== '0');
  return { isValid, fields, hasContent: has(/^(content-length|transfer-encoding)$/i), isMasked: fields.some(([, value]) => value.includes(MASKED)) };
}

// { text, kind, isMasked, hasContent } for the request of an exchange. `here` is the URL of the page. curl
// cannot send a malformed request, so printf and nc (or openssl) send its octets; `kind` is then 'octets'.
export function curl(exchange, here) {
  const { isValid, fields, isMasked, hasContent } = requestOf(exchange);
  const valuesOf = (wanted) => fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const hosts = valuesOf('host');
  if (!isValid || hosts.length > 1) return { text: octets(exchange, here), kind: 'octets', isMasked, hasContent };
  const host = hosts[0] || here.host;
  const scheme = exchange.tls ? 'https' : 'http';
  const isOrigin = exchange.target.startsWith('/');
  const url = `${scheme}://${host}${isOrigin ? exchange.target : '/'}`;
  const parts = ['curl', '-i', '--path-as-is'];
  if (/[[\]{}]/.test(url)) parts.push('-g');
  if (exchange.version === 'HTTP/1.0') parts.push('--http1.0');
  else parts.push('--http1.1');
  if (exchange.method === 'HEAD') parts.push('-I');
  else if (exchange.method !== 'GET') parts.push('-X', quoted(exchange.method));
  if (!isOrigin) parts.push('--request-target', quoted(exchange.target));
  for (const [name, value] of fields) {
    const lower = name.toLowerCase();
    // curl makes these itself. The content of the request is unknown here.
    if (['host', 'content-length', 'transfer-encoding', 'expect'].includes(lower)) continue;
    parts.push('-H', quoted(value === '' ? `${name};` : `${name}: ${value}`));
  }
  // Without a value, curl does not send the field that it would add.
  for (const added of ['Host', 'Accept', 'User-Agent']) {
    if (valuesOf(added.toLowerCase()).length === 0) parts.push('-H', quoted(`${added}:`));
  }
  parts.push(quoted(url));
  return { text: joined(parts), kind: 'curl', isMasked, hasContent };
}

// The fields that do not change the answer of docroot, but are in every request of a browser.
const IDLE = /^(user-agent|referer|dnt|priority|pragma|sec-ch-.*|sec-gpc|upgrade-insecure-requests)$/i;

// The only cookie that docroot reads.
const LANGUAGE = /(?:^|;)[ \t]*(docroot-lang=[^;]*)/;

// The same for `docroot explain`, or null if it cannot take the request.
export function explain(exchange) {
  const { isValid, fields } = requestOf(exchange);
  if (!isValid) return null;
  const parts = ['docroot', 'explain', quoted(exchange.target)];
  if (exchange.version === 'HTTP/1.0') parts.push('--http1.0');
  if (exchange.method !== 'GET') parts.push('--method', quoted(exchange.method));
  const kept = fields.filter(([name]) => !IDLE.test(name)).map(([name, value]) =>
    name.toLowerCase() === 'cookie' ? [name, languageOf(value, exchange)] : [name, value]).filter(([, value]) => value !== null);
  for (const [name, value] of kept) parts.push('-H', quoted(`${name}: ${value}`));
  return { text: joined(parts), kind: 'explain', isMasked: kept.some(([, value]) => value.includes(MASKED)), hasContent: false };
}

// The cookie with the language, or null. If the server has masked it, the step that it decides names the language.
function languageOf(cookie, { steps }) {
  if (cookie !== MASKED) return LANGUAGE.exec(cookie)?.[1].trim() ?? null;
  const step = steps?.find(({ edits }) => edits?.some((edit) => edit.do === 'remove' && edit.name === 'Cookie'));
  return typeof step?.evidence?.value === 'string' ? `docroot-lang=${step.evidence.value}` : null;
}

function octets({ request, tls }, here) {
  const escaped = request.head.replace(/[^ -~]|[\\%']/g, (octet) => {
    if (octet === '\r') return '\\r';
    if (octet === '\n') return '\\n';
    if (octet === '%') return '%%';
    return '\\' + octet.charCodeAt(0).toString(8).padStart(3, '0');
  });
  const port = here.port || (here.protocol === 'https:' ? '443' : '80');
  const name = here.hostname.replace(/^\[|\]$/g, '');
  const send = tls ? `openssl s_client -quiet -connect ${here.hostname}:${port}` : `nc ${name} ${port}`;
  return `printf '${escaped}' | ${send}`;
}

// If the command is long, each field and the URL have a line of their own.
function joined(parts) {
  const line = parts.join(' ');
  if (line.length <= 100) return line;
  return parts.reduce((text, part, at) => {
    const isBreak = part === '-H' || (at === parts.length - 1 && parts[at - 2] === '-H');
    return text + (isBreak ? ' \\\n  ' : ' ') + part;
  });
}
