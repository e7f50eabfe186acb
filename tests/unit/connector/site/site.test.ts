import { X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { Site, type SiteOptions } from "../../../../connector/site/site.ts";
import { startSite } from "../../../../connector/site/start.ts";
import { parseToken, tokenReader } from "../../../../connector/site/token.ts";
import type { StateDirectory } from "../../../../connector/state/directory.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { RENEWABLE_MS } from "../../../../protocol/uplink/assertions.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });

function options(
  state: StateDirectory,
  deployment: TestDeployment,
  more: Partial<SiteOptions> = {},
): SiteOptions {
  return {
    state,
    boot: randomId("boot"),
    site: "west",
    tokens: ["token.yaml"],
    api: deployment,
    readToken: async () => parseToken(deployment.tokenFile()),
    log: silent,
    ...more,
  };
}

describe("a site that joins", () => {
  it("sends a CSR for a key that never leaves it, and stores the answer", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    const site = await Site.start(options(state, deployment));
    expect(deployment.redeemed).toHaveLength(1);
    expect(site.membership.site).toEqual({ id: deployment.site, name: "west" });
    expect(new X509Certificate(site.membership.chain).subjectAltName).toContain(deployment.site);
    expect((await stat(state.file("key.pem"))).mode & 0o777).toBe(0o600);
    const again = await Site.start(options(state, deployment, { tokens: [] }));
    expect(again.membership).toEqual(site.membership);
    expect(again.keyPem).toBe(site.keyPem);
    expect(deployment.redeemed).toHaveLength(1);
  });

  it("redeems with the same key after a crash between redeeming and storing", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    deployment.failures.push(new FairleadError("edge.unreachable", "the answer was lost"));
    await expect(Site.start(options(state, deployment))).rejects.toEqual(code("edge.unreachable"));
    const key = await state.read("key.pem");
    const site = await Site.start(options(state, deployment));
    expect(site.keyPem).toBe(key?.toString("utf8"));
  });

  it("is started by startSite once the edge answers, and its token is read once", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    deployment.failures.push(new FairleadError("edge.unreachable"), new FairleadError("edge.unreachable"));
    await state.writeAtomic("token.yaml", deployment.tokenFile());
    const site = await startSite({
      state,
      boot: randomId("boot"),
      site: "west",
      tokens: [state.file("token.yaml")],
      readToken: tokenReader(process.stdin),
      log: silent,
      signal: new AbortController().signal,
      api: deployment,
      backoff: { base: 1, cap: 1 },
    });
    expect(site?.membership.network.name).toBe("shop");
  });

  it("fails at once when the token is refused", async () => {
    const deployment = await TestDeployment.create();
    deployment.failures.push(new FairleadError("token.used_up"));
    await expect(Site.start(options(await temporaryState(), deployment))).rejects.toEqual(
      code("token.used_up"),
    );
  });

  it("refuses a certificate for another key", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    const certificate = await deployment.foreignLeaf();
    const api = {
      renew: deployment.renew.bind(deployment),
      redeem: async (...all: Parameters<TestDeployment["redeem"]>) => ({
        ...(await deployment.redeem(...all)),
        certificate,
      }),
    };
    await expect(Site.start(options(state, deployment, { api }))).rejects.toEqual(
      code("certificate.untrusted"),
    );
    expect(await state.read("site.json")).toBeNull();
  });

  it("throws token.missing without a membership and a token", async () => {
    const deployment = await TestDeployment.create();
    await expect(Site.start(options(await temporaryState(), deployment, { tokens: [] }))).rejects.toEqual(
      code("token.missing"),
    );
  });
});

describe("a site that has joined", () => {
  it("starts without another redemption", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    await Site.start(options(state, deployment));
    await Site.start(options(state, deployment));
    expect(deployment.redeemed).toHaveLength(1);
  });

  it("refuses to start under another name", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    await Site.start(options(state, deployment));
    await expect(Site.start(options(state, deployment, { site: "east" }))).rejects.toEqual(
      code("request.invalid"),
    );
  });

  it("throws state.corrupt for a damaged state directory", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    await Site.start(options(state, deployment));
    await state.writeAtomic("certificate.pem", "damaged");
    await expect(Site.start(options(state, deployment))).rejects.toEqual(code("state.corrupt"));
    await state.remove("certificate.pem");
    await expect(Site.start(options(state, deployment))).rejects.toEqual(code("state.corrupt"));
  });

  it("signs assertions that all differ", async () => {
    const deployment = await TestDeployment.create();
    const boot = randomId("boot");
    const site = await Site.start(options(await temporaryState(), deployment, { boot }));
    const first = await site.assert("uplink");
    expect(decodeProtectedHeader(first)).toMatchObject({
      alg: "ES256",
      x5c: [expect.any(String), expect.any(String)],
    });
    expect(decodeJwt(first)).toMatchObject({
      aud: "https://127.0.0.1:1/uplink",
      iss: `spiffe://${deployment.network.id}/site/${deployment.site}`,
      jti: `${boot}.1`,
    });
    expect(decodeJwt(await site.assert("lane"))).toMatchObject({
      aud: "https://127.0.0.1:1/lane",
      jti: `${boot}.2`,
    });
  });
});

describe("a site that renews", () => {
  it("stores the new certificates and uses them", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    const site = await Site.start(options(state, deployment));
    const before = site.membership.chain;
    const renewal = await deployment.renewal();
    await site.adopt(renewal);
    expect(site.membership.chain).not.toBe(before);
    expect(site.membership.links[0]?.certificate).toBe(renewal.links[0]?.certificate);
    const again = await Site.start(options(state, deployment));
    expect(again.membership).toEqual(site.membership);
  });

  it("renews over the API after its certificate has ended, with an assertion for that purpose", async () => {
    const deployment = await TestDeployment.create();
    deployment.notAfter = Date.now() - 1000;
    const site = await Site.start(options(await temporaryState(), deployment));
    deployment.notAfter = Date.now() + 1_000_000;
    await Promise.all([site.ensureFresh(), site.ensureFresh()]);
    expect(deployment.renewals).toHaveLength(1);
    expect(decodeJwt(deployment.renewals[0] ?? "").aud).toBe("https://127.0.0.1:1/renew");
    expect(site.membership.notAfter).toBeGreaterThan(Date.now());
  });

  it("throws certificate.too_old when its certificate ended too long ago", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    await Site.start(options(state, deployment));
    const now = () => Date.now() + RENEWABLE_MS + 2 * 24 * 3600_000;
    await expect(Site.start(options(state, deployment, { tokens: [], now }))).rejects.toEqual(
      code("certificate.too_old"),
    );
    expect((await Site.start(options(state, deployment, { now }))).membership.site.name).toBe("west");
    expect(deployment.redeemed).toHaveLength(2);
  });

  it("takes the name that it got while it was away, and still starts under the old one", async () => {
    const state = await temporaryState();
    const deployment = await TestDeployment.create();
    await Site.start(options(state, deployment));
    const now = () => Date.now() + RENEWABLE_MS + 2 * 24 * 3600_000;
    const api = {
      renew: deployment.renew.bind(deployment),
      redeem: async (...all: Parameters<TestDeployment["redeem"]>) => {
        const admission = await deployment.redeem(...all);
        return { ...admission, site: { ...admission.site, name: "far-west" } };
      },
    };
    const site = await Site.start(options(state, deployment, { now, api }));
    expect(site.membership).toMatchObject({ site: { name: "far-west" }, formerNames: ["west"] });
    expect((await Site.start(options(state, deployment))).membership.site.name).toBe("far-west");
  });
});
