/**
 * A deployment recorded by an earlier version, and that version's program: see tests/system/recorded/README.md. The
 * copy gets free ports of this machine. Its times are moved, so that certificates and tokens are as old as in the
 * record.
 */
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import {
  copyOf,
  eachDatabase,
  type Forge,
  hasTable,
  openForge,
  openIssuerForges,
} from "../authority/aged-certificates.ts";
import { connectorArgs } from "../connector/connector.ts";
import { freePort } from "../free-port.ts";
import { type Cluster, type Env, ROOT } from "../process/cluster.ts";
import type { ManagedProcess } from "../process/managed-process.ts";
import type { Place } from "../traffic/servers.ts";

const HOUR_MS = 3600_000;
/** Where recorded programs are unpacked. */
const CACHE = join(ROOT, "node_modules/.cache/fairlead/recorded");
/** Sites of the record that have a state directory. */
const SITES = ["east", "west"] as const;
/** Bind addresses in the record. */
export const RECORDED_BIND = { east: "127.41.0.0/16", west: "127.42.0.0/16" } as const;
/** Version of the recorded program in a copy. It is below every version of this program. */
export const RECORDED_VERSION = "0.0.9";
export type RecordedSite = (typeof SITES)[number];
const TEXTS = [
  "edge/edge.json",
  "east/site.json",
  "east/offers.json",
  "west/site.json",
  "open.yaml",
  "made.yaml",
];
export interface Recorded {
  /** The recorded program: the built `fairlead`. */
  readonly program: string;
  /** State directory of the edge. */
  readonly edge: string;
  /** State directories of the sites. */
  readonly sites: Readonly<Record<RecordedSite, string>>;
  /** Returns the path of another recorded file. */
  file(name: string): string;
  /** Target of the service "echo" of the site east. */
  readonly target: Place;
  /** Listener of the site west for that service. */
  readonly listener: Place;
  /** Environment of commands with the admin key of the edge. */
  readonly env: Env;
}

/** Starts the recorded program. */
export function runRecorded(
  cluster: Cluster,
  { program }: Recorded,
  name: string,
  args: readonly string[],
): ManagedProcess {
  return cluster.spawn({ name, command: process.execPath, args: [program, ...args] });
}

/** Starts the recorded program as an edge, and waits until it answers. */
export async function startRecordedEdge(
  cluster: Cluster,
  record: Recorded,
  stateDir = record.edge,
): Promise<ManagedProcess> {
  const started = runRecorded(cluster, record, "recorded edge", [
    ...["edge", "start", "--state", stateDir, "--no-login", "--json"],
    ...["--api", "127.0.0.1:0", "--links", "127.0.0.1:0"],
  ]);
  await started.output("its addresses", ({ stdout }) => (stdout.includes('"adminKey"') ? true : null));
  return started;
}

/** Returns the arguments that run the connector of a recorded site, with this program or the recorded one. */
export function recordedSiteArgs(
  { sites }: Recorded,
  site: RecordedSite,
  stateDir: string = sites[site],
): readonly string[] {
  return connectorArgs({ site, bind: RECORDED_BIND[site] }, stateDir);
}

/** Copies the record of a commit, as if it had been made just now. */
export async function openRecord(cluster: Cluster, commit: string): Promise<Recorded> {
  const directory = cluster.fresh("record");
  await mkdir(directory);
  await unpack(commit, directory, ["--exclude=dist", "--exclude=package.json"]);
  const moved = await movePorts(directory);
  await movePresent(directory);
  const [host = "", port = ""] = (await readFile(join(directory, "target"), "utf8")).trim().split(":");
  const target = { host, port: moved(Number(port)) };
  const { addresses } = z
    .object({ addresses: z.object({ echo: z.string() }) })
    .parse(JSON.parse(await readFile(join(directory, "west/addresses.json"), "utf8")));
  const { urls } = z
    .object({ urls: z.object({ api: z.url() }) })
    .parse(JSON.parse(await readFile(join(directory, "edge/edge.json"), "utf8")));
  const key = (await readFile(join(directory, "edge/admin-key"), "utf8")).trim();
  return {
    program: await programOf(commit),
    edge: join(directory, "edge"),
    sites: { east: join(directory, "east"), west: join(directory, "west") },
    file: (name) => join(directory, name),
    target,
    listener: { host: addresses.echo, port: target.port },
    env: { FAIRLEAD_URL: urls.api, FAIRLEAD_KEY: key, FAIRLEAD_CA: join(directory, "edge/ca.pem") },
  };
}

/** Unpacks a record into a folder. */
async function unpack(commit: string, folder: string, options: readonly string[]): Promise<void> {
  const archive = join(ROOT, "tests/system/recorded", `${commit}.tar.gz`);
  await promisify(execFile)("tar", ["-xzf", archive, "-C", folder, ...options]);
}

