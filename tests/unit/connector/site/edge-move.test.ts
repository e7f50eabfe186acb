/** A site that moves to another address of its edge. */
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import type { EdgeApi } from "../../../../connector/site/edge-api.ts";
import type { Prospect } from "../../../../connector/site/edge-move.ts";
import { pemToBase64 } from "../../../../connector/site/pem.ts";
import { Site, type SiteOptions } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import { TokenMoves } from "../../../../connector/site/token-moves.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const FORMER = "https://127.0.0.1:1";
const API = "https://new.example:8443";
const GATEWAY = "https://new.example:8444";
/** An address that the edge at API might name. */
const ELSEWHERE = "https://elsewhere.example";

const code = (text: string) => expect.objectContaining({ code: text });

async function setUp(more: { tls?: "public" } = {}) {
  const state = await temporaryState();
  const deployment = await TestDeployment.create();
  /** URLs of the renewals so far. */
  const asked: string[] = [];
  let gateway: string | undefined = GATEWAY;
  const api: EdgeApi = {
    redeem: deployment.redeem.bind(deployment),
    renew: async (url, ca, assertion) => {
      asked.push(url);
      const renewal = await deployment.renew(url, ca, assertion);
      return gateway === undefined ? renewal : { ...renewal, edge: { links: gateway } };
    },
  };
  const token = () => {
    const parsed = parseToken(deployment.tokenFile());
    return { ...parsed, spec: { ...parsed.spec, ...more } };
  };
  const start = (options: Partial<SiteOptions> = {}) =>
    Site.start({
      ...{ state, boot: randomId("boot"), site: "west", tokens: ["token.yaml"], api, log: silent },
      readToken: async () => token(),
      ...options,
    });
  const site = await start();
  const reached: Prospect[] = [];
  const reach = async (prospect: Prospect) => void reached.push(prospect);
  const answerWith = (named: string | undefined) => {
    gateway = named;
  };
  return { state, deployment, api, asked, token, start, site, reached, reach, answerWith };
}

describe("a site that moves", () => {
  it("keeps everything but its address, and proves itself at the new one", async () => {
    const { deployment, asked, start, site, reached, reach } = await setUp();
    const { membership: before, keyPem } = site;
    await site.move({ api: API }, reach);
    expect(asked).toEqual([API]);
    expect(decodeJwt(deployment.renewals[0] ?? "").aud).toBe(`${API}/renew`);
    const edge = { api: API, gateway: GATEWAY, audience: API };
    expect(reached.map(({ membership }) => membership.edge)).toEqual([edge]);
    expect(site.membership).toMatchObject({ edge, ca: before.ca, authority: before.authority });
    expect(site.membership.site).toEqual(before.site);
    expect(decodeJwt(await site.assert("uplink")).aud).toBe(`${API}/uplink`);
    const again = await start({ tokens: [] });
    expect(again.membership).toEqual(site.membership);
    expect(again.keyPem).toBe(keyPem);
  });

  it.each([
    ["does not answer", new FairleadError("edge.unreachable"), "edge.unreachable"],
    ["does not know the address as its own", new FairleadError("assertion.audience"), "assertion.audience"],
    ["has no such site", new FairleadError("site.revoked"), "site.revoked"],
  ])("changes nothing when the edge there %s", async (_, failure, expected) => {
    const { deployment, site, reach, reached, start } = await setUp();
    deployment.failures.push(failure);
    await expect(site.move({ api: API }, reach)).rejects.toEqual(code(expected));
    expect(reached).toEqual([]);
    expect((await start({ tokens: [] })).membership.edge.api).toBe(FORMER);
  });

  it("changes nothing when the gateway there cannot be reached", async () => {
    const { site, start } = await setUp();
    const refuse = async () => Promise.reject(new FairleadError("edge.untrusted"));
    await expect(site.move({ api: API }, refuse)).rejects.toEqual(code("edge.untrusted"));
    expect(site.membership.edge.api).toBe(FORMER);
    expect((await start({ tokens: [] })).membership.edge.api).toBe(FORMER);
  });

  it("refuses the certificate that it has, which everybody on the path knows", async () => {
    const { api, site, reach } = await setUp();
    const [certificate = "", authority = ""] = pemToBase64(site.membership.chain);
    api.renew = async () => ({ certificate, authority, links: [], edge: { links: GATEWAY } });
    await expect(site.move({ api: API }, reach)).rejects.toEqual(code("certificate.untrusted"));
  });

  it("refuses a certificate of another network's CA", async () => {
    const { deployment, api, site, reach } = await setUp();
    const other = await TestDeployment.create(deployment.network.deployment);
    await other.redeem("", "", deployment.redeemed[0] ?? { claim: "", site: "west", csr: "" });
    api.renew = other.renew.bind(other);
    await expect(site.move({ api: API, gateway: GATEWAY }, reach)).rejects.toEqual(
      code("certificate.untrusted"),
    );
  });

  it("needs the gateway's address from an edge that does not name it", async () => {
    const { site, reach, answerWith } = await setUp();
    answerWith(undefined);
    await expect(site.move({ api: API }, reach)).rejects.toMatchObject({
      code: "request.invalid",
      action: expect.stringContaining("--gateway"),
    });
    await site.move({ api: API, gateway: ELSEWHERE }, reach);
    expect(site.membership.edge.gateway).toBe(ELSEWHERE);
  });

  it("lets an edge under public CAs name no gateway of another host", async () => {
    const { site, reach, answerWith } = await setUp({ tls: "public" });
    answerWith(ELSEWHERE);
    await expect(site.move({ api: API }, reach)).rejects.toEqual(code("edge.wrong_address"));
    await site.move({ api: API, gateway: ELSEWHERE }, reach);
    expect(site.membership.edge).toMatchObject({ gateway: ELSEWHERE, tls: "public" });
  });
});

