/** The DNS servers of a site: behind the forwarders of Debian with the texts of `dns config`, and asked by its clients. */
import { type ExecFileException, execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished } from "vitest";
import { type Resolver, resolverConfig } from "../../connector/dns/resolver-config.ts";
import { SiteDns } from "../../connector/dns/site-dns.ts";
import { silent } from "../../connector/log.ts";
import { reverseName } from "../../protocol/dns/address.ts";
import type { ReachablePort } from "../../protocol/dns/service-zone.ts";
import { eventually } from "../support/clock/eventually.ts";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { programPath } from "../support/conformance/peers.ts";
import { freePort } from "../support/free-port.ts";
import { FAIRLEAD } from "../support/process/cluster.ts";
import { ManagedProcess } from "../support/process/managed-process.ts";

const places = (...addresses: readonly string[]) => addresses.map((address) => ({ address, port: 80 }));

const SERVICES: Readonly<Record<string, readonly ReachablePort[]>> = {
  api: [{ port: 80, protocol: "http", places: places("10.9.0.1") }],
  both: [{ port: 80, protocol: "http", places: places("10.9.0.2", "fd00::2") }],
  many: [
    { port: 80, protocol: "tcp", places: places(...Array.from({ length: 150 }, (_, at) => `10.9.1.${at}`)) },
  ],
};

/** Port 53 at an address that nobody else has, for stub resolvers, which know no other port. */
const STUB = { host: "127.97.53.1", port: 53 };

/** The reverse zone of 10.9.0.0/16. */
const REVERSE = "9.10.in-addr.arpa";

let directory: string;
let port: number;
let dns: SiteDns;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fl-dns-"));
  port = await freePort();
  dns = new SiteDns({
    config: { addresses: [{ host: "127.0.0.1", port }], domain: "shop.internal", reverse: [REVERSE] },
    services: {
      ports: (name) => SERVICES[name] ?? "absent",
      servicesAt: (name) => (name === reverseName("10.9.0.1") ? ["api"] : []),
      isComplete: true,
    },
    machineAddresses: () => [],
    log: silent,
  });
  dns.start();
  await listening();
});

afterAll(async () => {
  dns.close();
  await rm(directory, { recursive: true, force: true });
});

async function listening(): Promise<void> {
  await eventually("the servers listen", () =>
    dns.servers().every(({ state }) => state.state === "listening"),
  );
}

/** Runs a program to its end. Returns what it printed, whatever its exit status. */
function output(program: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 60_000 }, (_: ExecFileException | null, stdout, stderr) =>
      resolve(`${stdout}${stderr}`),
    );
  });
}

const dig = (...args: readonly string[]) =>
  output("dig", "+time=2", "+tries=5", "@127.0.0.1", "-p", String(port), ...args);

function start(name: string, command: string, args: readonly string[]): ManagedProcess {
  const started = new ManagedProcess({ name, command, args, env: { PATH: process.env.PATH ?? "" } });
  onTestFinished(() => started.stop().then(() => {}));
  return started;
}

/** Writes what `fairlead dns config` prints on standard output. Returns the file's path. */
async function configFor(resolver: Resolver, name: string): Promise<string> {
  const path = join(directory, name);
  const options = ["--server", `127.0.0.1:${port}`, "--domain", "shop.internal", "--domain", REVERSE];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[FAIRLEAD, "dns", "config", resolver, ...options],
  ]);
  await writeFile(path, stdout);
  return path;
}

/** Asks a forwarder for what it must pass on. */
async function expectForwarded(at: string, atPort: number): Promise<void> {
  const ask = (...args: readonly string[]) =>
    output("dig", "+time=2", "+tries=5", `@${at}`, "-p", String(atPort), ...args);
  await eventually(
    "the forwarder answers",
    async () => (await ask("+short", "api.shop.internal")).trim() === "10.9.0.1",
  );
  for (const transport of ["+notcp", "+tcp"]) {
    const short = async (...args: readonly string[]) => (await ask(transport, "+short", ...args)).trim();
    expect(await short("api.shop.internal")).toBe("10.9.0.1");
    expect(await short("both.shop.internal", "AAAA")).toBe("fd00::2");
    expect(await short("_api._tcp.shop.internal", "SRV")).toBe("0 0 80 api.shop.internal.");
  }
  const none = await ask("api.shop.internal", "AAAA");
  expect(none).toContain("status: NOERROR");
  expect(none).toContain("ANSWER: 0");
  expect(await ask("nope.shop.internal")).toContain("status: NXDOMAIN");
  expect((await ask("+short", "-x", "10.9.0.1")).trim()).toBe("api.shop.internal.");
  expect(await ask("-x", "10.9.0.9")).toContain("status: NXDOMAIN");
  expect((await ask("+short", "+tcp", "many.shop.internal")).trim().split("\n")).toHaveLength(150);
}

