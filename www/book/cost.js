// What a connection costs, measured while the reader looks: the page opens some, asks twice on each, and the wire view
// tells how long everything took.
//
//   <div data-cost="/harbour.svg"></div>   the target that it asks for

import { element } from './answer.js';
import { Connection, ROOT, lacking } from './wire.js';
import { words } from './words.js';

const CONNECTIONS = 9;

const median = numbers => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

// The exchange with this number on the connection from this port.
function exchangeFrom(port, number) {
  return new Promise(found => {
    const look = ({ detail: { exchange } }) => {
      if (exchange?.port !== port || exchange.number !== number) return;
      document.removeEventListener('wire', look);
      found(exchange);
    };
    document.addEventListener('wire', look);
  });
}

// Asks twice on a new connection.
async function twice(target) {
  const connection = new Connection();
  const port = await connection.open();
  const exchanges = [];
  for (const number of [1, 2]) {
    const ended = exchangeFrom(port, number);
    connection.send(`GET ${target} HTTP/1.1\r\nHost: ${ROOT.host}\r\n\r\n`);
    exchanges.push(await ended);
  }
  connection.close();
  return exchanges;
}

export class Cost {
  constructor(place) {
    this.target = place.dataset.cost;
    this.said = element('p', { class: 'said', role: 'status' });
    this.shown = element('div');
    this.button = element('button', { type: 'button', class: 'send', onclick: () => this.measure() }, words.measure);
    place.append(element('div', { class: 'actions' }, this.button), this.said, this.shown);
  }

  async measure() {
    const lacks = lacking([]);
    if (lacks.length > 0) {
      this.said.textContent = words.needs(lacks);
      return;
    }
    this.button.disabled = true;
    this.said.textContent = words.measuring;
    try {
      const pairs = [];
      while (pairs.length < CONNECTIONS) pairs.push(await twice(this.target));
      this.show(pairs);
    } catch (fault) {
      this.said.textContent = words.failed(fault.message);
    }
    this.button.disabled = false;
  }

  show(pairs) {
    const { tls } = pairs[0][0];
    const of = time => words.milliseconds((median(pairs.map(time)) / 1000).toFixed(2));
    const rows = {
      wait: of(([{ times }]) => times.accepted),
      handshake: tls ? of(([{ times }]) => times.accepted - times.secured) : words.noHandshake,
      first: of(([{ times }]) => times.end),
      second: of(([, { times }]) => times.end),
    };
    const cells = Object.entries(rows).map(([name, time]) => element('tr', { 'data-cost-of': name },
      element('th', { scope: 'row' }, words.costs[name]), element('td', {}, time)));
    this.said.textContent = words.measured(pairs.length, tls);
    this.shown.replaceChildren(element('table', {}, element('tbody', {}, ...cells)));
  }
}
