/** Requests at the wrong address: uplinks and lanes at the API socket, the API at the gateway, unknown networks. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import { formatClaim } from "../../protocol/tokens.ts";
import { LANE_PATH, TICKET_HEADER, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import { attempt, closeSockets, type Headers, RawSite } from "../support/connector/raw-site.ts";
import type { TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;
let west: RawSite;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  west = await RawSite.join(suite.edge, await network.token(), "west");
});

afterAll(closeSockets);

interface Answer {
  readonly status: number;
  /** Error code in the body. */
  readonly code: string | undefined;
}

/** Without this, Node takes the server name to check from the Host header. */
const NO_SNI = { servername: "" };

/** Sends a request unchanged. A successful upgrade has status 101. */
function ask(url: string, path: string, headers: Headers, method = "GET", body?: string): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, ca: suite.edge.ca, ...NO_SNI });
    sent.once("error", reject);
    sent.once("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, code: undefined });
    });
    sent.once("response", (response) => {
      void text(response).then((content) => {
        let code: string | undefined;
        try {
          code = ErrorResponse.parse(JSON.parse(content)).error.code;
        } catch {
          code = content;
        }
        resolve({ status: response.statusCode ?? 0, code });
      });
    });
    sent.end(body);
  });
}

const answerOf = (code: ErrorCode): Answer => ({ status: ERRORS[code].status, code });

const UPGRADE: Headers = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": randomBytes(16).toString("base64"),
};

/** Headers with which a request could claim that a proxy has verified it. */
async function forgeries(): Promise<Headers> {
  const { admission, boot } = west;
  const der = admission.certificate;
  const identity = {
    networkId: admission.network.id,
    siteId: admission.site.id,
    serial: "01",
    keyHash: "x",
    boot,
    counter: 1_000_000,
    notAfter: Date.now() + 3600_000,
  };
  const ticket = {
    network: admission.network.id,
    session: makeId("session", randomBytes(ID_BYTES)),
    generation: 1,
    lane: 0,
    site: admission.site.id,
    boot,
    peer: admission.site.id,
    side: "a",
    expires: Date.now() + 30_000,
  };
  const gateway = new URL(suite.edge.gatewayUrl).host;
  return {
    "fairlead-identity": JSON.stringify(identity),
    "fairlead-ticket-verified": JSON.stringify(ticket),
    [TICKET_HEADER]: "any.thing",
    "cf-connecting-ip": "127.0.0.1",
    "cf-client-cert-sha256": "00",
    "cf-client-cert-der-base64": der,
    "cf-tlsclientauth": JSON.stringify({
      certPresented: "1",
      certVerified: "SUCCESS",
      certRFC9440: `:${der}:`,
    }),
    "client-cert": `:${der}:`,
    "x-client-cert": der,
    "x-ssl-client-cert": der,
    "x-ssl-client-verify": "SUCCESS",
    "ssl-client-verify": "SUCCESS",
    "x-forwarded-client-cert": `By=gateway;Hash=00;Cert="${der}"`,
    "x-forwarded-host": gateway,
    "x-forwarded-proto": "https",
    forwarded: `host=${gateway};proto=https`,
    "x-original-url": `${suite.edge.gatewayUrl}${UPLINK_PATH}`,
    "x-rewrite-url": UPLINK_PATH,
    "fairlead-props": JSON.stringify({ enforcesClientCertificates: true }),
    "cf-worker": "edge",
    "cf-entrypoint": "Gateway",
  };
}

