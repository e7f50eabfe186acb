import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeDirectory } from "../../../../connector/state/make-directory.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-directory-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("makeDirectory", () => {
  it("creates a directory and its missing parents for their owner alone", () => {
    const path = join(home, "a", "b", "c");
    makeDirectory(path);
    for (const each of [path, join(home, "a")]) expect(statSync(each).mode & 0o777).toBe(0o700);
  });

  it("leaves an existing directory as it is", () => {
    chmodSync(home, 0o755);
    makeDirectory(home);
    makeDirectory("/");
    expect(statSync(home).mode & 0o777).toBe(0o755);
  });

  it("fails where the system reports that an existing parent does not exist", () => {
    for (const path of ["/proc/fairlead", "/proc/fairlead/a/b"]) {
      expect(() => makeDirectory(path)).toThrow("ENOENT");
    }
  });

  it("fails at a file", () => {
    const file = join(home, "file");
    writeFileSync(file, "");
    expect(() => makeDirectory(file)).toThrow("EEXIST");
    expect(() => makeDirectory(join(file, "a"))).toThrow("ENOTDIR");
  });
});
