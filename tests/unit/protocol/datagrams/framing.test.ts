import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DatagramDecoder,
  encodeDatagram,
  MAX_DATAGRAM,
  PREFIX_BYTES,
} from "../../../../protocol/datagrams/framing.ts";

/** Decodes the bytes in pieces of the given lengths, over and over. */
function decode(bytes: Uint8Array, lengths: readonly number[]) {
  const datagrams: Uint8Array[] = [];
  const decoder = new DatagramDecoder((datagram) => datagrams.push(datagram.slice()));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    decoder.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { datagrams, isComplete: decoder.isComplete };
}

const concat = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe("The framing of datagrams", () => {
  it("writes the length as u16, big endian, before the bytes", () => {
    expect([...encodeDatagram(new Uint8Array([7, 8, 9]))]).toEqual([0, 3, 7, 8, 9]);
    expect([...encodeDatagram(new Uint8Array(0))]).toEqual([0, 0]);
    const longest = encodeDatagram(new Uint8Array(MAX_DATAGRAM));
    expect([...longest.subarray(0, PREFIX_BYTES)]).toEqual([0xff, 0xff]);
    expect(longest).toHaveLength(PREFIX_BYTES + MAX_DATAGRAM);
  });

  it("gives back the datagrams however the bytes are cut, empty ones as well", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }),
        (datagrams, lengths) => {
          const decoded = decode(concat(datagrams.map(encodeDatagram)), lengths);
          expect(decoded.datagrams.map((each) => [...each])).toEqual(datagrams.map((each) => [...each]));
          expect(decoded.isComplete).toBe(true);
        },
      ),
    );
  });

  it("hands on no part of an incomplete datagram", () => {
    const bytes = encodeDatagram(new Uint8Array(10));
    for (let length = 1; length < bytes.length; length++) {
      const decoded = decode(bytes.subarray(0, length), [4]);
      expect(decoded).toEqual({ datagrams: [], isComplete: false });
    }
  });
});
