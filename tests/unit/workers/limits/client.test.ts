import { describe, expect, it } from "vitest";
import { clientOf } from "../../../../workers/limits/client.ts";

describe("clientOf", () => {
  it("prefers what workerd reports to a header that a client could send", () => {
    const request = (cf?: unknown) =>
      Object.assign(new Request("https://edge.test", { headers: { "cf-connecting-ip": "192.0.2.9" } }), {
        cf,
      });
    expect(clientOf(request({ clientIp: "192.0.2.1" }))).toBe("192.0.2.1");
    expect(clientOf(request({ clientIp: "192.0.2.1:36280" }))).toBe("192.0.2.1");
    expect(clientOf(request({ clientIp: "[2001:db8:1:2::7]:36280" }))).toBe("2001:db8:1:2::/64");
    expect(clientOf(request())).toBe("192.0.2.9");
    expect(clientOf(new Request("https://edge.test"))).toBe("unknown");
  });
});
