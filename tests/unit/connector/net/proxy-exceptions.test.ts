import { describe, expect, it } from "vitest";
import { isExcepted, unknownExceptions } from "../../../../connector/net/proxy-exceptions.ts";

describe("isExcepted", () => {
  it.each([
    // NO_PROXY, host, port, excluded
    ["", "edge.test", 443, false],
    ["*", "edge.test", 443, true],
    ["a.test, *", "10.0.0.1", 443, true],
    ["edge.test", "edge.test", 443, true],
    ["edge.test", "EDGE.test.", 443, true],
    ["Edge.Test.", "edge.test", 443, true],
    ["edge.test", "a.b.edge.test", 443, true],
    ["edge.test", "myedge.test", 443, false],
    ["edge.test", "edge.test.evil", 443, false],
    [".edge.test", "a.edge.test", 443, true],
    [".edge.test", "edge.test", 443, false],
    ["*.edge.test", "a.edge.test", 443, true],
    ["*.edge.test", "edge.test", 443, false],
    ["*edge.test", "myedge.test", 443, true],
    ["one.test edge.test", "edge.test", 443, true],
    ["  one.test ,\tedge.test , ", "edge.test", 443, true],
    ["edge.test:443", "edge.test", 443, true],
    ["edge.test:443", "a.edge.test", 443, true],
    ["edge.test:8443", "edge.test", 443, false],
    ["*:8443", "edge.test", 8443, true],
    ["*:8443", "edge.test", 443, false],
    ["10.1.2.3", "10.1.2.3", 443, true],
    ["10.1.2.3", "10.1.2.30", 443, false],
    ["10.1.2.3:443", "10.1.2.3", 443, true],
    ["10.1.2.3:80", "10.1.2.3", 443, false],
    ["10.0.0.0/8", "10.200.0.1", 443, true],
    ["10.9.9.9/8", "10.200.0.1", 443, true],
    ["10.0.0.0/8", "11.0.0.1", 443, false],
    ["10.0.0.0/8:443", "10.0.0.1", 443, true],
    ["0.0.0.0/0", "192.0.2.1", 443, true],
    ["0.0.0.0/0", "edge.test", 443, false],
    ["10.0.0.0/33", "10.0.0.1", 443, false],
    ["::1", "::1", 443, true],
    ["0:0:0:0:0:0:0:1", "::1", 443, true],
    ["[::1]", "::1", 443, true],
    ["[::1]:443", "::1", 443, true],
    ["[::1]:8443", "::1", 443, false],
    ["fd00::/8", "fd12:3456::1", 443, true],
    ["[fd00::]/8", "fd12:3456::1", 443, true],
    ["fd00::/8", "fe80::1", 443, false],
    ["FD00::1", "fd00::1", 443, true],
    [".3", "10.1.2.3", 443, false],
    ["2.3", "10.1.2.3", 443, false],
  ])("for NO_PROXY=%j and %s port %i is %s", (exceptions, host, port, expected) => {
    expect(isExcepted({ host, port }, exceptions)).toBe(expected);
  });
});

describe("unknownExceptions", () => {
  it("names the entries that match nothing", () => {
    expect(
      unknownExceptions("edge.test, https://a.test, 10.0.0.0/33, fd00::/x, ::1, *, a.test:99999"),
    ).toEqual(["https://a.test", "10.0.0.0/33", "fd00::/x", "a.test:99999"]);
  });
});
