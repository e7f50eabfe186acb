/**
 * wrangler: how it is found and run. It runs in a directory of its own, so that it reads no .env or
 * .dev.vars.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { FairleadError } from "../../../protocol/errors.ts";

/** Oldest usable version: secrets are uploaded with the Worker, and required secrets are checked. */
export const LEAST_WRANGLER = [4, 77] as const;

/** Longest duration of a run, ms: a slow upload. */
const RUN_MS = 10 * 60_000;
/** Lines that an error shows. */
const KEPT_LINES = 30;

export interface Wrangler {
  /** The program and its first arguments. */
  readonly command: readonly [string, ...string[]];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variables that are passed to wrangler. */
const PASSED = [
  "PATH",
  "HOME",
  "TMPDIR",
  "LANG",
  "CLOUDFLARE_API_TOKEN",
  "CLOUDFLARE_ACCOUNT_ID",
  "CLOUDFLARE_API_BASE_URL",
  "HTTPS_PROXY",
  "https_proxy",
  "HTTP_PROXY",
  "http_proxy",
  "NO_PROXY",
  "no_proxy",
  "NODE_EXTRA_CA_CERTS",
];

/** The environment of wrangler, in which it asks no questions. */
export function wranglerEnvironment(env: Environment): Record<string, string> {
  const passed = PASSED.flatMap((name) => (env[name] ? [[name, env[name]]] : []));
  return { ...Object.fromEntries(passed), CI: "1", NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };
}

/** Finds wrangler: the given program, else the one installed with this program, else the one in the PATH. */
export function findWrangler(named: string | undefined): Wrangler {
  if (named !== undefined)
    return { command: /\.[cm]?[jt]s$/.test(named) ? [process.execPath, named] : [named] };
  try {
    const manifest = createRequire(import.meta.url).resolve("wrangler/package.json");
    return { command: [process.execPath, join(dirname(manifest), "bin", "wrangler.js")] };
  } catch {
    return { command: ["wrangler"] };
  }
}

/**
 * The version in the output of `wrangler --version`.
 * @throws FairleadError deploy.missing when it is too old
 */
export function checkVersion(printed: string): string {
  const [text, major, minor] = /(\d+)\.(\d+)\.\d+/.exec(printed) ?? [];
  const [leastMajor, leastMinor] = LEAST_WRANGLER;
  const enough = Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
  if (text !== undefined && enough) return text;
  throw new FairleadError(
    "deploy.missing",
    `wrangler ${LEAST_WRANGLER.join(".")} or newer is needed, but this is ${text ?? "no wrangler"}.`,
    { action: "Run `npm install --global wrangler`, or give the path of a newer one with --wrangler." },
  );
}

export interface RunOptions {
  readonly env: Environment;
  readonly cwd: string;
  /** Called with each line that wrangler prints. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs wrangler. @returns its standard output
 * @throws FairleadError deploy.missing when there is no such program; deploy.failed with its last lines
 */
export async function runWrangler(
  { command: [program, ...first] }: Wrangler,
  words: readonly string[],
  options: RunOptions,
): Promise<string> {
  const child = spawn(program, [...first, ...words], {
    cwd: options.cwd,
    env: wranglerEnvironment(options.env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Not the `timeout` of spawn: its timer keeps this process alive when the program does not exist (Node 24.21).
  const timer = setTimeout(() => child.kill(), RUN_MS);
  const lines: string[] = [];
  let out = "";
  for (const stream of [child.stdout, child.stderr]) {
    const reader = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
    // Node 24 emits the stream's errors on the interface as well.
    for (const emitter of [stream, reader]) emitter.on("error", () => {});
    reader.on("line", (line) => {
      if (stream === child.stdout) out += `${line}\n`;
      if (lines.push(line) > KEPT_LINES) lines.shift();
      options.onLine?.(line);
    });
  }
  const how = await new Promise<string>((resolve, reject) => {
    child.once("error", (error) => {
      const action = "Run `npm install --global wrangler`, or give its path with --wrangler.";
      reject(
        new FairleadError("deploy.missing", `wrangler cannot be run (${error.message}).`, {
          cause: error,
          action,
        }),
      );
    });
    child.once("close", (status, signal) => resolve(signal ?? String(status)));
  }).finally(() => clearTimeout(timer));
  if (how === "0") return out;
  throw new FairleadError(
    "deploy.failed",
    `wrangler ${words[0]} ended with ${how}.\n${lines.join("\n")}`.trimEnd(),
  );
}
