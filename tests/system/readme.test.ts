/**
 * Types the commands of README.md, block for block, as a reader does: in several terminals, with an empty home.
 * FAIRLEAD_TRANSCRIPT=1 prints every block with its output.
 */
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster, eventually, ROOT } from "../support/process/cluster.ts";
import { Machine } from "../support/process/machine.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { Page } from "../support/run/page.ts";
import { Transcript } from "../support/run/transcript.ts";

/** How each terminal but the first begins. */
const BEGIN = `export PATH="$PWD/bin:$PATH"\ncd try`;

const SERVER = "examples/two-sites/server.mjs";

let cluster: Cluster;
let machine: Machine;
let page: Page;
let transcript: Transcript;

beforeAll(async () => {
  cluster = await Cluster.create();
  transcript = new Transcript(cluster);
  page = await Page.read("README.md");
  machine = await Machine.create(cluster, "readme", { ports: [9000, 9001] });
  // The parts of a checkout that the commands use.
  await symlink(join(ROOT, "bin"), join(machine.directory, "bin"));
  await cp(join(ROOT, "examples"), join(machine.directory, "examples"), { recursive: true });
  const server = join(machine.directory, SERVER);
  await writeFile(server, machine.moved(await readFile(server, "utf8")));
});
afterAll(async () => {
  transcript.print();
  await cluster.close();
});

/** Runs the block with this text. Blocks after the first of a terminal continue in its directory. */
async function typed(text: string): Promise<string> {
  const block = page.block(text);
  const said = await machine.run(block.startsWith(BEGIN) ? block : `${BEGIN}\n${block}`);
  transcript.note("try", block, said);
  return said;
}

/** Starts the block with this text, and waits until its last command says `ready`. */
async function started(text: string, ready: string): Promise<ManagedProcess> {
  const block = page.block(text);
  const terminal = machine.start(block);
  await terminal.output(ready, ({ stdout }) => (stdout.includes(ready) ? true : null));
  transcript.note("try", block, terminal.stdout);
  return terminal;
}

/** Waits until the status of a site has this text. */
async function until(site: string, words: string, text: string): Promise<void> {
  await eventually(`${words} at ${site} has "${text}"`, async () =>
    (await machine.run(`${BEGIN}\nfairlead ${words} --state ${site}`)).includes(text),
  );
}

describe("README.md", () => {
  it("starts an edge and two sites, and reaches the service of one site from the other", async () => {
    await started("edge start", "The edge runs");
    await started("--site west", '"to":"up"');
    await started("--site east", '"to":"up"');
    await until("west", "service status", "listening");
    const said = await typed("curl http://127.2.0.1");
    expect(said).toContain("Hello from east: GET /");
    expect(said).toContain('Network "shop" has 2 sites, all of them up. It has 1 service.');
  });

  it("links a third site, which then reaches the service of a site that it has no link to", async () => {
    const tokens = await typed("site create office");
    expect(tokens).toContain('Site "office" created');
    expect(tokens).toContain('linked to site "west"');
    await started("--site office", '"to":"up"');
    expect(await typed("link create west.yaml")).toContain("Link link1 to west is connected, cost 5");
    await until("office", "service status", "listening");
    expect(await typed("curl http://127.3.0.1")).toContain("Hello from east: GET /");
  });

  it("offers a service to the third site alone", async () => {
    expect(await typed("--to office")).toContain("to office only");
    await until("office", "service status", "report ");
    expect(await typed("unexpose report")).toMatch(/^report .* east$/m);
  });

  it("revokes the link and the site while everything runs", async () => {
    expect(await typed("revoke-access --issuer west")).toContain("1 link and 1 session ended.");
    await until("office", "link status", "link.revoked");
    const said = await typed("site revoke office");
    expect(said).toContain("Link link1 to west is not connected (link.revoked)");
    expect(said).toContain('Site "office" revoked.');
    expect(said).toMatch(/access\.revoked[\s\S]*site\.revoked/);
  });

  it("has no other commands", () => {
    expect(page.unused).toEqual([]);
  });
});
