/** Binary frames of a WebSocket client (RFC 6455 §5.2). */

import { writeU32 } from "../../protocol/bytes.ts";

/** FIN without extension bits, and the opcode of a binary message. */
const BINARY = 0x82;
/** A client masks. */
const MASKED = 0x80;

/** Length of the header of a frame with this payload, bytes. */
function headerSize(size: number): number {
  return size < 126 ? 6 : size < 0x1_0000 ? 8 : 14;
}

/**
 * Makes the final frame of a message from its pieces, in one buffer. The key of the mask is zero: the bytes
 * of a lane are encrypted twice, so that a mask protects nothing, and one of zeros leaves them as they are.
 */
export function binaryFrame(pieces: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  let at = headerSize(size);
  const frame = Buffer.allocUnsafe(at + size);
  frame[0] = BINARY;
  if (at === 6) frame[1] = MASKED | size;
  else if (at === 8) {
    frame[1] = MASKED | 126;
    frame[2] = size >>> 8;
    frame[3] = size;
  } else {
    frame[1] = MASKED | 127;
    writeU32(frame, 2, 0);
    writeU32(frame, 6, size);
  }
  writeU32(frame, at - 4, 0);
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}
