// A form as the request that it makes, and that request as a command.

// A text for a shell, in quotes if it needs them.
export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// Whether an input has something to say: it is filled in, and with another value than the server takes anyway.
function isSent(form, name, value) {
  const input = form.elements.namedItem(name);
  return value instanceof File ? value.name !== '' : value !== '' && value !== input.dataset?.default;
}

// What a form asks for: method, URL, fields, and pairs or text as content.
export function requestOf(form) {
  const { dataset } = form;
  const chosen = form.querySelector('[data-method]');
  const method = (chosen ? chosen.value : form.method).toUpperCase();
  const headers = [...form.querySelectorAll('[data-header]')]
    .filter((input) => input.value !== '')
    .map((input) => [input.dataset.header, input.value]);
  if (dataset.extra) headers.push(dataset.extra.split(': '));
  const pairs = [...new FormData(form)].filter(([name, value]) => isSent(form, name, value));
  const content = form.querySelector('[data-content]')?.value || null;
  let place = form.getAttribute('action');
  let rest = pairs;
  if (dataset.path) {
    place += '/' + encodeURIComponent(pairs.find(([name]) => name === dataset.path)?.[1] ?? '200');
    rest = pairs.filter(([name]) => name !== dataset.path);
  }
  const url = new URL(place, location.href);
  url.hash = '';
  const isQuery = form.method === 'get' || 'query' in dataset;
  // A list is easier to read with plain commas and slashes, which a query may have.
  if (isQuery) url.search = new URLSearchParams(rest).toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');
  return {
    method,
    url,
    headers,
    // A GET has no content.
    content: method === 'GET' ? null : content,
    pairs: isQuery ? null : rest,
    isMultipart: 'multipart' in dataset,
  };
}

// The curl command for a form.
export function commandOf(form) {
  const { dataset } = form;
  const { method, url, headers, content, pairs, isMultipart } = requestOf(form);
  const parts = ['curl', '-i'];
  if ('raw' in dataset) parts.push('--raw');
  if ('compressed' in dataset) parts.push('--compressed');
  if ('events' in dataset) parts.push('-N');
  if ('trailers' in dataset && form.elements.trailers?.checked) parts.push('-H', quoted('TE: trailers'), '-H', quoted('Connection: TE'));
  if ('expect' in dataset) parts.push('-H', quoted('Expect: 100-continue'));
  if (dataset.credentials === 'omit' && url.pathname.endsWith('/401')) parts.push('-u', quoted('demo:open sesame'));
  if (/status\/(300|301|302|303|307|308)$/.test(url.pathname)) parts.push('-L');
  for (const [name, value] of headers) parts.push('-H', quoted(`${name}: ${value}`));
  for (const [name, value] of pairs || []) {
    const text = value instanceof File ? `@${value.name}` : value;
    const isPlain = /^[\w./*-]*$/.test(text);
    // A text that begins with @ or < is no file.
    const form = value instanceof File ? '-F' : '--form-string';
    parts.push(isMultipart ? form : isPlain ? '-d' : '--data-urlencode', quoted(`${name}=${text}`));
  }
  const usual = content !== null || pairs?.length ? 'POST' : 'GET';
  if (method !== usual) parts.push('-X', method);
  if (content !== null) parts.push('--data-raw', quoted(content));
  parts.push(quoted(url.href));
  return parts.join(' ');
}

// The fields of a handshake, with the key of the example in RFC 6455 section 1.3.
const HANDSHAKE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];

// The command for a WebSocket: the handshake, and two seconds of what comes after it. curl sends no frames.
export function socketCommandOf({ dataset, elements }) {
  const protocol = elements.protocol?.value;
  const fields = protocol ? [...HANDSHAKE, `Sec-WebSocket-Protocol: ${protocol}`] : HANDSHAKE;
  const named = fields.flatMap((field) => ['-H', quoted(field)]);
  return ['curl', '-i', '-N', '--max-time', '2', ...named, quoted(urlOf(dataset.socket))].join(' ');
}

// The commands of a client that polls: send a message, then ask for all messages.
export function pollCommandOf({ elements }) {
  const text = quoted(`text=${elements.text.value}`);
  return `curl --data-urlencode ${text} ${quoted(urlOf('message'))} && curl -i ${quoted(urlOf('chat?since=0'))}`;
}

const urlOf = (path) => Object.assign(new URL(path, location.href), { hash: '' }).href;
