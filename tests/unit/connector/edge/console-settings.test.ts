import { describe, expect, it } from "vitest";
import { wantedConsole } from "../../../../connector/edge/front/console-settings.ts";

const local = { host: "127.0.0.1", port: 8442 };

describe("wantedConsole", () => {
  it("serves a console with links alone on loopback at the first start", () => {
    expect(wantedConsole({}, null)).toEqual({ mode: "internal", listen: local, isFlexible: true });
  });

  it("keeps what the last start had", () => {
    const last = { mode: "oidc" as const, listen: "[::1]:9000" };
    expect(wantedConsole({}, last)).toEqual({
      mode: "oidc",
      listen: { host: "::1", port: 9000 },
      isFlexible: true,
    });
    expect(wantedConsole({}, { mode: "none", listen: null }).mode).toBe("none");
    expect(wantedConsole({}, { mode: "internal", listen: null }).listen).toBeNull();
  });

  it("takes a named address as it is, and localhost as 127.0.0.1", () => {
    expect(wantedConsole({ listen: "localhost:8442" }, null)).toEqual({
      mode: "internal",
      listen: local,
      isFlexible: false,
    });
  });

  it("takes the port of the last start for port 0", () => {
    const last = { mode: "internal" as const, listen: "127.0.0.1:9000" };
    const listen = { host: "127.0.0.1", port: 9000 };
    expect(wantedConsole({ listen: "127.0.0.1:0" }, last)).toMatchObject({ listen, isFlexible: true });
    expect(wantedConsole({ listen: "[::1]:0" }, last).listen).toEqual({ host: "::1", port: 0 });
  });

  it("has no listener without a console, or where it is off", () => {
    expect(wantedConsole({ mode: "none" }, { mode: "internal", listen: "127.0.0.1:1" }).listen).toBeNull();
    expect(wantedConsole({ listen: "off" }, null).listen).toBeNull();
  });

  it.each(["0.0.0.0:8442", "192.0.2.1:8442", "127.0.0.2:8442", "edge.example:8442", "[::]:8442"])(
    "refuses the listener %s",
    (listen) => {
      expect(() => wantedConsole({ listen }, null)).toThrow("must be on loopback");
    },
  );

  it("refuses a console without sign-in and without a listener on loopback", () => {
    expect(() => wantedConsole({ mode: "unsecured", listen: "off" }, null)).toThrow("on loopback alone");
    expect(() => wantedConsole({ mode: "unsecured" }, { mode: "internal", listen: null })).toThrow(
      "on loopback alone",
    );
  });
});
