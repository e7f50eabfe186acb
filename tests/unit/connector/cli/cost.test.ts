import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { estimate } from "../../../../connector/operator/cost/estimate.ts";
import { DEFAULT_WORKLOAD } from "../../../../connector/operator/cost/workload.ts";
import { makeWorld, type World } from "../../../support/process/cli-world.ts";

let world: World;

beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.remove());

describe("cost", () => {
  test("shows each item, what is reached first, and what to do, without a login", async () => {
    const { exit, out, err } = await world.run("cost", "--sites", "10", "--pairs", "5");
    expect([exit, err]).toEqual([0, ""]);
    expect(out).toMatch(/^10 sites, 5 of 45 pairs always open\. Prices of \d{4}-\d\d-\d\d;/);
    expect(out).toMatch(/^Object duration +55,324 GB-s +426 % +1,659,7\d\d GB-s +\$15\.75$/m);
    expect(out).toContain("The free plan does not suffice: object duration");
    expect(out).toContain("10 ms of CPU time");
  });

  test("--json prints the whole estimate, with the date and the sources of the prices", async () => {
    const printed = await world.json("cost", "--sites", "3", "--pairs", "all", "--calls", "0");
    expect(printed).toMatchObject({
      pricesReadOn: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      sources: { objects: expect.stringContaining("durable-objects/platform/pricing") },
      ...estimate({ ...DEFAULT_WORKLOAD, sites: 3, openPairs: 3, calls: 0 }),
      advice: expect.arrayContaining([expect.stringContaining("does not suffice")]),
    });
  });

  test("every option reaches the model", async () => {
    const words =
      "--sites 4 --pairs 1 --connections 9 --connection-time 2m --lanes 2 --bytes 655360 --traffic-time 8h --keepalive 30s --reconnects 3 --calls 5 --tokens 6";
    expect(await world.json("cost", ...words.split(" "))).toMatchObject({
      workload: {
        ...{ sites: 4, openPairs: 1, connections: 9, connectionSeconds: 120, lanes: 2 },
        ...{
          messagesPerSecond: 10,
          trafficSeconds: 28_800,
          keepaliveSeconds: 30,
          reconnects: 3,
          calls: 5,
          tokens: 6,
        },
      },
    });
  });

  test.each([40, 80, 200])("no line is wider than 80 columns or the terminal's %d", async (columns) => {
    world.columns = columns;
    const { out } = await world.run("cost", "--sites", "100", "--pairs", "all");
    const widths = out.split("\n").map((line) => stripVTControlCharacters(line).length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(Math.max(60, Math.min(80, columns)));
  });

  test.each([
    ["--sites 3 --pairs 4", "3 sites make 3 pairs"],
    ["--sites 1 --pairs 1", "1 site makes 0 pairs"],
    ["--sites 3 --messages 1 --bytes 1", "exclude each other"],
    ["--sites 0", "--sites"],
    ["--sites 3 --pairs some", "--pairs"],
    ["--sites 3 --lanes 9", "--lanes"],
    ["--sites 3 --keepalive 0s", "--keepalive"],
    ["--sites 3 --traffic-time 25h", "--traffic-time"],
    ["--pairs 3", "--sites"],
  ])("%s is refused: %s", async (line, reason) => {
    const { exit, out, err } = await world.run("cost", ...line.split(" "));
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toContain(reason);
    expect(err).toContain("code: request.invalid");
  });
});
