// Divides the header of a WebSocket frame into its bits (RFC 6455 section 5.2). Pure functions.
//
//    0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
//   +-+-+-+-+-------+-+-------------+-------------------------------+---------------------+
//   |F|R|R|R| opcode|M| length      | longer length, if the first   | masking key,        |
//   |I|S|S|S|  (4)  |A|     (7)     | one is 126 (16) or 127 (64)   | if MASK is set (32) |
//   |N|V|V|V|       |S|             |                               |                     |
//   | |1|2|3|       |K|             |                               |                     |
//   +-+-+-+-+-------+-+-------------+-------------------------------+---------------------+

// The parts of a header.
export const PARTS = ['fin', 'rsv1', 'rsv2', 'rsv3', 'opcode', 'mask', 'length', 'length-16', 'length-64', 'key'];

// The section that each fault breaks.
export const FRAME_FAULTS = {
  'reserved-bit': 'RFC 6455 section 5.2',
  'reserved-opcode': 'RFC 6455 section 5.2',
  'control-fragment': 'RFC 6455 section 5.5',
  'control-length': 'RFC 6455 section 5.5',
  'not-shortest': 'RFC 6455 section 5.2',
  'not-masked': 'RFC 6455 section 5.1',
  'masked': 'RFC 6455 section 5.1',
};

const NAMED = new Set([0, 1, 2, 8, 9, 10]);

// { opcode, isFinal, isControl, isCompressed, length, key, parts } of a header. A part is { name, bits, value } and has a
// `fault` if the specification forbids its value. `extension` says whether permessage-deflate was agreed
// on, which uses RSV1 (RFC 7692 section 6). A header that is not complete gives the parts that are there.
export function frame(head, from, extension = false) {
  const codes = [...head].map((octet) => octet.charCodeAt(0));
  const bits = codes.map((code) => code.toString(2).padStart(8, '0')).join('');
  const parts = [];
  let at = 0;
  const take = (name, count) => {
    if (at + count > bits.length) return null;
    const text = bits.slice(at, at += count);
    const value = name === 'key' ? head.slice(at / 8 - 4, at / 8) : Number(BigInt('0b' + text));
    parts.push({ name, bits: text, value });
    return value;
  };
  const blame = (name, fault) => {
    const part = parts.find((one) => one.name === name);
    if (part) part.fault = fault;
  };
  const isFinal = take('fin', 1) === 1;
  for (const name of ['rsv1', 'rsv2', 'rsv3']) {
    if (take(name, 1) === 1 && !(extension && name === 'rsv1')) blame(name, 'reserved-bit');
  }
  const opcode = take('opcode', 4);
  const isMasked = take('mask', 1) === 1;
  let length = take('length', 7);
  if (length === 126) length = longer(take('length-16', 16), 126, 'length-16', blame);
  else if (length === 127) length = longer(take('length-64', 64), 65536, 'length-64', blame);
  const key = isMasked ? take('key', 32) : null;
  const isControl = opcode >= 8;
  if (opcode !== null && !NAMED.has(opcode)) blame('opcode', 'reserved-opcode');
  if (isControl && !isFinal) blame('fin', 'control-fragment');
  if (isControl && length > 125) blame('length', 'control-length');
  if (isMasked !== (from === 'client')) blame('mask', isMasked ? 'masked' : 'not-masked');
  const isCompressed = extension && parts[1]?.value === 1;
  return { opcode, isFinal, isControl, isCompressed, length, key, parts };
}

// A longer length must be needed.
function longer(length, least, name, blame) {
  if (length !== null && length < least) blame(name, 'not-shortest');
  return length;
}

// { code, reason } of the payload of a Close frame. The code is null if there is none.
export function close(payload) {
  if (payload.length < 2) return { code: null, reason: '' };
  return { code: payload.charCodeAt(0) * 256 + payload.charCodeAt(1), reason: payload.slice(2) };
}

// The first octets of a payload as they were sent: masking is its own inverse.
export const masked = (octets, key) => [...octets].map((octet, at) =>
  String.fromCharCode(octet.charCodeAt(0) ^ key.charCodeAt(at % 4))).join('');
