import { describe, expect, it } from "vitest";
import { readClientHello } from "../../../../../connector/edge/front/client-hello.ts";

const record = (length: number, type = 0x16, message = 1) =>
  Uint8Array.from([
    type,
    3,
    1,
    length >> 8,
    length & 0xff,
    message,
    ...new Uint8Array(Math.max(0, length - 1)),
  ]);

describe("readClientHello", () => {
  it("returns partial until the first record is complete, and complete from then on", () => {
    const whole = record(512);
    for (const length of [0, 1, 2, 3, 4, 5, 6, 100, whole.length - 1]) {
      expect(readClientHello(whole.subarray(0, length)), `${length} bytes`).toBe("partial");
    }
    expect(readClientHello(whole)).toBe("complete");
    expect(readClientHello(Uint8Array.from([...whole, 1, 2, 3]))).toBe("complete");
  });

  it.each([
    ["a request without TLS", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
    ["an alert", record(2, 0x15)],
    ["a ServerHello", record(100, 0x16, 2)],
    ["an empty record", record(0).subarray(0, 5)],
    ["a record that is too long", Uint8Array.from([0x16, 3, 1, 0x40, 0x01])],
    ["another major version", Uint8Array.from([0x16, 2])],
  ])("returns other for %s", (_, bytes) => {
    expect(readClientHello(bytes)).toBe("other");
  });
});
