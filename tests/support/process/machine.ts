/**
 * A machine as a page means it: an empty home, ports that nobody has, and a terminal for each block of commands. Where
 * the kernel gives users namespaces, the machine has a network of its own; elsewhere, ports that are taken are moved.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tryAddress } from "../../../connector/edge/addresses/ports.ts";
import { freePort } from "../free-port.ts";
import type { Cluster } from "./cluster.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** Whether users may make namespaces with a network and mounts of their own. */
export const NAMESPACES = spawnSync("unshare", ["-rnm", "ip", "link", "set", "lo", "up"]).status === 0;

/** The default ports of `edge start`, which no page names where it needs none. */
const EDGE_PORTS = [8443, 8444, 8445];

/** What a terminal prints when a block has ended that leaves a program in the background. */
const ENDED = "(the block has ended)";

/** Runs $1 in the directory $0, and ends at the first command that fails. */
const TERMINAL = `cd "$0" && set -e && eval "$1"`;

export interface MachineOptions {
  /** The ports that the page's commands take; without namespaces, the taken ones are moved. */
  readonly ports?: readonly number[];
  /** Whether the machine has namespaces of its own. The default is whether the kernel allows it. */
  readonly namespaces?: boolean;
  /** The addresses of names, for a machine whose /etc, /var/lib and /run are its own. Needs namespaces. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** A machine to which this one has a cable, with the addresses of its two ends. Needs namespaces. */
  readonly cable?: { readonly to: Machine; readonly addresses: readonly [there: string, here: string] };
}

/** What is particular to a machine. */
interface Place {
  /** The words before a command that enter the namespaces. */
  readonly enter: readonly string[];
  readonly moves: readonly (readonly [RegExp, string])[];
}

export class Machine {
  readonly name: string;
  /** Where each terminal starts. */
  readonly directory: string;
  readonly #cluster: Cluster;
  readonly #programs: string;
  readonly #place: Place;

