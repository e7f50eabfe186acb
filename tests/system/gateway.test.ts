/** The gateway against strangers and misbehaving members. */
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
import { attempt, closeSockets, type Proof, RawSite, type RawUplink } from "../support/connector/raw-site.ts";
import { expectRefused } from "../support/connector/refusal.ts";
import type { TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;
let west: RawSite;
let stranger: RawSite;
/** Uplink from before all tests. It is asked for its status afterwards, which shows that the edge still runs. */
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

async function expectTheEdgeLives(): Promise<void> {
  asked += 1;
  bystander.send({ type: "status.request", id: asked });
  expect((await bystander.next("status")).id).toBe(asked);
}

const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const freshId = (kind: "network" | "site") => makeId(kind, randomBytes(ID_BYTES));

/**
 * Makes a site certificate with the key of the deployment CA, which only the edge's operator holds.
 * @param changes.leafNetwork the network that the leaf names; by default that of its CA
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

describe("TLS of the gateway", () => {
  it("refuses a client without a certificate with certificate.required", async () => {
    const result = await attempt(suite.edge, suite.edge.gatewayUrl + UPLINK_PATH, {
      headers: { authorization: `Bearer ${await west.assertion()}` },
    });
    expectRefused(result, "certificate.required");
  });

  it.each([
    ["another CA", "Another CA"],
    ["a CA with the name of the deployment CA", "Fairlead deployment CA"],
  ])("refuses a certificate of %s with certificate.untrusted", async (_, name) => {
    const rogue = await makeAuthority(name);
    const leaf = await makeLeaf(rogue, [`spiffe://${west.admission.network.id}/site/${west.id}`]);
    const proof: Proof = { key: leaf.key, cert: leaf.certificate + rogue.certificate };
    const result = await west.dialUplink({ proof });
    expectRefused(result, "certificate.untrusted");
  });

  it("refuses an expired certificate with certificate.expired", async () => {
    const old = await mint({ now: Date.now() - 3 * 24 * 3600_000 });
    const result = await old.dialUplink();
    expectRefused(result, "certificate.expired");
  });
});

describe("The check of an assertion", () => {
  it("refuses a dial without an assertion with assertion.missing", async () => {
    expectRefused(await west.dialUplink({ assertion: null }), "assertion.missing");
  });

  it("refuses a text that is no JWT or too long with assertion.invalid", async () => {
    expectRefused(await west.dialUplink({ assertion: "nonsense" }), "assertion.invalid");
    expectRefused(await west.dialUplink({ assertion: "x".repeat(17_000) }), "assertion.invalid");
  });

  it("refuses a signature of another key than the certificate's with assertion.invalid", async () => {
    expectRefused(
      await west.dialUplink({ assertion: await west.assertion({ key: newKey() }) }),
      "assertion.invalid",
    );
  });

  it("refuses an assertion that another site signed in the name of this site with assertion.invalid", async () => {
    const issuer = `spiffe://${west.admission.network.id}/site/${west.id}`;
    const assertion = await stranger.assertion({ issuer });
    expectRefused(await stranger.dialUplink({ assertion }), "assertion.invalid");
  });

  it("refuses a second use with assertion.replayed", async () => {
    const assertion = await west.assertion();
    expect((await west.dialUplink({ assertion })).kind).toBe("open");
    expectRefused(await west.dialUplink({ assertion }), "assertion.replayed");
  });

  it("refuses an assertion older than the last one of its process with assertion.replayed", async () => {
    const older = await west.assertion();
    expect((await west.dialUplink()).kind).toBe("open");
    expectRefused(await west.dialUplink({ assertion: older }), "assertion.replayed");
  });

  it.each([
    ["a lane", { purpose: "lane" } as const],
    ["a renewal", { purpose: "renew" } as const],
    ["another edge", { audience: audienceFor("https://edge.elsewhere.example", "uplink") }],
  ])("refuses an assertion for %s at an uplink with assertion.audience", async (_, changes) => {
    expectRefused(await west.dialUplink({ assertion: await west.assertion(changes) }), "assertion.audience");
  });

  it("refuses an assertion for an uplink at a lane with assertion.audience", async () => {
    expectRefused(await west.dialLane("any", { assertion: await west.assertion() }), "assertion.audience");
  });

  it.each([
    ["the past", -10 * 60_000],
    ["the future", 10 * 60_000],
  ])("refuses an assertion from %s with assertion.expired", async (_, away) => {
    const assertion = await west.assertion({ now: Date.now() + away });
    expectRefused(await west.dialUplink({ assertion }), "assertion.expired");
  });

  it("refuses a site certificate under the CA of another network with certificate.wrong_network", async () => {
    const crossed = await mint({ leafNetwork: network.id });
    expectRefused(await crossed.dialUplink(), "certificate.wrong_network");
  });

  it("refuses certificates that do not form a chain with certificate.untrusted", async () => {
    const chain = toPem(west.admission.certificate) + toPem(stranger.admission.authority);
    expectRefused(
      await west.dialUplink({ assertion: await west.assertion({ chain }) }),
      "certificate.untrusted",
    );
  });

  it("records a refusal as an event in the network that the assertion names", async () => {
    await west.dialUplink({ assertion: await west.assertion({ key: newKey() }) });
    const events = await listEvents(suite.edge.client, network.id, { type: "uplink.refused" });
    expect(events).toContainEqual(expect.objectContaining({ code: "assertion.invalid", site: "west" }));
  });
});

describe("The check of a site", () => {
  it("refuses a certificate that the registry did not sign, although its chain is good", async () => {
    // Only the edge's operator could make this certificate.
    expectRefused(await (await mint({ network: network.id })).dialUplink(), "site.revoked");
  });

  it("closes the uplink of a revoked site and refuses its next dial with site.revoked", async () => {
    const expelled = await RawSite.join(suite.edge, await network.token(), "expelled");
    const uplink = await expelled.connect();
    const revoke = ["site", "revoke", "expelled", "--yes", "--network", network.name];
    expect((await suite.edge.fairlead(...revoke)).status).toBe(0);
    expect(await uplink.closed).toEqual({
      code: closeCodeFor(ERRORS["site.revoked"].status),
      reason: "site.revoked",
    });
    expectRefused(await expelled.dialUplink(), "site.revoked");
  });
});

describe("An identity in a header", () => {
  it("does not change which site the gateway identifies", async () => {
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

describe("The uplink of a misbehaving member", () => {
  /** Checks the error and the close code that an uplink gets, and that the edge still runs. */
  async function expectClosed(uplink: RawUplink, code: ErrorCode): Promise<void> {
    expect((await uplink.next("error")).error).toMatchObject({ code, action: ERRORS[code].action });
    expect(await uplink.closed).toEqual({ code: closeCodeFor(ERRORS[code].status), reason: code });
    await expectTheEdgeLives();
  }

  const malformed: [string, string | Buffer | object][] = [
    ["is not JSON", "{nonsense"],
    ["is binary", Buffer.from("hello")],
    ["has an unknown type", { type: "open.sesame" }],
    ["is not an object", "[1, 2]"],
    ["has a field of the wrong form", { type: "session.request", id: "one", service: "db", peer: {} }],
    [
      "offers an invalid name",
      { type: "offers", offers: [{ name: "Not A Name", protocol: "tcp", port: 1 }] },
    ],
    ["offers an invalid port", { type: "offers", offers: [{ name: "api", protocol: "tcp", port: 70_000 }] }],
  ];
  it.each(malformed)("is closed with uplink.malformed after a message that %s", async (_, message) => {
    const uplink = await west.connect();
    uplink.send(message);
    await expectClosed(uplink, "uplink.malformed");
  });

  it("is closed with uplink.too_large after a message of more than 256 KiB", async () => {
    const uplink = await west.connect();
    uplink.send({ type: "bye", padding: "x".repeat(MAX_MESSAGE) });
    await expectClosed(uplink, "uplink.too_large");
  });

  it("is closed with uplink.out_of_order after a message before HELLO", async () => {
    const uplink = await west.open();
    uplink.send({ type: "offers", offers: [] });
    await expectClosed(uplink, "uplink.out_of_order");
  });

  it("is closed with uplink.out_of_order after a second HELLO", async () => {
    const uplink = await west.connect();
    uplink.send(west.hello());
    await expectClosed(uplink, "uplink.out_of_order");
  });

  it("is closed with uplink.version after a HELLO with versions that the edge does not speak", async () => {
    const uplink = await west.open();
    uplink.send(west.hello({ versions: { min: 98, max: 99 } }));
    await expectClosed(uplink, "uplink.version");
  });

  it("is closed with uplink.malformed after a HELLO of another process than the assertion's", async () => {
    const uplink = await west.open();
    uplink.send(west.hello({ boot: stranger.boot }));
    await expectClosed(uplink, "uplink.malformed");
  });

  it("stays open after a session request for another network, which gets session.forbidden", async () => {
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
