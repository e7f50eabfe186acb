import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Cloudflare } from "../../../../../connector/operator/deploy/cloudflare.ts";
import { ACCOUNT, FakeCloudflare, TOKEN } from "../../../../support/edge/fake-cloudflare.ts";

let fake: FakeCloudflare;
beforeAll(async () => {
  fake = await FakeCloudflare.start();
});
afterAll(() => fake.stop());
beforeEach(() => fake.reset());

const client = (token = TOKEN) => new Cloudflare({ token, url: fake.url });

describe("Cloudflare", () => {
  test("reads zones, custom domains, DNS records, rules and hostnames with client certificates", async () => {
    const zone = fake.addZone("example.com", {
      hostnames: ["a.example.com"],
      rules: [{ action: "block", expression: "true" }],
      dns: [{ name: "x.example.com", type: "A", content: "192.0.2.1" }],
    });
    fake.domains.set("w.example.com", "other");
    const api = client();
    expect(await api.zone("example.com")).toMatchObject({ id: zone.id, account: { id: ACCOUNT } });
    expect(await api.zone("example.org")).toBeNull();
    expect(await api.workerAt(ACCOUNT, "w.example.com")).toBe("other");
    expect(await api.workerAt(ACCOUNT, "x.example.com")).toBeNull();
    expect(await api.dnsRecords(zone.id, "x.example.com")).toEqual(["A 192.0.2.1"]);
    expect(await api.dnsRecords(zone.id, "w.example.com")).toEqual([]);
    expect(await api.firewallRules(zone.id)).toMatchObject([{ action: "block", enabled: true }]);
    expect(await api.certificateHostnames(zone.id)).toEqual(["a.example.com"]);
    await api.setCertificateHostnames(zone.id, ["a.example.com", "gateway.example.com"]);
    expect(zone.hostnames).toEqual(["a.example.com", "gateway.example.com"]);
    expect(fake.complaints).toEqual([]);
  });

  test("returns no rules for a zone without any, and null when it may not read them", async () => {
    const zone = fake.addZone("example.com");
    expect(await client().firewallRules(zone.id)).toEqual([]);
    fake.lacking.add("waf");
    expect(await client().firewallRules(zone.id)).toBeNull();
  });

  test.each([
    ["unknown", "another-token-of-Cloudflare_012345"],
    ["malformed", "short"],
  ])("refuses a token that is %s", async (_, token) => {
    await expect(client(token).zone("example.com")).rejects.toMatchObject({ code: "deploy.account" });
  });

  test("names the path when a permission is missing", async () => {
    const zone = fake.addZone("example.com");
    fake.lacking.add("ssl").add("dns").add("workers");
    const refused = (call: Promise<unknown>, place: string) =>
      expect(call).rejects.toMatchObject({ code: "deploy.account", message: expect.stringContaining(place) });
    await refused(client().certificateHostnames(zone.id), "hostname_associations");
    await refused(client().dnsRecords(zone.id, "x.example.com"), "dns_records");
    await refused(client().workerAt(ACCOUNT, "x.example.com"), "workers/domains");
  });

  test("refuses a response of another server, and no response, with deploy.failed", async () => {
    const wrong = new Cloudflare({ token: TOKEN, url: fake.url.replace("/client/v4", "") });
    await expect(wrong.zone("example.com")).rejects.toMatchObject({ code: "deploy.failed" });
    const nobody = new Cloudflare({ token: TOKEN, url: "http://127.0.0.1:1" });
    await expect(nobody.zone("example.com")).rejects.toMatchObject({ code: "deploy.failed" });
  });
});
