/** A world for the program inside a test, with its own files, streams, clock and signals. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Io } from "../../../connector/cli/framework/io.ts";
import { runCli } from "../../../connector/cli/run.ts";
import type { FakeEdge } from "../edge/fake-edge.ts";
import { KEY } from "../edge/fake-edge.ts";

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface World {
  readonly dir: string;
  env: Record<string, string | undefined>;
  /** Width of the terminal; undefined for none. */
  columns: number | undefined;
  /** Typed answers to prompts. */
  typed: string | undefined;
  /** Content of standard input. */
  input: string;
  readonly interrupt: AbortController;
  /** The clock, which is fixed unless replaced. */
  now: () => number;
  run(...argv: string[]): Promise<Ran>;
  /** Runs the program and parses stdout as JSON. */
  json(...argv: string[]): Promise<unknown>;
  remove(): Promise<void>;
}

export const NOW = Date.parse("2026-11-20T10:05:00.000Z");

export async function makeWorld(): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-cli-"));
  const world: World = {
    dir,
    env: { HOME: join(dir, "home"), FAIRLEAD_CONFIG: join(dir, "login.json") },
    columns: undefined,
    typed: undefined,
    input: "",
    interrupt: new AbortController(),
    now: () => NOW,
    async run(...argv) {
      let out = "";
      let err = "";
      const isTTY = world.columns !== undefined;
      const io: Io = {
        stdout: {
          write: (text) => {
            out += text;
          },
          isTTY,
          columns: world.columns,
        },
        stderr: {
          write: (text) => {
            err += text;
          },
          isTTY,
          columns: world.columns,
        },
        env: world.env,
        interactive: world.typed !== undefined,
        ask: async (question) => {
          err += question;
          return world.typed ?? "";
        },
        readInput: async () => world.input,
        untilInterrupted: () => world.interrupt.signal,
        onHangup: () => {},
        dropFailedOutput: () => {},
        now: () => world.now(),
      };
      const exit = await runCli(argv, io);
      return { exit, out, err };
    },
    async json(...argv) {
      const ran = await world.run(...argv, "--json");
      if (ran.exit !== 0) throw new Error(ran.err);
      return JSON.parse(ran.out);
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
  return world;
}

/** Logs a world in to an edge, through its environment. */
export async function useEdge(world: World, edge: FakeEdge): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  const ca = join(world.dir, "ca.pem");
  await writeFile(ca, edge.tls.ca);
  Object.assign(world.env, { FAIRLEAD_URL: edge.url, FAIRLEAD_KEY: KEY, FAIRLEAD_CA: ca });
}
