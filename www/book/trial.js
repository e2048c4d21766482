// An example of an entry of the atlas that is really sent. The wire view tells what crossed the connection, and the page
// shows that: the heads and the reasons of an exchange, or the frames after a handshake.

import { element, frameList, reasons } from './answer.js';
import { filled, needsValues, valuesFor } from './fill.js';
import { Connection, lacking } from './wire.js';
import { words } from './words.js';

// The values in brackets are those of this file.
const FILE = '/almanac.txt';

// The masking key of the examples in RFC 6455 section 5.7.
const KEY = [0x37, 0xfa, 0x21, 0x3d];

// Interim responses before the final one, and the beginning of that (RFC 9110 section 15.2). 101 is final.
const INTERIM = /^(?:HTTP\/1\.1 1(?!01)\d\d [^]*?\r\n\r\n)+/;
const FINAL = /^HTTP\/1\.1 (?:101|[2-5]\d\d) /m;

// A short frame in hexadecimal as a client sends it: with its payload masked.
export function masked(hex) {
  const [first, length, ...payload] = hex.match(/[0-9a-f]{2}/gi).map(pair => parseInt(pair, 16));
  return String.fromCharCode(first, length | 0x80, ...KEY, ...payload.map((octet, at) => octet ^ KEY[at % 4]));
}

// The whole message: an example leaves out the version and the host. Content follows an empty line.
export function messageOf(request, values = {}) {
  const [head, content = ''] = request.split('\n\n');
  const [start, ...fields] = head.split('\n');
  const line = / HTTP\/\d/.test(start) ? start : `${start} HTTP/1.1`;
  return filled([line, 'Host: [host]', ...fields, '', ''].join('\r\n'), values) + content;
}

// The options of docroot that an example needs beside --inspect.
function needsOf(request) {
  const needs = { lab: /^\S+ \/\.docroot\/lab\//, negotiate: /^Accept-Language:/m };
  return Object.keys(needs).filter(option => needs[option].test(request));
}

// A head, with the lines of this field marked.
function headOf(text, name) {
  const lines = text.replaceAll('\r', '').trimEnd().split('\n').flatMap(line => {
    const isIt = name && line.toLowerCase().startsWith(`${name.toLowerCase()}:`);
    return [isIt ? element('mark', {}, line) : line, '\n'];
  });
  return element('pre', { lang: 'en' }, ...lines.slice(0, -1));
}

// The one that is being shown.
let current = null;
document.addEventListener('wire', ({ detail }) => current?.told(detail));

export class Trial {
  // `name` is the field that the example is about, and `frame` what is sent after a handshake.
  constructor(entry, request, { name, frame } = {}) {
    Object.assign(this, { request, name, frame });
    this.said = element('p', { class: 'said', role: 'status' });
    this.shown = element('div');
    entry.append(element('button', { type: 'button', class: 'try', onclick: () => this.send() }, words.try), this.said, this.shown);
  }

  async send() {
    const lacks = lacking(needsOf(this.request));
    if (lacks.length > 0) {
      this.said.textContent = words.needs(lacks);
      return;
    }
    current?.end();
    current = this;
    this.said.textContent = words.sending;
    this.shown.replaceChildren();
    try {
      const values = needsValues(this.request) ? await valuesFor(FILE) : {};
      this.connection = new Connection();
      this.port = await this.connection.open();
      this.connection.send(messageOf(this.request, values));
      if (!this.frame) return;
      await this.connection.until(received => received.includes('\r\n\r\n'));
      this.connection.send(masked(this.frame));
    } catch (fault) {
      this.said.textContent = words.failed(fault.message);
    }
  }

  // The wire view has told of something.
  told({ exchange, frame }) {
    if (exchange && exchange.port === this.port) this.show(exchange);
    if (frame && frame.connection === this.number) this.shown.append(...frameList(frame));
  }

  async show(exchange) {
    this.number = exchange.connection;
    const { connection } = this;
    const received = this.frame ? '' : await connection.until(text => FINAL.test(text));
    if (current !== this || this.connection !== connection) return;
    const [interim] = received.match(INTERIM) ?? [''];
    this.said.textContent = words.answered(exchange.status);
    this.shown.append(element('h3', {}, words.asked), headOf(exchange.request.head, this.name),
      element('h3', {}, words.response), headOf(interim + exchange.response.head, this.name));
    if (!this.frame) this.shown.append(element('p', {}, words.why), ...reasons(exchange, {}));
    if (!this.frame) this.end();
  }

  end() {
    this.connection?.close();
    this.port = null;
    this.number = null;
  }
}
