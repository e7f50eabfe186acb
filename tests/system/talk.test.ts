/** Runs `npm run demo:talk` as a user does. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { Cluster, ROOT } from "../support/process/cluster.ts";

const Results = z.object({
  steps: z.array(
    z.object({
      name: z.string(),
      ok: z.boolean(),
      detail: z.string(),
      commands: z.array(z.object({ skupper: z.string().nullable(), fairlead: z.string() })).default([]),
    }),
  ),
  ok: z.boolean(),
});

const STEPS = [
  ...["edge", "shop", "sites", "console.user", "tokens", "links", "tokens.used_up", "links.up"],
  ...["expose", "names", "status", "console", "page", "order", "flows", "closed"],
  ...["revoke", "links.down", "rest", "degraded", "old-token", "recovery", "recovered", "events"],
  "events.kubernetes",
];

let cluster: Cluster;
/** Temporary directory of the demo, which must be empty afterwards. */
let directory: string;

beforeAll(async () => {
  cluster = await Cluster.create();
  directory = await mkdtemp(join(tmpdir(), "fl-"));
});
afterAll(async () => {
  await cluster.close();
  await rm(directory, { recursive: true, force: true });
});

// Only Linux has all of 127.0.0.0/8 without configuration.
describe.runIf(process.platform === "linux")("npm run demo:talk", () => {
  it("shows every step of the talk, exits with status 0 and leaves no file behind", async () => {
    const run = cluster.spawn({
      name: "demo:talk",
      command: process.execPath,
      args: [join(ROOT, "tests/demo/talk/main.ts"), "--once", "--json"],
      env: { TMPDIR: directory },
    });
    const { status } = await run.exited;
    expect(status, run.lastLines(200).join("\n")).toBe(0);
    const { steps, ok } = Results.parse(JSON.parse(run.stdout));
    expect(steps.filter((step) => !step.ok)).toEqual([]);
    expect(steps.map(({ name }) => name)).toEqual(STEPS);
    expect(ok).toBe(true);
    const ofSkupper = steps.flatMap(({ commands }) => commands).filter(({ skupper }) => skupper !== null);
    expect(ofSkupper.length).toBeGreaterThan(25);
    expect(await readdir(directory)).toEqual([]);
  });
});
