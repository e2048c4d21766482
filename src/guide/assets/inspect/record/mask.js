// Hides secrets in heads that docroot has not masked. Pure functions.

const MASK = '***';

// As in src/observe/heads.rs.
const SECRET = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'];

export const isSecret = (name) => SECRET.includes(name.trim().toLowerCase());

// The value of a field as it may be shown.
export const maskedValue = (name, value) => isSecret(name) && value !== '' ? MASK : value;

// A head without secrets. A folded line belongs to the field before it.
export function maskedHead(head) {
  let isHidden = false;
  const lines = head.split('\n').map((line, at) => {
    if (at === 0) return line;
    const end = line.endsWith('\r') ? '\r' : '';
    if (/^[ \t]/.test(line)) return isHidden && line.trim() !== '' ? ' ' + MASK + end : line;
    const colon = line.indexOf(':');
    isHidden = colon > 0 && isSecret(line.slice(0, colon));
    const isEmpty = line.slice(colon + 1).trim() === '';
    return isHidden && !isEmpty ? `${line.slice(0, colon)}: ${MASK}${end}` : line;
  });
  return lines.join('\n');
}
