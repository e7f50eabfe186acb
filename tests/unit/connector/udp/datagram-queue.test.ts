import { describe, expect, it } from "vitest";
import { DatagramQueue, MAX_WAITING, MAX_WAITING_BYTES } from "../../../../connector/udp/datagram-queue.ts";

const datagram = (mark: number, length = 1) => new Uint8Array(length).fill(mark);

describe("DatagramQueue", () => {
  it("gives datagrams back in order", () => {
    const queue = new DatagramQueue();
    for (const mark of [1, 2, 3]) queue.push(datagram(mark));
    expect([...queue.drain()].map(([mark]) => mark)).toEqual([1, 2, 3]);
    expect(queue.isEmpty).toBe(true);
    expect(queue.bytes).toBe(0);
  });

  it("drops the oldest datagrams beyond its number", () => {
    const queue = new DatagramQueue();
    for (let mark = 0; mark < MAX_WAITING + 3; mark++) queue.push(datagram(mark % 256, 2));
    expect(queue.dropped).toBe(3);
    expect(queue.bytes).toBe(2 * MAX_WAITING);
    expect(queue.shift()?.[0]).toBe(3);
  });

  it("drops the oldest datagrams beyond its bytes, and never the newest", () => {
    const queue = new DatagramQueue();
    const length = MAX_WAITING_BYTES / 4;
    for (let mark = 0; mark < 6; mark++) queue.push(datagram(mark, length));
    expect(queue.dropped).toBe(2);
    expect([...queue.drain()].map(([mark]) => mark)).toEqual([2, 3, 4, 5]);
    queue.push(datagram(7, MAX_WAITING_BYTES + 1));
    expect(queue.shift()?.[0]).toBe(7);
  });
});
