import { stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockHolder, observeDirectory, parseLocks } from "../../../../connector/diagnosis/state-probe.ts";
import { openStateDirectory } from "../../../../connector/state/directory.ts";
import { temporaryDirectory } from "../../../support/process/directories.ts";

const LOCKS = `1: POSIX  ADVISORY  READ  2754 fe:00:100 128 128
2: POSIX  ADVISORY  WRITE 3192 fe:00:200 1073741824 1073742335
2: -> POSIX  ADVISORY  WRITE 9 fe:00:300 0 EOF
3: FLOCK  ADVISORY  WRITE 77 fe:00:2001 0 EOF
4: OFDLCK ADVISORY  WRITE -1 fe:00:400 0 EOF
`;

describe("parseLocks", () => {
  it.each([
    [200, 3192],
    [2001, 77],
    [100, null],
    [300, null],
    [20, null],
    [400, -1],
  ])("finds the holder of the inode %i", (inode, holder) => {
    expect(parseLocks(LOCKS, inode)).toBe(holder);
  });
});

describe("lockHolder", () => {
  it.skipIf(process.platform !== "linux")("finds this process while it holds the lock", async () => {
    const path = await temporaryDirectory();
    expect(await lockHolder(path)).toBeNull();
    const state = openStateDirectory(path, { role: "connector" });
    expect(await lockHolder(path)).toBe(process.pid);
    await state.close();
    expect(await lockHolder(path)).toBeNull();
  });
});

describe("observeDirectory", () => {
  it("leaves nothing behind", async () => {
    const path = await temporaryDirectory();
    const before = (await stat(path)).nlink;
    expect(await observeDirectory(path, "site")).toMatchObject({ refusal: null, mode: 0o700, open: [] });
    expect((await stat(path)).nlink).toBe(before);
    await expect(observeDirectory(join(path, "none"), "site")).rejects.toMatchObject({
      code: "state.unwritable",
    });
  });
});
