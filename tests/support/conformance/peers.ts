/** Programs and packages that the conformance tests use as clients, servers and forwarders, and where each comes from. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "../run/repository-files.ts";

/** Python modules of Debian belong to this interpreter; another may come first in PATH. */
export const PYTHON = "/usr/bin/python3";

interface ConformancePeer {
  /** Package of Debian; null when `npm ci` installs the peer. */
  readonly apt: string | null;
  /** Package of npm, when Debian has none. */
  readonly npm?: string;
  /** What must be there: a program in PATH, or a module of {@link PYTHON}. */
  readonly program?: string;
  readonly module?: string;
}

export const CONFORMANCE_PEERS = {
  node: { apt: null, npm: "node" },
  "grpc-js": { apt: null, npm: "@grpc/grpc-js" },
  ws: { apt: null, npm: "ws" },
  nginx: { apt: "nginx", program: "nginx" },
  haproxy: { apt: "haproxy", program: "haproxy" },
  curl: { apt: "curl", program: "curl" },
  nghttp: { apt: "nghttp2-client", program: "nghttp" },
  h2load: { apt: "nghttp2-client", program: "h2load" },
  nghttpd: { apt: "nghttp2-server", program: "nghttpd" },
  nghttpx: { apt: "nghttp2-proxy", program: "nghttpx" },
  slowhttptest: { apt: "slowhttptest", program: "slowhttptest" },
  wrk: { apt: "wrk", program: "wrk" },
  "python3-grpcio": { apt: "python3-grpcio", module: "grpc" },
  "python3-websockets": { apt: "python3-websockets", module: "websockets" },
  dig: { apt: "dnsutils", program: "dig" },
  kdig: { apt: "knot-dnsutils", program: "kdig" },
  drill: { apt: "ldnsutils", program: "drill" },
  dnsperf: { apt: "dnsperf", program: "dnsperf" },
  dnsmasq: { apt: "dnsmasq-base", program: "dnsmasq" },
  unbound: { apt: "unbound", program: "unbound" },
  "systemd-resolved": { apt: "systemd-resolved", program: "/lib/systemd/systemd-resolved" },
  getent: { apt: "libc-bin", program: "getent" },
  "musl-gcc": { apt: "musl-tools", program: "musl-gcc" },
} as const satisfies Readonly<Record<string, ConformancePeer>>;

export type ConformancePeerName = keyof typeof CONFORMANCE_PEERS;

/** The path of a program, searched in PATH and in the directories of the administrator; null when there is none. */
export function programPath(program: string): string | null {
  if (program.startsWith("/")) return isExecutable(program) ? program : null;
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]) {
    const path = join(directory, program);
    if (isExecutable(path)) return path;
  }
  return null;
}

/** Why a peer cannot be used, with the command that installs it; null when it can. */
export function missing(name: ConformancePeerName): string | null {
  const { apt, program, module }: ConformancePeer = CONFORMANCE_PEERS[name];
  const isThere =
    (program === undefined || programPath(program) !== null) && (module === undefined || canImport(module));
  return isThere || apt === null ? null : `${name} is not installed: apt-get install ${apt}`;
}

/** The name of a peer with the version that is installed, or the name alone where no package manager knows it. */
export function nameWithVersion(name: ConformancePeerName): string {
  const { apt, npm }: ConformancePeer = CONFORMANCE_PEERS[name];
  const version = apt === null ? npmVersion(npm ?? name) : debianVersion(apt);
  return version === null ? name : `${name} ${version}`;
}

function npmVersion(name: string): string | null {
  try {
    const description: unknown = JSON.parse(
      readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"),
    );
    if (typeof description !== "object" || description === null || !("version" in description)) return null;
    return String(description.version);
  } catch {
    return null;
  }
}

/** The version of the program in a package of Debian: without the epoch and Debian's own revision. */
function debianVersion(name: string): string | null {
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", `\${Version}`, name], { encoding: "utf8" });
  return status === 0 && stdout !== "" ? stdout.replace(/^\d+:/, "").replace(/-[^-]*$/, "") : null;
}

const modules = new Map<string, boolean>();

function canImport(module: string): boolean {
  const known = modules.get(module) ?? spawnSync(PYTHON, ["-c", `import ${module}`]).status === 0;
  modules.set(module, known);
  return known;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
