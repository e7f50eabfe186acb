import { describe, expect, it } from "vitest";
import { HopPolicy, parseHop } from "../../../../connector/config/hop-policy.ts";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import type { VisibleOffer } from "../../../../protocol/uplink/messages.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const plain: VisibleOffer = { site: "s1", siteName: "east", boot: "b1" };
const hop: VisibleOffer = { site: "s2", siteName: "south", boot: "b2", encryption: "hop" };

describe("HopPolicy", () => {
  it("allows hop encryption for no service, for some by name, or for all", () => {
    expect(new HopPolicy().usable("video", [plain, hop])).toEqual([plain]);
    expect(new HopPolicy({ allowHop: ["other"] }).usable("video", [plain, hop])).toEqual([plain]);
    expect(new HopPolicy({ allowHop: ["video"] }).usable("video", [plain, hop])).toEqual([plain, hop]);
    expect(new HopPolicy({ allowHop: ["all"] }).usable("video", [hop])).toEqual([hop]);
    expect(new HopPolicy({ hop: ["video"] }).usable("video", [hop])).toEqual([]);
    expect(new HopPolicy({ hop: ["video"] }).allowsAny).toBe(false);
  });

  it("refuses a text that is no name of a service", () => {
    expect(parseHop("video")).toBe("video");
    expect(() => parseHop("Video")).toThrow(code("request.invalid"));
    expect(() => parseHop("video=1")).toThrow(code("request.invalid"));
  });
});

describe("offers with hop encryption", () => {
  it("are announced with it, also if added later, and accept streams of both modes", async () => {
    const rules = new HopPolicy({ hop: ["video", "db"] });
    const offers = await Offers.load(
      await temporaryState(),
      [parseExpose("video=80"), parseExpose("api=81")],
      rules,
    );
    await offers.add(parseExpose("db=5432"));
    expect(offers.forRegistry().map(({ name, encryption }) => [name, encryption])).toEqual([
      ["api", undefined],
      ["db", "hop"],
      ["video", "hop"],
    ]);
    expect(offers.anyHop).toBe(true);
    expect(offers.target("video", plain, "hop")).toEqual(parseExpose("video=80"));
    expect(offers.target("video", plain)).toEqual(parseExpose("video=80"));
  });

  it("leave other services closed: a stream for another service in a session with hop encryption is refused", async () => {
    const rules = new HopPolicy({ hop: ["video"], allowHop: ["all"] });
    const offers = await Offers.load(
      await temporaryState(),
      [parseExpose("video=80"), parseExpose("api=81")],
      rules,
    );
    expect(() => offers.target("api", plain, "hop")).toThrow(code("service.hop_not_allowed"));
    expect(() => offers.target("db", plain, "hop")).toThrow(code("service.unknown"));
  });

  it("have no effect while the service is not offered", async () => {
    const offers = await Offers.load(await temporaryState(), [], new HopPolicy({ hop: ["video"] }));
    expect(offers.anyHop).toBe(false);
  });
});
