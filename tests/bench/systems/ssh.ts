/** The second reference: OpenSSH through a bastion. East offers with -R, and west reaches with -L. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { freePort } from "../../support/free-port.ts";
import { type Ground, HOST, listens } from "../ground.ts";
import { forEachService, SERVICES, type System } from "./system.ts";

/** Directory that sshd needs when it runs as root, whatever its configuration. */
const SEPARATION = "/run/sshd";

export async function ssh(ground: Ground): Promise<System | string> {
  const { cluster, tools, servers } = ground;
  if (tools.sshd === null) return "sshd is not installed";
  if (tools.ssh === null || tools.sshKeygen === null) return "ssh is not installed";
  if (process.getuid?.() === 0) await mkdir(SEPARATION, { recursive: true, mode: 0o755 });
  const directory = cluster.path("ssh");
  await mkdir(directory, { mode: 0o700 });
  const at = (name: string) => `${directory}/${name}`;
  for (const name of ["host", "user"]) {
    await ground.program(
      "ssh-keygen",
      tools.sshKeygen,
      ["-q", "-t", "ed25519", "-N", "", "-f", at(name)],
      10_000,
    );
  }
  const port = await freePort(HOST);
  await writeFile(at("authorized"), await readFile(at("user.pub")), { mode: 0o600 });
  await writeFile(at("known"), `[${HOST}]:${port} ${await readFile(at("host.pub"), "utf8")}`);
  await writeFile(at("sshd_config"), sshdConfig(port, at("host"), at("authorized")));
  const sshd = cluster.spawn({
    name: "sshd",
    command: tools.sshd,
    args: ["-D", "-e", "-f", at("sshd_config")],
  });
  await listens({ host: HOST, port }, sshd);

  const bastion = await forEachService(() => freePort(HOST));
  const west = await forEachService(() => freePort(HOST));
  const common = [
    ...["-F", "none", "-N", "-T", "-p", String(port), "-i", at("user")],
    ...options({
      BatchMode: "yes",
      ExitOnForwardFailure: "yes",
      IdentitiesOnly: "yes",
      IdentityAgent: "none",
      StrictHostKeyChecking: "yes",
      UserKnownHostsFile: at("known"),
      LogLevel: "ERROR",
    }),
  ];
  const destination = `${userInfo().username}@${HOST}`;
  const dial = async (name: string, forwards: readonly string[], ports: readonly number[]) => {
    const started = cluster.spawn({
      name: `ssh ${name}`,
      command: tools.ssh ?? "ssh",
      args: [...common, ...forwards, destination],
    });
    for (const each of ports) await listens({ host: HOST, port: each }, started);
    return { name, pid: started.pid };
  };
  const offers = SERVICES.flatMap((name) => [
    "-R",
    `${HOST}:${bastion[name]}:${servers[name].host}:${servers[name].port}`,
  ]);
  const reaches = SERVICES.flatMap((name) => ["-L", `${HOST}:${west[name]}:${HOST}:${bastion[name]}`]);
  const easternmost = await dial("east", offers, Object.values(bastion));
  const westernmost = await dial("west", reaches, Object.values(west));
  return {
    id: "ssh",
    title: "OpenSSH bastion",
    at: await forEachService((service) => ({ host: HOST, port: west[service] })),
    parts: [westernmost, { name: "sshd", pid: sshd.pid }, easternmost],
    close: async () => {},
  };
}

function sshdConfig(port: number, hostKey: string, authorizedKeys: string): string {
  return `Port ${port}
ListenAddress ${HOST}
HostKey ${hostKey}
AuthorizedKeysFile ${authorizedKeys}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding yes
LogLevel ERROR
`;
}

function options(given: Readonly<Record<string, string>>): string[] {
  return Object.entries(given).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}
