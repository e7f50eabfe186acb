/** The set-up of a run: temporary files, processes that end with it, tools and measured servers. */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { type Address, Cluster, programOf, ROOT } from "../support/process/cluster.ts";
import { describeExit, type ManagedProcess } from "../support/process/managed-process.ts";
import { Postgres } from "../support/process/postgres.ts";
import { framed, MESSAGE_BYTES, UNARY_PATH } from "./clients/grpc.ts";
import type { BenchOptions } from "./options.ts";
import { WRK_SCRIPT } from "./parse/wrk.ts";
import { nginxWeb } from "./systems/nginx-config.ts";
import type { Addresses } from "./systems/system.ts";
import type { Tools } from "./tools.ts";

export const HOST = "127.0.0.1";

export class Ground {
  readonly cluster: Cluster;
  /** Cluster with the build of another checkout, or null. */
  readonly other: Cluster | null;
  readonly options: BenchOptions;
  readonly tools: Tools;
  /** Addresses of the servers. */
  readonly servers: Addresses;
  readonly postgres: Postgres;
  readonly wrkScript: string;

  private constructor(
    cluster: Cluster,
    other: Cluster | null,
    options: BenchOptions,
    tools: Tools,
    servers: Addresses,
    postgres: Postgres,
    wrkScript: string,
  ) {
    this.cluster = cluster;
    this.other = other;
    this.options = options;
    this.tools = tools;
    this.servers = servers;
    this.postgres = postgres;
    this.wrkScript = wrkScript;
  }

  static async make(options: BenchOptions, tools: Tools): Promise<Ground> {
    const cluster = await Cluster.create("fl-bench-");
    try {
      const own = await startOwnServers(cluster);
      const web = tools.nginx === null ? {} : await startNginx(cluster, tools.nginx);
      const grpc = tools.nghttpd === null ? {} : await startNghttpd(cluster, tools.nghttpd);
      const wrkScript = cluster.path("wrk.lua");
      await writeFile(wrkScript, WRK_SCRIPT);
      // The port is closed between runs, because each run starts its own iperf3.
      const iperf = { host: HOST, port: await freePort(HOST) };
      const postgres = await Postgres.start({ host: HOST });
      const database = { host: postgres.host, port: postgres.port };
      const servers = { ...own, ...web, ...grpc, iperf, postgres: database };
      const other =
        options.against === null ? null : await Cluster.create("fl-other-", programOf(options.against));
      return new Ground(cluster, other, options, tools, servers, postgres, wrkScript);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get ms(): number {
    return this.options.seconds * 1000;
  }

  /**
   * Runs a program until it exits. Returns its output.
   * @throws Error when it fails or runs for longer than `within` ms
   */
  async program(
    name: string,
    command: string,
    args: readonly string[],
    within: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const started = this.cluster.spawn({ name, command, args, env });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      started.kill("SIGKILL");
    }, within);
    const exit = await started.exited;
    clearTimeout(timer);
    if (late) throw new Error(`${name} did not end within ${within / 1000} s.`);
    // iperf3 reports its errors in JSON.
    if (exit.status !== 0 && !started.stdout.startsWith("{")) {
      throw new Error(`${name} ended with ${describeExit(exit)}: ${started.lastLines(5).join(" / ")}`);
    }
    return started.stdout;
  }

  async close(): Promise<void> {
    await Promise.all([this.cluster.close(), this.other?.close()]);
    await this.postgres.stop();
  }
}

async function startOwnServers(cluster: Cluster): Promise<Omit<Addresses, "iperf" | "postgres">> {
  const backend = cluster.spawn({
    name: "backend",
    command: process.execPath,
    args: [join(ROOT, "tests", "bench", "backend.ts"), HOST],
  });
  return await backend.output("its ports", ({ stdout }) => {
    const line = /^\{.*\}$/m.exec(stdout)?.[0];
    return line === undefined ? null : (JSON.parse(line) as Omit<Addresses, "iperf" | "postgres">);
  });
}

async function startNginx(
  cluster: Cluster,
  nginx: string,
): Promise<Pick<Addresses, "web" | "plain" | "http">> {
  const [web, plain, http] = [await freePort(HOST), await freePort(HOST), await freePort(HOST)];
  const directory = cluster.path("web");
  await nginxWeb(directory, [web, plain, http]);
  await runNginx(cluster, nginx, "web", directory, [web, plain, http]);
  const at = (port: number) => ({ host: HOST, port });
  return { web: at(web), plain: at(plain), http: at(http) };
}

/** A server for unary calls: it answers every call with the same message and a status in the trailers. */
async function startNghttpd(cluster: Cluster, nghttpd: string): Promise<Pick<Addresses, "grpc">> {
  const port = await freePort(HOST);
  const directory = cluster.path("grpc");
  await mkdir(join(directory, dirname(UNARY_PATH)), { recursive: true });
  await writeFile(join(directory, UNARY_PATH), framed(MESSAGE_BYTES));
  const options = ["--no-tls", "--address", HOST, "--trailer", "grpc-status: 0", "-d", directory];
  const started = cluster.spawn({ name: "nghttpd", command: nghttpd, args: [...options, String(port)] });
  await listens({ host: HOST, port }, started);
  return { grpc: { host: HOST, port } };
}

/** Runs nginx in the foreground with the configuration in the directory, and waits until it listens. */
export async function runNginx(
  cluster: Cluster,
  nginx: string,
  name: string,
  directory: string,
  ports: readonly number[],
): Promise<ManagedProcess> {
  const started = cluster.spawn({
    name: `nginx ${name}`,
    command: nginx,
    args: ["-p", directory, "-c", join(directory, "nginx.conf"), "-e", "stderr"],
  });
  await Promise.all(ports.map((port) => listens({ host: HOST, port }, started)));
  return started;
}

/** Waits until a port accepts connections. @throws Error when the process ends first, or after 10 s */
export async function listens(at: Address, by: ManagedProcess): Promise<void> {
  const { connect } = await import("node:net");
  const until = Date.now() + 10_000;
  for (;;) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(at);
      socket.once("connect", () => done(true)).once("error", () => done(false));
      socket.once("connect", () => socket.destroy());
    });
    if (open) return;
    if (by.exit !== null || Date.now() > until) {
      throw new Error(`${by.name} does not listen on port ${at.port}: ${by.lastLines(5).join(" / ")}`);
    }
    await new Promise((done) => setTimeout(done, 25));
  }
}
