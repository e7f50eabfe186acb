/** gRPC between sites with two implementations: grpc-js, and the C core in Python, each as client and as target. */
import { once } from "node:events";
import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { eventually } from "../support/clock/eventually.ts";
import { conformanceCase } from "../support/conformance/conformance-case.ts";
import { missing } from "../support/conformance/peers.ts";
import { METHODS } from "../support/grpc/definitions.ts";
import { FURTHER_CASES } from "../support/grpc/further-cases.ts";
import { INTEROP_CASES } from "../support/grpc/interop-cases.ts";
import { InteropClient } from "../support/grpc/interop-client.ts";
import { type InteropServer, serveInterop } from "../support/grpc/interop-server.ts";
import { PythonPeer, type PythonServer } from "../support/grpc/python-peer.ts";
import { useEdge } from "../support/run/suite.ts";

const PEERS = ["grpc-js", "python3-grpcio"] as const;

const suite = useEdge();
let node: InteropServer;
let nodeAt: string;
let python: PythonPeer;
let pythonServer: PythonServer;
let pythonAt: string;
let client: InteropClient;

beforeAll(async () => {
  if (missing("python3-grpcio") !== null) return;
  python = await PythonPeer.create();
  [node, pythonServer] = await Promise.all([serveInterop("127.96.8.1"), python.serve("127.96.8.2")]);
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const expose = [`node=${node.at}/grpc`, `python=${pythonServer.at}/grpc`];
  const [west] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.97.0.0/16" }),
    suite.cluster.connector({ site: "east", token, expose }),
  ]);
  const places = await Promise.all([west.listener("node"), west.listener("python")]);
  const [first, second] = places.map(({ host, port }) => `${host}:${port}`);
  nodeAt = first ?? "";
  pythonAt = second ?? "";
  client = new InteropClient(pythonAt);
  await eventually("the target in Python answers", async () => {
    const { status: end } = await client.unary(METHODS.emptyCall, {});
    return end.code === status.OK;
  });
});

afterAll(async () => {
  client?.close();
  await node?.close();
  await python?.close();
});

describe("gRPC from a client in Python to a target on grpc-js", () => {
  const perform = (name: string) => python.perform(name, nodeAt);

  for (const name of [
    ...Object.keys(INTEROP_CASES).filter((each) => !/^cancel_after|^timeout/.test(each)),
    ...Object.keys(FURTHER_CASES),
    ...["trailers_only_error", "compressed_messages", "cancel_after_begin"],
  ]) {
    conformanceCase(name, PEERS, () => perform(name));
  }

  conformanceCase("binary metadata, several values of one name, and the calling site", PEERS, async () => {
    await perform("binary_metadata");
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect(node.metadata.get("token-bin")).toEqual([bytes]);
    expect(node.metadata.get("tag").join(", ")).toBe("one, two");
    expect(node.metadata.get("fairlead-site")).toEqual(["west"]);
  });

  for (const name of ["cancel_after_first_response", "timeout_on_sleeping_server"]) {
    conformanceCase(`${name}, which the target sees`, PEERS, async () => {
      const before = node.cancelled;
      await perform(name);
      await eventually("the target sees that the call has ended", () => node.cancelled > before);
    });
  }

  conformanceCase("the target knows the deadline", PEERS, async () => {
    const began = Date.now();
    await perform("empty_unary");
    // The client in Python waits for 120 s, since it began.
    expect(node.deadline).toBeGreaterThan(began);
    expect(node.deadline).toBeLessThanOrEqual(Date.now() + 120_000);
  });
});

describe("gRPC from a client on grpc-js to a target in Python", () => {
  for (const [name, run] of Object.entries({ ...INTEROP_CASES, ...FURTHER_CASES })) {
    conformanceCase(name, PEERS, () => run(client));
  }

  conformanceCase("compressed_messages", PEERS, async () => {
    const compressing = new InteropClient(pythonAt, { "grpc.default_compression_algorithm": 2 });
    await INTEROP_CASES.large_unary?.(compressing);
    await INTEROP_CASES.ping_pong?.(compressing);
    compressing.close();
  });

  conformanceCase("trailers_only_error", PEERS, async () => {
    const { status: end, initial } = await client.unary(METHODS.unimplementedCall, {});
    expect(end.code).toBe(status.UNIMPLEMENTED);
    expect(Object.keys(initial.getMap())).toEqual([]);
  });

  conformanceCase("binary metadata, several values of one name, and the calling site", PEERS, async () => {
    const metadata = new Metadata();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    metadata.set("token-bin", bytes);
    metadata.add("tag", "one");
    metadata.add("tag", "two");
    const call = await pythonServer.callOf(() => client.unary(METHODS.emptyCall, {}, { metadata }));
    const values = (name: string) => call.metadata.filter(([key]) => key === name).map(([, value]) => value);
    expect(values("token-bin")).toEqual([bytes.toString("base64")]);
    expect(values("tag").join(", ")).toBe("one, two");
    expect(values("fairlead-site")).toEqual(["west"]);
  });

  conformanceCase("a cancellation and a passed deadline, which the target sees", PEERS, async () => {
    const before = pythonServer.cancelled;
    for (const deadline of [null, Date.now() + 1000]) {
      const watch = client.output(
        METHODS.healthWatch,
        { service: "" },
        deadline === null ? {} : { deadline },
      );
      await once(watch.call, "data");
      if (deadline === null) watch.call.cancel();
      const code = deadline === null ? status.CANCELLED : status.DEADLINE_EXCEEDED;
      expect((await watch.result).status.code).toBe(code);
    }
    await eventually("the target sees both ends", () => pythonServer.cancelled >= before + 2);
  });

  conformanceCase("a target that cancels a call", PEERS, async () => {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    call.write({ response_parameters: [{ size: 1 }] });
    await once(call, "data");
    call.write({ response_status: { code: status.CANCELLED, message: "" } });
    expect((await result).status.code).toBe(status.CANCELLED);
  });

  conformanceCase("the target knows the deadline", PEERS, async () => {
    const call = (deadline = Infinity) =>
      pythonServer.callOf(() => client.unary(METHODS.emptyCall, {}, { deadline }));
    const { seconds } = await call(Date.now() + 100_000);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(100);
    expect((await call()).seconds).toBeNull();
  });
});
