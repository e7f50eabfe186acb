/** Frames as a WebSocket server sends them (RFC 6455 §5.2), valid or not. */

/** First bytes of frames: FIN and an opcode. */
export const FRAME = { text: 0x81, binary: 0x82, close: 0x88, ping: 0x89, pong: 0x8a } as const;

/** A frame with any first byte. @param width of the length: the shortest unless given */
export function serverFrame(first: number, payload: Uint8Array | string, width?: 7 | 16 | 64): Buffer {
  const body = Buffer.from(payload);
  const { length } = body;
  const bits = width ?? (length < 126 ? 7 : length < 0x1_0000 ? 16 : 64);
  if (bits === 7) return Buffer.concat([Buffer.from([first, length]), body]);
  const header = Buffer.alloc(bits === 16 ? 4 : 10);
  header[0] = first;
  header[1] = bits === 16 ? 126 : 127;
  header.writeUIntBE(length, bits === 16 ? 2 : 4, bits === 16 ? 2 : 6);
  return Buffer.concat([header, body]);
}
