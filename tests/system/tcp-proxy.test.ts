/**
 * The configurations of docs/operations.md for a TCP proxy in front of the edge, run unchanged except for addresses.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import { type Edge, eventually, ROOT } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { exchange } from "../support/traffic/servers.ts";
import { Stranger } from "../support/traffic/stranger.ts";

/** Address of the proxy, in place of the public address. */
const PUBLIC = "127.0.0.2";
const SILENT = 1_100;

/** Edge that shares its ports with a proxy at another address. */
const suite = useEdge({ hostname: PUBLIC });
const strangers: Stranger[] = [];
afterAll(() => Promise.all(strangers.map((each) => each.close())));

const page = readFileSync(join(ROOT, "docs", "operations.md"), "utf8");

function documented(language: string): string {
  const block = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (block === undefined) throw new Error(`docs/operations.md has no ${language} configuration.`);
  return block;
}

/** Returns the configuration with the ports of this edge and the public address of the test. */
function adapted(text: string, edge: Edge): string {
  const ports = [new URL(edge.apiUrl).port, new URL(edge.gatewayUrl).port, String(edge.lanes)];
  return text
    .replaceAll("203.0.113.7", PUBLIC)
    .replaceAll(/\b844([345])\b/g, (_, last: string) => ports[Number(last) - 3] ?? "")
    .replace(/^load_module (\S+);\n/, (line, path: string) => (existsSync(path) ? line : ""));
}

/** Whether nginx has the module that the configuration loads, which Debian has in a package of its own, or built in. */
function hasStreamModule(): boolean {
  const [, path = ""] = /^load_module (\S+);\n/.exec(documented("nginx")) ?? [];
  return (
    existsSync(path) || /--with-stream( |$)/.test(spawnSync("nginx", ["-V"], { encoding: "utf8" }).stderr)
  );
}

const PROXIES = [
  {
    name: "nginx",
    config: "nginx.conf",
    args: (at: string) => [
      "-p",
      at,
      "-c",
      join(at, "nginx.conf"),
      "-e",
      "stderr",
      "-g",
      `daemon off; pid ${at}/pid;`,
    ],
  },
  { name: "haproxy", config: "haproxy.cfg", args: (at: string) => ["-db", "-f", join(at, "haproxy.cfg")] },
] as const;

describe.each(PROXIES)("The documented $name configuration", ({ name, config, args }) => {
  it("forwards all three ports, limits each client address and waits for a ClientHello", () => {
    const text = documented(name);
    for (const port of [8443, 8444, 8445]) {
      expect(text).toContain(`203.0.113.7:${port}`);
      expect(text).toContain(`127.0.0.1:${port}`);
    }
    expect(text).toMatch(
      name === "nginx"
        ? /limit_conn client \d+;\n {2}ssl_preread on;/
        : /sc0_conn_cur gt \d+[\s\S]*req\.ssl_hello_type 1/,
    );
  });

  const found = !spawnSync(name, ["-v"]).error && (name !== "nginx" || hasStreamModule());
  if (!found)
    console.warn(`${name} is not installed: its configuration in docs/operations.md was read and not run`);
  it.skipIf(!found)("lets sites join and streams flow beside silent connections", async () => {
    const { cluster, edge } = suite;
    const at = cluster.fresh(name);
    mkdirSync(at);
    await writeFile(join(at, config), adapted(documented(name), edge));
    const proxy = cluster.spawn({ name, command: name, args: args(at) });
    await eventually(
      "the proxy reaches the edge",
      () => {
        if (proxy.exit !== null) throw new Error(proxy.lastLines(10).join("\n"));
        return exchange({ host: PUBLIC, port: Number(new URL(edge.apiUrl).port) }, "no TLS").then(() => true);
      },
      { within: 60_000 },
    );
    const stranger = new Stranger();
    strangers.push(stranger);
    for (const url of [edge.apiUrl, edge.gatewayUrl]) {
      await stranger.hold({ host: PUBLIC, port: Number(new URL(url).port) }, SILENT / 2, {
        from: "127.0.0.3",
      });
    }

    const { east, west, place } = await startEchoPair(suite);
    expect((await exchange(place, "through it")).toString()).toBe("through it");
    await Promise.all([east.stop(), west.stop()]);
    await stranger.close();
    await proxy.stop();
  });
});
