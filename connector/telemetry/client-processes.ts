/**
 * The processes of clients on this machine. A look-up reads /proc in the background: the owner of the socket at the
 * client's end of a connection. Until its result is known, and for other clients, an address without its port stands
 * for the process.
 */
import { networkInterfaces } from "node:os";
import { splitAddress } from "../net/local-socket.ts";
import type { ProcessNames } from "./aggregator.ts";
import { shown } from "./flow-records.ts";

/** A process that owns the client's socket. */
export interface ClientProcess {
  readonly pid: number;
  /** Its name, as the kernel has it: at most 15 characters. */
  readonly command: string;
  /** The id of its container, or of its pod's, 64 hexadecimal digits; null where none is visible. */
  readonly container: string | null;
  /** The UID of its pod; null where none is visible. */
  readonly pod: string | null;
}

/** Finds the owners of sockets. Clients whose owner is not found are missing in the result. */
export type FindProcesses = (clients: readonly ClientSocket[]) => Promise<Map<string, ClientProcess>>;

/** A client's end of its connection with this connector. */
export interface ClientSocket {
  /** The text that names it: host and port. */
  readonly client: string;
  readonly host: string;
  readonly port: number;
}

export interface ClientProcessesOptions {
  /** Null where the system has no such look-up. */
  readonly find: FindProcesses | null;
  /** The text for a process; its command, and the start of its container's id, unless given. */
  readonly describe?: (process: ClientProcess) => string;
  /** The text for the address of a client whose process is not known, such as the name of a pod; the address unless given. */
  readonly describeAddress?: (host: string) => string | null;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
  /** The addresses of this machine. */
  readonly ownAddresses?: () => ReadonlySet<string>;
}

/** Look-ups take at most this part of the time: after one that took 5 ms, the next begins 500 ms later. */
const SHARE = 100;
/** The shortest time between two look-ups, ms. */
const MIN_PAUSE_MS = 100;
/** The most clients of one look-up, and the most that are remembered. */
const MAX_CLIENTS = 256;
const MAX_KNOWN = 20_000;
/** A name is looked up again after this time, ms: another process may have the port. */
const FRESH_MS = 5 * 60_000;
const ADDRESSES_MS = 60_000;

interface Known {
  name: string;
  readonly at: number;
}

export class ClientProcesses implements ProcessNames {
  readonly #options: ClientProcessesOptions;
  readonly #now: () => number;
  /** Names by client, in the order in which they became known. */
  readonly #known = new Map<string, Known>();
  /** Clients that wait for a look-up. */
  #waiting: ClientSocket[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isLooking = false;
  #permittedAt = 0;
  #own: ReadonlySet<string> = new Set();
  #ownAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClientProcessesOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  begin(client: string): void {
    const known = this.#known.get(client);
    const now = this.#now();
    if (known !== undefined && now - known.at < FRESH_MS) return;
    const address = splitAddress(client);
    if (address === null) return;
    this.#remember(client, this.#nameOfHost(address.host), now);
    if (this.#options.find === null || this.#waiting.length >= MAX_CLIENTS || !this.#isOwn(address.host, now))
      return;
    this.#waiting.push({ client, ...address });
    this.#plan(now);
  }

  nameOf(client: string): string {
    return this.#known.get(client)?.name ?? this.#nameOfHost(splitAddress(client)?.host ?? client);
  }

  end(client: string): void {
    this.#known.delete(client);
  }

  /** Begins no further look-ups. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#permittedAt = Number.POSITIVE_INFINITY;
  }

  #nameOfHost(host: string): string {
    return shown(this.#options.describeAddress?.(host) ?? host, 200);
  }

  #remember(client: string, name: string, at: number): void {
    this.#known.delete(client);
    this.#known.set(client, { name, at });
    if (this.#known.size <= MAX_KNOWN) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  #isOwn(host: string, now: number): boolean {
    if (host.startsWith("127.") || host === "::1") return true;
    if (now - this.#ownAt > ADDRESSES_MS) {
      this.#ownAt = now;
      this.#own = (this.#options.ownAddresses ?? machineAddresses)();
    }
    return this.#own.has(host);
  }

  #plan(now: number): void {
    if (this.#timer !== null || this.#isLooking || this.#permittedAt === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => void this.#look(), Math.max(0, this.#permittedAt - now));
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    this.#timer = null;
    const { find, describe = describeProcess } = this.#options;
    // Clients that left in the meantime have no socket that could be found.
    const clients = this.#waiting.filter(({ client }) => this.#known.has(client));
    this.#waiting = [];
    if (clients.length === 0 || find === null) return;
    const startedAt = this.#now();
    this.#isLooking = true;
    try {
      const found = await find(clients);
      for (const [client, process] of found) {
        const known = this.#known.get(client);
        if (known !== undefined) known.name = shown(describe(process), 200);
      }
    } catch {
      // Without /proc, or without the right to read it, the addresses stay.
    } finally {
      this.#isLooking = false;
      const now = this.#now();
      const pause = Math.max(MIN_PAUSE_MS, (now - startedAt) * SHARE);
      if (this.#permittedAt !== Number.POSITIVE_INFINITY) this.#permittedAt = now + pause;
      if (this.#waiting.length > 0) this.#plan(now);
    }
  }
}

/** The command, with the start of the id of its container where it has one. */
export function describeProcess({ command, container }: ClientProcess): string {
  return container === null ? command : `${command} (${container.slice(0, 12)})`;
}

function machineAddresses(): ReadonlySet<string> {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return new Set(all.map(({ address }) => address));
}
