/** The login that `edge start` stores. */
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();

/** The URL in a login file. */
const urlIn = async (file: string) => JSON.parse(await readFile(file, "utf8")).url;

describe("edge start", () => {
  it("stores a login for its edge, and keeps the network across restarts on other ports", async () => {
    const file = suite.cluster.path("own.json");
    const options = { login: true, env: { FAIRLEAD_CONFIG: file }, stateDir: suite.cluster.fresh("own") };
    const first = await suite.cluster.edge(options);
    expect(await urlIn(file)).toBe(first.apiUrl);
    const login = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...login, url: "https://127.0.0.1:1", network: "shop" }));
    await first.stop();
    const second = await suite.cluster.edge(options);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ url: second.apiUrl, network: "shop" });
    await second.stop();
  });

  it("never replaces the login of another edge, and runs without one that it can write", async () => {
    const file = suite.cluster.path("other.json");
    const text = JSON.stringify({ url: "https://edge.example", key: "flk_other" });
    await writeFile(file, text);
    for (const login of [file, "/dev/null/login.json"]) {
      const edge = await suite.cluster.edge({ login: true, env: { FAIRLEAD_CONFIG: login } });
      expect(edge.process.stdout).toContain('"login": null');
      await edge.stop();
    }
    expect(await readFile(file, "utf8")).toBe(text);
  });
});