describe("a forwarder with the text of `dns config`", () => {
  conformanceCase("unbound forwards A, AAAA and SRV over UDP and TCP", ["unbound", "dig"], async () => {
    const included = await configFor("unbound", "fairlead-unbound.conf");
    const at = await freePort();
    const file = join(directory, "unbound.conf");
    await writeFile(
      file,
      [
        "server:",
        `    interface: 127.0.0.1@${at}`,
        '    chroot: ""',
        '    username: ""',
        '    pidfile: ""',
        `    directory: "${directory}"`,
        "    use-syslog: no",
        "    do-daemonize: no",
        "    private-address: 10.0.0.0/8",
        "    private-address: fd00::/8",
        `include: "${included}"`,
        "",
      ].join("\n"),
    );
    start("unbound", programPath("unbound") ?? "", ["-d", "-c", file]);
    await expectForwarded("127.0.0.1", at);
  });

  conformanceCase("dnsmasq forwards A, AAAA and SRV over UDP and TCP", ["dnsmasq", "dig"], async () => {
    const file = await configFor("dnsmasq", "fairlead-dnsmasq.conf");
    const at = await freePort();
    start("dnsmasq", programPath("dnsmasq") ?? "", [
      ...[
        "--keep-in-foreground",
        `--port=${at}`,
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--no-resolv",
      ],
      ...[
        "--no-hosts",
        "--stop-dns-rebind",
        "--user=root",
        "--pid-file=",
        "--log-facility=-",
        `--conf-file=${file}`,
      ],
    ]);
    await expectForwarded("127.0.0.1", at);
  });

  conformanceCase(
    "systemd-resolved forwards A, AAAA and SRV over UDP and TCP",
    ["systemd-resolved", "dig"],
    async () => {
      await mkdir(join(directory, "resolved"), { recursive: true });
      await configFor("resolved", "resolved/fairlead.conf");
      const script = [
        "mount -t tmpfs tmpfs /run/systemd",
        "mkdir /run/systemd/resolve",
        "chown systemd-resolve:systemd-resolve /run/systemd/resolve",
        "mount -t tmpfs tmpfs /etc/systemd",
        "mkdir /etc/systemd/resolved.conf.d",
        `cp ${directory}/resolved/fairlead.conf /etc/systemd/resolved.conf.d/`,
        "chmod -R a+rX /etc/systemd",
        "exec /lib/systemd/systemd-resolved",
      ];
      start("systemd-resolved", "unshare", ["--mount", "sh", "-ec", script.join("\n")]);
      await expectForwarded("127.0.0.53", 53);
    },
  );
});