describe("a new token", () => {
  async function withToken(change: (deployment: TestDeployment) => void = () => {}) {
    const stand = await setUp();
    const { deployment, site, reach } = stand;
    deployment.tokenApi = API;
    deployment.tokenGateway = GATEWAY;
    change(deployment);
    const newer = parseToken(deployment.tokenFile());
    const readToken = async () => newer;
    const options = { site, tokens: ["new.yaml"], readToken, reachGateway: reach, log: silent };
    return { ...stand, newer, options, moves: new TokenMoves(options) };
  }

  it("moves a site once, and creates its link", async () => {
    const { deployment, site, newer, options, moves } = await withToken();
    expect(await moves.attempt()).toBe(true);
    expect(site.membership.edge).toMatchObject({ api: API, gateway: GATEWAY, audience: API });
    expect(deployment.redeemed).toHaveLength(2);
    expect(site.hasRedeemed(newer)).toBe(true);
    expect(await moves.attempt()).toBe(false);
    await site.move({ api: ELSEWHERE, gateway: ELSEWHERE }, options.reachGateway);
    expect(await new TokenMoves(options).attempt()).toBe(false);
  });

  it("that creates no link moves a site all the same, and is not tried again", async () => {
    const { site, newer, deployment, moves, api } = await withToken();
    api.redeem = async () => Promise.reject(new FairleadError("link.exists"));
    expect(await moves.attempt()).toBe(true);
    expect(site.hasRedeemed(newer)).toBe(true);
    expect(deployment.redeemed).toHaveLength(1);
  });

  it("moves no site while the edge at its address does not prove itself, and does so later", async () => {
    const { deployment, site, moves } = await withToken();
    deployment.failures.push(new FairleadError("edge.unreachable"));
    expect(await moves.attempt()).toBe(false);
    expect(site.membership.edge.api).toBe(FORMER);
    expect(await moves.attempt()).toBe(true);
  });

  it("of another network, of another deployment CA, or under public CAs moves no site", async () => {
    const { site, options, newer, asked } = await withToken();
    const other = await TestDeployment.create();
    const { spec } = newer;
    for (const token of [
      parseToken(other.tokenFile({ network: randomId("network") })),
      { ...newer, spec: { ...spec, ca: other.ca } },
      { ...newer, spec: { ...spec, tls: "public" as const } },
    ]) {
      const moves = new TokenMoves({ ...options, readToken: async () => token });
      expect(await moves.attempt()).toBe(false);
    }
    expect(asked).toEqual([]);
    expect(site.membership.edge.api).toBe(FORMER);
  });

  it("of another network is refused at a site that has joined, unless there is one of its network", async () => {
    const { start, token } = await setUp();
    const foreign = parseToken((await TestDeployment.create()).tokenFile());
    await expect(start({ readToken: async () => foreign })).rejects.toEqual(code("token.wrong_network"));
    const readToken = async (source: string) => (source === "own.yaml" ? token() : foreign);
    expect(await start({ readToken, tokens: ["foreign.yaml", "own.yaml"] })).toBeInstanceOf(Site);
    const unreadable = async () => Promise.reject(new FairleadError("token.malformed"));
    expect(await start({ readToken: unreadable })).toBeInstanceOf(Site);
  });
});
