/** Joining a network with `fairlead connector run`: tokens, sites and state directories. */
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import { parse as parseYaml, stringify } from "yaml";
import { listEvents, listTokens, revokeToken } from "../../connector/operator/edge-api.ts";
import { encodeBase32 } from "../../protocol/encoding.ts";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { parseClaim, TokenFile } from "../../protocol/tokens.ts";
import { connectorArgs } from "../support/connector/connector.ts";
import {
  Connector,
  eventually,
  FAIRLEAD,
  type Outcome,
  type TestNetwork,
} from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
});

/** Runs a connector that must fail at its start. */
async function fail(
  options: { site?: string; token?: string; stateDir?: string },
  as: { uid?: number; gid?: number } = {},
): Promise<Outcome> {
  const { site = "nobody", stateDir = suite.cluster.fresh("refused"), ...rest } = options;
  return await suite.cluster.fairlead(connectorArgs({ site, ...rest }, stateDir), {}, as);
}

/** Checks the code, the action and the exit status. @param action that of the error table unless given */
function expectRefusal(
  outcome: Outcome,
  code: ErrorCode,
  status: number,
  action: string = ERRORS[code].action,
): void {
  expect(outcome.json, outcome.stderr).toMatchObject({
    error: { code, action: expect.stringContaining(action) },
  });
  expect(outcome.status).toBe(status);
}

async function readToken(path: string): Promise<TokenFile> {
  return TokenFile.parse(parseYaml(await readFile(path, "utf8")));
}

/** Writes a copy of a token file with a changed claim. */
async function withClaim(path: string, change: (claim: string) => string): Promise<string> {
  const token = await readToken(path);
  const changed = `${suite.cluster.fresh("changed")}.yaml`;
  const spec = { ...token.spec, claim: change(token.spec.claim) };
  await writeFile(changed, stringify({ ...token, spec }));
  return changed;
}

/** Returns the edge's record of a token. */
async function stateOf(path: string) {
  const { tokenId } = parseClaim((await readToken(path)).spec.claim) ?? { tokenId: "" };
  return (await listTokens(suite.edge.client, network.id)).find(({ id }) => id === tokenId);
}

