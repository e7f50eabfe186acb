/** The changes of a membership: further tokens, new names, renewals, and the files that store them. */
import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { Site, type SiteOptions } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import type { StateDirectory } from "../../../../connector/state/directory.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import type { TokenFile } from "../../../../protocol/tokens.ts";
import { RENEWABLE_MS } from "../../../../protocol/uplink/assertions.ts";
import { makeAuthority, randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const DAY_MS = 24 * 3600_000;

async function setUp(more: Partial<SiteOptions> = {}) {
  const state = await temporaryState();
  const deployment = await TestDeployment.create();
  const start = (changes: Partial<SiteOptions> = {}) =>
    Site.start({
      state,
      boot: randomId("boot"),
      site: "west",
      tokens: ["token.yaml"],
      api: deployment,
      readToken: async () => parseToken(deployment.tokenFile()),
      log: silent,
      ...more,
      ...changes,
    });
  return { state, deployment, start };
}

const linksFile = async (state: StateDirectory) =>
  JSON.parse((await state.read("links.json"))?.toString("utf8") ?? "null");

const next = (deployment: TestDeployment, name = "link2", issuer = "public1") => {
  deployment.link = { id: randomId("link"), name, issuer };
  return parseToken(deployment.tokenFile());
};

describe("a site that joins with a token of `site create`", () => {
  it("is a member without links, under the name in the token", async () => {
    const { deployment, start, state } = await setUp();
    deployment.link = null;
    const bound = parseToken(deployment.tokenFile({ site: "west" }));
    const site = await start({ site: undefined, readToken: async () => bound });
    expect(deployment.redeemed[0]?.site).toBe("west");
    expect(site.membership.links).toEqual([]);
    expect(await linksFile(state)).toEqual({ links: [], redeemed: [bound.spec.claim.split(".")[1]] });
    expect((await start({ tokens: [] })).membership).toEqual(site.membership);
  });

  it("throws request.invalid if neither the token nor the options name the site", async () => {
    const { start } = await setUp();
    await expect(start({ site: undefined })).rejects.toEqual(code("request.invalid"));
  });
});

describe("a member that redeems a further token", () => {
  it("has a further link, under the same key and name, and remembers the token", async () => {
    const { deployment, start, state } = await setUp();
    const site = await start();
    const token = next(deployment);
    expect(site.hasRedeemed(token)).toBe(false);
    const link = await site.redeem(token, { name: "link2", cost: 7 });
    expect(link).toMatchObject({ name: "link2", issuer: "public1" });
    expect(deployment.redeemed[1]).toMatchObject({ site: "west", link: { name: "link2", cost: 7 } });
    expect(site.membership.links.map(({ name }) => name)).toEqual(["first", "link2"]);
    expect(site.hasRedeemed(token)).toBe(true);
    expect((await linksFile(state)).redeemed).toHaveLength(2);
    const again = await start({ tokens: [] });
    expect(again.membership).toEqual(site.membership);
    expect(again.hasRedeemed(token)).toBe(true);
  });

  it("requests no name and cost for the link unless given", async () => {
    const { deployment, start } = await setUp();
    await (await start()).redeem(next(deployment));
    expect(deployment.redeemed[1]).not.toHaveProperty("link");
  });

  it("stores the link once when the answer is repeated", async () => {
    const { deployment, start } = await setUp();
    const site = await start();
    const token = next(deployment);
    await site.redeem(token);
    await site.redeem(token);
    expect(site.membership.links).toHaveLength(2);
    expect(site.membership.redeemed).toHaveLength(2);
  });

  it("keeps the link certificate that ends later when the answer holds an older one", async () => {
    const { deployment, start } = await setUp();
    const site = await start();
    const token = next(deployment);
    await site.redeem(token);
    const id = deployment.link?.id ?? "";
    const fresh = await deployment.linkCertificate(id, deployment.notAfter + DAY_MS);
    await site.adopt({ ...(await deployment.renewal()), links: [{ id, certificate: fresh }] });
    await site.redeem(token);
    expect(site.membership.links.find((link) => link.id === id)?.certificate).toBe(fresh);
  });

  it("keeps the site certificate that ends later", async () => {
    const { deployment, start } = await setUp();
    const site = await start();
    const { chain } = site.membership;
    deployment.notAfter -= DAY_MS / 2;
    await site.redeem(next(deployment));
    expect(site.membership.chain).toBe(chain);
    deployment.notAfter += DAY_MS;
    await site.redeem(next(deployment, "link3"));
    expect(site.membership.chain).not.toBe(chain);
  });

  it("changes nothing when the token is refused", async () => {
    const { deployment, start, state } = await setUp();
    const site = await start();
    const before = await linksFile(state);
    deployment.failures.push(new FairleadError("link.exists"));
    await expect(site.redeem(next(deployment))).rejects.toEqual(code("link.exists"));
    expect(await linksFile(state)).toEqual(before);
  });

  it("sends no request for a token of another network", async () => {
    const { deployment, start } = await setUp();
    const site = await start();
    const token = parseToken(deployment.tokenFile({ network: randomId("network") }));
    await expect(site.redeem(token)).rejects.toEqual(code("token.wrong_network"));
    expect(deployment.redeemed).toHaveLength(1);
  });

  it("trusts the CA of its membership, not the CA in the file", async () => {
    const { deployment, start } = await setUp();
    const asked: (readonly string[])[] = [];
    const site = await start({
      api: {
        renew: deployment.renew.bind(deployment),
        redeem: (api, ca, request) => {
          asked.push(ca);
          return deployment.redeem(api, ca, request);
        },
      },
    });
    const token = next(deployment);
    const foreign = { ...token, spec: { ...token.spec, ca: (await makeAuthority("rogue")).certificate } };
    await site.redeem(foreign);
    expect(asked[1]?.map((pem) => pem.trim())).toEqual([deployment.ca.trim()]);
  });

  it("trusts public roots only if its first token said so, also after a restart", async () => {
    const asked: (readonly string[])[] = [];
    const watched = (deployment: TestDeployment) => ({
      renew: deployment.renew.bind(deployment),
      redeem: (...all: Parameters<TestDeployment["redeem"]>) => {
        asked.push(all[1] as readonly string[]);
        return deployment.redeem(...all);
      },
    });
    const onPlatform = (token: TokenFile) => ({ ...token, spec: { ...token.spec, tls: "public" as const } });
    const { deployment, start } = await setUp();
    const api = watched(deployment);
    const token = onPlatform(parseToken(deployment.tokenFile()));
    await start({ api, readToken: async () => token });
    const site = await start({ api, tokens: [] });
    expect(site.membership.edge.tls).toBe("public");
    await site.redeem(next(deployment));
    expect(asked.map((roots) => roots.length > 1)).toEqual([true, true]);

    const other = await setUp();
    const own = await other.start({ api: watched(other.deployment) });
    await own.redeem(onPlatform(next(other.deployment)));
    expect(asked.slice(2).map((roots) => roots.length)).toEqual([1, 1]);
  });

  it("refuses an answer for another site", async () => {
    const { deployment, start } = await setUp();
    const site = await start();
    const api = {
      renew: deployment.renew.bind(deployment),
      redeem: async (...all: Parameters<TestDeployment["redeem"]>) => ({
        ...(await deployment.redeem(...all)),
        site: { id: randomId("site"), name: "west" },
      }),
    };
    const misled = await start({ api, tokens: [] });
    await expect(misled.redeem(next(deployment))).rejects.toEqual(code("certificate.untrusted"));
    expect(misled.membership).toEqual(site.membership);
  });

  it("loses no change when several run at once", async () => {
    const { deployment, start } = await setUp();
    const site = await start();
    const renewal = await deployment.renewal();
    const first = site.membership.links[0]?.id ?? "";
    await Promise.all([
      site.redeem(next(deployment)),
      site.adopt(renewal),
      site.rename("far-west"),
      site.forgetLinks(new Set([randomId("link")])),
    ]);
    const { links, site: own } = site.membership;
    expect(own.name).toBe("far-west");
    expect(links.map(({ name }) => name)).toEqual(["first", "link2"]);
    expect(links.find(({ id }) => id === first)?.certificate).toBe(
      renewal.links.find(({ id }) => id === first)?.certificate,
    );
    expect((await start({ tokens: [], site: undefined })).membership).toEqual(site.membership);
  });
});

describe("a site that was renamed", () => {
  it("starts under its new name and, with a warning, under its old ones", async () => {
    const { start } = await setUp();
    const site = await start();
    await site.rename("far-west");
    await site.rename("far-west");
    const log = new MemoryLog();
    expect((await start({ site: "west", log })).membership).toMatchObject({
      site: { name: "far-west" },
      formerNames: ["west"],
    });
    expect(log.find("was renamed")).toMatchObject({ level: "warn", fields: { site: "far-west" } });
    expect((await start({ site: "far-west" })).membership.site.name).toBe("far-west");
    await expect(start({ site: "east" })).rejects.toEqual(code("request.invalid"));
  });

  it("drops a former name that becomes its name again", async () => {
    const { start } = await setUp();
    const site = await start();
    await site.rename("far-west");
    await site.rename("west");
    expect(site.membership).toMatchObject({ site: { name: "west" }, formerNames: ["far-west"] });
  });
});

describe("the links file", () => {
  it("contains a link that only the registry knew once its certificate arrives", async () => {
    const { deployment, start, state } = await setUp();
    const site = await start();
    await site.forgetLinks(new Set(site.membership.links.map(({ id }) => id)));
    expect((await linksFile(state)).links).toEqual([]);
    const { id = "", name = "", issuer = "" } = deployment.link ?? {};
    const renewal = await deployment.renewal();
    await site.adopt(renewal, [{ id, name, issuer, state: "down" }]);
    const { certificate } = renewal.links[0] ?? {};
    expect((await linksFile(state)).links).toEqual([{ id, name, issuer, certificate }]);
  });

  it("is read in its earlier form, which remembers no tokens", async () => {
    const { start, state } = await setUp();
    const site = await start();
    const { links } = await linksFile(state);
    await state.writeAtomic("links.json", JSON.stringify({ links }));
    const old = JSON.parse((await state.read("site.json"))?.toString("utf8") ?? "");
    delete old.formerNames;
    await state.writeAtomic("site.json", JSON.stringify(old));
    const again = await start({ tokens: [] });
    expect(again.membership).toEqual({ ...site.membership, redeemed: [] });
  });
});

describe("the deployment CA", () => {
  it("is replaced by a re-issued certificate of the same name and key, and by no other", async () => {
    const { deployment, start, state } = await setUp();
    const site = await start();
    const { name, keys } = deployment.network.deployment;
    deployment.reissuedCa = (await makeAuthority(name, undefined, { keys, days: 400 })).certificate;
    await site.adopt(await deployment.renewal());
    expect(site.membership.ca.trim()).toBe(deployment.reissuedCa.trim());
    expect((await state.read("ca.pem"))?.toString("utf8")).toBe(site.membership.ca);
    const { chain, ca } = site.membership;

    // An older certificate of the same CA changes nothing.
    deployment.reissuedCa = deployment.ca;
    await site.adopt(await deployment.renewal());
    expect(site.membership.ca).toBe(ca);
    expect(site.membership.chain).not.toBe(chain);

    for (const other of [
      (await makeAuthority(name)).certificate,
      (await makeAuthority("another name", undefined, { keys, days: 500 })).certificate,
      "nonsense",
    ]) {
      deployment.reissuedCa = other;
      const before = site.membership;
      await expect(site.adopt(await deployment.renewal())).rejects.toEqual(code("certificate.untrusted"));
      expect(site.membership).toBe(before);
    }
  });
});

describe("a site whose certificate is too old", () => {
  it("joins again with a token that it has not redeemed yet, and keeps its identity", async () => {
    const { deployment, start } = await setUp();
    const first = parseToken(deployment.tokenFile());
    const site = await start({ readToken: async () => first });
    await site.rename("far-west");
    const now = () => Date.now() + RENEWABLE_MS + 2 * DAY_MS;
    const late = { now, readToken: async () => first };
    await expect(start(late)).rejects.toEqual(code("certificate.too_old"));
    const fresh = next(deployment);
    const read = async (source: string) => (source === "fresh" ? fresh : first);
    const again = await start({ now, tokens: ["token.yaml", "fresh"], readToken: read });
    expect(deployment.redeemed[1]).toMatchObject({ site: "far-west", claim: fresh.spec.claim });
    expect(again.membership).toMatchObject({ site: { id: deployment.site }, formerNames: ["west"] });
    expect(again.membership.redeemed).toHaveLength(2);
  });

  it("does not move to another network", async () => {
    const { deployment, start } = await setUp();
    await start();
    const now = () => Date.now() + RENEWABLE_MS + 2 * DAY_MS;
    const foreign = parseToken(deployment.tokenFile({ network: randomId("network") }));
    await expect(start({ now, readToken: async () => foreign })).rejects.toEqual(code("token.wrong_network"));
  });
});
