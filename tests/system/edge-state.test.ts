/** The state directory of an edge with something missing, damaged or newer than the program. */
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { EmbeddedEdge } from "../../connector/edge/embedded-edge.ts";
import { createNetwork, listNetworks } from "../../connector/operator/edge-api.ts";
import { NEWEST_MIGRATION } from "../../protocol/storage.ts";
import { STUB_EDGE } from "../support/edge/edge-client.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();

/** Starts an edge that must refuse its state directory. Returns its error. */
async function refusal(state: string): Promise<unknown> {
  const edge = new EmbeddedEdge({ state });
  return await edge.start().then(
    () => edge.stop(),
    (thrown: unknown) => thrown,
  );
}

/** Stops the suite's edge, and copies its state directory, which has a network. A start copies the console anew. */
async function copies(): Promise<() => Promise<string>> {
  const { edge, cluster } = suite;
  await createNetwork(edge.client, "shop");
  await edge.stop();
  return async () => {
    const copy = cluster.fresh("copy");
    const left = ["front/", "console"].map((name) => join(edge.stateDir, name));
    const filter = (path: string) => !left.some((each) => path.startsWith(each));
    await cp(edge.stateDir, copy, { recursive: true, filter });
    return copy;
  };
}

const DAMAGES: Record<string, (path: string) => Promise<void>> = {
  missing: (path) => rm(path, { recursive: true }),
  empty: (path) => writeFile(path, ""),
  "cut off": (path) => truncate(path, 20),
  garbage: (path) => writeFile(path, Buffer.from([0, 255, 7, 200, 10])),
  "a directory": async (path) => {
    await rm(path);
    await mkdir(path);
  },
};

/** The damages that a start does not survive. Without a key's file, its hash in the record is enough. */
const FATAL: readonly (readonly [string, readonly string[]])[] = [
  ["ca.pem", Object.keys(DAMAGES)],
  ["ca-key.pem", Object.keys(DAMAGES)],
  ["edge.json", Object.keys(DAMAGES)],
  ["admin-key", ["cut off", "garbage", "a directory"]],
  ["objects", ["missing"]],
];

describe("fairlead edge start", () => {
  it("refuses a state directory with a file missing or damaged, and changes nothing", async () => {
    const copy = await copies();
    const path = await copy();
    const before = (await readdir(path)).sort();
    const cases = FATAL.flatMap(([file, damages]) => damages.map((damage) => ({ file, damage })));
    for (const { file, damage } of cases) {
      const state = await copy();
      await DAMAGES[damage]?.(join(state, file));
      const error = await refusal(state);
      expect([file, damage, error]).toMatchObject([
        file,
        damage,
        {
          code: "state.corrupt",
          message: expect.stringContaining(file),
          action: expect.stringMatching(/[Rr]estore|admin key/),
        },
      ]);
      const left = damage === "missing" ? before.filter((name) => name !== file) : before;
      expect((await readdir(state)).sort(), `${file} ${damage}`).toEqual(left);
      await rm(state, { recursive: true });
    }

    const lost = await copy();
    await rm(join(lost, "objects"), { recursive: true });
    const command = await suite.cluster.fairlead(["edge", "start", "--state", lost, "--json"]);
    expect(command).toMatchObject({
      status: expect.toSatisfy((status: number) => status > 0),
      json: { error: { code: "state.corrupt", action: expect.stringContaining("fairlead edge restore") } },
    });

    const emptied = await copy();
    await rm(join(emptied, "objects"), { recursive: true });
    await mkdir(join(emptied, "objects", "lost+found"), { recursive: true });
    expect(await refusal(emptied)).toMatchObject({ code: "state.corrupt" });

    const record = await copy();
    const edgeJson = JSON.parse(await readFile(join(record, "edge.json"), "utf8"));
    await writeFile(
      join(record, "edge.json"),
      JSON.stringify({ ...edgeJson, version: 2, software: "9.1.0" }),
    );
    const newer = { code: "state.corrupt", message: expect.stringContaining("written by Fairlead 9.1.0") };
    expect(await refusal(record)).toMatchObject(newer);

    // The program that used the databases last is in edge.json.
    await writeFile(join(record, "edge.json"), JSON.stringify({ ...edgeJson, software: "9.1.0" }));
    const registries = join(record, "objects", "fairlead-Registry");
    const [name] = (await readdir(registries)).filter((each) => /^[0-9a-f]+\.sqlite$/.test(each));
    const database = new DatabaseSync(join(registries, name ?? ""));
    database.exec(`INSERT INTO migrations VALUES (${NEWEST_MIGRATION + 1}, 'of a newer version', 1)`);
    expect(await refusal(record)).toMatchObject(newer);
    database.exec(`DELETE FROM migrations WHERE number > ${NEWEST_MIGRATION}`);
    database.close();

    // Nothing was lost by any of it.
    const again = await suite.cluster.edge({ stateDir: record });
    expect(again.ca).toBe(suite.edge.ca);
    expect(await listNetworks(again.client)).toMatchObject([{ name: "shop" }]);
    await again.stop();

    // Without its record, an edge starts only at addresses that its operator names.
    await rm(join(record, "edge.json"));
    const named = await suite.cluster.edge({ stateDir: record });
    expect(await listNetworks(named.client)).toMatchObject([{ name: "shop" }]);
    await named.stop();
  });

  it("starts after a first start that was killed before any of its writes", async () => {
    const whole = suite.cluster.fresh("whole");
    const first = await suite.cluster.edge({ stateDir: whole });
    await first.stop();
    const written = ["ca-key.pem", "ca.pem", "admin-key", "objects", "front", "edge.json"];
    for (let kept = 0; kept <= written.length; kept++) {
      const state = suite.cluster.fresh("half");
      await mkdir(state);
      await mkdir(join(state, "lost+found"));
      for (const name of written.slice(0, kept)) {
        if (name === "objects" || name === "front") await mkdir(join(state, name));
        else await cp(join(whole, name), join(state, name));
      }
      if (kept === written.length) {
        const path = join(state, "edge.json");
        const record = JSON.parse(await readFile(path, "utf8"));
        await writeFile(path, JSON.stringify({ ...record, databases: false }));
      }
      const edge = new EmbeddedEdge({ state, api: "127.0.0.1:0", gateway: "127.0.0.1:0", bundle: STUB_EDGE });
      const { caFile } = await edge.start();
      expect((await readFile(caFile, "utf8")) === first.ca, `${kept} files`).toBe(kept >= 2);
      await edge.stop();
    }
  });
});
