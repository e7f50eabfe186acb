import { expect, it } from "vitest";
import { StrangerLog } from "../../../../../connector/edge/front/stranger-log.ts";
import { MemoryLog } from "../../../../support/connector/memory-log.ts";

it("StrangerLog logs the first counts at once, and later ones together, once a minute", () => {
  const memory = new MemoryLog();
  const lines = () => memory.lines.map(({ level, fields, text }) => [level, fields, text]);
  const log = new StrangerLog(memory);
  const counts = { shed: 0, timedOut: 0, failedHandshakes: 0, failedAccepts: 0 };
  log.note(counts, 0);
  expect(lines()).toEqual([]);
  log.note({ ...counts, timedOut: 1 }, 1);
  expect(lines()).toEqual([["info", { timedOut: 1 }, "Unauthenticated connections: 1 timed out."]]);
  log.note({ ...counts, timedOut: 1, shed: 500 }, 2);
  expect(lines()).toHaveLength(1);
  log.note({ ...counts, timedOut: 4, shed: 1_000 }, 60_001);
  expect(lines()[1]).toEqual([
    "warn",
    { shed: 1_000, timedOut: 3 },
    "Unauthenticated connections: 1000 shed for others, 3 timed out.",
  ]);
});
