/**
 * Records a deployment of this version in DIRECTORY: `node tests/system/recorded/record.ts DIRECTORY`. The commands of
 * `fairlead` make all of it, and every process stops in order before its files are taken.
 */
import { cp, lstat, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Cluster } from "../../support/process/cluster.ts";
import { closeServers, echo, exchange, serve } from "../../support/traffic/servers.ts";

const directory = resolve(process.argv[2] ?? "");
const cluster = await Cluster.create();
const edge = await cluster.edge();

async function admin(...args: string[]) {
  const outcome = await edge.fairlead(...args);
  if (outcome.status !== 0) throw new Error(`fairlead ${args.join(" ")}: ${outcome.stderr}`);
  return outcome;
}

async function file(name: string, ...args: string[]): Promise<string> {
  const path = cluster.path(name);
  await admin(...args, "-o", path);
  return path;
}

try {
  await admin("network", "create", "harbour");
  await admin("network", "quota", "harbour", "--sites", "50", "--tokens", "10");
  const used = await file("used.yaml", "token", "create", "--uses", "3");
  const open = await file("open.yaml", "token", "create", "--uses", "1", "--expiry", "30d");
  const made = await file("made.yaml", "site", "create", "north", "--may-offer", "api", "--expiry", "30d");
  const key = await file("ci.key", "key", "create", "ci", "--role", "operator", "--network", "harbour");
  const server = await serve(echo);
  const east = await cluster.connector({ site: "east", token: used, bind: "127.41.0.0/16" });
  const west = await cluster.connector({ site: "west", token: used, bind: "127.42.0.0/16" });
  const gone = await cluster.connector({ site: "gone", token: used, bind: "127.43.0.0/16" });
  for (const words of [
    ["echo", server.at],
    ["hidden", server.at, "--to", "gone"],
  ]) {
    const [name, at, ...more] = words;
    const outcome = await east.fairlead("expose", `${name}=${at}`, ...more);
    if (outcome.status !== 0) throw new Error(outcome.stderr);
  }
  const answer = await exchange(await west.listener("echo"), "recorded");
  if (answer.toString() !== "recorded") throw new Error(`${answer}`);
  const link = await file("link.yaml", "token", "create", "--issuer", "east");
  const linked = await west.fairlead("link", "create", link, "--name", "direct", "--cost", "7");
  if (linked.status !== 0) throw new Error(linked.stderr);
  await west.fairlead("link", "status", "--wait", "20");
  await admin("site", "revoke", "gone", "--yes");
  await gone.logged({ code: "site.revoked" });
  await gone.stop();
  for (const site of [east, west]) await site.stop();
  await edge.stop();
  const files = { recursive: true, filter: async (path: string) => !(await lstat(path)).isSocket() };
  await mkdir(directory, { recursive: true });
  await cp(edge.stateDir, join(directory, "edge"), files);
  for (const site of [east, west]) await cp(site.stateDir, join(directory, site.site), files);
  for (const path of [open, made, key])
    await cp(path, join(directory, path.slice(path.lastIndexOf("/") + 1)));
  await writeFile(join(directory, "target"), `${server.at}\n`);
} finally {
  await closeServers();
  await cluster.close();
}
