import { describe, expect, test } from "vitest";
import { decodeBackup, encodeBackup } from "../../../../../connector/operator/backup/backup.ts";
import { isSealed, openBackup, sealBackup } from "../../../../../connector/operator/backup/seal.ts";
import { BACKUP } from "./sample-backup.ts";

describe("sealBackup", () => {
  const sealed = sealBackup(encodeBackup(BACKUP), "correct horse battery");

  test("hides a backup, which its passphrase opens", () => {
    expect(isSealed(sealed)).toBe(true);
    expect(isSealed(encodeBackup(BACKUP))).toBe(false);
    expect(sealed.includes("shop")).toBe(false);
    expect(decodeBackup(openBackup(sealed, "correct horse battery"))).toEqual(BACKUP);
  });

  test("makes a file that opens neither with another passphrase nor when it was altered or cut", () => {
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
    // The first line is authenticated with the rest, and cannot demand other costs.
    refused(Buffer.from(sealed.toString("latin1").replace('"version":1', '"version":0'), "latin1"));
    refused(Buffer.from(sealed.toString("latin1").replace('"N":131072', '"N":1'), "latin1"));
  });
});
