// One experiment: the learner guesses, the request is sent by whatever means, and the wire view tells what happened.
//
//   <section class="experiment" id="not-modified" data-kind="guided" ...the criterion, see criterion.js...
//            data-guess="200 304 412" data-fields="ETag Content-Length">
//     <h3>...</h3> <p>...</p>
//     <pre data-send>      the request, with values in brackets; sent octet by octet
//     <pre data-send="hex"> the same for octets in hexadecimal, which are not HTTP
//     <pre data-then>      octets in hexadecimal, sent after the head of the response
//     <pre data-command>   the command for a terminal
//     <div data-after>     what to see; shown when the answer is open
//   </section>
//
// `data-fetch="reload no-cache"` asks for the target by fetch with one mode after the other instead, and `data-socket="Hello"` opens a
// WebSocket in the browser and sends this text. `data-pieces="4"` sends the request in so many pieces. `data-needs="lab"` names
// the options of docroot without which it cannot succeed, beside --inspect.

import { element, showEarlier, showExchange, showFrames } from './answer.js';
import { exchangeSucceeds, frameSucceeds, wantsFrame } from './criterion.js';
import { filled, needsValues } from './fill.js';
import { isDone, markDone } from './progress.js';
import { Connection, ROOT, lacking } from './wire.js';
import { words } from './words.js';

// Between two pieces of a request, in milliseconds.
const PAUSE = 400;

// After how many seconds without an answer the page says so. One that comes later is still shown.
const PATIENCE = 5;

export class Experiment {
  constructor(section, lesson) {
    this.section = section;
    this.criterion = section.dataset;
    this.name = `${lesson}/${section.id}`;
    this.needs = section.dataset.needs?.split(' ') ?? [];
    this.answer = null;
    this.build();
    if (isDone(this.name)) this.tick();
  }

  build() {
    const { section } = this;
    const heading = section.querySelector('h3');
    this.kind = element('p', { class: 'kind' }, words[section.dataset.kind]);
    heading.before(this.kind);
    this.isHex = section.querySelector('[data-send=hex]') !== null;
    this.request = this.editable('[data-send]', this.isHex ? words.octets : words.request);
    this.hex = this.editable('[data-then]', words.hex);
    this.form = this.guessForm();
    this.said = element('p', { class: 'said', role: 'status' });
    this.shown = element('div', { class: 'answer' });
    this.sender = element('button', { type: 'button', class: 'send', onclick: () => this.send() }, words.send);
    const first = section.querySelector('textarea, .command, [data-command]');
    (first?.closest('.editable') ?? first).before(this.form);
    const command = section.querySelector('[data-command]');
    this.after = section.querySelector('[data-after]');
    this.after.hidden = true;
    const restore = element('button', { type: 'button', class: 'plain', onclick: () => this.restore() }, words.restore);
    const actions = element('div', { class: 'actions' }, this.sender, ...(this.request ? [restore] : []));
    command.before(actions, this.said, this.shown, this.after, element('p', { class: 'kind' }, this.terminal()));
    command.after(element('div', { class: 'actions' }, this.copier(command), this.explainer()));
    this.texts = [command, ...section.querySelectorAll('textarea')];
    this.templates = this.texts.map(text => text.value ?? text.textContent);
    this.fill({});
  }

  // A text that the learner may change.
  editable(selector, label) {
    const block = this.section.querySelector(selector);
    if (!block) return null;
    const text = block.textContent;
    const id = `${this.section.id}-${block.dataset.then === undefined ? 'request' : 'octets'}`;
    const rows = text.split('\n').length + 1;
    const area = element('textarea', { id, rows, spellcheck: 'false', lang: 'en', autocapitalize: 'off' });
    area.value = text;
    block.replaceWith(element('div', { class: 'editable' }, element('label', { for: id }, label), area));
    return area;
  }

