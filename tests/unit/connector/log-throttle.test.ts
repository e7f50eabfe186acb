import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogThrottle } from "../../../connector/log-throttle.ts";
import { MemoryLog } from "../../support/connector/memory-log.ts";

const MINUTE = 60_000;
const kind = (peer: string, service: string) => ({ origin: { peer }, about: { service } });

describe("LogThrottle", () => {
  let memory: MemoryLog;
  let throttle: LogThrottle;

  beforeEach(() => {
    vi.useFakeTimers();
    memory = new MemoryLog();
    throttle = new LogThrottle(memory, (count) => `Further lines: ${count}.`);
  });

  afterEach(() => {
    throttle.close();
    vi.useRealTimers();
  });

  /** Lines at info and above since the last call. */
  const taken = () =>
    memory.lines
      .splice(0)
      .filter(({ level }) => level !== "debug")
      .map(({ fields, text }) => [text, fields]);

  it("writes the first line of a kind at once, and one count of the further ones each minute", () => {
    for (let n = 1; n <= 1000; n++) throttle.write("info", kind("east", "db"), { n }, `Line ${n}.`);
    expect(taken()).toEqual([["Line 1.", { peer: "east", service: "db", n: 1 }]]);
    vi.advanceTimersByTime(MINUTE);
    expect(taken()).toEqual([["Further lines: 999.", { peer: "east", service: "db", count: 999 }]]);
    throttle.write("info", kind("east", "db"), {}, "One more.");
    expect(taken()).toEqual([]);
    vi.advanceTimersByTime(MINUTE);
    expect(taken()).toEqual([["Further lines: 1.", { peer: "east", service: "db", count: 1 }]]);
  });

  it("writes every line that is only counted at debug, with all its fields", () => {
    for (const n of [1, 2]) throttle.write("warn", kind("east", "db"), { n }, `Line ${n}.`);
    expect(memory.lines.map(({ level, fields }) => [level, fields])).toEqual([
      ["warn", { peer: "east", service: "db", n: 1 }],
      ["debug", { peer: "east", service: "db", n: 2 }],
    ]);
  });

  it("counts kinds apart: another peer, or another service", () => {
    for (const peer of ["east", "north"]) {
      for (const service of ["db", "api", "db"]) throttle.write("info", kind(peer, service), {}, "Line.");
    }
    expect(taken()).toHaveLength(4);
    throttle.count();
    expect(taken().map(([, fields]) => fields)).toEqual([
      { peer: "east", service: "db", count: 1 },
      { peer: "north", service: "db", count: 1 },
    ]);
  });

  it("writes a line at once again after a minute without one", () => {
    throttle.write("info", kind("east", "db"), {}, "First.");
    vi.advanceTimersByTime(MINUTE);
    expect(vi.getTimerCount()).toBe(0);
    throttle.write("info", kind("east", "db"), {}, "Second.");
    expect(taken().map(([text]) => text)).toEqual(["First.", "Second."]);
  });

  it("bounds the lines of a peer that names a new service each time, and no other peer's lines", () => {
    for (let n = 0; n < 1000; n++) throttle.write("info", kind("east", `s${n}`), {}, "Line.");
    expect(taken()).toHaveLength(64);
    throttle.write("info", kind("north", "db"), {}, "Of another peer.");
    expect(taken()).toHaveLength(1);
    vi.advanceTimersByTime(MINUTE);
    expect(taken()).toEqual([["Further lines: 936.", { peer: "east", count: 936 }]]);
  });

  it("writes the counts when it is closed, and keeps no timer", () => {
    for (const text of ["First.", "Second."]) throttle.write("info", kind("east", "db"), {}, text);
    throttle.close();
    expect(taken().map(([text]) => text)).toEqual(["First.", "Further lines: 1."]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
