import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { ErrorResponse } from "../../../protocol/api/envelope.ts";
import { NetworkEvent } from "../../../protocol/api/events.ts";
import { makeId } from "../../../protocol/ids.ts";
import { issueTicket, type Ticket } from "../../../workers/authority/ticket.ts";
import {
  bootIdOf,
  createAssertion,
  createDeploymentCa,
  createSite,
  DAY,
  newKeys,
  random,
  siteIdOf,
  type TestSite,
} from "../../support/authority/test-site.ts";
import {
  ask,
  call,
  countObjects,
  createNetwork,
  dial,
  errorOf,
  expectAnswer,
  join,
  reported,
} from "../../support/workerd/client.ts";
import { API_URL, GATEWAY_URL } from "../../support/workerd/environment.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(() => resetEdge());

async function setUp(): Promise<TestSite> {
  await createNetwork("shop");
  return join("shop", "west");
}

/** Closes an uplink of a test. */
function hangUp(response: Response): void {
  response.webSocket?.accept();
  response.webSocket?.close();
}

const events = () => expectAnswer(z.array(NetworkEvent), call("GET", "/v1/networks/shop/events"));

describe("an uplink", () => {
  it("opens for a proven site", async () => {
    const response = await dial(await setUp());
    expect(response.status).toBe(101);
    hangUp(response);
  });

  it("opens once for each assertion", async () => {
    const site = await setUp();
    const jti = `${bootIdOf()}.5`;
    hangUp(await dial(site, { assertion: { jti } }));
    expect(await errorOf(dial(site, { assertion: { jti } }))).toEqual([403, "assertion.replayed"]);
  });

  const site = async () => setUp();
  it("is refused, with an event, when TLS proved another certificate than the assertion", async () => {
    const west = await site();
    const east = await join("shop", "east");
    const response = await errorOf(dial(west, { cf: reported(east.certificate.certificate) }));
    expect(response).toEqual([403, "certificate.mismatch"]);
    expect(await events()).toContainEqual(
      expect.objectContaining({ type: "uplink.refused", site: "west", code: "certificate.mismatch" }),
    );
  });

  it("is refused without a valid assertion", async () => {
    const west = await site();
    const cf = reported(west.certificate.certificate);
    const bare = ask(`${GATEWAY_URL}/v1/uplink`, { headers: { upgrade: "websocket" }, cf });
    expect(await errorOf(bare)).toEqual([401, "assertion.missing"]);
    const key = (await newKeys()).privateKey;
    expect(await errorOf(dial(west, { assertion: { key } }))).toEqual([403, "assertion.invalid"]);
    expect(await errorOf(dial(west, { assertion: { purpose: "lane" } }))).toEqual([
      403,
      "assertion.audience",
    ]);
    const old = { now: Date.now() - 3 * 60_000 };
    expect(await errorOf(dial(west, { assertion: old }))).toEqual([403, "assertion.expired"]);
    const codes = (await events()).map(({ code }) => code);
    expect(codes).toEqual(
      expect.arrayContaining(["assertion.invalid", "assertion.audience", "assertion.expired"]),
    );
  });

  it("is refused to a site with an expired certificate", async () => {
    const network = await createNetwork("shop");
    const ca = {
      ...(await createDeploymentCa()),
      certificate: env.DEPLOYMENT_CA,
      key: env.DEPLOYMENT_CA_KEY,
    };
    const old = await createSite(ca, { networkId: network.id, now: Date.now() - 2 * DAY });
    expect(await errorOf(dial(old))).toEqual([403, "certificate.expired"]);
  });

  it("is refused for a certificate that the registry never issued, and to a revoked site", async () => {
    const west = await site();
    const ca = {
      ...(await createDeploymentCa()),
      certificate: env.DEPLOYMENT_CA,
      key: env.DEPLOYMENT_CA_KEY,
    };
    const forged = await createSite(ca, { networkId: west.networkId });
    expect((await errorOf(dial(forged)))[0]).toBe(403);
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    expect(await errorOf(dial(west))).toEqual([403, "site.revoked"]);
  });

  it("is refused to a site of another deployment", async () => {
    await site();
    const stranger = await createSite(await createDeploymentCa());
    expect(await errorOf(dial(stranger))).toEqual([403, "certificate.untrusted"]);
  });

  it("is refused for a network that does not exist, and creates nothing", async () => {
    const before = await countObjects();
    const ca = {
      ...(await createDeploymentCa()),
      certificate: env.DEPLOYMENT_CA,
      key: env.DEPLOYMENT_CA_KEY,
    };
    const nowhere = await createSite(ca);
    expect(await errorOf(dial(nowhere))).toEqual([404, "network.unknown"]);
    expect(await errorOf(dial(nowhere, { assertion: { purpose: "lane" } }))).toEqual([
      403,
      "assertion.audience",
    ]);
    expect(await countObjects()).toEqual(before);
  });

  it("needs an upgrade request; other requests are refused with status 426", async () => {
    const west = await site();
    const plain = await ask(`${GATEWAY_URL}/v1/uplink`, { cf: reported(west.certificate.certificate) });
    expect(plain.headers.get("upgrade")).toBe("websocket");
    expect(await errorOf(plain)).toEqual([426, "request.invalid"]);
    for (const path of ["/v1/networks", "/v1/health", "/", "/v1/uplink/"]) {
      expect(await errorOf(dial(west, { path }))).toEqual([404, "route.unknown"]);
    }
  });
});

