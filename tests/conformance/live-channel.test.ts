/** The live channel of a network at a real edge: what a viewer learns of connectors that freeze, return and die. */
import { once } from "node:events";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { LiveStatus } from "../../protocol/api/live.ts";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;
let east: Connector;

beforeAll(async () => {
  ({ network, east } = await startEchoPair(suite));
});

/** What a viewer was told, with the silent instances and the states of sites as they are now. */
class Watched {
  readonly messages: LiveStatus[] = [];
  silent: readonly string[] = [];
  readonly states = new Map<string, string>();

  take(message: LiveStatus): void {
    this.messages.push(message);
    if (message.type === "error") return;
    if (message.silent !== undefined) this.silent = message.silent.map(({ site }) => site);
    const sites = message.type === "snapshot" ? message.status.sites : (message.sites?.put ?? []);
    for (const { name, state } of sites) this.states.set(name, state);
  }
}

async function watch(): Promise<Watched> {
  const { edge } = suite;
  const url = `${edge.localUrl.replace("https", "wss")}/v1/networks/${network.name}/live`;
  const socket = new WebSocket(url, { ca: edge.ca, headers: { authorization: `Bearer ${edge.adminKey}` } });
  onTestFinished(() => socket.terminate());
  const watched = new Watched();
  socket.on("message", (data) => watched.take(LiveStatus.parse(JSON.parse(String(data)))));
  await once(socket, "open");
  const renewal = setInterval(() => socket.send('{"type":"watch"}'), 20_000);
  onTestFinished(() => clearInterval(renewal));
  await eventually("the snapshot", () => watched.messages.length > 0);
  return watched;
}

describe("a viewer of the live channel", () => {
  it("learns that a frozen connector is silent, that it is back, and that it was killed", async () => {
    const watched = await watch();
    expect(watched.states.get("east")).toBe("up");
    const { site } = await east.status();
    east.process.kill("SIGSTOP");
    await eventually("east is silent", () => watched.silent.includes(site.id));
    expect(watched.states.get("east")).toBe("up");
    east.process.kill("SIGCONT");
    await eventually("east is heard again", () => watched.silent.length === 0);
    await east.kill9();
    await eventually("east is down", () => watched.states.get("east") === "down");
    const numbers = watched.messages.flatMap((message) => (message.type === "error" ? [] : [message.seq]));
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
  });
});
