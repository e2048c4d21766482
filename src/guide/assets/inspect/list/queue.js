// Messages that wait while the list stands still.

import { LIMIT } from '../live/session.js';

export class Queue {
  // `take` gets each message that does not wait. `changed` is called when another number of exchanges waits.
  constructor({ take, changed }) {
    this.take = take;
    this.changed = changed;
    this.held = null;
    this.lost = 0;
    // The exchanges that wait, with those that are lost. Other messages tell what happens to connections.
    this.count = 0;
  }

  get isHeld() {
    return Boolean(this.held);
  }

  receive(message) {
    if (!this.held) return this.take(message);
    this.held.push(message);
    if (message.exchange) this.count++;
    if (this.held.length > LIMIT) {
      this.held.shift();
      this.lost++;
    }
    this.changed();
  }

  hold() {
    this.held ??= [];
    this.changed();
  }

  release() {
    const { held, lost } = this;
    this.held = null;
    this.clear();
    if (lost > 0) this.take({ missed: lost });
    held?.forEach((message) => this.take(message));
  }

  clear() {
    if (this.held) this.held = [];
    this.lost = this.count = 0;
    this.changed();
  }
}
