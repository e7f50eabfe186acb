import { describe, expect, it } from "vitest";
import { LogRing } from "../../../../../connector/log-ring.ts";
import { collectDump, type DumpSource } from "../../../../../connector/operator/dump/dump.ts";
import { redacted } from "../../../../../connector/operator/dump/redaction.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";

const source = (name: string, read: DumpSource["read"]): DumpSource => ({ name, what: `The ${name}.`, read });

describe("collectDump", () => {
  it("goes on after a source that fails, and says so in the dump", async () => {
    const seen: string[] = [];
    const { files, contents } = await collectDump(
      [
        source("a.json", async () => ({ a: 1 })),
        source("b.json", async () => {
          throw new FairleadError("connector.unreachable", "No connector runs.");
        }),
        source("c.txt", async () => "text"),
      ],
      ({ name }) => seen.push(name),
    );
    expect(seen).toEqual(["a.json", "b.json", "c.txt"]);
    expect(files.map(({ name }) => name)).toEqual(["README.txt", "a.json", "c.txt", "errors.json"]);
    expect(files[0]?.text).toContain("b.json is missing: No connector runs.");
    expect(contents[1]?.error).toEqual({ code: "connector.unreachable", message: "No connector runs." });
  });
});

describe("redacted", () => {
  it.each([
    ["https://me:pw1@host/path?a=secret2", "https://[redacted]@host/path?[redacted]"],
    ["Authorization: Bearer abcdefgh", "Authorization: [redacted] [redacted]"],
    ['"password":"hunter2x"', '"password":"[redacted]"'],
    [`claim ${"A".repeat(43)} here`, "claim [redacted] here"],
    [`net_${"a".repeat(20)}.tok.${"B".repeat(43)}`, `net_${"a".repeat(20)}.tok.[redacted]`],
    ["eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.abc", "[redacted]"],
    ["-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----", "[redacted]"],
  ])("removes secrets from %j", (text, shown) => {
    const result = redacted(text);
    expect(result).toBe(shown);
    for (const secret of ["pw1", "secret2", "abcdefgh", "hunter2x", "BBBB", "AAAA", "MIG"])
      expect(result).not.toContain(secret);
  });

  it("leaves what is no secret", () => {
    const text = '{"site":"site_0123456789abcdef","service":"secrets","token":"/etc/token.yaml"}';
    expect(redacted(text)).toBe(text);
  });
});

describe("LogRing", () => {
  it("keeps the newest lines, up to a number and a size", () => {
    const ring = new LogRing();
    for (let line = 0; line < 3000; line++) ring.write(`${line}\n`);
    expect([ring.lines.length, ring.lines[0], ring.lines.at(-1)]).toEqual([2000, "1000\n", "2999\n"]);
    ring.write("x".repeat(2_000_000));
    expect(ring.lines).toHaveLength(1);
  });
});
