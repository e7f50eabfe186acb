/** Programs that the bench uses if they are installed, and their installation. */
import { spawn } from "node:child_process";
import { access, constants, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Packages of Debian and their programs. */
const PACKAGES = [
  { package: "nginx-light", gives: "nginx: the chain, and the HTTP server that is measured" },
  { package: "libnginx-mod-stream", gives: "nginx's stream module: the chain" },
  { package: "openssh-server", gives: "sshd: the bastion" },
  { package: "openssh-client", gives: "ssh and ssh-keygen" },
  { package: "iperf3", gives: "bulk transfers" },
  { package: "wrk", gives: "HTTP requests" },
  { package: "nghttp2-client", gives: "h2load: gRPC calls" },
  { package: "nghttp2-server", gives: "nghttpd: the server of gRPC calls" },
  { package: "dnsperf", gives: "DNS queries" },
  { package: "linux-perf", gives: "perf: counts of system calls" },
  { package: "postgresql-contrib", gives: "pgbench, which Debian ships with the server" },
] as const;

export interface Tools {
  readonly nginx: string | null;
  /** Path of nginx's stream module, or null. */
  readonly streamModule: string | null;
  readonly sshd: string | null;
  readonly ssh: string | null;
  readonly sshKeygen: string | null;
  readonly iperf3: string | null;
  readonly wrk: string | null;
  readonly h2load: string | null;
  readonly nghttpd: string | null;
  readonly dnsperf: string | null;
  readonly perf: string | null;
  readonly pgbench: string | null;
}

/** Looks for each program on the PATH and in Debian's sbin directories. */
export async function findTools(): Promise<Tools> {
  const places = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  const find = (name: string) =>
    firstUsable(
      places.map((place) => join(place, name)),
      constants.X_OK,
    );
  const versions = await readdir("/usr/lib/postgresql").catch((): string[] => []);
  return {
    nginx: await find("nginx"),
    streamModule: await firstUsable(
      ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx/modules"].map((place) =>
        join(place, "ngx_stream_module.so"),
      ),
      constants.R_OK,
    ),
    sshd: await find("sshd"),
    ssh: await find("ssh"),
    sshKeygen: await find("ssh-keygen"),
    iperf3: await find("iperf3"),
    wrk: await find("wrk"),
    h2load: await find("h2load"),
    nghttpd: await find("nghttpd"),
    dnsperf: await find("dnsperf"),
    perf: await find("perf"),
    // Debian's /usr/bin/pgbench is a script that selects a version. These are the programs.
    pgbench:
      (await firstUsable(
        versions.map((version) => `/usr/lib/postgresql/${version}/bin/pgbench`),
        constants.X_OK,
      )) ?? (await find("pgbench")),
  };
}

async function firstUsable(paths: readonly string[], mode: number): Promise<string | null> {
  for (const path of paths) {
    if (
      await access(path, mode).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return null;
}

/** Prints the packages, and installs them as root on a machine with apt-get. Returns the exit status. */
export async function installReferences(): Promise<number> {
  for (const { package: name, gives } of PACKAGES) console.log(`${name.padEnd(22)}${gives}`);
  const command = [
    "install",
    "--yes",
    "--no-install-recommends",
    ...PACKAGES.map(({ package: name }) => name),
  ];
  if (process.getuid?.() !== 0) {
    console.log(`\nAs root: apt-get ${command.join(" ")}`);
    console.log("Debian starts nginx, sshd and PostgreSQL after their installation. The bench runs its own.");
    return 0;
  }
  const child = spawn("apt-get", command, {
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return await new Promise((done) => {
    child.once("error", (error) => {
      console.error(`apt-get: ${error.message}`);
      done(1);
    });
    child.once("close", (status) => done(status ?? 1));
  });
}