  private constructor(cluster: Cluster, name: string, root: string, place: Place) {
    this.#cluster = cluster;
    this.name = name;
    this.directory = join(root, "work");
    this.#programs = join(root, "bin");
    this.#place = place;
    for (const each of [this.directory, this.#programs, join(root, "home")]) mkdirSync(each);
  }

  static async create(cluster: Cluster, name: string, options: MachineOptions = {}): Promise<Machine> {
    const root = cluster.fresh(name);
    await mkdir(root);
    const { ports = [], namespaces = NAMESPACES } = options;
    const place = namespaces
      ? { enter: await enterNew(cluster, name, root, options), moves: [] }
      : { enter: [], moves: await movesOf(ports) };
    return new Machine(cluster, name, root, place);
  }

  /** The words before a command that enter the machine's namespaces. */
  get enter(): readonly string[] {
    return this.#place.enter;
  }

  /** Adds a program before all others of the PATH: a script of the shell. */
  async program(name: string, script: string): Promise<void> {
    const path = join(this.#programs, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }

  /** Returns a text of the page with the ports of this machine. */
  moved(text: string): string {
    return this.#place.moves.reduce((moved, [from, to]) => moved.replaceAll(from, to), text);
  }

  /** Types a block of commands into a new terminal. The last command becomes the terminal's process. */
  start(block: string): ManagedProcess {
    const lines = block.split("\n");
    return this.#type([...lines.slice(0, -1), `exec ${lines.at(-1)}`].join("\n"));
  }

  /**
   * Types a block of commands, and waits until it ends. A program that the block leaves in the background runs until
   * the cluster is closed.
   * @returns its output
   * @throws Error with its output when a command fails
   */
  async run(block: string): Promise<string> {
    const leaves = /&$/m.test(block);
    const terminal = leaves ? this.#type(`${block}\necho '${ENDED}'\nwait`) : this.start(block);
    if (leaves)
      return await terminal.output("its end", ({ stdout }) => {
        const [output, rest] = stdout.split(ENDED);
        return rest === undefined ? null : (output ?? "");
      });
    const { status } = await terminal.exited;
    if (status !== 0) throw new Error(`${block}: status ${status}\n${terminal.lastLines(30).join("\n")}`);
    return terminal.stdout;
  }

  #type(script: string): ManagedProcess {
    const moved = this.moved(script);
    const [command = "", ...args] = [...this.enter, "/bin/sh", "-c", TERMINAL, this.directory, moved];
    const path = `${this.#programs}:${this.#cluster.environment().PATH ?? ""}`;
    return this.#cluster.spawn({
      name: `${this.name}: ${moved.split("\n").at(-1)}`,
      command,
      args,
      env: { PATH: path, HOME: join(this.directory, "../home") },
      group: true,
    });
  }
}

/** Makes namespaces that live as long as the cluster. Returns the words that enter them. */
async function enterNew(
  cluster: Cluster,
  name: string,
  root: string,
  { hosts, cable }: MachineOptions,
): Promise<string[]> {
  const script = [
    "set -e",
    "ip link set lo up",
    ...(hosts === undefined ? [] : ownFiles(root, hosts)),
    "echo ready",
    "exec sleep 2147483647",
  ].join("\n");
  // Only within one user namespace may a cable lead from one machine to another.
  const words = [...(cable === undefined ? ["unshare", "-r"] : [...cable.to.enter, "unshare"]), "-nm"];
  const [command = "", ...args] = [...words, "/bin/sh", "-c", script];
  const holder = cluster.spawn({ name, command, args });
  await holder.output("the namespaces", ({ stdout }) => (stdout.includes("ready") ? true : null));
  const enter = ["nsenter", "--preserve-credentials", "-U", "-n", "-m", "-t", String(holder.pid), "--"];
  if (cable !== undefined) {
    const [there, here] = cable.addresses;
    const peer = `name cable netns ${holder.pid}`;
    await configured(cluster, cable.to.enter, `ip link add cable type veth peer ${peer}`, upWith(there));
    await configured(cluster, enter, upWith(here));
  }
  return enter;
}

const upWith = (address: string) => `ip addr add ${address}/24 dev cable && ip link set cable up`;

async function configured(cluster: Cluster, enter: readonly string[], ...lines: string[]): Promise<void> {
  const [command = "", ...args] = [...enter, "/bin/sh", "-c", `set -e\n${lines.join("\n")}`];
  const ip = cluster.spawn({ name: lines.join("; "), command, args });
  const { status } = await ip.exited;
  if (status !== 0) throw new Error(`${ip.name}: ${ip.lastLines(10).join("\n")}`);
}

/** The lines that give a machine an /etc with these hosts, and empty directories for units, states and what runs. */
function ownFiles(root: string, hosts: Readonly<Record<string, string>>): string[] {
  const etc = join(root, "etc");
  const names = { localhost: "127.0.0.1", ...hosts };
  return [
    `mkdir -p ${etc}/systemd/system ${root}/var`,
    `for each in passwd group nsswitch.conf ssl; do cp -r /etc/$each ${etc} 2>/dev/null || true; done`,
    ...Object.entries(names).map(([host, address]) => `echo "${address} ${host}" >> ${etc}/hosts`),
    `mount --bind ${etc} /etc`,
    `mount --bind ${root}/var /var/lib`,
    "mount -t tmpfs run /run",
    "mkdir -p /run/systemd/system",
  ];
}

/** Finds free ports for the taken ones. */
async function movesOf(ports: readonly number[]): Promise<(readonly [RegExp, string])[]> {
  const moves: (readonly [RegExp, string])[] = [];
  for (const port of ports) {
    if (await isTaken(port)) moves.push([new RegExp(`\\b${port}\\b`, "g"), String(await freePort())]);
  }
  const taken = await Promise.all(EDGE_PORTS.map(isTaken));
  if (taken.includes(true))
    moves.push([/\bedge start\b/g, "edge start --api 127.0.0.1:0 --gateway 127.0.0.1:0 --lanes 127.0.0.1:0"]);
  return moves;
}

async function isTaken(port: number): Promise<boolean> {
  return await tryAddress({ host: "127.0.0.1", port }).then(
    () => false,
    () => true,
  );
}
