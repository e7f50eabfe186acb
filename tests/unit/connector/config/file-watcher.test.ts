import { appendFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FileWatcher } from "../../../../connector/config/file-watcher.ts";
import { eventually } from "../../../support/clock/eventually.ts";

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fairlead-watch-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A watcher of the path, after its first report. */
async function watched(path: string, pollMs = 2 ** 30) {
  const reports = { count: 0 };
  const watcher = new FileWatcher({ path, settleMs: 20, pollMs, onChange: () => reports.count++ });
  onTestFinished(() => watcher.close());
  watcher.start();
  await eventually("the first report", () => reports.count === 1);
  const next = async (change: () => Promise<unknown>) => {
    const before = reports.count;
    await change();
    await eventually("a report", () => reports.count > before);
  };
  return { watcher, reports, next };
}

describe("FileWatcher", () => {
  it("reports a file that is written in place, renamed over, removed and made again", async () => {
    const dir = await directory();
    const path = join(dir, "config.yaml");
    await writeFile(path, "one");
    const { next } = await watched(path);
    await next(() => appendFile(path, "two"));
    await writeFile(join(dir, "config.yaml.swp"), "three");
    await next(() => rename(join(dir, "config.yaml.swp"), path));
    await next(() => rm(path));
    await next(() => writeFile(path, "four"));
  });

  it("reports the swap of a symbolic link in the path, as Kubernetes makes it, again and again", async () => {
    const dir = await directory();
    const path = join(dir, "config.yaml");
    for (const version of ["1", "2", "3"]) {
      await mkdir(join(dir, `..${version}`));
      await writeFile(join(dir, `..${version}`, "config.yaml"), "the same");
    }
    await symlink("..1", join(dir, "..data"));
    await symlink(join("..data", "config.yaml"), path);
    const { next } = await watched(path);
    for (const version of ["2", "3"]) {
      await next(async () => {
        await symlink(`..${version}`, join(dir, "..data_tmp"));
        await rename(join(dir, "..data_tmp"), join(dir, "..data"));
      });
    }
  });

  it("reports a change of a file that a link leads to in another directory", async () => {
    const [dir, elsewhere] = [await directory(), await directory()];
    await writeFile(join(elsewhere, "real.yaml"), "one");
    await symlink(join(elsewhere, "real.yaml"), join(dir, "config.yaml"));
    const { next } = await watched(join(dir, "config.yaml"));
    await next(() => appendFile(join(elsewhere, "real.yaml"), "two"));
  });

  it("finds by polling what the system does not report", async () => {
    const dir = await directory();
    const path = join(dir, "inner", "config.yaml");
    await mkdir(join(dir, "inner"));
    await writeFile(path, "one");
    const { next } = await watched(path, 50);
    // The watched directory itself is replaced.
    await rename(join(dir, "inner"), join(dir, "old"));
    await mkdir(join(dir, "inner"));
    await next(() => writeFile(path, "two"));
  });

  it("reports nothing once it is closed", async () => {
    const dir = await directory();
    const path = join(dir, "config.yaml");
    await writeFile(path, "one");
    const { watcher, reports } = await watched(path, 10);
    watcher.close();
    const before = reports.count;
    await writeFile(path, "two");
    const second = await watched(path, 10);
    expect(second.reports.count).toBe(1);
    expect(reports.count).toBe(before);
  });
});
