import { describe, expect, it } from "vitest";
import { parseExpose, parseExposeRequest } from "../../../../connector/config/service-options.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const west = { site: randomId("site"), siteName: "west" };
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

  it("hide a stored service behind one of the same name that is given at start", async () => {
    const state = await temporaryState();
    await (await Offers.load(state, [])).add(parseExpose("api=1111"));
    expect((await Offers.load(state, [parseExpose("api=2222")])).target("api", west).port).toBe(2222);
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
    expect(again.target("db", west).port).toBe(5432);
    expect(again.target("db", { site: randomId("site"), siteName: "east" }).port).toBe(5432);
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
      movedFrom: { host: "127.0.0.1", port: 8081 },
      configured: false,
    });
    expect(changes).toBe(1);
    expect(offers.target("web", west)).toMatchObject({ host: "10.0.0.2", port: 8082, protocol: "http" });
    // The registry sees no difference, also after a restart.
    expect(offers.forRegistry()).toEqual(before);
    const again = await Offers.load(state, []);
    expect(again.forRegistry()).toEqual(before);
    expect(again.target("web", west)).toMatchObject({ host: "10.0.0.2", port: 8082 });
    await again.add(parseExposeRequest("web=8081/tcp"));
    expect(again.list()).toMatchObject([{ port: 8081, protocol: "tcp", to: ["west"] }]);
    await again.add({ ...parseExposeRequest("web=8083"), to: ["east"] });
    expect(again.forRegistry()).toMatchObject([{ port: 8081, to: ["east"] }]);
  });

  it("move a configured service until the next start", async () => {
    const state = await temporaryState();
    const configured = [parseExpose("web:9000=8081")];
    const offers = await Offers.load(state, configured);
    expect(await offers.add(parseExposeRequest("web=8082"))).toMatchObject({ configured: true });
    expect(offers.list()).toMatchObject([{ port: 8082, servicePort: 9000 }]);
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
    expect(offers.target("web", west).port).toBe(8082);
    offers.configure([parseExpose("web:9000=8082")]);
    expect(offers.forRegistry()).toMatchObject([{ port: 9000, ports: [{ port: 9000 }] }]);
  });

  it("keep the old target when the new one cannot be stored", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    await offers.add(parseExpose("db=5432"));
    state.writeAtomic = () => Promise.reject(new Error("disk"));
    await expect(offers.add(parseExpose("db=5433"))).rejects.toThrow("disk");
    expect(offers.target("db", west).port).toBe(5432);
  });

  it("keep the old scope when the new one cannot be stored", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    await offers.add({ ...parseExpose("db=5432"), to: ["west"] });
    state.writeAtomic = () => Promise.reject(new Error("disk"));
    await expect(offers.add({ ...parseExpose("db=5432"), to: ["east"] })).rejects.toThrow("disk");
    expect(offers.list()[0]?.to).toEqual(["west"]);
  });

  it("let the open streams of a withdrawn service finish", async () => {
    const offers = await Offers.load(await temporaryState(), [{ ...parseExpose("db=5432"), to: ["west"] }]);
    await offers.remove("db");
    expect(offers.mayStay("db", west)).toBe(true);
    expect(() => offers.target("db", west)).toThrow(code("service.unknown"));
  });
});
