/** `fairlead doctor` on a machine where one thing at a time is really broken. */
import { chmod, chown, mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Finding } from "../../connector/diagnosis/finding.ts";
import { silent } from "../../connector/log.ts";
import { Site } from "../../connector/site/site.ts";
import { parseToken } from "../../connector/site/token.ts";
import { openStateDirectory } from "../../connector/state/directory.ts";
import { ERRORS } from "../../protocol/errors.ts";
import { randomId } from "../support/authority/certificates.ts";
import { makeCertificates } from "../support/authority/server-certificates.ts";
import { TestDeployment } from "../support/authority/test-deployment.ts";
import { freePort } from "../support/free-port.ts";
import { type Connector, type Env, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, serve } from "../support/traffic/servers.ts";

const suite = useEdge();

/** Exit code when a check fails. */
const UNHEALTHY = 7;

let east: Connector;
/** An address that another program holds, where west wants a listener. */
let taken: string;
let west: Connector;

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const server = await serve(echo);
  taken = (await serve(echo)).at;
  east = await suite.cluster.connector({ site: "east", token, expose: [`echo=${server.at}`] });
  west = await suite.cluster.connector({ site: "west", token, listen: [`echo=${taken}`] });
});

interface Diagnosis {
  readonly status: number | null;
  readonly checks: readonly Finding[];
  readonly text: string;
}

async function doctor(
  args: readonly string[],
  env: Env = {},
  as: { uid?: number; gid?: number } = {},
): Promise<Diagnosis> {
  const { status, stdout, stderr, json } = await suite.cluster.fairlead(
    ["doctor", "--json", ...args],
    env,
    as,
  );
  expect(json, stderr).toBeDefined();
  return { status, checks: (json as { checks: Finding[] }).checks, text: stdout };
}

/** The checks with a result, by name. */
const named = ({ checks }: Diagnosis, result: string) =>
  checks.filter((each) => each.result === result).map(({ check }) => check);

/** Expects that one check fails with this advice, and that no other one fails or warns, but for those given. */
function expectOnly(
  diagnosis: Diagnosis,
  check: string,
  advice: string,
  warns: readonly string[] = [],
): void {
  expect(named(diagnosis, "fail"), diagnosis.text).toEqual([check]);
  expect(named(diagnosis, "warn"), diagnosis.text).toEqual(warns);
  expect(diagnosis.checks.find((each) => each.check === check)?.action).toContain(advice);
  expect(diagnosis.status).toBe(UNHEALTHY);
}

/** The options for the edge of the suite. */
const atEdge = () => ["--edge", suite.edge.localUrl, "--ca", suite.edge.caFile];

/** A CA that is not the edge's. Returns the path of its file. */
async function caFile(ca: string): Promise<string> {
  const path = suite.cluster.fresh("ca");
  await writeFile(path, ca);
  return path;
}

