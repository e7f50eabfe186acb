import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Exposure,
  firstPort,
  keepPort,
  parseBind,
  parseExpose,
  parseExposeRequest,
  parseListen,
  parseTo,
  proposedPort,
  withScopes,
} from "../../../../connector/config/service-options.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";

const invalid = expect.objectContaining({ code: "request.invalid" });

describe("--expose", () => {
  it("takes a name and a port, a host and a protocol", () => {
    const exposure = (name: string, protocol: string, host: string, port: number) => ({
      name,
      ports: [{ protocol, targets: [{ host, port }] }],
    });
    expect(parseExpose("db=5432")).toEqual(exposure("db", "tcp", "127.0.0.1", 5432));
    expect(parseExpose("api=10.0.0.7:9000/http")).toEqual(exposure("api", "http", "10.0.0.7", 9000));
    expect(parseExpose("cart=backend.local:50051/http2")).toEqual(
      exposure("cart", "http2", "backend.local", 50051),
    );
    expect(parseExpose("web=[::1]:80")).toEqual(exposure("web", "tcp", "::1", 80));
  });

  it("takes a port of the service after its name", () => {
    const targets = [{ host: "127.0.0.1", port: 80 }];
    expect(parseExpose("web:8080=127.0.0.1:80/http")).toEqual({
      name: "web",
      ports: [{ servicePort: 8080, protocol: "http", targets }],
    });
    expect(parseExpose("web:80=80").ports).toEqual([{ servicePort: 80, protocol: "tcp", targets }]);
    expect(parseExpose("web=80").ports[0]).not.toHaveProperty("servicePort");
  });

  it("takes gRPC as HTTP/2 whose health is asked over gRPC", () => {
    expect(parseExpose("cart=50051/grpc").ports).toMatchObject([{ protocol: "http2", grpc: true }]);
    expect(parseExpose("cart=50051/http2").ports[0]).not.toHaveProperty("grpc");
  });

  it("takes further ports, and further targets of a port, in any mixture", () => {
    expect(parseExpose("shop:8080=127.0.0.1:80/http,9090=9100/tcp").ports).toEqual([
      { servicePort: 8080, protocol: "http", targets: [{ host: "127.0.0.1", port: 80 }] },
      { servicePort: 9090, protocol: "tcp", targets: [{ host: "127.0.0.1", port: 9100 }] },
    ]);
    const targets = [
      { host: "10.0.0.1", port: 80 },
      { host: "10.0.0.2", port: 80 },
    ];
    expect(parseExpose("api=10.0.0.1:80,10.0.0.2:80").ports).toEqual([{ protocol: "tcp", targets }]);
    for (const text of ["api=10.0.0.1:80/http,10.0.0.2:80", "api=10.0.0.1:80,10.0.0.2:80/http"]) {
      expect(parseExpose(text).ports, text).toEqual([{ protocol: "http", targets }]);
    }
    expect(parseExpose("shop:1=a:80,b:80,2=[::1]:81/grpc,c:82").ports).toMatchObject([
      { servicePort: 1, targets: [{ host: "a" }, { host: "b" }] },
      { servicePort: 2, grpc: true, targets: [{ host: "::1" }, { host: "c" }] },
    ]);
  });

  it("refuses ports and targets that do not go together, and says why", () => {
    const reasons: Record<string, string> = {
      "shop=80,9090=81": "names each of them, also the first: shop:PORT=…",
      "shop:80=80,80=81": "a service has each port once",
      "shop=80/http,81/tcp": "the targets of a port have one protocol",
      "shop=80/grpc,81/http2": "the targets of a port have one protocol",
      "shop=80,127.0.0.1:80": "a port has each target once",
      "shop=80/sctp": "the protocol must be tcp, http, http2, grpc or udp",
    };
    for (const [text, reason] of Object.entries(reasons))
      expect(() => parseExpose(text), text).toThrow(reason);
  });

  it("refuses every other form with request.invalid", () => {
    for (const text of ["db:=5432", "db:0=1", "db:65536=1", "db:1:2=1", "db:x=1", ":1=1", "db :1=1"]) {
      expect(() => parseExpose(text), text).toThrow(invalid);
    }
    for (const text of ["db=a,b:80", "db=80,", "db=,80", "db:80=81,82=", "db:80=81,=82", "db=a=b:80"]) {
      expect(() => parseExpose(text), text).toThrow(invalid);
    }
    const wrong = [
      "",
      "db",
      "db=",
      "=5432",
      "DB=5432",
      "db=0",
      "db=65536",
      "db=1e3",
      "db=-1",
      "db=5432/sctp",
    ];
    wrong.push("db=::1:80", "db=[::1:80", "db=a b:80", "db=host:", "db=:80", "db=5432/", "-db=1", "db=h:1:2");
    for (const text of wrong) expect(() => parseExpose(text), text).toThrow(invalid);
  });

  it("never throws anything else", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `db=${text}`),
        ),
        (text) => {
          for (const parse of [parseExpose, parseListen, parseBind, parseTo]) {
            try {
              parse(text);
            } catch (error) {
              expect(error).toBeInstanceOf(FairleadError);
            }
          }
        },
      ),
    );
  });
});

