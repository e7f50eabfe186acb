import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../../protocol/errors.ts";
import {
  contentLength,
  endToEnd,
  fieldOf,
  hasNoContent,
  isAuthority,
  isTunnel,
  joinCookies,
  trailersOf,
} from "../../../../protocol/exchange/fields.ts";
import type { RequestHead } from "../../../../protocol/exchange/head.ts";

describe("the fields of an exchange", () => {
  it("have no field of one connection, and none that Connection names", () => {
    const raw = [
      ...["Host", "a", "Connection", "close, X-Named", "X-Named", "1", "X-Other", "2"],
      ...["Keep-Alive", "timeout=5", "Transfer-Encoding", "chunked", "Upgrade", "h2c"],
      ...["HTTP2-Settings", "AA", "Proxy-Connection", "close", ":path", "/", "connection", "x-second"],
      ...["X-Second", "3", "Set-Cookie", "a", "Set-Cookie", "b"],
    ];
    expect(endToEnd(raw)).toEqual(["host", "a", "x-other", "2", "set-cookie", "a", "set-cookie", "b"]);
    expect(endToEnd(raw, new Set(["host", "x-other"]))).toEqual(["set-cookie", "a", "set-cookie", "b"]);
  });

  it("keep what frames and routes a message although Connection names it", () => {
    const raw = ["Connection", "Host, Content-Length, x", "Host", "a", "Content-Length", "3", "X", "1"];
    expect(endToEnd(raw)).toEqual(["host", "a", "content-length", "3"]);
  });

  it("keep trailers of TE and nothing else of it", () => {
    expect(endToEnd(["TE", "gzip, Trailers;q=0.5", "Connection", "TE"])).toEqual(["te", "trailers"]);
    expect(endToEnd(["TE", "gzip"])).toEqual([]);
  });

  it("have one line of cookies where a client sent several", () => {
    expect(joinCookies(["cookie", "a=1", "x", "2", "cookie", "b=2"])).toEqual([
      "x",
      "2",
      "cookie",
      "a=1; b=2",
    ]);
    expect(joinCookies(["cookie", "a=1"])).toEqual(["cookie", "a=1"]);
  });

  it("are found by name", () => {
    const fields = ["a", "1", "b", "X, ,y", "b", "Z"];
    expect(fieldOf(fields, "b")).toBe("X, ,y");
    expect(fieldOf(fields, "c")).toBeNull();
  });

  it("announce one length or none", () => {
    expect(contentLength(["content-length", "10"])).toBe(10);
    expect(contentLength(["content-length", "10", "content-length", "10"])).toBe(10);
    expect(contentLength([])).toBeNull();
    for (const value of ["+3", "-1", "1, 1", "0x1", "", "9".repeat(16)]) {
      expect(() => contentLength(["content-length", value])).toThrow(FairleadError);
    }
    expect(() => contentLength(["content-length", "1", "content-length", "2"])).toThrow(FairleadError);
  });

  it("leave out of trailers what must not be there", () => {
    const raw = [
      "Grpc-Status",
      "0",
      "Content-Length",
      "3",
      "Host",
      "a",
      ":status",
      "200",
      "Authorization",
      "x",
    ];
    expect(trailersOf(raw)).toEqual(["grpc-status", "0"]);
  });
});

describe("an authority", () => {
  it("is a host and perhaps a port", () => {
    for (const text of ["", "a", "a.example:80", "[::1]", "[::1]:8080", "a_b:1", "10.0.0.1:65535", "a:"]) {
      expect(isAuthority(text)).toBe(true);
    }
    for (const text of ["u@a", "a, b", "a/b", "a b", "a#", "a?b", "[::1", "a:b", "a:123456", "::1", 'a"b']) {
      expect(isAuthority(text)).toBe(false);
    }
  });
});

describe("a response", () => {
  const request = (changes: Partial<RequestHead>): RequestHead => {
    return { method: "GET", scheme: "http", authority: "a", path: "/", fields: [], ...changes };
  };

  it("has no content to HEAD, and none with 204 and 304", () => {
    expect([hasNoContent("HEAD", 200), hasNoContent("GET", 204), hasNoContent("GET", 304)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(hasNoContent("GET", 205)).toBe(false);
  });

  it("begins a tunnel with 2xx to CONNECT, and with 101 to a request for another protocol", () => {
    expect(isTunnel(request({ method: "CONNECT" }), 200)).toBe(true);
    expect(isTunnel(request({ method: "CONNECT" }), 403)).toBe(false);
    expect(isTunnel(request({ protocol: "websocket" }), 101)).toBe(true);
    expect(isTunnel(request({ method: "CONNECT", protocol: "websocket" }), 200)).toBe(false);
    expect(isTunnel(request({}), 200)).toBe(false);
  });
});
