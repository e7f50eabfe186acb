/** The systemd units that the commands write, as systemd itself judges them. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster } from "../support/process/cluster.ts";

/** Most exposure that a unit may have, in tenths, as `systemd-analyze security` counts: 0 is none, 100 everything. */
const MOST_EXPOSURE = 25;

const absent = spawnSync("systemd-analyze", ["--version"]).status !== 0;
const booted = existsSync("/run/systemd/system");

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.create();
});
afterAll(() => cluster.close());

const INSTALLATIONS = [
  [
    "fairlead-connector",
    ["connector", "install", "--site", "west", "--token", "/etc/fairlead/token.yaml", "--low-ports"],
  ],
  ["fairlead-edge", ["edge", "install", "--api", "0.0.0.0:443", "--hostname", "edge.example"]],
] as const;

/** Prints the unit and writes it into a directory of its own. */
async function unitFileOf(name: string, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await cluster.fairlead([...args, "--dry-run"]);
  expect(status, stderr).toBe(0);
  const directory = cluster.fresh("units");
  await mkdir(directory);
  const file = join(directory, `${name}.service`);
  await writeFile(file, stdout);
  return file;
}

describe.each(INSTALLATIONS)("the unit %s", (name, args) => {
  const analyze = (...words: readonly string[]) => spawnSync("systemd-analyze", words, { encoding: "utf8" });

  it.skipIf(absent)("passes systemd-analyze verify without a warning (Debian package systemd)", async () => {
    const { status, stderr } = analyze("verify", "--man=no", await unitFileOf(name, args));
    const complaints = stderr.split("\n").filter((line) => line.includes(name));
    expect({ status, complaints }).toEqual({ status: 0, complaints: [] });
  });

  it.skipIf(absent)("passes systemd-analyze security (Debian package systemd)", async () => {
    const file = await unitFileOf(name, args);
    const { status, stdout } = analyze("security", "--offline=true", `--threshold=${MOST_EXPOSURE}`, file);
    expect(status, stdout).toBe(0);
  });

  it.skipIf(booted)("is neither installed nor removed where systemd does not run", async () => {
    for (const words of [args, [args[0], "uninstall"]]) {
      const { status, json } = await cluster.fairlead([...words, "--json"]);
      expect(status).not.toBe(0);
      expect(json).toMatchObject({ error: { code: "host.no_systemd" } });
    }
    expect(existsSync(`/etc/systemd/system/${name}.service`)).toBe(false);
  });
});
