// Messages that wait while the list stands still.

import { LIMIT } from '../live/session.js';

export class Queue {
  // `take` gets each message that does not wait. `changed` is called when another number of them waits.
  constructor({ take, changed }) {
    this.take = take;
    this.changed = changed;
    this.held = null;
    this.lost = 0;
  }

  get isHeld() {
    return Boolean(this.held);
  }

  get count() {
    return this.held ? this.held.length + this.lost : 0;
  }

  receive(message) {
    if (!this.held) return this.take(message);
    this.held.push(message);
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
    this.lost = 0;
    if (lost > 0) this.take({ missed: lost });
    held?.forEach((message) => this.take(message));
    this.changed();
  }

  clear() {
    if (this.held) this.held = [];
    this.lost = 0;
    this.changed();
  }
}
