import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseBalance } from "../../../../connector/config/balance-option.ts";
import {
  type Exposure,
  firstPort,
  firstTarget,
  parseExpose,
  parseExposeRequest,
} from "../../../../connector/config/service-options.ts";
import type { ManagedExposure } from "../../../../connector/targets/managed-exposures.ts";
import { exposedPort, Offers } from "../../../../connector/targets/offers.ts";
import type { ServiceExportDetails } from "../../../../protocol/uplink/export-details.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const west = { site: randomId("site"), siteName: "west" };
const target = (exposure: Exposure) => firstTarget(firstPort(exposure));
const DETAILS: ServiceExportDetails = {
  ...{ namespace: "shop", name: "api", type: "ClusterSetIP", createdAt: "2026-11-26T12:00:00Z" },
  ports: [{ name: "http", protocol: "TCP", port: 80 }],
};
const managed = (name: string): ManagedExposure => ({
  ...{ name, source: `Service shop/${name}` },
  ports: [{ servicePort: 80, protocol: "tcp", targets: [{ host: "10.0.0.1", port: 8080 }] }],
});
const names = (offers: Offers) => offers.list().map(({ name }) => name);

describe("Offers", () => {
  it("contain the services given at start and the added ones, which survive a restart", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [parseExpose("api=80/http")]);
    await offers.add(parseExpose("db=5432"));
    expect(names(offers)).toEqual(["api", "db"]);
    const again = await Offers.load(state, []);
    expect(names(again)).toEqual(["db"]);
    expect(again.forRegistry()).toEqual([{ name: "db", port: 5432, protocol: "tcp" }]);
  });

  it("offer UDP in a form that every edge can read, and not to an edge that does not carry it", async () => {
    const exposures = [parseExpose("dns=5353/udp"), parseExpose("shop:80=8080/http,53=5353/udp")];
    const offers = await Offers.load(await temporaryState(), exposures);
    expect(offers.anyUdp).toBe(true);
    const all = [
      { name: "dns", protocol: "tcp", port: 5353, ports: [{ port: 5353, protocol: "udp" }] },
      {
        ...{ name: "shop", protocol: "http", port: 80 },
        ports: [
          { port: 80, protocol: "http" },
          { port: 53, protocol: "udp" },
        ],
      },
    ];
    expect(offers.forRegistry()).toEqual(all);
    expect(offers.forRegistry({ udp: false })).toEqual([
      { name: "shop", protocol: "http", port: 80, ports: [{ port: 80, protocol: "http" }] },
    ]);
  });

  it("hide a stored service behind one of the same name that is given at start", async () => {
    const state = await temporaryState();
    await (await Offers.load(state, [])).add(parseExpose("api=1111"));
    const offers = await Offers.load(state, [parseExpose("api=2222")]);
    expect(target(offers.target("api", west)).port).toBe(2222);
  });

  it("contain a controller's services, unless the configuration or a command has their names", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [parseExpose("api=80/http")]);
    const changes: string[] = [];
    offers.onChange((what) => changes.push(what));
    const [api, db, web] = [managed("api"), managed("db"), managed("web")];
    offers.setManaged([api, db, web]);
    expect(names(offers)).toEqual(["api", "db", "web"]);
    expect(target(offers.target("api", west)).port).toBe(80);
    expect(offers.leftOut.map(({ name, reason }) => [name, reason])).toEqual([["api", "taken"]]);

    await offers.add(parseExpose("db=10.0.0.9:5432"));
    expect(target(offers.target("db", west)).host).toBe("10.0.0.9");
    expect(offers.leftOut.map(({ name }) => name)).toEqual(["api", "db"]);
    await offers.remove("db");
    expect(offers.find("db")).toBe(db);
    offers.configure([]);
    expect(offers.find("api")).toBe(api);
    expect(offers.leftOut).toEqual([]);

    offers.setManaged([api, { ...db, ports: [{ ...firstPort(db), servicePort: 80, targets: [] }] }, web]);
    offers.setManaged([api, web]);
    offers.setManaged([api, web]);
    expect(changes).toEqual(["offers", "offers", "offers", "offers", "targets", "offers"]);
    // Nothing of it is stored.
    expect(names(await Offers.load(state, []))).toEqual([]);
  });

  it("keep a controller's service that a command withdraws, and say where to withdraw it", async () => {
    const offers = await Offers.load(await temporaryState(), []);
    offers.setManaged([managed("db")]);
    await expect(offers.remove("db")).rejects.toMatchObject({
      code: "request.invalid",
      message: "The service db is offered for Service shop/db.",
      action: expect.stringContaining("annotation"),
    });
  });

  it("take a command for a controller's service as the site's own, also with the same target", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    offers.setManaged([managed("db")]);
    await offers.add(parseExpose("db:80=10.0.0.1:8080"));
    expect(names(await Offers.load(state, []))).toEqual(["db"]);
    expect(offers.leftOut.map(({ reason }) => reason)).toEqual(["taken"]);
  });

  it("tell the registry a controller's service with its details, its pod and its balance", async () => {
    const offers = await Offers.load(await temporaryState(), []);
    const details = { ...DETAILS, name: "db" };
    const headless = { of: "dbs", host: "db-0" };
    offers.setManaged([
      { ...managed("db"), export: details, headless, balance: { mode: "priority", rank: 2 } },
    ]);
    const ports = [{ port: 80, protocol: "tcp" }];
    const offer = { name: "db", port: 80, protocol: "tcp", ports, stays: true };
    expect(offers.forRegistry()).toEqual([
      { ...offer, export: details, headless, balance: "priority", rank: 2 },
    ]);
    offers.setBalances([parseBalance("db=cost")]);
    expect(offers.forRegistry()).toEqual([{ ...offer, export: details, headless, balance: "cost" }]);
  });

  it("contain no more of a controller's services than a site may offer, and name the others", async () => {
    const offers = await Offers.load(await temporaryState(), [parseExpose("api=80")]);
    offers.setManaged(Array.from({ length: 1001 }, (_, at) => managed(`s${at}`)));
    expect(offers.list()).toHaveLength(1000);
    expect(offers.leftOut.map(({ name, reason }) => [name, reason])).toEqual([
      ["s999", "full"],
      ["s1000", "full"],
    ]);
    await expect(offers.add(parseExpose("more=1"))).rejects.toThrow("at most 1000 services");
  });

  it("withdraw a service, and call onChange for each change", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [parseExpose("api=80")]);
    let changes = 0;
    offers.onChange(() => changes++);
    await offers.add(parseExpose("db=5432"));
    await offers.remove("db");
    await offers.remove("api");
    expect(changes).toBe(3);
    expect(names(offers)).toEqual([]);
    expect(names(await Offers.load(state, []))).toEqual([]);
  });

  it("refuse to withdraw an unknown name, and to have a name twice", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [parseExpose("api=80")]);
    await expect(offers.remove("db")).rejects.toEqual(code("service.unknown"));
    expect(() => offers.target("db", west)).toThrow(code("service.unknown"));
    await expect(Offers.load(state, [parseExpose("a=1"), parseExpose("a=2")])).rejects.toEqual(
      code("request.invalid"),
    );
  });

  it("undo an addition that cannot be stored", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    state.writeAtomic = () => Promise.reject(new Error("disk"));
    await expect(offers.add(parseExpose("db=5432"))).rejects.toThrow("disk");
    expect(names(offers)).toEqual([]);
  });

  it("announce, keep and enforce the scope of a service", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    await offers.add({ ...parseExpose("db=5432"), to: ["east", west.site] });
    expect(offers.forRegistry()).toEqual([
      { name: "db", port: 5432, protocol: "tcp", to: ["east", west.site] },
    ]);
    const again = await Offers.load(state, []);
    expect(target(again.target("db", west)).port).toBe(5432);
    expect(target(again.target("db", { site: randomId("site"), siteName: "east" })).port).toBe(5432);
    const stranger = { site: randomId("site"), siteName: "north" };
    expect(() => again.target("db", stranger)).toThrow(code("service.not_exported"));
    expect(again.mayStay("db", stranger)).toBe(false);
    expect(again.mayStay("db", west)).toBe(true);
  });

  it("accept an empty scope", async () => {
    const offers = await Offers.load(await temporaryState(), [{ ...parseExpose("db=5432"), to: [] }]);
    expect(() => offers.target("db", west)).toThrow(code("service.not_exported"));
  });

  it("change the scope of a service that is exposed again with the same target", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [{ ...parseExpose("api=80"), to: ["west"] }]);
    let changes = 0;
    offers.onChange(() => changes++);
    const db = parseExpose("db=5432");
    await offers.add(db);
    await offers.add({ ...db, to: ["east"] });
    await offers.add({ ...parseExpose("api=80"), to: ["east"] });
    expect(changes).toBe(3);
    expect(offers.list().map(({ name, to }) => [name, to])).toEqual([
      ["api", ["east"]],
      ["db", ["east"]],
    ]);
    await offers.add({ ...db, to: ["east"] });
    expect(changes).toBe(3);
    // A service given at start has the scope of its options again at the next start.
    expect((await Offers.load(state, [])).list()).toEqual([{ ...db, to: ["east"] }]);
  });

  it("move a service to another target, which keeps its port, its protocol and its sites", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    await offers.add({ ...parseExpose("web=8081/http"), to: ["west"] });
    const before = offers.forRegistry();
    let changes = 0;
    offers.onChange(() => changes++);
    expect(await offers.add(parseExposeRequest("web=10.0.0.2:8082"))).toMatchObject({
      movedFrom: [{ host: "127.0.0.1", port: 8081 }],
      configured: false,
    });
    expect(changes).toBe(1);
    const moved = { ports: [{ protocol: "http", targets: [{ host: "10.0.0.2", port: 8082 }] }] };
    expect(offers.target("web", west)).toMatchObject(moved);
    // The registry sees no difference, also after a restart.
    expect(offers.forRegistry()).toEqual(before);
    const again = await Offers.load(state, []);
    expect(again.forRegistry()).toEqual(before);
    expect(again.target("web", west)).toMatchObject(moved);
    await again.add(parseExposeRequest("web=8081/tcp"));
    expect(again.list()).toMatchObject([{ ports: [{ protocol: "tcp" }], to: ["west"] }]);
    expect(again.list().map(target)).toMatchObject([{ port: 8081 }]);
    await again.add({ ...parseExposeRequest("web=8083"), to: ["east"] });
    expect(again.forRegistry()).toMatchObject([{ port: 8081, to: ["east"] }]);
  });

  it("move a configured service until the next start", async () => {
    const state = await temporaryState();
    const configured = [parseExpose("web:9000=8081")];
    const offers = await Offers.load(state, configured);
    expect(await offers.add(parseExposeRequest("web=8082"))).toMatchObject({ configured: true });
    expect(offers.list()).toMatchObject([{ ports: [{ servicePort: 9000, targets: [{ port: 8082 }] }] }]);
    expect((await Offers.load(state, configured)).list()).toEqual(configured);
  });

  it("ask the registry for a port only if the site does, and change it", async () => {
    const offers = await Offers.load(await temporaryState(), []);
    await offers.add(parseExposeRequest("web=8081"));
    expect(offers.forRegistry()[0]?.ports).toBeUndefined();
    await offers.add(parseExposeRequest("web:9000=8081"));
    expect(offers.forRegistry()).toMatchObject([{ port: 9000, ports: [{ port: 9000 }] }]);
  });

  it("keep the port of a service whose configured target changes", async () => {
    const offers = await Offers.load(await temporaryState(), [parseExpose("web=8081")]);
    offers.configure([parseExpose("web=8082")]);
    expect(offers.forRegistry()).toMatchObject([{ port: 8081 }]);
    expect(target(offers.target("web", west)).port).toBe(8082);
    offers.configure([parseExpose("web:9000=8082")]);
    expect(offers.forRegistry()).toMatchObject([{ port: 9000, ports: [{ port: 9000 }] }]);
  });

  it("keep the old target when the new one cannot be stored", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    await offers.add(parseExpose("db=5432"));
    state.writeAtomic = () => Promise.reject(new Error("disk"));
    await expect(offers.add(parseExpose("db=5433"))).rejects.toThrow("disk");
    expect(target(offers.target("db", west)).port).toBe(5432);
  });

  it("keep the old scope when the new one cannot be stored", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    await offers.add({ ...parseExpose("db=5432"), to: ["west"] });
    state.writeAtomic = () => Promise.reject(new Error("disk"));
    await expect(offers.add({ ...parseExpose("db=5432"), to: ["east"] })).rejects.toThrow("disk");
    expect(offers.list()[0]?.to).toEqual(["west"]);
  });

  it("keep the checks that a command gave a service until it gives others, also after a restart", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    const checks = ["db=tcp,interval=1s"];
    await offers.add({ ...parseExposeRequest("db=5432"), health: checks });
    await offers.add(parseExposeRequest("db=5433"));
    expect(offers.find("db")?.health).toEqual(checks);
    expect((await Offers.load(state, [])).find("db")?.health).toEqual(checks);
    await offers.add({ ...parseExposeRequest("db=5433"), health: ["db=off"] });
    expect((await Offers.load(state, [])).find("db")?.health).toEqual(["db=off"]);
    expect(offers.forRegistry()).toEqual([{ name: "db", port: 5432, protocol: "tcp" }]);
  });

  it("let the open streams of a withdrawn service finish", async () => {
    const offers = await Offers.load(await temporaryState(), [{ ...parseExpose("db=5432"), to: ["west"] }]);
    await offers.remove("db");
    expect(offers.mayStay("db", west)).toBe(true);
    expect(() => offers.target("db", west)).toThrow(code("service.unknown"));
  });
});

