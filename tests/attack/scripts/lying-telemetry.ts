/** A member reports impossible totals with thousands of long labels, while a viewer asks for all of it and reads nothing. */
import { randomBytes } from "node:crypto";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import type { WebSocket } from "ws";
import { LiveTraffic } from "../../../protocol/api/live.ts";
import { Traffic } from "../../../protocol/api/traffic.ts";
import { TELEMETRY_PATH } from "../../../protocol/telemetry/messages.ts";
import { eventually } from "../../support/clock/eventually.ts";
import type { RawConnector } from "../../support/connector/raw-connector.ts";
import { attempt } from "../../support/connector/raw-site.ts";
import { makeReport } from "../../support/traffic/series-report.ts";
import type { AttackScript } from "../attack-script.ts";
import type { Scene } from "../scene.ts";

/** Questions of the viewer, each of which has an answer of some hundred kB. */
const QUESTIONS = 25;

/** A sample in the text format of Prometheus. */
const SAMPLE = /^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? (\d+(\.\d+)?(e\+\d+)?|NaN)$/;

export const script: AttackScript = {
  name: "lying-telemetry",
  rule: "A member's reports change what is said of itself alone, and nothing piles up for a viewer that does not read.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    const [east, mallory] = [await stage.attacker("east"), await stage.attacker("mallory")];
    const [honest, lying] = [await report(stage, east), await report(stage, mallory)];
    send(honest, [makeReport({ opened: 1, bytesToTarget: 100 })]);
    const lies = Array.from({ length: 600 }, (_, at) =>
      makeReport({
        ...{ service: `${at}${randomBytes(28).toString("hex")}`, process: randomBytes(100).toString("hex") },
        ...{ peer: east.id, bytesToTarget: Number.MAX_SAFE_INTEGER, opened: Number.MAX_SAFE_INTEGER },
      }),
    );
    for (let from = 0; from < lies.length; from += 200) send(lying, lies.slice(from, from + 200));
    const traffic = () =>
      stage.edge.client.request("GET", `/v1/networks/${stage.network.name}/traffic?by=process`, Traffic);
    await eventually("the lies arrive", async () => (await traffic()).groups.length === lies.length + 1);

    const viewer = await view(stage);
    const query = { window: "15m", by: "process" };
    for (let asked = 0; asked < QUESTIONS; asked++) viewer.send(JSON.stringify({ type: "traffic", query }));
    await eventually("the viewer's last question was read", async () => viewer.bufferedAmount === 0);
    send(honest, [makeReport({ opened: 1, bytesToTarget: 150 })]);
    const totalOf = ({ groups }: Traffic) =>
      groups.find(({ from }) => from?.name === "east")?.totals.bytesToTarget;
    await eventually("the honest report arrives", async () => totalOf(await traffic()) === 150);

    const seen: Traffic[] = [];
    let bytes = 0;
    viewer.on("message", (data) => {
      bytes += String(data).length;
      const message = LiveTraffic.parse(JSON.parse(String(data)));
      if (message.type === "traffic") seen.push(message.traffic);
    });
    viewer.resume();
    const last = () => seen.at(-1);
    await eventually("the viewer is told everything", async () => {
      const whole = last();
      return whole !== undefined && totalOf(whole) === 150;
    });
    const metrics = await scrape(stage);
    const wrong = metrics
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#") && !SAMPLE.test(line));
    const ofEast = (await traffic()).groups.filter(({ from }) => from?.name === "east");
    viewer.terminate();
    return {
      held:
        seen.length < QUESTIONS &&
        wrong.length === 0 &&
        ofEast.length === 1 &&
        totalOf(await traffic()) === 150,
      tried: `${lies.length} series of the largest totals, and ${QUESTIONS} questions of a viewer that read nothing`,
      seen: `${seen.length} answers for the viewer, ${wrong.length} wrong samples, ${ofEast.length} groups of the honest site`,
      figures: { "sent to the viewer, bytes": bytes },
    };
  },
};

/** Opens the telemetry connection of a member, and says hello. */
async function report(stage: Scene, site: RawConnector): Promise<WebSocket> {
  const authorization = `Bearer ${await site.assertion({ purpose: "telemetry" })}`;
  const opened = await attempt(stage.edge, stage.edge.gatewayUrl + TELEMETRY_PATH, {
    ...{ proof: site.proof, headers: { authorization } },
  });
  if (opened.kind !== "open") throw new Error(`No telemetry connection opened: ${JSON.stringify(opened)}.`);
  opened.socket.send(JSON.stringify({ type: "hello", boot: site.boot, software: "test" }));
  return opened.socket;
}

const send = (socket: WebSocket, series: ReturnType<typeof makeReport>[]) =>
  socket.send(JSON.stringify({ type: "series", series, open: 0, notable: [] }));

/** The metrics of the network. */
function scrape({ edge, network }: Scene): Promise<string> {
  const headers = { authorization: `Bearer ${edge.adminKey}` };
  return new Promise((resolve, reject) => {
    const url = `${edge.localUrl}/v1/networks/${network.name}/metrics`;
    const sent = request(url, { headers, ca: edge.ca, agent: false }, (response) => resolve(text(response)));
    sent.once("error", reject).end();
  });
}

/** Opens the live channel of traffic, of which nothing is read before `resume()`. */
async function view({ edge, network }: Scene): Promise<WebSocket> {
  const opened = await attempt(edge, `${edge.localUrl}/v1/networks/${network.name}/live/traffic`, {
    headers: { authorization: `Bearer ${edge.adminKey}` },
  });
  if (opened.kind !== "open") throw new Error(`No live channel opened: ${JSON.stringify(opened)}.`);
  // The socket was about to be resumed.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  opened.socket.pause();
  return opened.socket;
}
