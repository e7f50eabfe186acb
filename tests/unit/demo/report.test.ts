import { describe, expect, it, test } from "vitest";
import { Report } from "../../demo/report.ts";

const SENTENCE =
  "The edge runs at https://127.0.0.1:18443 and accepts connectors at https://127.0.0.1:18444.";

/** Writes a report for a terminal of `columns`. */
async function write(columns: number | undefined): Promise<string> {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const report = new Report(false, columns === undefined ? { write } : { write, columns });
  report.line("An edge and two private sites run as processes on this machine.\n");
  await report.step("edge", async () => ({ value: null, detail: SENTENCE, ms: 9999 }));
  const failure = report.step("east", () => Promise.reject(new Error(`${SENTENCE}\n${SENTENCE}`)));
  await failure.catch(() => {});
  report.command(`npx fairlead status --state /tmp/fl-demo-a1b2c3/west1 --network ${"n".repeat(20)}`);
  return written;
}

describe("The report of the demo", () => {
  test.each([
    [40, 40],
    [60, 60],
    [80, 80],
    [200, 80],
    [undefined, 80],
  ])("on a terminal of %s columns has lines of at most %i", async (columns, most) => {
    for (const line of (await write(columns)).split("\n"))
      expect(line.length, line).toBeLessThanOrEqual(most);
  });

  it("marks each step, and shows its duration on the first line", async () => {
    const lines = (await write(80)).split("\n");
    expect(lines[1]).toBe("");
    expect(lines[2]).toMatch(/^✓ The edge runs at .* 9999 ms$/);
    expect(lines.find((line) => line.startsWith("✗ east: The edge runs at"))).toBeDefined();
  });
});