describe("the API's address", () => {
  const forged = (site: TestSite): Record<string, string> => ({
    host: "gateway.test",
    "x-forwarded-host": "gateway.test",
    "fairlead-identity": JSON.stringify({ networkId: site.networkId, siteId: site.siteId, counter: 1 }),
    "fairlead-ticket-verified": "{}",
    "cf-client-cert": "1",
    "mf-cf-blob": JSON.stringify(reported(site.certificate.certificate)),
    "x-cf-blob": JSON.stringify(reported(site.certificate.certificate)),
    "client-cert": reported(site.certificate.certificate).tlsClientAuth.certRFC9440,
  });

  it("serves no uplink or lane, even with the headers of one", async () => {
    const west = await setUp();
    for (const path of ["/v1/uplink", "/v1/lane"]) {
      const response = dial(west, { base: API_URL, path, headers: forged(west) });
      expect(await errorOf(response)).toEqual([404, "route.unknown"]);
    }
  });

  it("serves no uplink or lane at any hostname when the gateway has none", async () => {
    const west = await setUp();
    const authorization = `Bearer ${await createAssertion(west)}`;
    for (const base of [API_URL, GATEWAY_URL, "https://anything.test", "https://localhost"]) {
      const headers = { upgrade: "websocket", authorization, ...forged(west) };
      for (const GATEWAY_HOSTNAME of [undefined, ""]) {
        const init = { headers, cf: reported(west.certificate.certificate) };
        const response = ask(`${base}/v1/uplink`, init, { GATEWAY_HOSTNAME });
        expect(await errorOf(response)).toEqual([404, "route.unknown"]);
      }
    }
  });
});

describe("the Gateway entrypoint", () => {
  const dialEntrypoint = async (site: TestSite, props: object | undefined, cf?: unknown) => {
    const gateway = exports.Gateway({ props });
    return gateway.fetch(`${GATEWAY_URL}/v1/uplink`, {
      headers: { upgrade: "websocket", authorization: `Bearer ${await createAssertion(site)}` },
      ...(cf === undefined ? {} : { cf }),
    } as RequestInit);
  };

  it("accepts an uplink with the certificate that the front reports, and its assertion only", async () => {
    const [west, other] = [await setUp(), await join("shop", "other")];
    const props = { reportsClientCertificates: true };
    const response = await dialEntrypoint(west, props, reported(west.certificate.certificate));
    expect(response.status).toBe(101);
    hangUp(response);
    const stolen = dialEntrypoint(west, props, reported(other.certificate.certificate));
    expect(await errorOf(stolen)).toEqual([403, "certificate.mismatch"]);
    expect(await errorOf(dialEntrypoint(west, props))).toEqual([401, "certificate.required"]);
  });

  it("refuses an uplink at a socket that enforces certificates without reporting them", async () => {
    const response = dialEntrypoint(await setUp(), { enforcesClientCertificates: true });
    expect(await errorOf(response)).toEqual([401, "certificate.required"]);
  });

  it("refuses every request when its configuration proves nothing", async () => {
    const west = await setUp();
    const cf = reported(west.certificate.certificate);
    for (const props of [
      {},
      undefined,
      { enforcesClientCertificates: "true" },
      { enforcesClientCertificates: false },
    ]) {
      const response = await dialEntrypoint(west, props, cf);
      expect(ErrorResponse.parse(await response.json()).error.code).toBe("certificate.required");
    }
  });
});

describe("a lane", () => {
  const ticketFor = (site: TestSite, boot: string): Ticket => ({
    network: site.networkId,
    session: makeId("session", random()),
    generation: 1,
    lane: 0,
    site: site.siteId,
    boot,
    peer: siteIdOf(),
    side: "a",
    expires: Date.now() + 30_000,
  });

  async function dialLane(site: TestSite, ticket: Partial<Ticket> | string | null) {
    const boot = bootIdOf();
    const whole = typeof ticket === "object" ? { ...ticketFor(site, boot), ...ticket } : null;
    const text = whole === null ? String(ticket) : await issueTicket(whole, env.DEPLOYMENT_CA_KEY);
    return errorOf(
      dial(site, {
        path: "/v1/lane",
        assertion: { purpose: "lane", jti: `${boot}.1` },
        headers: ticket === null ? {} : { "fairlead-ticket": text },
      }),
    );
  }

  it("is refused without a ticket, with a wrong ticket, and with an expired ticket", async () => {
    const west = await setUp();
    const before = await countObjects();
    expect(await dialLane(west, null)).toEqual([401, "ticket.missing"]);
    expect(await dialLane(west, "rubbish")).toEqual([403, "ticket.invalid"]);
    expect(await dialLane(west, { expires: Date.now() - 1 })).toEqual([403, "ticket.expired"]);
    expect(await countObjects()).toEqual(before);
  });

  it("is refused with the ticket of another site, another network or another instance", async () => {
    const west = await setUp();
    const before = await countObjects();
    expect(await dialLane(west, { site: siteIdOf() })).toEqual([403, "ticket.wrong_site"]);
    expect(await dialLane(west, { network: makeId("network", random()) })).toEqual([
      403,
      "ticket.wrong_site",
    ]);
    expect(await dialLane(west, { boot: bootIdOf() })).toEqual([403, "ticket.wrong_site"]);
    expect(await events()).toContainEqual(
      expect.objectContaining({ site: "west", code: "ticket.wrong_site" }),
    );
    expect(await countObjects()).toEqual(before);
  });

  it("is refused for a session that the registry does not know", async () => {
    const west = await setUp();
    const before = await countObjects();
    expect(await dialLane(west, {})).toEqual([409, "ticket.stale"]);
    expect(await countObjects()).toEqual(before);
  });
});
