/** Runs `npm run demo` as a user does. */
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { listNetworks } from "../../connector/operator/edge-api.ts";
import { Cluster, type Edge, ROOT } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";

const Results = z.object({
  steps: z.array(z.object({ name: z.string(), ok: z.boolean(), ms: z.number(), detail: z.string() })),
  ok: z.boolean(),
});

const STEPS = [
  ...["edge", "network", "database", "api", "east", "west", "services"],
  ...["sql", "orders", "websocket", "download", "websocket.held", "closed"],
];

let cluster: Cluster;
/** An edge of the user, with its state and its login in the home directory where the demo runs. */
let edge: Edge;
/** Path of the login. */
let login: string;
/** Temporary directory of the demo, which must be empty afterwards. */
let directory: string;

beforeAll(async () => {
  cluster = await Cluster.create();
  directory = await mkdtemp(join(tmpdir(), "fl-"));
  // PostgreSQL may run as another user, which needs access.
  await chmod(directory, 0o755);
  login = cluster.path("home", ".config/fairlead/login.json");
  const stateDir = cluster.path("home", ".local/state/fairlead/edge");
  edge = await cluster.edge({ stateDir, login: true });
});

afterAll(async () => {
  await cluster.close();
  await rm(directory, { recursive: true, force: true });
});

function demo(...args: readonly string[]): ManagedProcess {
  return cluster.spawn({
    name: "demo",
    command: process.execPath,
    args: [join(ROOT, "tests", "demo", "main.ts"), ...args],
    env: { TMPDIR: directory },
  });
}

describe("npm run demo", () => {
  it("shows every step beside an edge of the user, exits with status 0 and leaves no file behind", async () => {
    const before = await readFile(login, "utf8");
    const run = demo("--once", "--json");
    const { status } = await run.exited;
    expect(status, run.lastLines(100).join("\n")).toBe(0);
    const results = Results.parse(JSON.parse(run.stdout));
    expect(results.steps.filter((step) => !step.ok)).toEqual([]);
    expect(results.steps.map(({ name }) => name)).toEqual(STEPS);
    expect(results.ok).toBe(true);
    const detail = (name: string) => results.steps.find((step) => step.name === name)?.detail;
    expect(detail("download")).toContain("256 MiB");
    if (process.platform === "linux") expect(detail("closed")).toContain("Nothing listens for the outside");
    expect(await readdir(directory)).toEqual([]);

    // The edge of the user, its login and the default ports are none of the demo's business.
    expect(await readFile(login, "utf8")).toBe(before);
    expect(await listNetworks(edge.client)).toEqual([]);
    expect(detail("edge")).not.toMatch(/:844[345]\b/);
  });

  it("removes its files when SIGINT interrupts it", async () => {
    const run = demo();
    await run.output("its first step", ({ stdout }) => (stdout.includes("✓ The edge") ? true : null));
    const { status } = await run.stop(120_000, "SIGINT");
    expect(status).toBe(130);
    for (const line of run.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(await readdir(directory)).toEqual([]);
  });
});