describe("Offers of a balanced service", () => {
  it("name the balance to the registry, also for a service that is added later", async () => {
    const offers = await Offers.load(await temporaryState(), [parseExpose("api=80")]);
    let changes = 0;
    offers.onChange(() => changes++);
    offers.setBalances([parseBalance("api=weighted:30"), parseBalance("db=priority:2")]);
    expect(changes).toBe(1);
    await offers.add(parseExpose("db=5432"));
    expect(offers.forRegistry()).toMatchObject([
      { name: "api", balance: "weighted", weight: 30 },
      { name: "db", balance: "priority", rank: 2 },
    ]);
    offers.setBalances([]);
    expect(offers.forRegistry()[0]?.balance).toBeUndefined();
  });
});

describe("Offers of a service with several ports", () => {
  const shop = "shop:8080=127.0.0.1:80/http,9090=10.0.0.1:9100,10.0.0.2:9100";

  it("ask the registry for all ports, and survive a restart", async () => {
    const state = await temporaryState();
    await (await Offers.load(state, [])).add(parseExpose(shop));
    const offers = await Offers.load(state, []);
    expect(offers.list()).toEqual([parseExpose(shop)]);
    expect(offers.forRegistry()).toEqual([
      {
        ...{ name: "shop", protocol: "http", port: 8080 },
        ports: [
          { port: 8080, protocol: "http" },
          { port: 9090, protocol: "tcp" },
        ],
      },
    ]);
    expect(offers.targets().map(({ host, port }) => `${host}:${port}`)).toEqual([
      "127.0.0.1:80",
      "10.0.0.1:9100",
      "10.0.0.2:9100",
    ]);
  });

  it("are stored so that an older connector offers the first target of the first port", async () => {
    const state = await temporaryState();
    await (await Offers.load(state, [])).add(parseExpose(shop));
    const stored = JSON.parse(await readFile(join(state.path, "offers.json"), "utf8"));
    expect(stored.offers[0]).toMatchObject({
      ...{ name: "shop", host: "127.0.0.1", port: 80, protocol: "http", servicePort: 8080 },
    });
    await (await Offers.load(state, [])).add(parseExpose("db=5432"));
    const simple = JSON.parse(await readFile(join(state.path, "offers.json"), "utf8"));
    expect(simple.offers[1]).toEqual({ name: "db", host: "127.0.0.1", port: 5432, protocol: "tcp" });
  });

  it("give a stream the port that it asks for, and the first unless it asks", () => {
    const exposure = parseExpose(shop);
    expect(exposedPort(exposure, null).servicePort).toBe(8080);
    expect(exposedPort(exposure, 9090).servicePort).toBe(9090);
    expect(() => exposedPort(exposure, 80)).toThrow(code("service.unknown_port"));
    // The network gives this port its number.
    expect(exposedPort(parseExpose("db=5432"), 1234)).toMatchObject({ protocol: "tcp" });
  });

  it("are replaced as a whole, with the protocols and the sites that they had", async () => {
    const offers = await Offers.load(await temporaryState(), []);
    await offers.add({ ...parseExpose(shop), to: ["west"] });
    const { movedFrom } = await offers.add(parseExposeRequest("shop:8080=81,9090=10.0.0.2:9100"));
    expect(movedFrom).toEqual([
      { host: "127.0.0.1", port: 80 },
      { host: "10.0.0.1", port: 9100 },
    ]);
    expect(offers.list()).toEqual([{ ...parseExpose("shop:8080=81/http,9090=10.0.0.2:9100"), to: ["west"] }]);
    await offers.add(parseExposeRequest("shop:9090=10.0.0.2:9100"));
    expect(offers.forRegistry()).toMatchObject([{ port: 9090, ports: [{ port: 9090 }] }]);
  });

  it("refuse a request that names no port", async () => {
    const offers = await Offers.load(await temporaryState(), [parseExpose(shop)]);
    await expect(offers.add(parseExposeRequest("shop=81"))).rejects.toEqual(code("request.invalid"));
  });
});
