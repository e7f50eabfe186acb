/** What one member may cost: while it floods the edge, another network is served as before. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { KEEPALIVE, type Offer } from "../../protocol/messages.ts";
import { closeSockets, RawSite, type RawUplink } from "../support/raw-site.ts";
import { useEdge } from "./support/suite.ts";

const suite = useEdge();

/** What a request may take while another network is flooded, ms, on a machine with nothing else to do. */
const TARGET_MS = 250;
/** On a busy machine: so many times what it takes without a flood. */
const RATIO = 20;
const REQUESTS = 15;
const FLOOD_MS = 1_500;

/** Another network's site, which asks for sessions with the other site there. */
let asker: RawUplink;
let peer: { site: string; boot: string };
/** Tokens of the network that is flooded. */
let tokens: string;
let asked = 0;
const pings: NodeJS.Timeout[] = [];

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const east = await RawSite.join(suite.edge, token, "east");
  const west = await RawSite.join(suite.edge, token, "west");
  asker = await west.connect();
  const uplinks = [asker, await east.connect([offer("api")])];
  for (const uplink of uplinks) pings.push(setInterval(() => uplink.send(KEEPALIVE.ping), 5_000));
  peer = { site: east.id, boot: east.boot };

  const flooded = await suite.cluster.network(suite.edge);
  tokens = await flooded.token({ uses: 30 });
  for (let at = 0; at < 10; at++) await (await RawSite.join(suite.edge, tokens, `site-${at}`)).connect();
});

afterAll(() => {
  for (const ping of pings) clearInterval(ping);
  closeSockets();
});

const offer = (name: string, parts: Partial<Offer> = {}): Offer => ({
  ...{ name, protocol: "tcp", port: 9000 },
  ...parts,
});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The middle of what the other network waits for its sessions, ms. */
async function measure(): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < REQUESTS; at++) {
    const began = performance.now();
    asker.send({ type: "session.request", id: ++asked, service: "api", peer });
    const answer = await Promise.race([asker.next("session.grant"), asker.next("error")]);
    if (answer.type === "error" || answer.id !== asked) throw new Error(JSON.stringify(answer));
    times.push(performance.now() - began);
    await pause(FLOOD_MS / REQUESTS);
  }
  times.sort((left, right) => left - right);
  return times[Math.floor(times.length / 2)] ?? Number.POSITIVE_INFINITY;
}

/** Sends messages as fast as the uplink takes them, and reads nothing, so that nothing tells it to stop. */
async function flood(
  uplink: RawUplink,
  message: (round: number) => string,
  until: AbortSignal,
): Promise<number> {
  const { socket } = uplink;
  let sent = 0;
  socket.pause();
  while (!until.aborted && socket.readyState !== WebSocket.CLOSED) {
    for (let at = 0; at < 200 && socket.bufferedAmount < 1_000_000; at++) {
      sent += 1;
      socket.send(message(sent));
    }
    await pause(5);
  }
  return sent;
}

const FLOODS: Readonly<Record<string, (round: number) => object | string>> = {
  "requests for the status": (id) => ({ type: "status.request", id }),
  renewals: (id) => ({ type: "renew", id }),
  offers: (round) => ({ type: "offers", offers: [offer(`api-${round}`)] }),
  "requests for sessions": (id) => ({ type: "session.request", id, service: "nothing", peer }),
  "messages that are no JSON": () => "x".repeat(200_000),
};

describe("while a member floods its network", () => {
  test.for(Object.keys(FLOODS))("with %s, another network gets its sessions", async (kind) => {
    const flooder = await RawSite.join(suite.edge, tokens, `flooder-${Object.keys(FLOODS).indexOf(kind)}`);
    const uplink = await flooder.connect();
    const rest = await measure();
    const over = new AbortController();
    const flooding = flood(uplink, (round) => said(FLOODS[kind]?.(round)), over.signal);
    const under = await measure();
    over.abort();
    const sent = await flooding;
    uplink.socket.terminate();
    expect(under, `${sent} sent, ${rest} ms at rest`).toBeLessThan(Math.max(TARGET_MS, RATIO * rest));
  });
});

const said = (message: object | string | undefined) =>
  typeof message === "string" ? message : JSON.stringify(message);
