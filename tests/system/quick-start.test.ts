/**
 * Types the commands of docs/quick-start.md on two machines with a network between them. FAIRLEAD_TRANSCRIPT=1 prints
 * every block with its output.
 */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster, eventually, FAIRLEAD } from "../support/process/cluster.ts";
import { Machine, NAMESPACES } from "../support/process/machine.ts";
import { ServiceManager } from "../support/process/service-manager.ts";
import { Page } from "../support/run/page.ts";
import { Transcript } from "../support/run/transcript.ts";

const WEST = "192.0.2.1";
const EAST = "192.0.2.2";
const HOSTS = { "west.example": WEST, "east.example": EAST };
const SITE = "--state /var/lib/fairlead-connector";

/** Whether the kernel gives users namespaces, and a cable between two of them. */
const possible =
  NAMESPACES &&
  spawnSync("unshare", ["-rn", "ip", "link", "add", "cable", "type", "veth", "peer", "name", "other"])
    .status === 0;

let cluster: Cluster;
let west: Machine;
let east: Machine;
let managers: ServiceManager[];
let page: Page;
let transcript: Transcript;

beforeAll(async () => {
  cluster = await Cluster.create();
  transcript = new Transcript(cluster);
  page = await Page.read("docs/quick-start.md");
  if (!possible) return;
  west = await Machine.create(cluster, "west", { hosts: HOSTS });
  east = await Machine.create(cluster, "east", {
    hosts: HOSTS,
    cable: { to: west, addresses: [WEST, EAST] },
  });
  managers = await Promise.all([west, east].map(ServiceManager.start));
  // The package is packed and installed by tests/system/package.test.ts.
  await west.program("npm", `[ "$1" != pack ] || touch fairlead-0.1.0.tgz`);
  await east.program("npm", "");
  await west.program("scp", copyTo(east));
});
afterAll(async () => {
  for (const each of managers ?? []) each.close();
  transcript.print();
  await cluster.close();
});

/** An scp that copies to the machine that the target names; to this machine itself it copies nothing. */
const copyTo = (machine: Machine) =>
  `case "$2" in root@${machine.name}.example:) cp "$1" '${machine.directory}' ;; root@*.example:) ;; *) exit 1 ;; esac`;

/** Types the block with this text at a machine. */
async function typed(machine: Machine, text: string): Promise<string> {
  const block = page.block(text);
  const said = await machine.run(block);
  transcript.note(machine.name, block, said);
  return said;
}

/** Waits until the block with this text ends with success, and its output has `expected`. */
async function typedUntil(machine: Machine, text: string, expected: string): Promise<string> {
  const block = page.block(text);
  const said = await eventually(`"${expected}" at ${machine.name}`, async () => {
    const output = await machine.run(block);
    return output.includes(expected) ? output : null;
  });
  transcript.note(machine.name, block, said);
  return said;
}

/** Makes the command of the package, as npm does. */
const install = (machine: Machine) =>
  machine.program("fairlead", `exec '${process.execPath}' '${FAIRLEAD}' "$@"`);

describe.skipIf(!possible)("docs/quick-start.md", () => {
  it("installs the package on both machines", async () => {
    await typed(west, "npm pack");
    await Promise.all([west, east].map(install));
    expect(await typed(west, "workerd@")).toMatch(/^\d+\.\d+\.\d+$/m);
    expect(await typed(east, "--global ./fairlead-0.1.0.tgz\n")).toMatch(/^\d+\.\d+\.\d+$/m);
  });

  it("starts an edge as a service, which answers at its name on both machines", async () => {
    expect(await typed(west, "edge install")).toContain("fairlead-edge.service is installed and runs");
    await typedUntil(west, "/v1/health", '"status":"ok"');
    expect(await east.run("curl -s -k https://west.example:8443/v1/health")).toContain('"status":"ok"');
  });

  it("makes a network, and a token that arrives at the other machine", async () => {
    expect(await typed(west, "fairlead login")).toContain("Token written to token.yaml.");
    expect(await east.run("cat token.yaml")).toContain("https://west.example:8443");
  });

  it("starts both sites as services", async () => {
    await typed(east, "--site east");
    await typed(west, "--site west");
    await typedUntil(west, "fairlead status", 'Network "shop" has 2 sites, all of them up.');
  });

  it("reaches the server of the other machine from the first one", async () => {
    await typed(east, "fairlead expose");
    await eventually("the listener", async () =>
      (await west.run(`fairlead service status ${SITE}`)).includes("listening"),
    );
    const said = await typed(west, `fairlead service status ${SITE}`);
    expect(said).toMatch(/^api +127\.0\.0\.1:9000 +listening/m);
    expect(said).toContain("Hello from east");
  });

  it("reaches it again after a restart of the edge, and has every step as an event", async () => {
    await typed(west, "systemctl restart");
    const said = await typedUntil(west, "fairlead events", "Hello from east");
    expect(said).toMatch(/site\.joined[\s\S]*service\.appeared/);
  });

  it("removes everything again", async () => {
    const uninstall = page.block("connector uninstall");
    for (const machine of [east, west])
      expect(await machine.run(uninstall)).toContain("fairlead-connector.service is removed.");
    expect(await typed(west, "edge uninstall")).toContain("fairlead-edge.service is removed.");
    expect(await west.run("ls /etc/systemd/system /var/lib")).not.toContain("fairlead");
  });

  it("has no other commands", () => {
    expect(page.unused).toEqual([]);
  });
});
