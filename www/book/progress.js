// Which experiments are done. It stays in this browser.

const KEY = 'docroot.book';

function read() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEY) ?? '[]'));
  } catch {
    // The browser keeps nothing for this page, or something else was kept there.
    return new Set();
  }
}

export const isDone = name => read().has(name);

export const countOf = lesson => [...read()].filter(name => name.startsWith(`${lesson}/`)).length;

export function markDone(name) {
  const done = read().add(name);
  try {
    localStorage.setItem(KEY, JSON.stringify([...done]));
  } catch {
    // Then it is forgotten when the page closes.
  }
}

export function reset() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // There is nothing to forget.
  }
}
