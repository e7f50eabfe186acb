/** The single file of the command, for hosts without npm. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { type Connector, ROOT } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { closeShop, serveHttp } from "../support/traffic/shop.ts";

const suite = useEdge();
const run = promisify(execFile);

/** Most bytes of the file: nearly all of it is Node. */
const MOST_BYTES = 140_000_000;

/** `npm ci` installs it. */
const absent = !existsSync(join(ROOT, "node_modules/postject"));

let command: string;

async function fairlead(...args: readonly string[]) {
  const process = suite.cluster.spawn({ name: `single ${args[0]}`, command, args });
  const { status } = await process.exited;
  return { status, stdout: process.stdout, stderr: process.stderr };
}

describe.skipIf(absent)("The single file (npm package postject)", () => {
  beforeAll(async () => {
    command = suite.cluster.path("fairlead");
    await run(process.execPath, [join(ROOT, "scripts/single-file.ts"), command], { cwd: ROOT });
  });

  it("prints its version and its help, and is not much larger than Node", async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    expect(await fairlead("--version")).toEqual({ status: 0, stdout: version, stderr: "" });
    expect((await fairlead("connector", "run", "--help")).stdout).toContain("--token <FILE>");
    expect((await stat(command)).size).toBeLessThan(MOST_BYTES);
  });

  it("runs a connector that serves a service of another site, and answers its commands", async () => {
    const network = await suite.cluster.network(suite.edge);
    const east: Connector = await suite.cluster.connector({
      site: "east",
      token: await network.token(),
      expose: [`api=${await serveHttp("api")}/http`],
    });
    const state = suite.cluster.fresh("west");
    const args = [
      "--site",
      "west",
      "--state",
      state,
      "--token",
      await network.token(),
      "--bind",
      "127.25.0.1",
    ];
    const west = suite.cluster.spawn({ name: "single west", command, args: ["connector", "run", ...args] });
    const address = await west.output("the listener listens", ({ stdout }) => {
      const [, found] =
        /"address":"(127\.25\.0\.1:[1-9]\d*)","msg":"The listener is listening/.exec(stdout) ?? [];
      return found ?? null;
    });
    const answer = await eventually("an answer of the target", async () => {
      const response = await fetch(`http://${address}/orders`);
      return response.ok ? await response.json() : null;
    });
    expect(answer).toEqual({ service: "api", path: "/orders" });
    expect(await fairlead("status", "--state", state, "--json")).toMatchObject({ status: 0 });
    expect((await west.stop()).status).toBe(0);
    await east.stop();
    closeShop();
  });

  it("is what its systemd unit runs", async () => {
    const { stdout } = await fairlead("connector", "install", "--site", "west", "--dry-run");
    expect(stdout).toContain(`\nExecStart=${command} connector run --json --site west\n`);
  });

  it("refuses to run an edge", async () => {
    const { status, stderr } = await fairlead("edge", "start", "--state", suite.cluster.fresh("edge"));
    expect(status).not.toBe(0);
    expect(stderr).toContain("The single file has no edge.");
  });
});