describe("A token", () => {
  it("admits as many sites as it has uses, and is then refused with token.used_up", async () => {
    const token = `${suite.cluster.fresh("cli")}.yaml`;
    const made = await suite.edge.fairlead(
      ...["token", "create", "--network", network.name, "--uses", "2", "-o", token],
    );
    expect(made.status, made.stderr).toBe(0);
    expect((await stat(token)).mode & 0o777).toBe(0o600);
    await Promise.all(["first", "second"].map((site) => suite.cluster.connector({ site, token })));
    expectRefusal(await fail({ token, site: "third" }), "token.used_up", 4);
    expect(await stateOf(token)).toMatchObject({ uses: 2, used: 2, state: "used_up" });
  });

  it("gets token.unknown if the edge never issued it, in a known and in an unknown network", async () => {
    const token = await network.token();
    const random = encodeBase32(crypto.getRandomValues(new Uint8Array(16)));
    const noToken = await withClaim(token, (claim) => claim.replace(/\.t[^.]+\./, `.t${random}.`));
    expectRefusal(await fail({ token: noToken }), "token.unknown", 4);
    const noNetwork = await withClaim(token, (claim) => claim.replace(/^n[^.]+\./, `n${random}.`));
    expectRefusal(await fail({ token: noNetwork }), "token.unknown", 4);
  });

  it("gets token.unknown after its network was deleted", async () => {
    const doomed = await suite.cluster.network(suite.edge);
    const token = await doomed.token();
    const deleted = await suite.edge.fairlead("network", "delete", doomed.name, "--yes");
    expect(deleted.status, deleted.stderr).toBe(0);
    expectRefusal(await fail({ token }), "token.unknown", 4);
  });

  it("gets token.expired after its expiry", async () => {
    const token = await network.token({ expirySeconds: 1 });
    await eventually("the token expires", async () => (await stateOf(token))?.state === "expired");
    expectRefusal(await fail({ token }), "token.expired", 4);
  });

  it("gets token.revoked after it was revoked", async () => {
    const token = await network.token();
    await revokeToken(suite.edge.client, network.id, (await stateOf(token))?.id ?? "");
    expectRefusal(await fail({ token }), "token.revoked", 4);
  });

  it("gets token.altered with another secret, which uses nothing up and is recorded as an event", async () => {
    const token = await network.token();
    const other = await withClaim(token, (claim) => claim.slice(0, -1) + (claim.endsWith("A") ? "E" : "A"));
    expectRefusal(await fail({ token: other, site: "forger" }), "token.altered", 3);
    expect(await stateOf(token)).toMatchObject({ used: 0, state: "good" });
    const events = await listEvents(suite.edge.client, network.id, { type: "token.refused" });
    expect(events.find(({ text }) => text.includes("forger"))?.code).toBe("token.altered");
  });

  it("gets token.malformed when its file is truncated, before the edge is asked", async () => {
    const token = await network.token();
    const whole = await readFile(token, "utf8");
    const ends = [0, 40, whole.indexOf("claim:") + 40, whole.indexOf("BEGIN CERTIFICATE") + 200];
    for (const end of ends) {
      const cut = `${suite.cluster.fresh("cut")}.yaml`;
      await writeFile(cut, whole.slice(0, end));
      const stateDir = suite.cluster.fresh("refused");
      const action = end === 0 ? "give a file with content" : undefined;
      expectRefusal(await fail({ token: cut, stateDir }), "token.malformed", 2, action);
      expect(await readdir(stateDir)).not.toContain("site.json");
    }
    expect(await stateOf(token)).toMatchObject({ used: 0 });
  });

  it("gets file.unreadable when its file does not exist", async () => {
    const { json, status, stderr } = await fail({ token: "/nonexistent/token.yaml" });
    const action = expect.stringContaining("Give the path of a file that exists.");
    expect(json, stderr).toMatchObject({ error: { code: "file.unreadable", action } });
    expect(status).toBe(2);
  });

  it("is required of a site that never joined", async () => {
    expectRefusal(await fail({}), "token.missing", 2);
  });

  it("admits one of two connectors that compete for its last use", async () => {
    const token = await network.token();
    const racers = ["racer-a", "racer-b"].map((site) => {
      const stateDir = suite.cluster.fresh(site);
      return suite.cluster.run(site, connectorArgs({ site, token }, stateDir));
    });
    await eventually("both connectors have exited or are up", () =>
      racers.every((racer) => racer.exit !== null || racer.stdout.includes('"to":"up"')),
    );
    const losers = racers.filter((racer) => racer.exit !== null);
    expect(losers).toHaveLength(1);
    expect(losers[0]?.exit?.status).toBe(4);
    expect(losers[0]?.stderr).toContain('"code":"token.used_up"');
    expect(await stateOf(token)).toMatchObject({ used: 1 });
  });
});