describe("the request to expose a service", () => {
  it("leaves open what its text does not have", () => {
    expect(parseExposeRequest("db=5432")).toEqual({
      name: "db",
      ports: [{ targets: [{ host: "127.0.0.1", port: 5432 }] }],
    });
    expect(parseExposeRequest("db:1=5432/tcp").ports).toMatchObject([{ servicePort: 1, protocol: "tcp" }]);
  });
});

describe("the port that an offer proposes", () => {
  it("is the one asked for, or that of the first target", () => {
    const proposed = (exposure: Exposure) => proposedPort(firstPort(exposure));
    const first = parseExpose("web=8081");
    expect(proposed(first)).toBe(8081);
    const moved = keepPort(first, parseExpose("web=8082"));
    expect(proposed(moved)).toBe(8081);
    expect(proposed(keepPort(moved, parseExpose("web=8083")))).toBe(8081);
    expect(keepPort(moved, parseExpose("web=8081")).ports[0]?.firstPort).toBeUndefined();
    expect(proposed(keepPort(moved, parseExpose("web:9000=8083")))).toBe(9000);
    expect(proposed(keepPort(parseExpose("web:9000=8083"), first))).toBe(9000);
    expect(keepPort(undefined, first)).toEqual(first);
  });
});

describe("--to", () => {
  it("takes a name and the names or ids of sites", () => {
    const id = randomId("site");
    expect(parseTo(`db=east, west,${id},east`)).toEqual({ name: "db", to: ["east", "west", id] });
  });

  it("refuses every other form with request.invalid", () => {
    for (const text of ["", "db", "db=", "=east", "DB=east", "db=East", "db=east,,west", "db=*", "db=a b"]) {
      expect(() => parseTo(text), text).toThrow(invalid);
    }
  });

  it("narrows what --expose names, and is refused for anything else", () => {
    const exposed = [parseExpose("db=5432"), parseExpose("api=80")];
    const scopes = [parseTo("db=east"), parseTo("db=west")];
    expect(withScopes({ exposures: exposed, zones: [] }, scopes).exposures).toEqual([
      { ...parseExpose("db=5432"), to: ["east", "west"] },
      parseExpose("api=80"),
    ]);
    expect(() => withScopes({ exposures: exposed, zones: [] }, [parseTo("web=east")])).toThrow(invalid);
  });
});

describe("--listen", () => {
  it("takes a name and a port, and an address of this machine", () => {
    expect(parseListen("api=8080")).toEqual({ name: "api", host: null, port: 8080 });
    expect(parseListen("api=127.5.0.1:8080")).toEqual({ name: "api", host: "127.5.0.1", port: 8080 });
    expect(parseListen("api=[::1]:8080")).toEqual({ name: "api", host: "::1", port: 8080 });
  });

  it("takes a port of the service after its name", () => {
    expect(parseListen("shop:9090=127.0.0.1:19090")).toEqual({
      ...{ name: "shop", servicePort: 9090, host: "127.0.0.1", port: 19090 },
    });
    for (const text of ["shop:=1", "shop:0=1", "shop:1:2=3", "shop:x=1"]) {
      expect(() => parseListen(text), text).toThrow(invalid);
    }
  });

  it("refuses hostnames and other forms", () => {
    for (const text of ["api=localhost:80", "api=1.2.3:80", "api=80/http", "api", "Api=80"]) {
      expect(() => parseListen(text), text).toThrow(invalid);
    }
  });
});

describe("--bind", () => {
  it("takes an address or a range", () => {
    expect(parseBind("127.0.0.2")).toEqual({ kind: "address", address: "127.0.0.2" });
    expect(parseBind("::1")).toEqual({ kind: "address", address: "::1" });
    expect(parseBind("127.2.3.4/16")).toMatchObject({ kind: "range", range: { text: "127.2.0.0/16" } });
  });

  it("refuses everything else", () => {
    for (const text of ["", "localhost", "127.1", "127.0.0.0/33", "127.0.0.1:80", "1", "/8"]) {
      expect(() => parseBind(text), text).toThrow(invalid);
    }
  });
});
