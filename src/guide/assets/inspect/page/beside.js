// Files that docroot may serve beside the page: the table of words and its own sources. A page that was saved
// has none of them.

const isServed = location.protocol.startsWith('http');
const address = (name) => new URL(name, location.href);

// The JSON of a file, or null.
export async function beside(name) {
  if (!isServed) return null;
  const answer = await fetch(address(name)).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

// Whether docroot serves the file.
export async function isBeside(name) {
  if (!isServed) return false;
  const answer = await fetch(address(name), { method: 'HEAD' }).catch(() => null);
  return Boolean(answer?.ok);
}
