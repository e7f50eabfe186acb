import { describe, expect, it } from "vitest";
import { wantedDoor } from "../../../../connector/edge/front/door-settings.ts";

const address = "0.0.0.0:443";
const files = { certificateFile: "/etc/shop.pem", keyFile: "/etc/shop.key" };

describe("the door of a start", () => {
  it("is that of the last start unless an option names another", () => {
    expect(wantedDoor({}, null)).toBeNull();
    expect(wantedDoor({ plain: false }, { address, ...files })).toEqual({ address, ...files });
    expect(wantedDoor({ address: "off" }, { address, ...files })).toBeNull();
  });

  it("has the certificate that is given with its address, and not that of the last start", () => {
    expect(wantedDoor({ address: "[::]:443" }, { address, ...files })).toEqual({ address: "[::]:443" });
    expect(wantedDoor({ address, ...files }, { address, plain: true })).toEqual({ address, ...files });
  });

  it("keeps its address when only its certificate changes", () => {
    expect(wantedDoor(files, { address, plain: true })).toEqual({ address, ...files });
    expect(wantedDoor({ plain: true }, { address, ...files })).toEqual({ address, plain: true });
  });

  it.each([
    ["a certificate without an address", files, "The door has no address."],
    ["plain HTTP at no door", { address: "off", plain: true }, "The door has no address."],
    ["a certificate without its key", { address, certificateFile: "a" }, "--door-key together"],
    ["a certificate for plain HTTP", { address, ...files, plain: true }, "neither with --door-plain"],
  ])("is refused for %s", (_, given, message) => {
    expect(() => wantedDoor(given, null)).toThrow(message);
  });
});
