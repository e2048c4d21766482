// What is wrong with a file, as a word of the page and its values.
export class Fault extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}