describe("a client of a site's DNS", () => {
  conformanceCase(
    "dig: EDNS of version 100 is BADVERS with an OPT record of version 0",
    ["dig"],
    async () => {
      const text = await dig("+norec", "+edns=100", "+noednsneg", "soa", "shop.internal");
      expect(text).toContain("status: BADVERS");
      expect(text).toContain("EDNS: version: 0");
    },
  );

  conformanceCase("dig: an unknown opcode is NOTIMP", ["dig"], async () => {
    expect(await dig("+norec", "+noad", "+header-only", "+opcode=15")).toContain("status: NOTIMP");
    expect(await dig("+opcode=15", "shop.internal", "soa")).toContain("status: NOTIMP");
  });

  conformanceCase("dig: unknown EDNS options and flags are ignored (RFC 8906)", ["dig"], async () => {
    for (const option of [
      "+ednsopt=100",
      "+ednsflags=0x0080",
      "+cookie",
      "+nsid",
      "+subnet=0.0.0.0/0",
      "+dnssec",
    ]) {
      const text = await dig("+norec", option, "soa", "shop.internal");
      expect(text, option).toContain("status: NOERROR");
      expect(text, option).toContain("EDNS: version: 0");
      expect(text, option).toMatch(/flags: qr aa/);
    }
    expect(await dig("+norec", "+noedns", "soa", "shop.internal")).not.toContain("OPT PSEUDOSECTION");
    expect(await dig("+norec", "+dnssec", "soa", "shop.internal")).toMatch(
      /EDNS: version: 0, flags: do; udp: 1232/,
    );
  });

  conformanceCase(
    "dig: other classes, transfers and zones are REFUSED, and ANY is HINFO",
    ["dig"],
    async () => {
      expect(await dig("ch", "txt", "version.bind")).toContain("status: REFUSED");
      expect(await dig("example.com")).toContain("status: REFUSED");
      expect(await dig("axfr", "shop.internal")).toMatch(/Transfer failed|REFUSED/);
      expect(await dig("+notcp", "any", "api.shop.internal")).toContain('HINFO\t"RFC8482" ""');
    },
  );

  conformanceCase("dig: a long answer over UDP is repeated over TCP", ["dig"], async () => {
    expect(await dig("+ignore", "many.shop.internal")).toMatch(/flags: qr aa tc/);
    const whole = await dig("many.shop.internal");
    expect(whole).toContain("ANSWER: 150");
    expect(whole).toContain("(TCP)");
  });

  conformanceCase("kdig: several queries on one connection", ["kdig"], async () => {
    const text = await output(
      ...(["kdig", "+tcp", "+keepopen", "@127.0.0.1", "-p", String(port), "api.shop.internal"] as const),
      ...["both.shop.internal", "AAAA", "nope.shop.internal"],
    );
    for (const part of ["10.9.0.1", "fd00::2", "NXDOMAIN"]) expect(text).toContain(part);
  });

  conformanceCase("drill: SRV with the address of its host", ["drill"], async () => {
    const text = await output("drill", "-p", String(port), "@127.0.0.1", "_api._tcp.shop.internal", "SRV");
    expect(text).toContain("0 0 80 api.shop.internal.");
    expect(text).toContain("10.9.0.1");
  });
});

describe("a stub resolver with the text of `dns config resolv.conf`", () => {
  /** Runs a command with the printed text as /etc/resolv.conf. */
  async function withResolvConf(...command: readonly string[]): Promise<string> {
    dns.configure({ addresses: [{ host: "127.0.0.1", port }, STUB], domain: "shop.internal" });
    await listening();
    const path = join(directory, "resolv.conf");
    await writeFile(path, resolverConfig("resolv.conf", [STUB], ["shop.internal"]).text);
    const script = `mount --bind ${path} /etc/resolv.conf && exec "$@"`;
    return await output("unshare", "--mount", "sh", "-ec", script, "sh", ...command);
  }

  conformanceCase(
    "glibc's getent finds a name without AAAA, one with both, and a short one",
    ["getent"],
    async () => {
      expect(await withResolvConf("getent", "ahosts", "api.shop.internal")).toContain("10.9.0.1");
      expect(await withResolvConf("getent", "ahosts", "both.shop.internal")).toMatch(/fd00::2|10\.9\.0\.2/);
      expect(await withResolvConf("getent", "ahosts", "api")).toContain("10.9.0.1");
      expect(await withResolvConf("getent", "ahosts", "nope.shop.internal")).toBe("");
    },
  );

  conformanceCase(
    "musl finds a name without AAAA, and addresses in a long answer",
    ["musl-gcc"],
    async () => {
      const source = join(directory, "lookup.c");
      const program = join(directory, "lookup");
      await writeFile(source, LOOKUP);
      expect(await output("musl-gcc", "-static", "-o", program, source)).toBe("");
      expect(await withResolvConf(program, "api.shop.internal")).toBe("10.9.0.1\n");
      expect((await withResolvConf(program, "both.shop.internal")).trim().split("\n").sort()).toEqual([
        "10.9.0.2",
        "fd00::2",
      ]);
      expect(await withResolvConf(program, "many.shop.internal")).toMatch(/^10\.9\.1\.\d+\n/);
      expect(await withResolvConf(program, "nope.shop.internal")).toMatch(/^error/);
    },
  );
});

/** Prints the addresses of a name. */
const LOOKUP = `
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
int main(int argc, char **argv) {
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all;
  int error = getaddrinfo(argv[1], 0, &hints, &all);
  if (error) return printf("error %d %s\\n", error, gai_strerror(error)), 1;
  for (; all; all = all->ai_next) {
    char text[64];
    void *address = all->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)all->ai_addr)->sin_addr
                                              : (void *)&((struct sockaddr_in6 *)all->ai_addr)->sin6_addr;
    puts(inet_ntop(all->ai_family, address, text, sizeof text));
  }
  return 0;
}
`;
