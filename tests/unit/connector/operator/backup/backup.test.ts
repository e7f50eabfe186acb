import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Backup, decodeBackup, encodeBackup } from "../../../../../connector/operator/backup/backup.ts";
import { BACKUP } from "./sample-backup.ts";

const damaged = (bytes: Buffer) =>
  expect(() => decodeBackup(bytes)).toThrow(expect.objectContaining({ code: "backup.malformed" }));

describe("decodeBackup", () => {
  test("returns what encodeBackup wrote, for any texts", () => {
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

  test("refuses a backup with any bit changed", () => {
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

  test("refuses a backup that is cut anywhere", () => {
    const bytes = encodeBackup(BACKUP);
    for (let length = 0; length < bytes.length; length += 7) damaged(bytes.subarray(0, length));
    damaged(bytes.subarray(0, bytes.length - 1));
    damaged(Buffer.concat([bytes, bytes]));
  });

  test("refuses a newer version with backup.version, whatever its form", () => {
    const newer = Buffer.from('{"fairlead":"backup","version":2,"form":"unknown"}\nand more');
    expect(() => decodeBackup(newer)).toThrow(expect.objectContaining({ code: "backup.version" }));
  });

  test.each([
    ["nothing", ""],
    ["a token", "apiVersion: fairlead/v1\nkind: Token\n"],
    ["other JSON", '{"a":1}\n'],
  ])("refuses %s", (_, text) => damaged(Buffer.from(text)));
});