describe("A site", () => {
  it("gets the same answer when it repeats a redemption with its key, and uses nothing up", async () => {
    const token = await network.token();
    const site = await suite.cluster.connector({ site: "repeater", token });
    const before = (await site.status()).site;
    await site.kill9();
    // Leaves the key alone, as if the answer had been lost.
    for (const name of ["site.json", "certificate.pem", "links.json", "ca.pem"]) {
      await rm(join(site.stateDir, name));
    }
    const again = await suite.cluster.connector({ site: "repeater", stateDir: site.stateDir, token });
    expect((await again.status()).site).toEqual(before);
    expect(await stateOf(token)).toMatchObject({ used: 1 });
  });

  it("starts again without a token and a name after it has joined", async () => {
    const site = await suite.cluster.connector({ site: "settled", token: await network.token() });
    const before = (await site.status()).site;
    await site.stop();
    const again = suite.cluster.run("settled", ["connector", "run", "--state", site.stateDir, "--json"]);
    await again.output("uplink up", ({ stdout }) => (stdout.includes('"to":"up"') ? true : null));
    const { site: now } = await eventually("the control socket answers", () => site.status());
    expect(now).toEqual(before);
  });

  it("refuses a second process in its state directory with state.locked, and stays up", async () => {
    const site = await suite.cluster.connector({ site: "locked", token: await network.token() });
    const second = await fail({ site: "locked", stateDir: site.stateDir });
    expectRefusal(second, "state.locked", 5);
    expect((await site.status()).uplink.state).toBe("up");
  });

  it("gets site.name_taken for the name of another site, and uses nothing up", async () => {
    await suite.cluster.connector({ site: "popular", token: await network.token() });
    const token = await network.token();
    expectRefusal(await fail({ site: "popular", token }), "site.name_taken", 5);
    expect(await stateOf(token)).toMatchObject({ used: 0, state: "good" });
  });

  it("keeps its files readable by the owner only", async () => {
    const site = await suite.cluster.connector({ site: "discreet", token: await network.token() });
    for (const name of await readdir(site.stateDir)) {
      // A draft of a file is gone once the file is written.
      const found = await stat(join(site.stateDir, name)).catch(() => null);
      if (found !== null) expect(found.mode & 0o077, name).toBe(0);
    }
    for (const name of ["key.pem", "certificate.pem", "site.json"]) {
      expect((await stat(join(site.stateDir, name))).mode & 0o077, name).toBe(0);
    }
    expect((await stat(site.stateDir)).mode & 0o777).toBe(0o700);
  });
});

describe("A state directory", () => {
  it("is refused with state.unwritable before the token is used, if it cannot be written", async (context) => {
    const token = await network.token();
    const directory = suite.cluster.fresh("readonly");
    await mkdir(directory);
    const as = await withoutWriteAccess(context, directory, token);
    const refused = await fail({ token, stateDir: join(directory, "site") }, as);
    expectRefusal(refused, "state.unwritable", 1, "choose another directory with --state.");
    expect(await stateOf(token)).toMatchObject({ used: 0 });
  });

  it("is refused with state.full before the token is used, if its disk is full", async (context) => {
    const token = await network.token();
    const directory = await mountSmallDisk(context);
    try {
      const { bavail, bsize } = await statfs(directory);
      await writeFile(join(directory, "filler"), Buffer.alloc(bavail * bsize));
      const stateDir = join(directory, "site");
      expectRefusal(await fail({ token, stateDir }), "state.full", 1);
      expect(await stateOf(token)).toMatchObject({ used: 0 });
      await rm(join(directory, "filler"));
      const site = await Connector.start(suite.cluster, { site: "tight", stateDir, token });
      await site.stop();
    } finally {
      await promisify(execFile)("umount", [directory]);
    }
  });
});

/** Makes `directory` read-only. Returns the user to run as: none for this user, and `nobody` for root. */
async function withoutWriteAccess(
  context: TestContext,
  directory: string,
  token: string,
): Promise<{ uid?: number; gid?: number }> {
  await chmod(directory, 0o555);
  if (process.getuid?.() !== 0) return {};
  for (const path of [process.execPath, FAIRLEAD, directory]) {
    if (!(await isOpen(path))) context.skip(`${path} is closed to other users, and root writes everywhere`);
  }
  await chmod(token, 0o644);
  return { uid: 65_534, gid: 65_534 };
}

/** Whether other users may enter every directory above `path`. Opens the directory of this test for them. */
async function isOpen(path: string): Promise<boolean> {
  await chmod(suite.cluster.directory, 0o755);
  const { root } = parse(path);
  for (let at = dirname(path); at !== root; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
  }
  return true;
}

/** Mounts a file system of 256 KiB. */
async function mountSmallDisk(context: TestContext): Promise<string> {
  const directory = suite.cluster.fresh("disk");
  await mkdir(directory);
  try {
    await promisify(execFile)("mount", ["-t", "tmpfs", "-o", "size=256k", "fairlead-test", directory]);
  } catch (error) {
    context.skip(
      `no small disk can be mounted here: ${error instanceof Error ? error.message.trim() : error}`,
    );
  }
  return directory;
}
