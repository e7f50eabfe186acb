import { describe, expect, it } from "vitest";
import { Offers } from "../../../../connector/services/offers.ts";
import { parseExpose } from "../../../../connector/services/options.ts";
import { temporaryState } from "../support/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const names = (offers: Offers) => offers.list().map(({ name }) => name);

describe("offers", () => {
  it("are those given at start and those added since, which survive a restart", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [parseExpose("api=80/http")]);
    await offers.add(parseExpose("db=5432"));
    expect(names(offers)).toEqual(["api", "db"]);
    const again = await Offers.load(state, []);
    expect(names(again)).toEqual(["db"]);
    expect(again.forRegistry()).toEqual([{ name: "db", port: 5432, protocol: "tcp" }]);
  });

  it("given at start hide stored ones of the same name", async () => {
    const state = await temporaryState();
    await (await Offers.load(state, [])).add(parseExpose("api=1111"));
    expect((await Offers.load(state, [parseExpose("api=2222")])).target("api").port).toBe(2222);
  });

  it("can be withdrawn, each with a change that is told", async () => {
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

  it("refuse a name twice and an unknown one", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, [parseExpose("api=80")]);
    await expect(offers.add(parseExpose("api=81"))).rejects.toEqual(code("service.taken"));
    await expect(offers.remove("db")).rejects.toEqual(code("service.unknown"));
    expect(() => offers.target("db")).toThrow(code("service.unknown"));
    await expect(Offers.load(state, [parseExpose("a=1"), parseExpose("a=2")])).rejects.toEqual(
      code("request.invalid"),
    );
  });

  it("that cannot be stored are not made", async () => {
    const state = await temporaryState();
    const offers = await Offers.load(state, []);
    state.writeAtomic = () => Promise.reject(new Error("disk"));
    await expect(offers.add(parseExpose("db=5432"))).rejects.toThrow("disk");
    expect(names(offers)).toEqual([]);
  });
});
