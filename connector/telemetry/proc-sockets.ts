/** Finds the process that owns a socket of this machine, in Linux's /proc. A look-up reads a limited number of files. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import type { ClientProcess, ClientSocket, FindProcesses } from "./client-processes.ts";

/** The most descriptors of processes that a look-up reads. */
const MAX_DESCRIPTORS = 3000;
/** The longest list of sockets that is read, bytes. A machine with more has no look-ups. */
const MAX_TABLE = 4 * 1024 * 1024;
/** Processes that owned clients before are read first. */
const MAX_RECENT = 32;

/** The look-up of this system; null where there is none. `root`: the directory of proc. */
export function procSockets(root = "/proc"): FindProcesses | null {
  if (process.platform !== "linux") return null;
  let recent: string[] = [];
  return async (clients) => {
    const found = new Map<string, ClientProcess>();
    const inodes = await inodesOf(root, clients);
    if (inodes.size === 0) return found;
    const budget = { left: MAX_DESCRIPTORS };
    const newest = (await readdir(root)).filter((name) => /^\d+$/.test(name)).sort((a, b) => +b - +a);
    for (const pid of new Set([...recent, ...newest])) {
      if (inodes.size === 0 || budget.left <= 0) break;
      const owned = await socketsOf(root, pid, inodes, budget);
      if (owned.length === 0) continue;
      const owner = await processOf(root, pid);
      for (const [inode, client] of owned) {
        inodes.delete(inode);
        found.set(client, owner);
      }
      recent = [pid, ...recent.filter((other) => other !== pid)].slice(0, MAX_RECENT);
    }
    return found;
  };
}

/** The inodes of the clients' sockets, with the clients. */
async function inodesOf(root: string, clients: readonly ClientSocket[]): Promise<Map<string, string>> {
  const wanted = new Map(clients.map(({ client, host, port }) => [`${plainHost(host)} ${port}`, client]));
  const ports = new Set(clients.map(({ port }) => port.toString(16).toUpperCase().padStart(4, "0")));
  const inodes = new Map<string, string>();
  for (const table of ["tcp", "tcp6", "udp", "udp6"]) {
    const text = await readFile(`${root}/self/net/${table}`, "latin1").catch(() => "");
    if (text.length > MAX_TABLE) continue;
    for (const line of text.split("\n")) {
      const colon = line.indexOf(":", line.indexOf(":") + 1);
      if (colon < 0 || !ports.has(line.slice(colon + 1, colon + 5))) continue;
      const [, local = "", , , , , , , , inode = "0"] = line.trim().split(/\s+/);
      const client = wanted.get(addressOf(local));
      if (client !== undefined && inode !== "0") inodes.set(inode, client);
    }
  }
  return inodes;
}

const plainHost = (host: string): string => host.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");

/** Host and port of an address in a table of sockets: words of 32 bits in the order of this machine's bytes. */
export function addressOf(text: string): string {
  const [hex = "", port = ""] = text.split(":");
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 6; byte >= 0; byte -= 2) {
      bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16));
    }
  }
  const isMapped =
    bytes.length === 16 && bytes.slice(0, 12).every((byte, at) => byte === (at < 10 ? 0 : 0xff));
  const host = bytes.length === 4 || isMapped ? bytes.slice(-4).join(".") : ipv6(bytes);
  return `${host} ${Number.parseInt(port, 16)}`;
}

/** An IPv6 address in the form of RFC 5952, as Node writes it. */
function ipv6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Those of the inodes that the process has open, with the clients. Another user's process cannot be read. */
async function socketsOf(
  root: string,
  pid: string,
  inodes: ReadonlyMap<string, string>,
  budget: { left: number },
): Promise<[inode: string, client: string][]> {
  const owned: [string, string][] = [];
  const descriptors = await readdir(`${root}/${pid}/fd`).catch(() => []);
  budget.left -= 1;
  // The latest descriptors are those of new connections.
  for (const descriptor of descriptors.toReversed()) {
    if (budget.left-- <= 0 || owned.length === inodes.size) break;
    const link = await readlink(`${root}/${pid}/fd/${descriptor}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    const client = inode === undefined ? undefined : inodes.get(inode);
    if (inode !== undefined && client !== undefined) owned.push([inode, client]);
  }
  return owned;
}

async function processOf(root: string, pid: string): Promise<ClientProcess> {
  const [command, cgroup] = await Promise.all([
    readFile(`${root}/${pid}/comm`, "utf8").catch(() => "unknown"),
    readFile(`${root}/${pid}/cgroup`, "utf8").catch(() => ""),
  ]);
  return { pid: Number(pid), command: await programOf(root, pid, command.trimEnd()), ...containerOf(cgroup) };
}

/** The name of a process. Node calls every process by its main thread (seen in 24.21), and is then named by its file. */
async function programOf(root: string, pid: string, command: string): Promise<string> {
  if (command !== "MainThread") return command;
  return basename(await readlink(`${root}/${pid}/exe`).catch(() => command));
}

/** The container and the pod in the path of a control group, as Docker, containerd and CRI-O write them. */
export function containerOf(cgroup: string): Pick<ClientProcess, "container" | "pod"> {
  const container = /[0-9a-f]{64}(?=(?:\.scope)?\s*$)/m.exec(cgroup)?.[0] ?? null;
  const pod = /pod([0-9a-f]{8}[-_](?:[0-9a-f]{4}[-_]){3}[0-9a-f]{12})/.exec(cgroup)?.[1];
  return { container, pod: pod === undefined ? null : pod.replaceAll("_", "-") };
}
