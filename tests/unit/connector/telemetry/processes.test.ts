import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type ClientProcess,
  ClientProcesses,
  type FindProcesses,
} from "../../../../connector/telemetry/client-processes.ts";
import { addressOf, containerOf, procSockets } from "../../../../connector/telemetry/proc-sockets.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { temporaryDirectory } from "../../../support/process/directories.ts";

const CONTAINER = "0123456789abcdef".repeat(4);
const curl: ClientProcess = { pid: 42, command: "curl", container: null, pod: null };

describe("ClientProcesses", () => {
  it("names a client by its address until its process is known", async () => {
    const found = Promise.withResolvers<Map<string, ClientProcess>>();
    const names = new ClientProcesses({ find: () => found.promise });
    names.begin("127.0.0.1:4000");
    expect(names.nameOf("127.0.0.1:4000")).toBe("127.0.0.1");
    found.resolve(new Map([["127.0.0.1:4000", curl]]));
    await eventually("the look-up has ended", () => names.nameOf("127.0.0.1:4000") === "curl");
    names.end("127.0.0.1:4000");
    expect(names.nameOf("127.0.0.1:4000")).toBe("127.0.0.1");
    expect(names.nameOf("[fd00::1]:80")).toBe("fd00::1");
  });

  it("looks up many clients at once, and none of another machine", async () => {
    const asked: string[][] = [];
    const find: FindProcesses = async (clients) => {
      asked.push(clients.map(({ client }) => client));
      return new Map(clients.map(({ client }) => [client, { ...curl, container: CONTAINER }]));
    };
    const names = new ClientProcesses({ find, ownAddresses: () => new Set(["10.0.0.1"]) });
    for (const client of ["10.0.0.1:1", "10.0.0.2:1", "[::1]:1", "127.9.9.9:1"]) names.begin(client);
    names.begin("10.0.0.1:1");
    await eventually("the look-up has ended", () => names.nameOf("[::1]:1") === "curl (0123456789ab)");
    expect(asked).toEqual([["10.0.0.1:1", "[::1]:1", "127.9.9.9:1"]]);
    expect(names.nameOf("10.0.0.2:1")).toBe("10.0.0.2");
  });

  it("keeps the address when a look-up fails", async () => {
    let calls = 0;
    const names = new ClientProcesses({
      find: async () => {
        calls++;
        throw new Error("no /proc");
      },
      describeAddress: (host) => (host === "127.0.0.1" ? "pod-a" : null),
    });
    names.begin("127.0.0.1:1");
    await eventually("the look-up has ended", () => calls === 1);
    expect(names.nameOf("127.0.0.1:1")).toBe("pod-a");
    names.close();
  });
});

describe("procSockets", () => {
  it.runIf(process.platform === "linux")(
    "finds the process at the client's end of a connection",
    async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const script = `require("net").connect(${port}, "127.0.0.1")`;
      const client = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
      onTestFinished(() => {
        client.kill("SIGKILL");
        server.close();
      });
      const [socket] = await once(server, "connection");
      const name = `127.0.0.1:${socket.remotePort}`;
      const found = await procSockets()?.([{ client: name, host: "127.0.0.1", port: socket.remotePort }]);
      expect(found?.get(name)).toMatchObject({ pid: client.pid });
      expect(found?.get(name)?.command).not.toBe("");
    },
  );

  it.runIf(process.platform === "linux")(
    "reads the tables of sockets, the descriptors and the container",
    async () => {
      const root = await temporaryDirectory();
      await mkdir(join(root, "self/net"), { recursive: true });
      await mkdir(join(root, "77/fd"), { recursive: true });
      const rest = "00000000:0000 01 00000000:00000000 00:00000000 00000000  1000        0";
      await writeFile(join(root, "self/net/tcp"), `head\n   0: 0100007F:0FA0 ${rest} 555 1\n`);
      await writeFile(join(root, "77/comm"), "psql\n");
      await writeFile(join(root, "77/cgroup"), `0::/kubepods.slice/cri-containerd-${CONTAINER}.scope\n`);
      await symlink("socket:[555]", join(root, "77/fd/3"));
      const clients = [
        { client: "127.0.0.1:4000", host: "127.0.0.1", port: 4000 },
        { client: "127.0.0.1:4001", host: "127.0.0.1", port: 4001 },
      ];
      expect(await procSockets(root)?.(clients)).toEqual(
        new Map([["127.0.0.1:4000", { pid: 77, command: "psql", container: CONTAINER, pod: null }]]),
      );
      // A program of Node has the name of its main thread.
      await writeFile(join(root, "77/comm"), "MainThread\n");
      await symlink("/usr/local/bin/node", join(root, "77/exe"));
      const found = await procSockets(root)?.(clients);
      expect(found?.get("127.0.0.1:4000")?.command).toBe("node");
    },
  );

  it("reads addresses of both families", () => {
    expect(addressOf("0100007F:1F90")).toBe("127.0.0.1 8080");
    expect(addressOf("00000000000000000000000001000000:0050")).toBe("::1 80");
    expect(addressOf("0000000000000000FFFF00000100007F:0050")).toBe("127.0.0.1 80");
    expect(addressOf("B80D0120000000000000000001000000:0001")).toBe("2001:db8::1 1");
  });

  it("finds containers and pods in control groups", () => {
    const pod = "1b0e2f34-aaaa-bbbb-cccc-123456789abc";
    expect(
      containerOf(
        `0::/kubepods.slice/kubepods-pod${pod.replaceAll("-", "_")}.slice/cri-o-${CONTAINER}.scope\n`,
      ),
    ).toEqual({ container: CONTAINER, pod });
    expect(containerOf(`12:cpu:/docker/${CONTAINER}\n`)).toEqual({ container: CONTAINER, pod: null });
    expect(containerOf("0::/user.slice/user-1000.slice\n")).toEqual({ container: null, pod: null });
  });
});
