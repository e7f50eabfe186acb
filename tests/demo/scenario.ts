/** The scenario of the demo: an edge, two sites at their own addresses, and a program in one that uses the other. */
import { join } from "node:path";
import pg from "pg";
import * as z from "zod";
import type { Address, Cluster, Connector, Edge } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { Postgres } from "../support/process/postgres.ts";
import type { Setting } from "./performance.ts";
import { findPlaces, type Places } from "./places.ts";
import { describeListening } from "./sockets.ts";

/** The running parts after the last step. */
export interface Stage {
  readonly edge: Edge;
  readonly east: Connector;
  readonly west: Connector;
  readonly westProgram: ManagedProcess;
  /** Login file for FAIRLEAD_CONFIG. */
  readonly login: string;
  /** URL of the database in west. */
  readonly databaseUrl: string;
  /** URL of the API in west. */
  readonly apiUrl: string;
}

/** Steps of west's program, in order. */
const WEST_STEPS = ["sql", "orders", "websocket", "download", "websocket.held"] as const;

const WestLine = z.object({ name: z.string(), ok: z.boolean(), ms: z.number(), detail: z.string() });

/** Servers of site east. */
interface EastServers {
  readonly postgres: Postgres;
  readonly program: ManagedProcess;
  readonly api: Address;
}

/** Runs every step. @throws the error of a failed step */
export async function runScenario(setting: Setting): Promise<Stage> {
  const { report, cluster } = setting;
  const places = await findPlaces();
  // The slowest start comes first, and is reported at its step.
  const starting = timed(Postgres.start({ host: places.database }));
  starting.catch(() => {});
  setting.atEnd(async () => await (await starting.catch(() => null))?.value.stop());

  const login = cluster.path("login.json");
  const edge = await report.step("edge", async () => {
    const value = await cluster.edge({ login: true, env: { FAIRLEAD_CONFIG: login } });
    return { value, detail: `The edge at ${value.apiUrl} runs on this machine.` };
  });
  const token = await invite(setting, login);
  const servers = await startEast(setting, starting, places);
  const { east, west } = await connectSites(setting, { token, servers, places });
  const reached = await report.step("services", async () => {
    const [db, api] = await Promise.all([west.listener("db"), west.listener("api")]);
    const detail = `The services db and api appeared in west by themselves, at ${text(db)} and ${text(api)}.`;
    return { value: { db, api }, detail };
  });

  const databaseUrl = servers.postgres.url(reached.db.host, reached.db.port);
  const apiUrl = `http://${text(reached.api)}`;
  const westProgram = program(cluster, "west's program", "west.ts", {
    DATABASE_URL: databaseUrl,
    API_URL: apiUrl,
  });
  for (const name of WEST_STEPS) await report.step(name, () => westStep(westProgram, name));

  await report.step("closed", async () => ({
    value: null,
    detail: await describeListening({
      edge: { pids: [edge.process.pid], range: "127.0.0.1/32" },
      west: { pids: [west.process.pid, westProgram.pid], range: places.west },
      east: {
        pids: [east.process.pid, servers.program.pid, servers.postgres.process.pid],
        range: places.east,
      },
    }),
  }));
  return { edge, east, west, westProgram, login, databaseUrl, apiUrl };
}

/** Creates the network and a token for both sites. Returns the path of the token file. */
async function invite({ report, cluster }: Setting, login: string): Promise<string> {
  const env = { FAIRLEAD_CONFIG: login };
  const run = async (...args: string[]) => {
    const { status, stderr } = await cluster.fairlead(args, env);
    if (status !== 0) throw new Error(`fairlead ${args.join(" ")} failed:\n${stderr}`);
  };
  return await report.step("network", async () => {
    const value = cluster.path("token.yaml");
    await run("network", "create", "demo");
    await run("token", "create", "--uses", "2", "--output", value);
    return { value, detail: "A network was created, and a token that admits two sites within 15 minutes." };
  });
}

async function startEast(
  { report, cluster }: Setting,
  starting: Promise<{ value: Postgres; ms: number }>,
  places: Places,
): Promise<EastServers> {
  const postgres = await report.step("database", async () => {
    const { value, ms } = await starting;
    const client = new pg.Client({ connectionString: value.url() });
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
    await client.end();
    const version = rows[0]?.server_version ?? "?";
    return { value, ms, detail: `Site east runs PostgreSQL ${version} at ${text(value)}.` };
  });
  return await report.step("api", async () => {
    const env = { HOST: places.api, DATABASE_URL: postgres.url() };
    const started = program(cluster, "east's program", "east.ts", env);
    const port = await started.output(
      "its port",
      ({ stdout }) => Number(/"port":(\d+)/.exec(stdout)?.[1]) || null,
    );
    const api = { host: places.api, port };
    return {
      value: { postgres, program: started, api },
      detail: `Site east runs an HTTP API on top of that database at ${text(api)}.`,
    };
  });
}

async function connectSites(
  { report, cluster }: Setting,
  given: { token: string; servers: EastServers; places: Places },
): Promise<{ east: Connector; west: Connector }> {
  const { token, servers, places } = given;
  const east = await report.step("east", async () => {
    const expose = [`db=${text(servers.postgres)}`, `api=${text(servers.api)}/http`];
    const value = await cluster.connector({ site: "east", stateDir: cluster.path("east"), token, expose });
    return {
      value,
      detail: "The connector of east joined with the token and offers them as services db and api.",
    };
  });
  const west = await report.step("west", async () => {
    const listen = await places.listen(["db", "api"]);
    const bind = places.west.replace("/32", "");
    const value = await cluster.connector({
      site: "west",
      stateDir: cluster.path("west"),
      token,
      listen,
      bind,
    });
    return {
      value,
      detail: `The connector of west joined. Clients there reach services at addresses in ${places.west}.`,
    };
  });
  return { east, west };
}

/** Waits for the result of a step of west's program. @throws Error with the reason when the step failed */
async function westStep(west: ManagedProcess, name: string) {
  const line = await west.output(name, ({ stdout }) => {
    const lines = stdout.split("\n").flatMap((each) => (each.startsWith("{") ? [JSON.parse(each)] : []));
    return lines.map((each) => WestLine.safeParse(each).data).find((each) => each?.name === name) ?? null;
  });
  if (!line.ok) throw new Error(line.detail);
  return { value: null, detail: line.detail, ms: line.ms };
}

/** Starts a program of this folder. */
function program(cluster: Cluster, name: string, file: string, env: Readonly<Record<string, string>>) {
  return cluster.spawn({ name, command: process.execPath, args: [join(import.meta.dirname, file)], env });
}

const text = ({ host, port }: Address) => `${host}:${port}`;

async function timed<T>(work: Promise<T>): Promise<{ value: T; ms: number }> {
  const began = performance.now();
  return { value: await work, ms: Math.round(performance.now() - began) };
}
