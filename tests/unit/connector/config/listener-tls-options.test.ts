import { describe, expect, it } from "vitest";
import { parseListenTls } from "../../../../connector/config/listener-tls-options.ts";

describe("parseListenTls", () => {
  it("takes the network's CA, or two files", () => {
    expect(parseListenTls("api=network")).toEqual({ name: "api", source: { kind: "network" } });
    expect(parseListenTls("api=/etc/a=b.pem,key.pem")).toEqual({
      name: "api",
      source: { kind: "files", certificate: "/etc/a=b.pem", key: "key.pem" },
    });
  });

  it.each(["api", "api=", "api=cert.pem", "api=a,b,c", "api=,key.pem", "api=cert.pem,", "api=network,"])(
    "refuses %j",
    (text) => {
      expect(() => parseListenTls(text)).toThrow(
        `"${text}": the form is NAME=network or NAME=CERT.pem,KEY.pem.`,
      );
    },
  );

  it("refuses a name that no service has", () => {
    expect(() => parseListenTls("API=network")).toThrow("a service name must be");
  });
});
