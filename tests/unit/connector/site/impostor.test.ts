/**
 * An impostor with a mis-issued certificate of a public CA, which poses as the edge to a site over real TLS.
 * Whatever it gains must end with its certificate.
 */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../../connector/edge/credentials/certificates.ts";
import { silent } from "../../../../connector/log.ts";
import { edgeAddressOf } from "../../../../connector/site/edge-address.ts";
import { edgeApi } from "../../../../connector/site/edge-api.ts";
import { Site, type SiteOptions } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import { type Admission, Redeem, Renew } from "../../../../protocol/api/admission.ts";
import { RENEWABLE_MS } from "../../../../protocol/uplink/assertions.ts";
import type { Renewal } from "../../../../protocol/uplink/messages.ts";
import { randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import { pemToBase64, TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const TOKEN = (await TestDeployment.create()).tokenFile();
const ELSEWHERE = "https://elsewhere.example";
const before = getCACertificates("default");
const publicCa = await makeDeploymentAuthority(Date.now());
beforeEach(() => setDefaultCACertificates([...before, publicCa.certificate]));
afterEach(() => setDefaultCACertificates(before));

type Answer = {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
};

/** The server at the API's address: the edge, or an impostor. */
class Host {
  /** Answers in place of the edge while it is set. */
  impostor: ((path: string, honest: () => Promise<unknown>, request: unknown) => Promise<Answer>) | null =
    null;
  readonly deployment: TestDeployment;
  readonly url: string;
  readonly paths: string[] = [];

  private constructor(deployment: TestDeployment, url: string) {
    this.deployment = deployment;
    this.url = url;
  }

  static async start(): Promise<Host> {
    const deployment = await TestDeployment.create();
    const names = ["127.0.0.1"];
    const { certificate, privateKey } = await makeServerCertificate({
      ...{ names, authority: publicCa, now: Date.now() },
    });
    const server = createServer({ cert: certificate, key: privateKey });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close().closeAllConnections());
    const host = new Host(deployment, `https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    Object.assign(deployment, {
      tokenApi: host.url,
      audience: host.url,
      links: host.url,
      tokenGateway: host.url,
    });
    server.on("request", async (request, response) => {
      const path = request.url ?? "";
      host.paths.push(path);
      const body: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString("utf8"));
      const honest = () => host.#answer(path, body);
      const {
        status,
        headers,
        body: answer,
      } = (await host.impostor?.(path, honest, body)) ?? {
        body: await honest(),
      };
      response.writeHead(status ?? 200, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(answer ?? {}));
    });
    return host;
  }

  async #answer(path: string, body: unknown): Promise<unknown> {
    if (path === "/v1/redeem") return await this.deployment.redeem("", "", Redeem.parse(body));
    return await this.deployment.renew("", "", Renew.parse(body).assertion);
  }

  /** A token file of this edge, as written on a platform that issues its certificate. */
  token() {
    const token = parseToken(this.deployment.tokenFile());
    return { ...token, spec: { ...token.spec, tls: "public" as const } };
  }

  /** Lets the impostor alter the answers of the edge. */
  alter<T>(change: (answer: T, request: Redeem) => unknown): void {
    this.impostor = async (_, honest, request) => ({
      body: await change((await honest()) as T, request as Redeem),
    });
  }
}

async function setUp() {
  const host = await Host.start();
  const state = await temporaryState();
  const token = host.token();
  const start = (more: Partial<SiteOptions> = {}) =>
    Site.start({
      ...{ state, boot: randomId("boot"), site: "west", tokens: ["token.yaml"], api: edgeApi, log: silent },
      readToken: async () => token,
      ...more,
    });
  return { host, state, start, token };
}

const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "accepted",
    ({ code }) => code as string,
  );

/**
 * The admission of the site's key to another network of the same edge, which anybody who saw the request can
 * get.
 */
async function elsewhere(host: Host, request: Redeem): Promise<Admission> {
  const other = await TestDeployment.create(host.deployment.network.deployment);
  return await other.redeem("", "", request);
}

type Alteration = (answer: Admission, request: Redeem, host: Host) => unknown;

const ALTERED: Record<string, [string, Alteration]> = {
  "uplinks somewhere else": [
    "edge.wrong_address",
    (answer) => ({ ...answer, edge: { ...answer.edge, links: ELSEWHERE } }),
  ],
  "uplinks on another port": [
    "edge.wrong_address",
    (answer) => ({ ...answer, edge: { ...answer.edge, links: "https://127.0.0.1:1" } }),
  ],
  "uplinks without TLS": [
    "edge.internal",
    (answer, _, { url }) => ({ ...answer, edge: { ...answer.edge, links: url.replace("https", "http") } }),
  ],
  "uplinks with a path": [
    "edge.internal",
    (answer, _, { url }) => ({ ...answer, edge: { ...answer.edge, links: `${url}/v1/somewhere` } }),
  ],
  "uplinks with a user": [
    "edge.internal",
    (answer, _, { url }) => ({
      ...answer,
      edge: { ...answer.edge, links: url.replace("https://", "https://a:b@") },
    }),
  ],
  "another audience": [
    "edge.wrong_address",
    (answer) => ({ ...answer, edge: { ...answer.edge, audience: ELSEWHERE } }),
  ],
  "another network of the same edge": [
    "certificate.untrusted",
    async (answer, request, host) => ({ ...(await elsewhere(host, request)), edge: answer.edge }),
  ],
  "the certificate of another network of the same edge": [
    "certificate.untrusted",
    async (answer, request, host) => {
      const { certificate, authority } = await elsewhere(host, request);
      return { ...answer, certificate, authority };
    },
  ],
  "another site": [
    "certificate.untrusted",
    (answer) => ({ ...answer, site: { ...answer.site, id: randomId("site") } }),
  ],
  "a network CA of its own": [
    "certificate.untrusted",
    async (answer) => {
      const { authority } = await TestNetwork.create();
      return { ...answer, authority: pemToBase64(authority.certificate) };
    },
  ],
  "a link's certificate for another key": [
    "certificate.untrusted",
    async (answer, _, { deployment }) => ({
      ...answer,
      link: { ...answer.link, certificate: await deployment.foreignLeaf() },
    }),
  ],
  "the certificate of another link": [
    "certificate.untrusted",
    (answer) => ({ ...answer, link: { ...answer.link, id: randomId("link") } }),
  ],
  "a link's certificate that no hello can carry": [
    "edge.internal",
    (answer) => ({ ...answer, link: { ...answer.link, certificate: "A".repeat(5000) } }),
  ],
  "a link's issuer that no state file can hold": [
    "edge.internal",
    (answer) => ({ ...answer, link: { ...answer.link, issuer: "\u001b[2J" } }),
  ],
  "more than a site reads": ["edge.internal", (answer) => ({ ...answer, padding: "A".repeat(600 * 1024) })],
};

describe("a site that joins at an impostor of its edge", () => {
  it.each(Object.entries(ALTERED))(
    "refuses %s, and joins with the same token when the edge is back",
    async (_, [code, alteration]) => {
      const { host, state, start } = await setUp();
      host.alter<Admission>((answer, request) => alteration(answer, request, host));
      expect(await codeOf(start())).toBe(code);
      expect(await state.read("site.json")).toBeNull();
      host.impostor = null;
      const { membership } = await start();
      expect(membership.edge).toEqual({
        api: host.url,
        gateway: host.url,
        audience: host.url,
        tls: "public",
      });
      expect(membership.network.id).toBe(host.deployment.network.id);
    },
  );

  it("can start again with the name that it was started with, whatever name the answer gave it", async () => {
    const { host, start } = await setUp();
    host.alter<Admission>((answer) => ({ ...answer, site: { ...answer.site, name: "elsewhere" } }));
    await start();
    host.impostor = null;
    expect((await start()).membership.site.id).toBe(host.deployment.site);
  });

  it("follows no redirect", async () => {
    const { host, start } = await setUp();
    const other = await Host.start();
    for (const status of [301, 302, 307, 308]) {
      host.impostor = async () => ({ status, headers: { location: `${other.url}/v1/redeem` } });
      expect(await codeOf(start())).toBe("edge.internal");
    }
    expect(other.paths).toEqual([]);
  });
});

const RENEWED: Record<string, (answer: Renewal, host: Host, request: Redeem) => unknown> = {
  "another network of the same edge": async (answer, host, request) => {
    const { certificate, authority } = await elsewhere(host, request);
    return { ...answer, certificate, authority };
  },
  "another network CA under the same deployment CA": async (answer, { deployment }) => {
    const { authority } = await TestNetwork.create(deployment.network.deployment);
    return { ...answer, authority: pemToBase64(authority.certificate) };
  },
  "another deployment CA": async (answer) => ({
    ...answer,
    ca: (await TestNetwork.create()).deployment.certificate,
  }),
  "a certificate for another key": async (answer, { deployment }) => ({
    ...answer,
    certificate: await deployment.foreignLeaf(),
  }),
  "links' certificates for another key": async (answer, { deployment }) => ({
    ...answer,
    links: [{ id: deployment.link?.id, certificate: await deployment.foreignLeaf() }],
  }),
  "an old answer": async (answer, { deployment }) => {
    deployment.notAfter -= RENEWABLE_MS * 2;
    return { ...answer, ...(await deployment.renewal()) };
  },
};

describe("a site that renews at an impostor of its edge", () => {
  it.each(Object.entries(RENEWED))("refuses %s, and renews when the edge is back", async (_, change) => {
    const { host, start } = await setUp();
    const site = await start();
    const { membership } = site;
    const [request] = host.deployment.redeemed;
    const { notAfter } = host.deployment;
    host.alter<Renewal>((answer) => change(answer, host, request as Redeem));
    expect(await codeOf(site.renewOverApi())).toBe("certificate.untrusted");
    expect(site.membership).toBe(membership);
    host.impostor = null;
    host.deployment.notAfter = notAfter + 1000;
    await site.renewOverApi();
    expect(site.membership.notAfter).toBeGreaterThan(membership.notAfter);
    const { edge, authority, ca, network } = membership;
    expect(site.membership).toMatchObject({ edge, authority, ca, network });
  });
});

describe("a member with a further token", () => {
  it("redeems it at the edge of its membership, whatever the file says", async () => {
    const { host, start } = await setUp();
    const other = await Host.start();
    const site = await start();
    const token = host.token();
    host.deployment.link = { id: randomId("link"), name: "link2", issuer: "public1" };
    const { edge } = site.membership;
    await site.redeem({ ...token, spec: { ...token.spec, api: other.url, links: ELSEWHERE } });
    expect(other.paths).toEqual([]);
    expect(site.membership.edge).toEqual(edge);
    expect(site.membership.links).toHaveLength(2);
  });

  it("takes no other network CA or address from the answer", async () => {
    const { host, start } = await setUp();
    const site = await start();
    const { membership } = site;
    host.deployment.link = { id: randomId("link"), name: "link2", issuer: "public1" };
    host.alter<Admission>(async (answer, request) => {
      const { certificate, authority } = await elsewhere(host, request);
      return { ...answer, certificate, authority, edge: { links: ELSEWHERE, audience: ELSEWHERE } };
    });
    expect(await codeOf(site.redeem(host.token()))).toBe("certificate.untrusted");
    host.alter<Admission>((answer) => ({ ...answer, edge: { links: ELSEWHERE, audience: ELSEWHERE } }));
    await site.redeem(host.token());
    expect(site.membership.edge).toEqual(membership.edge);
    expect(site.membership.authority).toBe(membership.authority);
  });
});

describe("a token file of 0.1.0, which names no gateway", () => {
  const joined = async (links: string) => {
    const { host, start, token } = await setUp();
    host.deployment.links = links;
    const { links: _, ...spec } = token.spec;
    return await codeOf(start({ readToken: async () => ({ ...token, spec }) }));
  };

  it("lets the answer name any gateway if only the deployment CA proves the edge", () => {
    const [api, audience] = ["https://edge.example", "https://edge.example"];
    const token = { ...parseToken(TOKEN).spec, api };
    const answer = { links: ELSEWHERE, audience };
    const address = { api, gateway: ELSEWHERE, audience };
    expect(edgeAddressOf(token, answer)).toEqual(address);
    expect(() => edgeAddressOf(token, { links: ELSEWHERE, audience: ELSEWHERE })).toThrow("audience");
    const below = { links: "https://gateway.edge.example", audience };
    const expected = { ...address, gateway: below.links };
    expect(edgeAddressOf({ ...token, tls: "public" }, below)).toEqual(expected);
    expect(() => edgeAddressOf({ ...token, tls: "public" }, answer)).toThrow("not below");
  });

  it("lets the answer name a gateway within the API's host if public CAs prove the edge", async () => {
    expect(await joined("https://127.0.0.1:9")).toBe("accepted");
    expect(await joined(ELSEWHERE)).toBe("edge.wrong_address");
    expect(await joined("https://1127.0.0.1.example")).toBe("edge.wrong_address");
  });
});

describe("a site whose certificate is too old", () => {
  it("keeps its CAs, and takes its addresses from the new token file", async () => {
    const { host, start } = await setUp();
    const site = await start();
    const now = () => Date.now() + RENEWABLE_MS + 2 * 24 * 3600_000;
    const other = host.token();
    const foreign = (await TestNetwork.create()).deployment.certificate;
    const stranger = { ...other, spec: { ...other.spec, ca: foreign } };
    expect(await codeOf(start({ now, readToken: async () => stranger }))).toBe("token.wrong_edge");
    host.alter<Admission>(async (answer, request) => {
      const { certificate, authority } = await elsewhere(host, request);
      return { ...answer, certificate, authority };
    });
    expect(await codeOf(start({ now, readToken: async () => other }))).toBe("certificate.untrusted");
    host.impostor = null;
    host.deployment.links = "https://gateway.example";
    const moved = { ...other, spec: { ...other.spec, links: "https://gateway.example" } };
    const again = await start({ now, readToken: async () => moved });
    expect(again.membership.edge.gateway).toBe("https://gateway.example");
    expect(again.membership.ca).toBe(site.membership.ca);
  });
});

describe("a state directory", () => {
  const rewrite = async (change: (edge: Record<string, string>) => unknown, version = 1) => {
    const { host, start, state } = await setUp();
    await start();
    const stored = JSON.parse((await state.read("site.json"))?.toString("utf8") ?? "");
    const text = JSON.stringify({ ...stored, version, edge: change(stored.edge) });
    await state.writeAtomic("site.json", text);
    return { host, again: () => start({ tokens: [] }) };
  };

  it.each([
    ["without TLS", "http://127.0.0.1:1"],
    ["with a path", "https://127.0.0.1:1/v1"],
    ["with a query", "https://127.0.0.1:1?to=me"],
    ["with a user", "https://a:b@127.0.0.1:1"],
  ])("of any version is refused when it has an address %s", async (_, links) => {
    for (const version of [1, 2]) {
      const { again } = await rewrite((edge) => ({ ...edge, links }), version);
      expect(await codeOf(again())).toBe("state.corrupt");
    }
  });

  it("uses a token file of 0.1.0 whose addresses need no confirmation", async () => {
    const kept = await rewrite((edge) => ({ ...edge, api: `${edge.api}/` }));
    expect((await kept.again()).membership.edge.api).toBe(kept.host.url);
    const deployment = await rewrite(({ tls: _, ...edge }) => ({ ...edge, links: ELSEWHERE }));
    expect((await deployment.again()).membership.edge.gateway).toBe(ELSEWHERE);
    const { again } = await rewrite((edge) => ({ ...edge, links: ELSEWHERE }));
    expect(await codeOf(again())).toBe("state.corrupt");
    const audience = await rewrite((edge) => ({ ...edge, audience: ELSEWHERE }));
    expect(await codeOf(audience.again())).toBe("state.corrupt");
    const named = await rewrite((edge) => ({ ...edge, links: ELSEWHERE }), 2);
    expect((await named.again()).membership.edge.gateway).toBe(ELSEWHERE);
  });
});
