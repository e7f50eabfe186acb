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
