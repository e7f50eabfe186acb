import { execFile } from "node:child_process";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { localAddress, podAddress } from "../../../support/kubernetes/world/pod-addresses.ts";

const NETWORK = new URL("../../../support/kubernetes/world/pod-network.ts", import.meta.url);

/** Serves TCP and UDP at all addresses, asks itself at the pod's address, and prints what it sees. */
const PROGRAM = `
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
const server = createServer((socket) => socket.end("tcp")).listen(0);
await once(server, "listening");
const bound = server.address();
const client = connect(bound.port, process.env.POD_IP);
const [tcp] = await once(client, "data");
const udp = createSocket("udp4");
udp.bind(0, "0.0.0.0");
await once(udp, "listening");
udp.send("udp", udp.address().port, process.env.POD_IP);
const [datagram] = await once(udp, "message");
console.log(JSON.stringify({
  bound: bound.address, family: bound.family, remote: client.remoteAddress,
  udp: udp.address().address, heard: [String(tcp), String(datagram)],
}));
process.exit();
`;

it("a process in the network of a pod has the pod's address alone, for TCP and UDP", async () => {
  const pod = "10.255.254.7";
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--import", pathToFileURL(NETWORK.pathname).href, "--input-type=module", "--eval", PROGRAM],
    { env: { POD_IP: pod } },
  );
  expect(JSON.parse(stdout)).toEqual({
    ...{ bound: pod, family: "IPv4", remote: pod, udp: pod },
    heard: ["tcp", "udp"],
  });
});

it("only addresses of pods lead elsewhere", () => {
  expect(["10.240.0.1", "10.255.9.9"].map(localAddress)).toEqual(["127.240.0.1", "127.255.9.9"]);
  expect(["127.240.0.1", "127.255.9.9"].map(podAddress)).toEqual(["10.240.0.1", "10.255.9.9"]);
  const others = ["10.24.0.1", "10.239.0.1", "127.0.0.1", "10.2400.0.1", "::1"];
  expect([others.map(localAddress), others.map(podAddress)]).toEqual([others, others]);
});
