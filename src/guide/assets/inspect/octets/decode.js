// Undoes a compression, as far as the octets go.

import { bytesOf, latin1 } from './octets.js';

// The octets without their coding: 'gzip', 'deflate' or 'deflate-raw'. If the end is missing, those before it. If
// they are not in that coding, none.
export const decoded = async (octets, coding) => (await decodedOrFault(octets, coding)).text;

// The same, or null if anything is missing or wrong.
export async function decodedWhole(octets, coding) {
  const { text, isFaulty } = await decodedOrFault(octets, coding);
  return isFaulty ? null : text;
}

async function decodedOrFault(octets, coding) {
  const stream = new DecompressionStream(coding);
  const writer = stream.writable.getWriter();
  writer.write(bytesOf(octets)).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  let text = '';
  try {
    for (let piece; !(piece = await reader.read()).done;) text += latin1(piece.value);
  } catch {
    return { text, isFaulty: true };
  }
  return { text, isFaulty: false };
}

// The end that the sender of a compressed message leaves out (RFC 7692 section 7.2.1), and an empty last block.
const MESSAGE_END = '\x00\x00\xff\xff\x01\x00\x00\xff\xff';

// The payload of a WebSocket message that was compressed by permessage-deflate. It is not known if it refers to
// an earlier message.
export const uncompressed = (payload) => decoded(payload + MESSAGE_END, 'deflate-raw');
export const uncompressedWhole = (payload) => decodedWhole(payload + MESSAGE_END, 'deflate-raw');