describe("The API socket", () => {
  it.each([UPLINK_PATH, LANE_PATH])("serves no %s, whatever a request claims", async (path) => {
    const { apiUrl, gatewayUrl } = suite.edge;
    const purpose = path === UPLINK_PATH ? "uplink" : "lane";
    const forged = await forgeries();
    const proven = async () => ({ authorization: `Bearer ${await west.assertion({ purpose })}` });
    // Without claims, with a good assertion, and with every header at once, under each host name.
    for (const claims of [{}, await proven(), { ...forged, ...(await proven()) }]) {
      for (const host of [new URL(apiUrl).host, new URL(gatewayUrl).host, "gateway"]) {
        for (const target of [path, `${gatewayUrl}${path}`, `${path}/`, `/${path}`]) {
          const answer = await ask(apiUrl, target, { ...UPGRADE, ...claims, host });
          expect(answer, `${target} as ${host}`).toEqual(answerOf("route.unknown"));
        }
      }
    }
  });

  it.each([UPLINK_PATH, LANE_PATH])("serves no %s for any single forged header", async (path) => {
    const authorization = `Bearer ${await west.assertion()}`;
    for (const [name, value] of Object.entries(await forgeries())) {
      const answer = await ask(suite.edge.apiUrl, path, { ...UPGRADE, authorization, [name]: value });
      expect(answer, name).toEqual(answerOf("route.unknown"));
    }
  });

  it("serves no uplink to a client with a certificate", async () => {
    const headers = { authorization: `Bearer ${await west.assertion()}` };
    const result = await attempt(suite.edge, suite.edge.apiUrl + UPLINK_PATH, { proof: west.proof, headers });
    expect(result).toEqual({ kind: "refused", ...answerOf("route.unknown") });
  });
});

describe("The gateway socket", () => {
  it("serves no call of the API, even to members", async () => {
    for (const path of ["/v1/networks", "/v1/health", "/v1/redeem", "/", "/v1/openapi.json"]) {
      const headers = { authorization: `Bearer ${suite.edge.adminKey}` };
      const result = await attempt(suite.edge, suite.edge.gatewayUrl + path, { proof: west.proof, headers });
      expect(result, path).toEqual({ kind: "refused", ...answerOf("route.unknown") });
    }
  });
});

describe("A network that does not exist", () => {
  const unknown = () => makeId("network", randomBytes(ID_BYTES));

  /** Names of the databases that workerd keeps, one for each object. */
  async function objects(): Promise<string[]> {
    const names = await readdir(join(suite.edge.stateDir, "objects"), { recursive: true });
    return names.filter((name) => name.endsWith(".sqlite")).sort();
  }

  it("gets no database, whatever request names it", async () => {
    // A deleted network has members with good certificates.
    const doomed = await suite.cluster.network(suite.edge);
    const orphan = await RawSite.join(suite.edge, await doomed.token(), "orphan");
    expect((await suite.edge.fairlead("network", "delete", doomed.name, "--yes")).status).toBe(0);
    const before = await objects();

    const claim = formatClaim(unknown(), makeId("token", randomBytes(ID_BYTES)), randomBytes(32));
    const redeem = JSON.stringify({ claim, site: "nobody", csr: west.admission.certificate });
    const json = { "content-type": "application/json" };
    const { apiUrl } = suite.edge;
    expect(await ask(apiUrl, "/v1/redeem", json, "POST", redeem)).toEqual(answerOf("token.unknown"));
    const renew = JSON.stringify({ assertion: await orphan.assertion({ purpose: "renew" }) });
    expect(await ask(apiUrl, "/v1/renew", json, "POST", renew)).toEqual(answerOf("network.unknown"));

    const paths = ["", "/status", "/sites", "/tokens", "/events", "/services", "/links", "/sites/nobody"];
    const keys: [Headers, ErrorCode][] = [
      [{}, "key.missing"],
      [{ authorization: `Bearer flk_admin_${randomBytes(32).toString("base64url")}` }, "key.invalid"],
      [{ authorization: `Bearer ${suite.edge.adminKey}` }, "network.unknown"],
    ];
    for (const [headers, code] of keys) {
      for (const path of paths) {
        const at = `/v1/networks/${unknown()}${path}`;
        expect(await ask(apiUrl, at, headers), `${at} ${code}`).toEqual(answerOf(code));
      }
    }

    expect(await orphan.dialUplink()).toEqual({ kind: "refused", ...answerOf("network.unknown") });
    expect(await orphan.dialLane("any.thing")).toEqual({ kind: "refused", ...answerOf("network.unknown") });
    // The databases of the deleted network may go.
    expect((await objects()).filter((name) => !before.includes(name))).toEqual([]);
  });
});