describe("fairlead doctor", () => {
  it("passes at a site whose connector runs, and at an edge, without showing a secret", async () => {
    const site = await doctor(["--state", east.stateDir], suite.edge.env);
    expect(site.status, site.text).toBe(0);
    expect(named(site, "fail").concat(named(site, "warn")), site.text).toEqual([]);
    expect(named(site, "pass")).toEqual(
      expect.arrayContaining([
        ...["node", "descriptors", "proxy", "api.dns", "api.tcp", "api.tls", "gateway.tcp", "gateway.tls"],
        ...["clock", "login", "state", "lock", "certificate", "connector", "listeners"],
      ]),
    );
    const edge = await doctor(["--state", suite.edge.stateDir]);
    expect(edge.status, edge.text).toBe(0);
    expect(named(edge, "pass")).toEqual(
      expect.arrayContaining(["workerd", "lanes.tcp", "lanes.tls", "certificate", "ports"]),
    );
    const shown = site.text + edge.text;
    expect(shown).not.toContain(suite.edge.adminKey);
    expect(shown).not.toContain("PRIVATE KEY");
  });

  it("checks what can be checked without any state, in a table of 80 columns", async () => {
    const { status, stdout } = await suite.cluster.fairlead(["doctor"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^node +pass /m);
    expect(stdout).toMatch(/^api\.tcp +skip /m);
    expect(stdout).toContain("No check failed.");
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("names a CA that is not the edge's", async () => {
    const { ca } = await makeCertificates();
    const diagnosis = await doctor(["--edge", suite.edge.localUrl, "--ca", await caFile(ca)]);
    expectOnly(diagnosis, "api.tls", "belongs to the right edge");
  });

  it("warns of the edge's own CA before there is a token", async () => {
    const diagnosis = await doctor(["--edge", suite.edge.localUrl]);
    expect(diagnosis.status).toBe(0);
    expect(named(diagnosis, "warn")).toEqual(["api.tls"]);
  });

  it("names a closed port", async () => {
    const url = `https://127.0.0.1:${await freePort()}`;
    expectOnly(await doctor(["--edge", url, "--ca", suite.edge.caFile]), "api.tcp", "that the edge runs");
  });

  it("names a name that does not resolve", async () => {
    const diagnosis = await doctor(["--edge", "https://edge.invalid", "--ca", suite.edge.caFile]);
    expectOnly(diagnosis, "api.dns", "DNS of this machine");
  });

  it("names a proxy that is not there, and one that cannot be one", async () => {
    const dead = { HTTPS_PROXY: "http://user:hunter2@127.0.0.1:1" };
    const diagnosis = await doctor(atEdge(), dead);
    expectOnly(diagnosis, "api.tcp", "HTTPS_PROXY");
    expect(diagnosis.text).not.toContain("hunter2");
    expectOnly(await doctor(atEdge(), { ALL_PROXY: "socks4://127.0.0.1" }), "proxy", "socks5h://");
  });

  it("names the clock, by the Date header of the edge", async () => {
    const { ca, certificate, key } = await makeCertificates();
    const server = createHttpsServer({ cert: certificate, key }, (_, response) => {
      response.setHeader("date", new Date(Date.now() + 3_600_000).toUTCString()).end("{}");
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    // The certificate is new, so a clock that is wrong by an hour does not matter to it.
    const diagnosis = await doctor(["--edge", url, "--ca", await caFile(ca)]);
    const clock = diagnosis.checks.find(({ check }) => check === "clock");
    expectOnly(diagnosis, "clock", "Correct the clock of this machine");
    expect(clock?.detail).toContain("behind the edge's");
  });

  it("names a server that is no edge by TLS", async () => {
    const server = createServer((socket) => void socket.end("SSH-2.0-none\r\n"));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expectOnly(await doctor(["--edge", url]), "api.tls", "that the port in the URL is that of the edge");
  });

  it("names an address of a listener that another program holds", async () => {
    await eventually("the listener has failed", async () => {
      const { services } = await west.control.services();
      return services.some(({ listener }) => listener?.state === "failed");
    });
    expectOnly(await doctor(["--state", west.stateDir]), "listeners", "--listen");
  });

  it("names the same address before the connector runs, by its configuration", async () => {
    const { directory } = await joined(new Date(Date.now() + 86_400_000));
    const config = suite.cluster.fresh("config");
    await writeFile(config, `listen:\n  - echo=${taken}\n`);
    const diagnosis = await doctor(["--state", directory, "--config", config, ...atEdge()]);
    expectOnly(diagnosis, "listeners", "--listen", ["connector"]);
  });

  it("names an expired certificate", async () => {
    const { directory } = await joined(new Date(Date.now() - 3_600_000));
    const diagnosis = await doctor(["--state", directory, ...atEdge()]);
    expectOnly(diagnosis, "certificate", "Start the connector, which renews it", ["connector"]);
  });

  it("names a key that is not that of the certificate", async () => {
    const { directory } = await joined(new Date(Date.now() + 86_400_000));
    const other = await joined(new Date(Date.now() + 86_400_000));
    await writeFile(join(directory, "key.pem"), other.key);
    const diagnosis = await doctor(["--state", directory, ...atEdge()]);
    expectOnly(diagnosis, "certificate", "from the same backup", ["connector"]);
  });

  it("names a state directory that cannot be written", async (context) => {
    const { directory } = await joined(new Date(Date.now() + 86_400_000));
    let as = {};
    if (process.getuid?.() === 0) {
      as = { uid: 65_534, gid: 65_534 };
      await chmod(suite.cluster.directory, 0o755);
      for (const name of await readdir(directory)) await chown(join(directory, name), 65_534, 65_534);
      await chown(directory, 65_534, 65_534);
      const probe = await suite.cluster.fairlead(["--version"], {}, as);
      if (probe.status !== 0)
        context.skip("the program is closed to other users, and root writes everywhere");
    }
    await chmod(directory, 0o500);
    const diagnosis = await doctor(["--state", directory, "--edge", suite.edge.localUrl], {}, as);
    await chmod(directory, 0o700);
    expectOnly(diagnosis, "state", "write access", ["api.tls", "connector"]);
  });

  it("names a key that other users can read", async () => {
    const { directory } = await joined(new Date(Date.now() + 86_400_000));
    await chmod(join(directory, "key.pem"), 0o644);
    const diagnosis = await doctor(["--state", directory, ...atEdge()]);
    expectOnly(diagnosis, "state", "chmod 600", ["connector"]);
  });

  it("names a login that is not valid", async () => {
    const diagnosis = await doctor([], { ...suite.edge.env, FAIRLEAD_KEY: "flk_wrong" });
    expectOnly(diagnosis, "login", ERRORS["key.invalid"].action);
    expect(diagnosis.text).not.toContain("flk_wrong");
  });

  it("says that the uplink of a running connector is not up, and why", async () => {
    const network = await suite.cluster.network(suite.edge);
    const site = await suite.cluster.connector({ site: "north", token: await network.token() });
    await suite.cluster.fairlead(
      ["site", "revoke", "north", "--network", network.name, "--yes"],
      suite.edge.env,
    );
    await eventually("the uplink is refused", async () => (await site.status()).uplink.state === "refused");
    const diagnosis = await doctor(["--state", site.stateDir]);
    expectOnly(diagnosis, "connector", "To readmit the site");
    await site.stop();
  });
});

describe("a connector whose uplink does not come up", () => {
  it("logs the failing checks of its path once, and runs on", async () => {
    const network = await suite.cluster.network(suite.edge);
    const site = await suite.cluster.connector({ site: "south", token: await network.token() });
    await site.stop();
    const args = ["connector", "run", "--state", site.stateDir];
    const run = suite.cluster.run("south", args, { HTTPS_PROXY: "http://127.0.0.1:1" });
    const lines = () => run.stdout.split("\n").filter((line) => line.includes('"check":'));
    await eventually("the checks are logged", () => lines().length === 2);
    expect(lines().map((line) => (JSON.parse(line) as { check: string }).check)).toEqual([
      "api.tcp",
      "gateway.tcp",
    ]);
    expect(lines()[0]).toContain("that the proxy runs");
    expect((await run.stop()).status).toBe(0);
  });
});

/** The state directory of a site that joined a network of its own, with a certificate that ends then. */
async function joined(notAfter: Date): Promise<{ directory: string; key: string }> {
  const deployment = await TestDeployment.create();
  deployment.notAfter = notAfter.getTime();
  const directory = suite.cluster.fresh("state");
  await mkdir(directory, { mode: 0o700 });
  const state = openStateDirectory(directory, { role: "connector" });
  const site = await Site.start({
    state,
    boot: randomId("boot"),
    site: "test",
    tokens: ["token"],
    api: deployment,
    readToken: async () => parseToken(deployment.tokenFile()),
    log: silent,
  });
  await state.close();
  return { directory, key: site.keyPem };
}
