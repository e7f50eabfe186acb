/** Joining a network through the command line: every way in which a token can be wrong, and state directories. */
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, type TestContext, test } from "vitest";
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

/** Runs a connector that is expected to fail at its start. */
async function fail(
  options: { site?: string; token?: string; stateDir?: string },
  as: { uid?: number; gid?: number } = {},
): Promise<Outcome> {
  const { site = "nobody", stateDir = suite.cluster.fresh("refused"), ...rest } = options;
  return await suite.cluster.fairlead(connectorArgs({ site, ...rest }, stateDir), {}, as);
}

/** Code and action as the table of errors has them, and the exit status that goes with the code. */
function expectRefusal(outcome: Outcome, code: ErrorCode, status: number): void {
  expect(outcome.json, outcome.stderr).toMatchObject({ error: { code, action: ERRORS[code].action } });
  expect(outcome.status).toBe(status);
}

async function readToken(path: string): Promise<TokenFile> {
  return TokenFile.parse(parseYaml(await readFile(path, "utf8")));
}

/** A new token file that differs in its claim. */
async function withClaim(path: string, change: (claim: string) => string): Promise<string> {
  const token = await readToken(path);
  const changed = `${suite.cluster.fresh("changed")}.yaml`;
  const spec = { ...token.spec, claim: change(token.spec.claim) };
  await writeFile(changed, stringify({ ...token, spec }));
  return changed;
}

/** How the edge sees a token. */
async function stateOf(path: string) {
  const { tokenId } = parseClaim((await readToken(path)).spec.claim) ?? { tokenId: "" };
  return (await listTokens(suite.edge.client, network.id)).find(({ id }) => id === tokenId);
}

