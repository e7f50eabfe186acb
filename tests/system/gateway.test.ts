/** What strangers and misbehaving members can try at the gateway, and what becomes of it. */
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import { toPem } from "../../connector/site/pem.ts";
import { encodeBase64 } from "../../protocol/encoding.ts";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import { audienceFor, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import { closeCodeFor, MAX_MESSAGE } from "../../protocol/uplink/messages.ts";
import { createNetworkAuthority } from "../../workers/authority/authority.ts";
import { signSiteCertificate } from "../../workers/authority/certificates.ts";
import { makeAuthority, makeLeaf } from "../support/authority/certificates.ts";
import {
  type Attempt,
  attempt,
  closeSockets,
  type Proof,
  RawSite,
  type RawUplink,
} from "../support/connector/raw-site.ts";
import type { TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;
let west: RawSite;
let stranger: RawSite;
/** Opened before everything else and asked after each test: the edge lives on. */
let bystander: RawUplink;
let asked = 0;

beforeAll(async () => {
  const { cluster, edge } = suite;
  network = await cluster.network(edge);
  const other = await cluster.network(edge);
  const token = await network.token({ uses: 2 });
  west = await RawSite.join(edge, token, "west");
  stranger = await RawSite.join(edge, await other.token(), "stranger");
  bystander = await (await RawSite.join(edge, token, "bystander")).connect();
});

afterAll(closeSockets);

/** The refusal that the table of errors describes. */
function expectRefused(result: Attempt, code: ErrorCode): void {
  expect(result).toEqual({ kind: "refused", status: ERRORS[code].status, code });
}

async function expectTheEdgeLives(): Promise<void> {
  asked += 1;
  bystander.send({ type: "status.request", id: asked });
  expect((await bystander.next("status")).id).toBe(asked);
}

const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const freshId = (kind: "network" | "site") => makeId(kind, randomBytes(ID_BYTES));

/**
 * A site certificate that only who holds the deployment CA's key can make.
 * @param changes.leafNetwork the network that the leaf names; that of its CA unless given
 */
async function mint(changes: { network?: string; leafNetwork?: string; now?: number } = {}) {
  const { edge } = suite;
  const { network: id = freshId("network"), now = Date.now() } = changes;
  const deploymentCaKey = await readFile(join(edge.stateDir, "ca-key.pem"), "utf8");
  const authority = await createNetworkAuthority({
    networkId: id,
    deploymentCa: edge.ca,
    deploymentCaKey,
    now,
  });
  const key = newKey();
  const siteId = freshId("site");
  const { certificate } = await signSiteCertificate({
    authority,
    networkId: changes.leafNetwork ?? id,
    siteId,
    publicKey: createPublicKey(key).export({ type: "spki", format: "der" }),
    now,
  });
  const { admission } = west;
  return new RawSite(edge, key, {
    ...admission,
    network: { ...admission.network, id: changes.leafNetwork ?? id },
    site: { id: siteId, name: "minted" },
    certificate: encodeBase64(certificate),
    authority: encodeBase64(authority.certificate),
  });
}

describe("TLS on the gateway", () => {
  test("lets nobody in without a certificate", async () => {
    const result = await attempt(suite.edge, suite.edge.gatewayUrl + UPLINK_PATH, {
      headers: { authorization: `Bearer ${await west.assertion()}` },
    });
    expectRefused(result, "certificate.required");
  });

  test.each([
    ["another CA", "Somebody else's CA"],
    ["a CA that calls itself as ours does", "Fairlead deployment CA"],
  ])("lets nobody in with a certificate of %s", async (_, name) => {
    const rogue = await makeAuthority(name);
    const leaf = await makeLeaf(rogue, [`spiffe://${west.admission.network.id}/site/${west.id}`]);
    const proof: Proof = { key: leaf.key, cert: leaf.certificate + rogue.certificate };
    const result = await west.dialUplink({ proof });
    expectRefused(result, "certificate.untrusted");
  });

  test("lets nobody in with a certificate that has ended", async () => {
    const old = await mint({ now: Date.now() - 3 * 24 * 3600_000 });
    const result = await old.dialUplink();
    expectRefused(result, "certificate.expired");
  });
});

describe("an assertion", () => {
  test("is required", async () => {
    expectRefused(await west.dialUplink({ assertion: null }), "assertion.missing");
  });

  test("that is no JWT, or too long, is invalid", async () => {
    expectRefused(await west.dialUplink({ assertion: "nonsense" }), "assertion.invalid");
    expectRefused(await west.dialUplink({ assertion: "x".repeat(17_000) }), "assertion.invalid");
  });

  test("signed by another key than its certificate's is invalid", async () => {
    expectRefused(
      await west.dialUplink({ assertion: await west.assertion({ key: newKey() }) }),
      "assertion.invalid",
    );
  });

  test("that another site signed in this one's name is invalid", async () => {
    const issuer = `spiffe://${west.admission.network.id}/site/${west.id}`;
    const assertion = await stranger.assertion({ issuer });
    expectRefused(await stranger.dialUplink({ assertion }), "assertion.invalid");
  });

  test("is good once", async () => {
    const assertion = await west.assertion();
    expect((await west.dialUplink({ assertion })).kind).toBe("open");
    expectRefused(await west.dialUplink({ assertion }), "assertion.replayed");
  });

  test("older than the last one of its process is a replay", async () => {
    const older = await west.assertion();
    expect((await west.dialUplink()).kind).toBe("open");
    expectRefused(await west.dialUplink({ assertion: older }), "assertion.replayed");
  });

  test.each([
    ["a lane", { purpose: "lane" } as const],
    ["a renewal", { purpose: "renew" } as const],
    ["another edge", { audience: audienceFor("https://edge.elsewhere.example", "uplink") }],
  ])("for %s opens no uplink", async (_, changes) => {
    expectRefused(await west.dialUplink({ assertion: await west.assertion(changes) }), "assertion.audience");
  });

  test("for an uplink opens no lane", async () => {
    expectRefused(await west.dialLane("any", { assertion: await west.assertion() }), "assertion.audience");
  });

  test.each([
    ["the past", -10 * 60_000],
    ["the future", 10 * 60_000],
  ])("from %s is expired", async (_, away) => {
    const assertion = await west.assertion({ now: Date.now() + away });
    expectRefused(await west.dialUplink({ assertion }), "assertion.expired");
  });

  test("with a site certificate under another network's CA is of the wrong network", async () => {
    const crossed = await mint({ leafNetwork: network.id });
    expectRefused(await crossed.dialUplink(), "certificate.wrong_network");
  });

  test("whose certificates do not belong together is untrusted", async () => {
    const chain = toPem(west.admission.certificate) + toPem(stranger.admission.authority);
    expectRefused(
      await west.dialUplink({ assertion: await west.assertion({ chain }) }),
      "certificate.untrusted",
    );
  });

  test("that is refused is noted in the network that it names", async () => {
    await west.dialUplink({ assertion: await west.assertion({ key: newKey() }) });
    const events = await listEvents(suite.edge.client, network.id, { type: "uplink.refused" });
    expect(events).toContainEqual(expect.objectContaining({ code: "assertion.invalid", site: "west" }));
  });
});

describe("a certificate", () => {
  test("that the registry did not sign proves nothing, though its CA chain is good", async () => {
    // Only the edge's operator could try this.
    expectRefused(await (await mint({ network: network.id })).dialUplink(), "site.revoked");
  });

  test("of a site that was revoked opens nothing any more", async () => {
    const expelled = await RawSite.join(suite.edge, await network.token(), "expelled");
    const uplink = await expelled.connect();
    expect((await suite.edge.fairlead("site", "revoke", "expelled", "--network", network.name)).status).toBe(
      0,
    );
    expect(await uplink.closed).toEqual({
      code: closeCodeFor(ERRORS["site.revoked"].status),
      reason: "site.revoked",
    });
    expectRefused(await expelled.dialUplink(), "site.revoked");
  });
});

describe("an identity in a header", () => {
  test("changes nothing about who the gateway takes a member for", async () => {
    const { admission } = stranger;
    const forged = { networkId: admission.network.id, siteId: admission.site.id, serial: "00", keyHash: "x" };
    const identity = JSON.stringify({
      ...forged,
      boot: stranger.boot,
      counter: 99,
      notAfter: Date.now() + 3600_000,
    });
    const uplink = await west.open({ headers: { "fairlead-identity": identity } });
    uplink.send(west.hello());
    expect((await uplink.next("welcome")).site).toEqual(west.admission.site);
    uplink.socket.terminate();
  });
});

describe("messages on an uplink", () => {
  /** What an uplink is told, and how it is closed, after it said something wrong. */
  async function expectClosed(uplink: RawUplink, code: ErrorCode): Promise<void> {
    expect((await uplink.next("error")).error).toMatchObject({ code, action: ERRORS[code].action });
    expect(await uplink.closed).toEqual({ code: closeCodeFor(ERRORS[code].status), reason: code });
    await expectTheEdgeLives();
  }

  const malformed: [string, string | Buffer | object][] = [
    ["is not JSON", "{nonsense"],
    ["is binary", Buffer.from("hello")],
    ["is of an unknown type", { type: "open.sesame" }],
    ["is no object", "[1, 2]"],
    ["has a field of the wrong form", { type: "session.request", id: "one", service: "db", peer: {} }],
    [
      "offers a name that is none",
      { type: "offers", offers: [{ name: "Not A Name", protocol: "tcp", port: 1 }] },
    ],
    [
      "offers a port that is none",
      { type: "offers", offers: [{ name: "api", protocol: "tcp", port: 70_000 }] },
    ],
  ];
  test.each(malformed)("one that %s is malformed", async (_, message) => {
    const uplink = await west.connect();
    uplink.send(message);
    await expectClosed(uplink, "uplink.malformed");
  });

  test("one that is longer than 256 KiB is too large", async () => {
    const uplink = await west.connect();
    uplink.send({ type: "bye", padding: "x".repeat(MAX_MESSAGE) });
    await expectClosed(uplink, "uplink.too_large");
  });

  test("one that comes before hello is out of order", async () => {
    const uplink = await west.open();
    uplink.send({ type: "offers", offers: [] });
    await expectClosed(uplink, "uplink.out_of_order");
  });

  test("a second hello is out of order", async () => {
    const uplink = await west.connect();
    uplink.send(west.hello());
    await expectClosed(uplink, "uplink.out_of_order");
  });

  test("a hello in a version that the edge does not speak is refused", async () => {
    const uplink = await west.open();
    uplink.send(west.hello({ versions: { min: 98, max: 99 } }));
    await expectClosed(uplink, "uplink.version");
  });

  test("a hello of another process than the assertion's is malformed", async () => {
    const uplink = await west.open();
    uplink.send(west.hello({ boot: stranger.boot }));
    await expectClosed(uplink, "uplink.malformed");
  });

  test("a request for a session with somebody of another network is refused, and costs no uplink", async () => {
    await stranger.connect([{ name: "secret", protocol: "tcp", port: 1 }]);
    const uplink = await west.connect();
    const peer = { site: stranger.id, boot: stranger.boot };
    uplink.send({ type: "session.request", id: 7, service: "secret", peer });
    expect(await uplink.next("error")).toMatchObject({ id: 7, error: { code: "session.forbidden" } });
    uplink.send({ type: "status.request", id: 8 });
    expect(JSON.stringify((await uplink.next("status")).view)).not.toContain("secret");
    uplink.socket.terminate();
  });
});