  guessForm() {
    const { id, dataset } = this.section;
    const isFrame = wantsFrame(this.criterion);
    const choices = dataset.guess.split(' ').map(value => element('label', {},
      element('input', { type: 'radio', name: `${id}-guess`, value, onchange: () => this.open() }), isFrame ? words[value] : value));
    const form = element('form', { class: 'guess', onsubmit: event => event.preventDefault() },
      element('fieldset', {}, element('legend', {}, isFrame ? words.frame : words.status), ...choices));
    if (dataset.fields) {
      const touch = () => {
        this.hasFields = true;
      };
      const boxes = dataset.fields.split(' ').map(value => element('label', {}, element('input', { type: 'checkbox', value, onchange: touch }), value));
      form.append(element('fieldset', {}, element('legend', {}, words.fields), ...boxes));
    }
    return form;
  }

  get guess() {
    const status = this.form.querySelector('[type=radio]:checked')?.value;
    // Boxes that nobody has touched say nothing.
    const boxes = this.hasFields ? [...this.form.querySelectorAll('[type=checkbox]')] : [];
    return status && { status, fields: Object.fromEntries(boxes.map(box => [box.value, box.checked])) };
  }

  terminal() {
    const needs = this.needs.map(option => `--${option}`).join(' ');
    return needs ? words.commandNeeds(needs) : words.command;
  }

  copier(command) {
    const copy = async () => {
      await navigator.clipboard?.writeText(command.textContent);
      this.say(words.copied);
    };
    return element('button', { type: 'button', class: 'plain', onclick: copy }, words.copy);
  }

  // Without the wire view, no answer opens the explanation.
  explainer() {
    const open = () => {
      this.after.hidden = false;
      this.after.scrollIntoView({ block: 'nearest' });
    };
    return element('button', { type: 'button', class: 'plain explain', onclick: open }, words.explain);
  }

  // The texts that the learner may change, each with what it was.
  get areas() {
    return this.texts.flatMap((text, number) => (text.value === undefined ? [] : [[text, this.filled[number]]]));
  }

  get isChanged() {
    return this.areas.some(([area, was]) => area.value !== was);
  }

  get isEmpty() {
    const octets = (area, isHex) => (area && isHex ? fromHex(area.value) : area?.value.trim());
    return octets(this.request, this.isHex) === '' || octets(this.hex, true) === '';
  }

  restore() {
    for (const [area, was] of this.areas) area.value = was;
  }

  // What the learner has changed stays.
  fill(values) {
    const before = this.filled ?? this.templates;
    this.filled = this.templates.map(text => filled(text, values));
    this.texts.forEach((text, number) => {
      if (text.value === undefined) text.textContent = this.filled[number];
      else if (text.value === before[number]) text.value = this.filled[number];
    });
  }

  // Puts the values of the file in place of the brackets.
  async learn(valuesOf) {
    if (this.templates.some(needsValues)) this.fill(await valuesOf(this.criterion.target));
  }

  say(text) {
    this.said.textContent = text;
  }

