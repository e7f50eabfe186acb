import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Admission, RenewalResponse } from "../../../protocol/api/admission.ts";
import { CreatedToken, Token } from "../../../protocol/api/tokens.ts";
import { decodeBase64, encodeBase64 } from "../../../protocol/encoding.ts";
import { TokenFile } from "../../../protocol/tokens.ts";
import { readCertificate, readDeploymentCa } from "../../../workers/authority/x509.ts";
import {
  createAssertion,
  createDeploymentCa,
  createSite,
  DAY,
  networkIdOf,
  newKeys,
} from "../../support/authority/test-site.ts";
import {
  ask,
  call,
  claimIn,
  countObjects,
  createNetwork,
  createToken,
  errorOf,
  expectAnswer,
  join,
  redeem,
} from "../../support/workerd/client.ts";
import { ADMIN_KEY } from "../../support/workerd/environment.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(() => resetEdge());

const deployment = async () => ({
  ...(await createDeploymentCa()),
  certificate: env.DEPLOYMENT_CA,
  key: env.DEPLOYMENT_CA_KEY,
});

const derOf = (text: string) => decodeBase64(text) ?? new Uint8Array();

describe("POST /v1/networks/{network}/tokens", () => {
  it("returns a file with the addresses, the CA and the claim", async () => {
    await createNetwork("shop");
    const token = await createToken("shop", { uses: 2, expirySeconds: 60 });
    const file = TokenFile.parse(parse(token.file));
    expect(file.metadata).toEqual({
      name: token.id,
      network: "shop",
      issuer: "network",
      expires: token.expiresAt,
    });
    expect(file.spec.api).toBe(env.API_URL);
    expect(file.spec.links).toBe(env.GATEWAY_URL);
    expect(file.spec.ca).toBe(env.DEPLOYMENT_CA);
    // With a hostname for the gateway, the edge is on a platform, which provides the server certificates.
    expect(file.spec.tls).toBe("public");
    const body = JSON.stringify({ uses: 1 });
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body };
    const embedded = await ask(`${env.API_URL}/v1/networks/shop/tokens`, init, {
      GATEWAY_HOSTNAME: undefined,
    });
    expect(TokenFile.parse(parse(CreatedToken.parse(await embedded.json()).file)).spec.tls).toBeUndefined();
    expect(token).toMatchObject({ uses: 2, used: 0, state: "good" });
    const [listed] = (await (await call("GET", "/v1/networks/shop/tokens")).json()) as unknown[];
    expect(JSON.stringify(listed)).not.toContain(file.spec.claim.split(".")[2]);
  });

  it("creates a token for one use within fifteen minutes by default", async () => {
    await createNetwork("shop");
    const token = await createToken("shop");
    expect(token.uses).toBe(1);
    expect(Date.parse(token.expiresAt) - Date.parse(token.createdAt)).toBe(15 * 60_000);
  });
});

describe("POST /v1/redeem", () => {
  it("admits a site with a certificate of its network", async () => {
    const network = await createNetwork("shop");
    const { file } = await createToken("shop");
    const admission = await expectAnswer(Admission, redeem(claimIn(file), "west"));
    expect(admission).toMatchObject({
      network: { id: network.id, name: "shop" },
      site: { name: "west" },
      edge: { links: env.GATEWAY_URL, audience: env.API_URL },
    });
    const leaf = readCertificate(derOf(admission.certificate));
    const authority = readCertificate(derOf(admission.authority));
    if (leaf === null || authority === null) throw new Error("unreadable certificates");
    expect(await leaf.isSignedBy(authority)).toBe(true);
    expect(await authority.isSignedBy(readDeploymentCa(env.DEPLOYMENT_CA))).toBe(true);
  });

  it("refuses a network that does not exist, and creates no registry", async () => {
    const before = await countObjects();
    const claim = `${networkIdOf()}.t${"0".repeat(26)}.${"A".repeat(43)}`;
    expect(await errorOf(redeem(claim, "west"))).toEqual([404, "token.unknown"]);
    expect(await countObjects()).toEqual(before);
  });

  it("refuses a claim that is cut anywhere", async () => {
    await createNetwork("shop");
    const claim = claimIn((await createToken("shop")).file);
    const keys = await newKeys();
    for (const length of [0, 5, 27, 28, 40, 56, claim.length - 1]) {
      expect(await errorOf(redeem(claim.slice(0, length), "west", keys))).toEqual([400, "token.malformed"]);
    }
  });

  it("refuses used-up, revoked, altered and unknown tokens, each with its code", async () => {
    await createNetwork("shop");
    const used = claimIn((await createToken("shop")).file);
    await redeem(used, "west");
    expect(await errorOf(redeem(used, "east"))).toEqual([410, "token.used_up"]);

    const revoked = await createToken("shop");
    const response = await expectAnswer(Token, call("DELETE", `/v1/networks/shop/tokens/${revoked.id}`));
    expect(response.state).toBe("revoked");
    expect(await errorOf(redeem(claimIn(revoked.file), "east"))).toEqual([410, "token.revoked"]);

    const good = claimIn((await createToken("shop")).file);
    const [network, token] = good.split(".");
    expect(await errorOf(redeem(`${network}.${token}.${"A".repeat(43)}`, "east"))).toEqual([
      403,
      "token.altered",
    ]);
    const unknown = `${network}.t${"0".repeat(26)}.${"A".repeat(43)}`;
    expect(await errorOf(redeem(unknown, "east"))).toEqual([404, "token.unknown"]);
  });

  it("refuses a bad certificate request without using the token", async () => {
    await createNetwork("shop");
    const claim = claimIn((await createToken("shop")).file);
    for (const csr of ["%%%", "", encodeBase64(new Uint8Array([0x30, 1, 2]))]) {
      const body = { claim, site: "west", csr };
      expect(await errorOf(call("POST", "/v1/redeem", { key: null, body }))).toEqual([400, "csr.invalid"]);
    }
    await expectAnswer(Admission, redeem(claim, "west"));
  });
});

describe("POST /v1/renew", () => {
  const renew = (assertion: string) => call("POST", "/v1/renew", { key: null, body: { assertion } });

  it("returns a new certificate for the registered key", async () => {
    await createNetwork("shop");
    const site = await join("shop", "west");
    const renewal = await expectAnswer(
      RenewalResponse,
      renew(await createAssertion(site, { purpose: "renew" })),
    );
    expect(renewal.certificate).not.toBe(encodeBase64(site.certificate.certificate));
  });

  it("refuses an assertion for another purpose, and an assertion that was used", async () => {
    await createNetwork("shop");
    const site = await join("shop", "west");
    expect(await errorOf(renew(await createAssertion(site)))).toEqual([403, "assertion.audience"]);
    const assertion = await createAssertion(site, { purpose: "renew" });
    expect((await renew(assertion)).status).toBe(200);
    expect(await errorOf(renew(assertion))).toEqual([403, "assertion.replayed"]);
  });

  it("refuses a certificate that expired more than 30 days ago", async () => {
    const site = await createSite(await deployment(), { now: Date.now() - 32 * DAY });
    const response = renew(await createAssertion(site, { purpose: "renew" }));
    expect(await errorOf(response)).toEqual([403, "certificate.too_old"]);
  });

  it("refuses a network that does not exist, and creates no registry", async () => {
    const before = await countObjects();
    const site = await createSite(await deployment());
    const response = renew(await createAssertion(site, { purpose: "renew" }));
    expect(await errorOf(response)).toEqual([404, "network.unknown"]);
    expect(await countObjects()).toEqual(before);
  });
});
