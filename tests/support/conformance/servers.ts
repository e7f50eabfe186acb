/** Servers of Debian as targets, each with a configuration of its own. They end with the test. */
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { eventually } from "../clock/eventually.ts";
import { programPath } from "./peers.ts";

/** Starts a program, and stops it after the test. Returns its output so far. */
function start(program: string, args: readonly string[]): () => string {
  const path = programPath(program);
  if (path === null) throw new Error(`${program} is not installed.`);
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (bytes) => {
      output += String(bytes);
    });
  }
  onTestFinished(({ task }) => {
    child.kill("SIGKILL");
    if (task.result?.state === "fail") console.error(`${program}: ${output}`);
  });
  return () => output;
}

async function scratch(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fl-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  // As root, servers become another user, who must reach these files.
  await chmod(path, 0o755);
  return path;
}

async function listens(name: string, port: number): Promise<void> {
  await eventually(`${name} listens`, async () => {
    const socket = connect(port, "127.0.0.1");
    return await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    }).finally(() => socket.destroy());
  });
}

export interface DebianServer {
  readonly port: number;
  /** Directory for further files, which the server may serve. */
  readonly directory: string;
  /** What the server has printed. */
  readonly output: () => string;
}

/**
 * Starts nginx with the content of its `http` block.
 * @param http gets the directory, in which `files` already are
 */
export async function startNginx(
  port: number,
  http: (directory: string) => string,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<DebianServer> {
  const directory = await scratch();
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  for (const name of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) await mkdir(join(directory, name));
  const file = join(directory, "nginx.conf");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  await writeFile(
    file,
    `${user} daemon off; master_process off; pid ${directory}/pid; error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  ${http(directory)}
}
`,
  );
  const output = start("nginx", ["-p", directory, "-c", file, "-e", "stderr"]);
  await listens("nginx", port);
  return { port, directory, output };
}

/** Starts nghttpd with files to serve, on HTTP/2 without TLS. */
export async function startNghttpd(
  port: number,
  options: readonly string[],
  files: Readonly<Record<string, string>>,
): Promise<DebianServer> {
  const directory = await scratch();
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const output = start("nghttpd", ["--no-tls", "-a", "127.0.0.1", ...options, String(port), "-d", directory]);
  await listens("nghttpd", port);
  return { port, directory, output };
}

/** Starts haproxy with its sections; defaults have the mode http. */
export async function startHaproxy(
  port: number,
  sections: (directory: string) => string,
  files: Readonly<Record<string, string>> = {},
): Promise<DebianServer> {
  const directory = await scratch();
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const file = join(directory, "haproxy.cfg");
  await writeFile(
    file,
    `global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
${sections(directory)}
`,
  );
  const output = start("haproxy", ["-db", "-f", file]);
  await listens("haproxy", port);
  return { port, directory, output };
}
