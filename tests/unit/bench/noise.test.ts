import { expect, it } from "vitest";
import { parseSize } from "../../bench/noise/noise.ts";

it("reads the size of a cache as the kernel writes it", () => {
  expect(parseSize("32768K\n")).toBe(32 * 1024 * 1024);
  expect(parseSize("8M")).toBe(8 * 1024 * 1024);
  expect(parseSize("")).toBe(0);
});