describe("a token", () => {
  test("made by the command line admits as often as it says, then is used up", async () => {
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

  test("that the edge never issued is unknown, in a network that exists and in one that does not", async () => {
    const token = await network.token();
    const random = encodeBase32(crypto.getRandomValues(new Uint8Array(16)));
    const noToken = await withClaim(token, (claim) => claim.replace(/\.t[^.]+\./, `.t${random}.`));
    expectRefusal(await fail({ token: noToken }), "token.unknown", 4);
    const noNetwork = await withClaim(token, (claim) => claim.replace(/^n[^.]+\./, `n${random}.`));
    expectRefusal(await fail({ token: noNetwork }), "token.unknown", 4);
  });

  test("of a deleted network is unknown", async () => {
    const doomed = await suite.cluster.network(suite.edge);
    const token = await doomed.token();
    const deleted = await suite.edge.fairlead("network", "delete", doomed.name, "--yes");
    expect(deleted.status, deleted.stderr).toBe(0);
    expectRefusal(await fail({ token }), "token.unknown", 4);
  });

  test("that has expired is refused as expired", async () => {
    const token = await network.token({ expirySeconds: 1 });
    await eventually("the token expires", async () => (await stateOf(token))?.state === "expired");
    expectRefusal(await fail({ token }), "token.expired", 4);
  });

  test("that was revoked is refused as revoked", async () => {
    const token = await network.token();
    await revokeToken(suite.edge.client, network.id, (await stateOf(token))?.id ?? "");
    expectRefusal(await fail({ token }), "token.revoked", 4);
  });

  test("with another secret is refused as altered, which uses nothing up and is an event", async () => {
    const token = await network.token();
    const other = await withClaim(token, (claim) => claim.slice(0, -1) + (claim.endsWith("A") ? "E" : "A"));
    expectRefusal(await fail({ token: other, site: "forger" }), "token.altered", 3);
    expect(await stateOf(token)).toMatchObject({ used: 0, state: "good" });
    const events = await listEvents(suite.edge.client, network.id, { type: "token.refused" });
    expect(events.find(({ text }) => text.includes("forger"))?.code).toBe("token.altered");
  });

  test("that is truncated anywhere is refused before the edge is asked, and leaves no membership", async () => {
    const token = await network.token();
    const whole = await readFile(token, "utf8");
    const ends = [0, 40, whole.indexOf("claim:") + 40, whole.indexOf("BEGIN CERTIFICATE") + 200];
    for (const end of ends) {
      const cut = `${suite.cluster.fresh("cut")}.yaml`;
      await writeFile(cut, whole.slice(0, end));
      const stateDir = suite.cluster.fresh("refused");
      expectRefusal(await fail({ token: cut, stateDir }), "token.malformed", 2);
      expect(await readdir(stateDir)).not.toContain("site.json");
    }
    expect(await stateOf(token)).toMatchObject({ used: 0 });
  });

  test("file that does not exist is refused as malformed", async () => {
    expectRefusal(await fail({ token: "/nonexistent/token.yaml" }), "token.malformed", 2);
  });

  test("is asked for when a site has none and never joined", async () => {
    expectRefusal(await fail({}), "token.missing", 2);
  });

  test("of which two connectors want the last use admits one and refuses the other", async () => {
    const token = await network.token();
    const racers = ["racer-a", "racer-b"].map((site) => {
      const stateDir = suite.cluster.fresh(site);
      return suite.cluster.run(site, connectorArgs({ site, token }, stateDir));
    });
    await eventually("both have come to an end or up", () =>
      racers.every((racer) => racer.exit !== null || racer.stdout.includes('"to":"up"')),
    );
    const losers = racers.filter((racer) => racer.exit !== null);
    expect(losers).toHaveLength(1);
    expect(losers[0]?.exit?.status).toBe(4);
    expect(losers[0]?.stderr).toContain('"code":"token.used_up"');
    expect(await stateOf(token)).toMatchObject({ used: 1 });
  });
});

describe("a site", () => {
  test("that repeats a redemption with its key gets the same answer, and nothing is used up", async () => {
    const token = await network.token();
    const site = await suite.cluster.connector({ site: "repeater", token });
    const before = (await site.status()).site;
    await site.kill9();
    // As if the answer had been lost: the key is all that is left.
    for (const name of ["site.json", "certificate.pem", "links.json", "ca.pem"]) {
      await rm(join(site.stateDir, name));
    }
    const again = await suite.cluster.connector({ site: "repeater", stateDir: site.stateDir, token });
    expect((await again.status()).site).toEqual(before);
    expect(await stateOf(token)).toMatchObject({ used: 1 });
  });

  test("that has joined starts again without a token and without its name", async () => {
    const site = await suite.cluster.connector({ site: "settled", token: await network.token() });
    const before = (await site.status()).site;
    await site.stop();
    const again = suite.cluster.run("settled", ["connector", "run", "--state", site.stateDir, "--json"]);
    await again.output("uplink up", ({ stdout }) => (stdout.includes('"to":"up"') ? true : null));
    expect((await site.status()).site).toEqual(before);
  });

  test("locks its state directory against a second process, and is not disturbed by that", async () => {
    const site = await suite.cluster.connector({ site: "locked", token: await network.token() });
    const second = await fail({ site: "locked", stateDir: site.stateDir });
    expectRefusal(second, "state.locked", 5);
    expect((await site.status()).uplink.state).toBe("up");
  });

  test("cannot take the name of another, and uses nothing up by trying", async () => {
    await suite.cluster.connector({ site: "popular", token: await network.token() });
    const token = await network.token();
    expectRefusal(await fail({ site: "popular", token }), "site.name_taken", 5);
    expect(await stateOf(token)).toMatchObject({ used: 0, state: "good" });
  });

  test("keeps its private key to its owner", async () => {
    const site = await suite.cluster.connector({ site: "discreet", token: await network.token() });
    for (const name of await readdir(site.stateDir)) {
      expect((await stat(join(site.stateDir, name))).mode & 0o077, name).toBe(0);
    }
    expect((await stat(site.stateDir)).mode & 0o777).toBe(0o700);
  });
});

describe("a state directory", () => {
  test("that cannot be written is refused at the start, before the token is used", async (context) => {
    const token = await network.token();
    const directory = suite.cluster.fresh("readonly");
    await mkdir(directory);
    const as = await somebodyElse(context, directory, token);
    expectRefusal(await fail({ token, stateDir: join(directory, "site") }, as), "state.unwritable", 1);
    expect(await stateOf(token)).toMatchObject({ used: 0 });
  });

  test("on a full disk is refused at the start, before the token is used", async (context) => {
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

/** Takes write access to `directory` away: from this user, or, as root, from the user that is returned. */
async function somebodyElse(
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

/** Whether everybody may pass every directory above `path`; this test's own is opened. */
async function isOpen(path: string): Promise<boolean> {
  await chmod(suite.cluster.directory, 0o755);
  const { root } = parse(path);
  for (let at = dirname(path); at !== root; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
  }
  return true;
}

/** A disk of a few pages. */
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
