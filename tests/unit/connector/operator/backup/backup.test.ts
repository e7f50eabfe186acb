import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Backup, decodeBackup, encodeBackup } from "../../../../../connector/operator/backup/backup.ts";
import { isSealed, openBackup, sealBackup } from "../../../../../connector/operator/backup/seal.ts";
import { makeId } from "../../../../../protocol/ids.ts";

const HEADER: Backup["header"] = {
  fairlead: "backup",
  version: 1,
  createdAt: "2026-11-20T10:05:00.000Z",
  software: "1.2.3",
  urls: { api: "https://edge.example:8443", links: "https://edge.example:8444" },
};
const ID = makeId("network", new Uint8Array(16));
const BACKUP: Backup = {
  header: HEADER,
  files: new Map([
    ["ca.pem", "a\nb"],
    ["edge.json", "{}"],
  ]),
  directory: { type: "application/json", text: '{"networks":[]}' },
  networks: [{ part: "network", id: ID, name: "shop", type: "application/json", text: "{}" }],
};

const damaged = (bytes: Buffer) =>
  expect(() => decodeBackup(bytes)).toThrow(expect.objectContaining({ code: "backup.malformed" }));

describe("a backup", () => {
  test("is read as it was written, whatever its texts are", () => {
    expect(decodeBackup(encodeBackup(BACKUP))).toEqual(BACKUP);
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: "binary" })),
        fc.string(),
        (files, text) => {
          const backup: Backup = {
            ...BACKUP,
            files: new Map(Object.entries(files)),
            directory: { type: "text/plain", text },
          };
          expect(decodeBackup(encodeBackup(backup))).toEqual(backup);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("with any bit changed is refused", () => {
    const bytes = encodeBackup(BACKUP);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        expect(() => decodeBackup(changed)).toThrow(/complete backup|version/);
      }),
      { numRuns: 300 },
    );
  });

  test("that was cut off anywhere is refused", () => {
    const bytes = encodeBackup(BACKUP);
    for (let length = 0; length < bytes.length; length += 7) damaged(bytes.subarray(0, length));
    damaged(bytes.subarray(0, bytes.length - 1));
    damaged(Buffer.concat([bytes, bytes]));
  });

  test("of a newer program is told as that, also when its form is another", () => {
    const newer = Buffer.from('{"fairlead":"backup","version":2,"form":"unknown"}\nand more');
    expect(() => decodeBackup(newer)).toThrow(expect.objectContaining({ code: "backup.version" }));
  });

  test.each([
    ["nothing", ""],
    ["a token", "apiVersion: fairlead/v1\nkind: Token\n"],
    ["other JSON", '{"a":1}\n'],
  ])("is not %s", (_, text) => damaged(Buffer.from(text)));
});

describe("a sealed backup", () => {
  const sealed = sealBackup(encodeBackup(BACKUP), "correct horse battery");

  test("opens with its passphrase, and hides what it holds", () => {
    expect(isSealed(sealed)).toBe(true);
    expect(isSealed(encodeBackup(BACKUP))).toBe(false);
    expect(sealed.includes("shop")).toBe(false);
    expect(decodeBackup(openBackup(sealed, "correct horse battery"))).toEqual(BACKUP);
  });

  test("does not open with another passphrase, nor altered or cut off", () => {
    const refused = (bytes: Buffer, passphrase = "correct horse battery") =>
      expect(() => openBackup(bytes, passphrase)).toThrow(
        expect.objectContaining({ code: "backup.malformed" }),
      );
    refused(sealed, "correct horse batterx");
    for (const at of [sealed.indexOf("\n") + 3, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      refused(changed);
    }
    refused(sealed.subarray(0, sealed.length - 1));
    refused(sealed.subarray(0, sealed.indexOf("\n") + 5));
    // What the first line says is sealed with the rest, and cannot ask for other costs.
    refused(Buffer.from(sealed.toString("latin1").replace('"version":1', '"version":0'), "latin1"));
    refused(Buffer.from(sealed.toString("latin1").replace('"N":131072', '"N":1'), "latin1"));
  });
});