  // Sends what the learner sees, after a guess.
  async send() {
    if (!this.guess) {
      this.say(words.first);
      this.form.querySelector('[type=radio]').focus();
      return;
    }
    const lacks = lacking(this.needs);
    if (lacks.length > 0) return this.say(words.needs(lacks));
    if (this.isEmpty) return this.say(words.empty);
    this.say(words.sending);
    this.answer = null;
    this.earlier = [];
    this.frames = null;
    this.shown.replaceChildren();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.miss(), PATIENCE * 1000);
    try {
      await this.begin();
    } catch (fault) {
      this.fail(words.failed(fault.message));
    }
  }

  fail(text) {
    clearTimeout(this.timer);
    this.say(text);
  }

  // There is no answer yet, or frames came and not those that the experiment looks for.
  miss() {
    if (!this.frames) return this.say(words.late(PATIENCE));
    const { frames } = this;
    this.answer = place => showFrames(place, frames);
    this.conclude(false, this.isChanged);
  }

  begin() {
    const { fetch: modes, socket, target } = this.section.dataset;
    if (modes) return this.fetch(target, modes.split(' '));
    return socket ? this.talk(new URL(target.slice(1), ROOT), socket) : this.replay();
  }

  // The last request is the one that counts.
  async fetch(target, modes) {
    const url = new URL(target.slice(1), ROOT);
    for (const cache of modes.slice(0, -1)) await (await fetch(url, { cache })).text();
    this.awaits = exchange => exchange.target === target && exchangeSucceeds(this.criterion, exchange);
    await (await fetch(url, { cache: modes.at(-1) })).text();
  }

  talk(url, text) {
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    return new Promise((done, failed) => {
      socket.onopen = () => socket.send(text);
      socket.onmessage = () => socket.close();
      socket.onclose = done;
      socket.onerror = () => failed(new Error('WebSocket'));
    });
  }

  async replay() {
    this.connection?.close();
    this.connection = new Connection();
    const port = await this.connection.open();
    // Of several requests, the last one counts.
    const number = Number(this.criterion.number ?? 1);
    this.awaits = exchange => {
      if (exchange.port !== port) return false;
      if (exchange.number < number) this.earlier.push(exchange);
      return exchange.number === number;
    };
    await this.sendPieces(this.octets(), Number(this.section.dataset.pieces ?? 1));
    if (!this.hex) return;
    const head = await this.connection.until(received => received.includes('\r\n\r\n'));
    if (!head.startsWith('HTTP/1.1 101 ')) return this.fail(words.failed(head.split('\r\n')[0]));
    this.connection.send(fromHex(this.hex.value));
  }

  // What is sent: lines with an empty one after them, or octets in hexadecimal.
  octets() {
    const { value } = this.request;
    return this.isHex ? fromHex(value) : value.replace(/\n*$/, '\n\n').replaceAll('\n', '\r\n');
  }

  // Sends the octets in so many pieces, with a pause between two of them.
  async sendPieces(octets, count) {
    const size = Math.ceil(octets.length / count);
    for (let at = 0; at < octets.length; at += size) {
      if (at > 0) await new Promise(done => setTimeout(done, PAUSE));
      this.connection.send(octets.slice(at, at + size));
    }
  }

  // The wire view has told of an exchange.
  exchange(exchange) {
    const isOwn = this.awaits?.(exchange) ?? false;
    if (wantsFrame(this.criterion)) {
      if (isOwn) Object.assign(this, { awaits: null, channel: exchange.connection });
      return;
    }
    const succeeds = exchangeSucceeds(this.criterion, exchange);
    if (!isOwn && !succeeds) return;
    if (isOwn) this.settle();
    const isOfAnother = isOwn && !succeeds && this.isChanged;
    const earlier = isOwn ? this.earlier : [];
    this.answer = (place, guess) => {
      showExchange(place, exchange, { ...guess, isOfAnother }, this.criterion);
      showEarlier(place, earlier);
    };
    this.conclude(succeeds, isOfAnother);
  }

  // The wire view has told of a frame. These are all frames of its connection so far.
  frame(frames) {
    const last = frames.at(-1);
    if (!frameSucceeds(this.criterion, last)) {
      if (last.connection === this.channel && last.from === 'server') this.frames = frames;
      return;
    }
    this.answer = (place, guess) => showFrames(place, frames, guess);
    this.conclude(true);
  }

  settle() {
    this.awaits = null;
    if (!this.hex) this.connection?.close();
  }

  // `isOfAnother` says that the learner has changed the request.
  conclude(succeeds, isOfAnother = false) {
    clearTimeout(this.timer);
    if (succeeds) {
      markDone(this.name);
      this.tick();
      this.section.dispatchEvent(new CustomEvent('succeeded', { bubbles: true, detail: this.name }));
    }
    this.say([this.guess ? '' : words.arrived, succeeds ? words.ticked : isOfAnother ? words.another : words.missed].join(' ').trim());
    this.open();
  }

  // Opens the answer if there is one and a guess.
  open() {
    if (!this.answer || !this.guess) return;
    this.answer(this.shown, this.guess);
    this.after.hidden = false;
  }

  tick() {
    if (this.section.dataset.done !== undefined) return;
    this.section.dataset.done = '';
    this.kind.append(' · ', element('span', { class: 'tick' }, `✓ ${words.done}`));
    this.section.dispatchEvent(new Event('done', { bubbles: true }));
  }
}

const fromHex = text => String.fromCharCode(...(text.match(/[0-9a-f]{2}/gi) ?? []).map(pair => parseInt(pair, 16)));
