/** Proxies of the operating system, run with a configuration of their own. Tests use those that are installed. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { eventually } from "../clock/eventually.ts";
import { freePort } from "../free-port.ts";
import type { Cluster } from "./cluster.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** A TLS certificate for 127.0.0.1, PEM. */
export interface ProxyCertificate {
  readonly certificate: string;
  readonly key: string;
}

interface Place {
  readonly port: number;
  /** Directory for the files of the proxy, which every user can read. */
  readonly directory: string;
}

interface InstalledProxy {
  readonly program: string;
  readonly scheme: "http" | "https" | "socks5" | "socks5h";
  /** Content of the configuration file. */
  configure(place: Place): string;
  args(file: string): readonly string[];
}

/** Squid tells users from each other with this program of its own. */
const SQUID_LOGIN = "/usr/lib/squid/basic_ncsa_auth";

const squid = (port: string, access: string) => `${port}
http_access ${access}
http_access deny all
cache deny all
cache_mem 8 MB
pid_filename none
coredump_dir none
access_log none
cache_log stdio:/dev/stderr
shutdown_lifetime 0 seconds
`;

const IS_ROOT = process.getuid?.() === 0;

export const INSTALLED_PROXIES = {
  tinyproxy: {
    program: "tinyproxy",
    scheme: "http",
    configure: ({ port, directory }) =>
      `Port ${port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 50\nPidFile "${join(directory, "pid")}"\n`,
    args: (file) => ["-d", "-c", file],
  },
  squid: {
    program: "squid",
    scheme: "http",
    configure: ({ port }) => squid(`http_port 127.0.0.1:${port}`, "allow all"),
    args: (file) => ["-N", "-f", file],
  },
  "squid with a login": {
    program: "squid",
    scheme: "http",
    configure: ({ port, directory }) =>
      `auth_param basic program ${SQUID_LOGIN} ${join(directory, "users")}
auth_param basic realm The test
acl users proxy_auth REQUIRED
${squid(`http_port 127.0.0.1:${port}`, "allow users")}`,
    args: (file) => ["-N", "-f", file],
  },
  "squid that allows only port 443": {
    program: "squid",
    scheme: "http",
    configure: ({ port }) => `acl web port 443\n${squid(`http_port 127.0.0.1:${port}`, "allow web")}`,
    args: (file) => ["-N", "-f", file],
  },
  "squid with TLS": {
    program: "squid",
    scheme: "https",
    configure: ({ port, directory }) =>
      squid(
        `https_port 127.0.0.1:${port} tls-cert=${join(directory, "certificate.pem")} tls-key=${join(directory, "key.pem")}`,
        "allow all",
      ),
    args: (file) => ["-N", "-f", file],
  },
  dante: {
    program: "danted",
    scheme: "socks5h",
    configure: ({ port }) => `logoutput: stderr
internal: 127.0.0.1 port = ${port}
external: lo
clientmethod: none
socksmethod: none
${IS_ROOT ? "user.privileged: root\nuser.unprivileged: nobody\n" : ""}client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
`,
    args: (file) => ["-f", file, "-p", `${file}.pid`],
  },
} as const satisfies Readonly<Record<string, InstalledProxy>>;

export type InstalledProxyName = keyof typeof INSTALLED_PROXIES;

/** User and password of the squid with a login. */
export const PROXY_LOGIN = { user: "fairlead", password: "p%ss:w@rd" } as const;

/** Whether the machine has the proxy. */
export async function isInstalled(name: InstalledProxyName): Promise<boolean> {
  return (await programOf(INSTALLED_PROXIES[name].program)) !== null;
}

async function programOf(name: string): Promise<string | null> {
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]) {
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

/** Starts the proxy, which ends with the cluster. Returns its URL, without a login. */
export async function startInstalledProxy(
  cluster: Cluster,
  name: InstalledProxyName,
  { certificate, key }: ProxyCertificate,
): Promise<{ readonly url: string; readonly process: ManagedProcess }> {
  const { program, scheme, configure, args }: InstalledProxy = INSTALLED_PROXIES[name];
  const command = await programOf(program);
  if (command === null) throw new Error(`${program} is not installed.`);
  const directory = cluster.fresh("proxy");
  await mkdir(directory);
  // As root, squid and dante become another user, who must reach these files.
  await Promise.all([chmod(cluster.directory, 0o755), chmod(directory, 0o755)]);
  const port = await freePort();
  const file = join(directory, "proxy.conf");
  await writeFile(join(directory, "certificate.pem"), certificate);
  await writeFile(join(directory, "key.pem"), key);
  // basic_ncsa_auth takes a plain MD5 of the password.
  const digest = createHash("md5").update(PROXY_LOGIN.password).digest("hex");
  await writeFile(join(directory, "users"), `${PROXY_LOGIN.user}:${digest}\n`);
  await writeFile(file, configure({ port, directory }));
  const started = cluster.spawn({ name, command, args: args(file) });
  await eventually(`${name} listens`, () => canConnect(port));
  return { url: `${scheme}://127.0.0.1:${port}`, process: started };
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}
