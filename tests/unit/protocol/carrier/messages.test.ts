import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeAck,
  encodeDataHeader,
  encodeEnd,
  encodePark,
  encodePing,
  encodePong,
  MAX_DATA,
  MAX_LANE_MESSAGE,
  MAX_OFFSET,
  MESSAGE,
  nextNumber,
  readMessage,
} from "../../../../protocol/carrier/index.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const offset = fc.integer({ min: 0, max: MAX_OFFSET });
const number = fc.integer({ min: 0, max: 0xff_ffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

function codeOf(bytes: Uint8Array, at = 0): string {
  try {
    return String(readMessage(bytes, at)?.type ?? "skipped");
  } catch (error) {
    return (error as FairleadError).code;
  }
}

describe("messages of carrier version 2", () => {
  it("have the bytes that the protocol fixes", () => {
    expect(hex(encodeDataHeader(0x010203, 0x0a0b0c0d0e0f))).toBe("010102030a0b0c0d0e0f");
    expect(hex(encodeAck(1, 65_536))).toBe("02000001000000010000");
    expect(hex(encodePing(2, 0xdeadbeef, 1))).toBe("03000002deadbeef000000000001");
    expect(hex(encodePong(0xff_ffff, 7, MAX_OFFSET))).toBe("04ffffff00000007ffffffffffff");
    expect(hex(encodePark(3, 256, 1))).toBe("05000003000000000100000000000001");
    expect(hex(encodeEnd(4, 5, ""))).toBe("06000004000000000005");
    expect(hex(encodeEnd(4, 5, "session.lost"))).toBe("0600000400000000000573657373696f6e2e6c6f7374");
  });

  it("are read as they were written", () => {
    fc.assert(
      fc.property(number, offset, offset, u32, fc.uint8Array({ minLength: 1 }), (at, one, two, id, bytes) => {
        const data = Buffer.concat([encodeDataHeader(at, one), bytes]);
        expect(readMessage(data, at)).toEqual({ type: MESSAGE.data, offset: one, bytes: Buffer.from(bytes) });
        expect(readMessage(encodeAck(at, one), at)).toEqual({ type: MESSAGE.ack, received: one });
        expect(readMessage(encodePing(at, id, one), at)).toEqual({ type: MESSAGE.ping, id, received: one });
        expect(readMessage(encodePong(at, id, one), at)).toEqual({ type: MESSAGE.pong, id, received: one });
        expect(readMessage(encodePark(at, one, two), at)).toEqual({
          type: MESSAGE.park,
          sent: one,
          received: two,
        });
        expect(readMessage(encodeEnd(at, one, "a.b_c"), at)).toEqual({
          type: MESSAGE.end,
          sent: one,
          code: "a.b_c",
        });
      }),
    );
  });

  it("carry up to 65,526 bytes of data", () => {
    expect(codeOf(Buffer.concat([encodeDataHeader(0, 0), Buffer.alloc(MAX_DATA)]))).toBe("1");
    expect(MAX_DATA + 10).toBe(MAX_LANE_MESSAGE);
    expect(codeOf(Buffer.concat([encodeDataHeader(0, 0), Buffer.alloc(MAX_DATA + 1)]))).toBe(
      "session.too_large",
    );
  });

  it("are refused with session.malformed unless their number is the next on their lane", () => {
    expect(nextNumber(0)).toBe(1);
    expect(nextNumber(0xff_ffff)).toBe(0);
    for (const wrong of [0, 2, 0xff_ffff]) expect(codeOf(encodeAck(wrong, 0), 1)).toBe("session.malformed");
  });

  it("are skipped if their type is unknown and has the high bit set", () => {
    expect(codeOf(Uint8Array.of(0x80, 0, 0, 0, 1, 2))).toBe("skipped");
    expect(codeOf(Uint8Array.of(0x07, 0, 0, 0, 1, 2))).toBe("session.malformed");
    expect(codeOf(Uint8Array.of(0x00, 0, 0, 0))).toBe("session.malformed");
  });

  it("are refused with session.malformed if they are truncated or too long", () => {
    const all = [encodeAck(0, 1), encodePing(0, 1, 1), encodePong(0, 1, 1), encodePark(0, 1, 1)];
    for (const message of all) {
      for (let length = 0; length < message.length; length++) {
        expect(codeOf(message.subarray(0, length))).toBe("session.malformed");
      }
      expect(codeOf(Buffer.concat([message, Buffer.of(0)]))).toBe("session.malformed");
    }
    expect(codeOf(encodeDataHeader(0, 0))).toBe("session.malformed");
    expect(codeOf(encodeEnd(0, 0, "x".repeat(65)))).toBe("session.malformed");
    expect(codeOf(encodeEnd(0, 0, "Not a code"))).toBe("session.malformed");
  });

  it("never make readMessage throw anything but an error with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), number, (bytes, at) => {
        expect(codeOf(bytes, at)).toMatch(/^([1-6]|skipped|session\.malformed)$/);
      }),
    );
  });
});
