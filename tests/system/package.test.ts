/** The package: packed from this build, installed elsewhere without a network, and used as an installation is. */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { Packed, packedProblems } from "../../scripts/release-checks.ts";
import { type Connector, eventually, ROOT } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { closeShop, serveHttp } from "../support/traffic/shop.ts";

const suite = useEdge();
const run = promisify(execFile);

/** Most that an installation may take, bytes; half of it is left for what is to come. */
const MOST_BYTES = 20 * 1024 ** 2;

let prefix: string;
let command: string;

/** npm with neither a network nor anything from this user's cache. */
async function npm(args: readonly string[], cwd: string): Promise<string> {
  const env = suite.cluster.environment({
    npm_config_cache: suite.cluster.path("npm"),
    npm_config_offline: "true",
  });
  return (await run("npm", [...args], { cwd, env, maxBuffer: 64 * 1024 ** 2 })).stdout;
}

beforeAll(async () => {
  const place = suite.cluster.path("package");
  prefix = join(place, "prefix");
  await mkdir(prefix, { recursive: true });
  const packed = await npm(["pack", "--json", "--ignore-scripts", "--pack-destination", place], ROOT);
  const tarball = Packed.parse(JSON.parse(packed));
  if (tarball === undefined) throw new Error("npm packed nothing");
  expect(packedProblems(tarball.files.map(({ path }) => path))).toEqual([]);
  await npm(["install", "--global", "--prefix", prefix, join(place, tarball.filename)], place);
  command = join(prefix, "bin", "fairlead");
});

async function installed(args: readonly string[]) {
  const process = suite.cluster.spawn({ name: `installed ${args[0]}`, command, args });
  const { status } = await process.exited;
  return { status, stdout: process.stdout, stderr: process.stderr };
}

async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe("the installed package", () => {
  it("contains everything that the command needs, and no other package", async () => {
    expect(await readdir(join(prefix, "lib/node_modules"))).toEqual(["fairlead"]);
    expect(await readdir(join(prefix, "lib/node_modules/fairlead"))).not.toContain("node_modules");
    expect(await bytesBelow(prefix)).toBeLessThan(MOST_BYTES);
  });

  it("prints its version and its help", async () => {
    expect(await installed(["--version"])).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+/),
      stderr: "",
    });
    const help = await installed(["connector", "run", "--help"]);
    expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining("--token <FILE>") });
  });

  it("runs a connector, with the text of its token in FAIRLEAD_TOKEN, that serves a service of another site", async () => {
    const network = await suite.cluster.network(suite.edge);
    const target = await serveHttp("api");
    const east: Connector = await suite.cluster.connector({
      site: "east",
      token: await network.token(),
      expose: [`api=${target}/http`],
    });
    const state = suite.cluster.fresh("west");
    const args = ["connector", "run", "--site", "west", "--state", state];
    const env = { FAIRLEAD_TOKEN: await readFile(await network.token(), "utf8") };
    const west = suite.cluster.spawn({
      name: "installed west",
      command,
      env,
      args: [...args, "--bind", "127.23.0.1"],
    });
    const address = await west.output("the listener listens", ({ stdout }) => {
      const [, found] =
        /"address":"(127\.23\.0\.1:[1-9]\d*)","msg":"The listener is listening/.exec(stdout) ?? [];
      return found ?? null;
    });
    const answer = await eventually("an answer of the target", async () => {
      const response = await fetch(`http://${address}/orders`);
      return response.ok ? await response.json() : null;
    });
    expect(answer).toEqual({ service: "api", path: "/orders" });
    expect((await west.stop()).status).toBe(0);
    await east.stop();
    closeShop();
  });

  it("names the version of workerd that an edge needs, and creates no state without it", async () => {
    const state = suite.cluster.fresh("edge");
    const { status, stderr } = await installed(["edge", "start", "--state", state, "--json"]);
    expect(status).not.toBe(0);
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: "edge.workerd_missing",
        message: expect.stringMatching(/workerd@\d+\.\d+\.\d+\.$/),
        action: expect.stringContaining("npm install --global workerd@VERSION"),
      },
    });
    await expect(stat(state)).rejects.toThrow("ENOENT");
  });
});
