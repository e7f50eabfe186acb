import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
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
    expect(parseExpose("db=5432")).toEqual({ name: "db", host: "127.0.0.1", port: 5432, protocol: "tcp" });
    expect(parseExpose("api=10.0.0.7:9000/http")).toEqual({
      name: "api",
      host: "10.0.0.7",
      port: 9000,
      protocol: "http",
    });
    expect(parseExpose("grpc=backend.local:50051/http2")).toMatchObject({
      host: "backend.local",
      protocol: "http2",
    });
    expect(parseExpose("web=[::1]:80")).toMatchObject({ host: "::1", port: 80 });
  });

  it("takes a port of the service after its name", () => {
    expect(parseExpose("web:8080=127.0.0.1:80/http")).toEqual({
      name: "web",
      servicePort: 8080,
      host: "127.0.0.1",
      port: 80,
      protocol: "http",
    });
    expect(parseExpose("web:80=80").servicePort).toBe(80);
    expect(parseExpose("web=80")).not.toHaveProperty("servicePort");
  });

  it("refuses every other form with request.invalid", () => {
    for (const text of ["db:=5432", "db:0=1", "db:65536=1", "db:1:2=1", "db:x=1", ":1=1", "db :1=1"]) {
      expect(() => parseExpose(text), text).toThrow(invalid);
    }
    // Commas separate further ports and targets in later versions.
    for (const text of ["db=a,b:80", "db=80,81", "db:80=81,82=83", "db=a=b:80"]) {
      expect(() => parseExpose(text), text).toThrow(invalid);
    }
    const wrong = ["", "db", "db=", "=5432", "DB=5432", "db=0", "db=65536", "db=1e3", "db=-1", "db=5432/udp"];
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
    expect(parseExposeRequest("db=5432")).toEqual({ name: "db", host: "127.0.0.1", port: 5432 });
    expect(parseExposeRequest("db:1=5432/tcp")).toMatchObject({ servicePort: 1, protocol: "tcp" });
  });
});

describe("the port that an offer proposes", () => {
  it("is the one asked for, or that of the first target", () => {
    const first = parseExpose("web=8081");
    expect(proposedPort(first)).toBe(8081);
    const moved = keepPort(first, parseExpose("web=8082"));
    expect(proposedPort(moved)).toBe(8081);
    expect(proposedPort(keepPort(moved, parseExpose("web=8083")))).toBe(8081);
    expect(keepPort(moved, parseExpose("web=8081")).firstPort).toBeUndefined();
    expect(proposedPort(keepPort(moved, parseExpose("web:9000=8083")))).toBe(9000);
    expect(proposedPort(keepPort(parseExpose("web:9000=8083"), first))).toBe(9000);
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
    expect(withScopes(exposed, scopes)).toEqual([
      { ...parseExpose("db=5432"), to: ["east", "west"] },
      parseExpose("api=80"),
    ]);
    expect(() => withScopes(exposed, [parseTo("web=east")])).toThrow(invalid);
  });
});

describe("--listen", () => {
  it("takes a name and a port, and an address of this machine", () => {
    expect(parseListen("api=8080")).toEqual({ name: "api", host: null, port: 8080 });
    expect(parseListen("api=127.5.0.1:8080")).toEqual({ name: "api", host: "127.5.0.1", port: 8080 });
    expect(parseListen("api=[::1]:8080")).toEqual({ name: "api", host: "::1", port: 8080 });
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