/**
 * Returns the path of the recorded program, unpacked once for all records: Node keeps what it compiles by the path of a
 * file. It takes its packages from the node_modules around it.
 */
async function programOf(commit: string): Promise<string> {
  const folder = join(CACHE, `${commit}-${RECORDED_VERSION}`);
  if (!existsSync(folder)) {
    await mkdir(CACHE, { recursive: true });
    // Written beside its place and renamed: another process sees either nothing or everything.
    const draft = await mkdtemp(`${folder}.`);
    try {
      await unpack(commit, draft, ["dist", "package.json"]);
      await lowerVersion(draft);
      await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  return join(folder, "dist/cli/main.js");
}

/** Gives the recorded program {@link RECORDED_VERSION}, in its package and in the bundle of its edge. */
async function lowerVersion(directory: string): Promise<void> {
  const manifest = join(directory, "package.json");
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(manifest, "utf8")));
  for (const path of [manifest, join(directory, "dist/edge/index.js")]) {
    const text = await readFile(path, "utf8");
    const lowered = text.replaceAll(`"${version}"`, `"${RECORDED_VERSION}"`);
    if (lowered === text) throw new Error(`The version ${version} is not in ${path}.`);
    await writeFile(path, lowered);
  }
}

/** Gives the copy free ports. Returns a function from a recorded port to its free port. */
async function movePorts(directory: string): Promise<(recorded: number) => number> {
  const { ports } = z
    .object({ ports: z.record(z.string(), z.number()) })
    .parse(JSON.parse(await readFile(join(directory, "edge/edge.json"), "utf8")));
  const target = Number((await readFile(join(directory, "target"), "utf8")).split(":")[1]);
  const moves = new Map<number, number>();
  for (const port of [...Object.values(ports), target]) {
    let free = await freePort();
    while ([...moves.values()].includes(free)) free = await freePort();
    moves.set(port, free);
  }
  const recorded = new RegExp(`\\b(${[...moves.keys()].join("|")})\\b`, "g");
  for (const name of TEXTS) {
    const text = await readFile(join(directory, name), "utf8");
    await writeFile(
      join(directory, name),
      text.replace(recorded, (port) => `${moves.get(Number(port))}`),
    );
  }
  return (port) => {
    const move = moves.get(port);
    if (move === undefined) throw new Error(`Port ${port} is not in the record.`);
    return move;
  };
}

/** Moves expiry times of the record to the present. CAs end ten years after the record. */
async function movePresent(directory: string): Promise<void> {
  const edge = { stateDir: join(directory, "edge") };
  const [network] = await eachDatabase(edge, (database) =>
    hasTable(database, "network") ? database.prepare("SELECT id, created_at FROM network").all() : [],
  );
  const { id, created_at: recorded } = z.object({ id: z.string(), created_at: z.number() }).parse(network);
  const passed = Date.now() - recorded;
  const signers = [await openForge(edge, id), ...(await openIssuerForges(edge, id))];
  const renew = (certificate: X509Certificate) => renewed(certificate, signers);

  for (const site of SITES) {
    const chain = join(directory, site, "certificate.pem");
    const text = await readFile(chain, "utf8");
    const [leaf = "", ...rest] = text.split(/(?<=-----END CERTIFICATE-----\n)/);
    const now = await renew(new X509Certificate(leaf));
    await writeFile(chain, [`${now.toString("pem")}\n`, ...rest].join(""));
    const path = join(directory, site, "links.json");
    const book = LinkBook.parse(JSON.parse(await readFile(path, "utf8")));
    for (const link of book.links) {
      const der = await renew(new X509Certificate(Buffer.from(link.certificate, "base64")));
      link.certificate = Buffer.from(der.rawData).toString("base64");
    }
    await writeFile(path, JSON.stringify(book, undefined, 2));
  }
  for (const token of ["open.yaml", "made.yaml"]) {
    const text = await readFile(join(directory, token), "utf8");
    const later = (ends: string) => new Date(Date.parse(ends) + passed).toISOString();
    await writeFile(
      join(directory, token),
      text.replace(/(?<=expires: )\S+/, (ends) => later(ends)),
    );
  }
  await eachDatabase(edge, (database) => {
    if (!hasTable(database, "tokens")) return [];
    database.prepare("UPDATE tokens SET expires_at = expires_at + ?").run(passed);
    database.prepare("UPDATE certificates SET not_after = not_after + ?").run(passed);
    return [];
  });
}

const LinkBook = z.looseObject({ links: z.array(z.looseObject({ certificate: z.string() })) });

/** Copies a certificate with a validity of a day from an hour ago. */
async function renewed(certificate: X509Certificate, signers: readonly Forge[]) {
  const signer = signers.find(({ authority }) => authority.subject === certificate.issuer);
  if (signer === undefined) throw new Error(`The CA ${certificate.issuer} is not in the record.`);
  return await copyOf(certificate, signer, { from: -HOUR_MS, to: 23 * HOUR_MS });
}
