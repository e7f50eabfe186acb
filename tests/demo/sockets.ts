/** Listening addresses of processes, from /proc of Linux. */
import { readdir, readFile, readlink } from "node:fs/promises";
import ipaddr from "ipaddr.js";

/** Processes of each party, and the range of addresses where they may listen. */
export type Parties = Readonly<Record<string, { readonly pids: readonly number[]; readonly range: string }>>;

/**
 * Checks that each party listens only on addresses in its range. Returns the result as a sentence.
 * @throws Error that names the addresses outside of it
 */
export async function describeListening(parties: Parties): Promise<string> {
  const found: string[] = [];
  for (const [name, { pids, range }] of Object.entries(parties)) {
    const addresses = await listeningAddresses(pids);
    if (addresses === null)
      return `Listening addresses were not checked: ${process.platform} does not report them.`;
    const stray = addresses.filter((address) => !isWithin(address, range));
    if (stray.length > 0) throw new Error(`${name} listens on ${stray.join(", ")}, outside ${range}.`);
    found.push(`${name} on ${range.replace("/32", "")}`);
  }
  return `Nothing listens for the outside: ${found.join(", ")} only.`;
}

/** State "LISTEN" in /proc/net/tcp. */
const LISTEN = "0A";

/** Returns the TCP addresses on which these processes and their descendants listen, or null on other systems. */
export async function listeningAddresses(pids: readonly number[]): Promise<string[] | null> {
  if (process.platform !== "linux") return null;
  const family = descendants(pids, await parents());
  const listening = new Map<string, string>();
  for (const table of ["tcp", "tcp6"]) {
    for (const [inode, address] of parseTable(await readFile(`/proc/net/${table}`, "utf8").catch(() => ""))) {
      listening.set(inode, address);
    }
  }
  const addresses = new Set<string>();
  for (const pid of family) {
    for (const inode of await socketsOf(pid)) {
      const address = listening.get(inode);
      if (address !== undefined) addresses.add(address);
    }
  }
  return [...addresses].sort();
}

/** Returns inode and address (without port) of each listening socket in a table of /proc/net. */
export function parseTable(text: string): [inode: string, address: string][] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line): [string, string][] => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (local === undefined || inode === undefined || state !== LISTEN) return [];
      return [[inode, parseAddress(local.split(":")[0] ?? "")]];
    });
}

/** Parses words of 32 bits in the machine's byte order, which is little-endian on common platforms. */
function parseAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, "hex")].reverse());
  return ipaddr.fromByteArray(bytes).toString();
}

/** Whether an address is in a range such as 127.2.0.0/16. */
export function isWithin(address: string, range: string): boolean {
  const parsed = ipaddr.process(address);
  const [network, prefix] = ipaddr.parseCIDR(range);
  return parsed.kind() === network.kind() && parsed.match(network, prefix);
}

/** Returns the parent of each process. */
async function parents(): Promise<Map<number, number>> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const pairs = await Promise.all(
    pids.map(async (pid): Promise<[number, number]> => {
      const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      // The command in parentheses may have any characters.
      return [pid, Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[1])];
    }),
  );
  return new Map(pairs);
}

function descendants(pids: readonly number[], parentOf: ReadonlyMap<number, number>): Set<number> {
  const family = new Set(pids);
  for (let size = -1; size !== family.size; ) {
    size = family.size;
    for (const [pid, parent] of parentOf) if (family.has(parent)) family.add(pid);
  }
  return family;
}

async function socketsOf(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const descriptors = await readdir(directory).catch(() => []);
  const links = await Promise.all(
    descriptors.map((descriptor) => readlink(`${directory}/${descriptor}`).catch(() => "")),
  );
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}
