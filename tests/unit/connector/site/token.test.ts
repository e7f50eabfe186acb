import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { parseToken, readToken } from "../../../../connector/site/token.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { temporaryDirectory } from "../../../support/process/directories.ts";

const deployment = await TestDeployment.create();
const content = deployment.tokenFile();
const malformed = expect.objectContaining({ code: "token.malformed" });

describe("readToken", () => {
  it("reads a token from a file and from standard input", async () => {
    const file = join(await temporaryDirectory(), "token.yaml");
    await writeFile(file, content);
    const token = await readToken(file, Readable.from([]));
    expect(token.spec.api).toBe("https://127.0.0.1:1");
    expect(await readToken("-", Readable.from([content]))).toEqual(token);
  });

  it("throws token.malformed for a token that is truncated anywhere", () => {
    for (let length = 0; length < content.length - 40; length += 7) {
      expect(() => parseToken(content.slice(0, length)), `cut at ${length}`).toThrow(malformed);
    }
  });

  it("throws token.malformed for a file that is no token", () => {
    expect(() => parseToken("{ not: yaml")).toThrow(malformed);
    expect(() => parseToken("apiVersion: v1\nkind: Secret\n")).toThrow(malformed);
    expect(() => parseToken(content.replace("https:", "http:"))).toThrow(malformed);
    expect(() => parseToken("x".repeat(100_000))).toThrow(malformed);
  });

  it("throws file.unreadable for a missing file", async () => {
    await expect(readToken("/nonexistent/token.yaml", Readable.from([]))).rejects.toMatchObject({
      code: "file.unreadable",
      message: "The token file /nonexistent/token.yaml cannot be read: it does not exist (ENOENT).",
      action: expect.stringContaining("`fairlead token create -o FILE`"),
    });
  });
});
