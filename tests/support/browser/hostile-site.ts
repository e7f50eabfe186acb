/** A member of a network that says everything that it may say, each text hostile and as long as it may be. */
import type { FlowRecord } from "../../../protocol/telemetry/flow-record.ts";
import { TelemetryNotice, type TelemetryReport } from "../../../protocol/telemetry/messages.ts";
import { RawSite } from "../connector/raw-site.ts";
import type { Edge, TestNetwork } from "../process/cluster.ts";
import { makeReport } from "../traffic/series-report.ts";

/** Begins every hostile text. As markup, it would change the title of the page. */
export const MARKUP = '<img src=x onerror="document.title=1">';

/** Markup, letters that are written from right to left, and a word without an end. */
export const hostileText = (length: number): string => `${MARKUP} שלום `.padEnd(length, "W").slice(0, length);

/** The longest names of a network, a site and a service. */
export const LONGEST = {
  network: `network-${"z".repeat(55)}`,
  site: `site-${"x".repeat(58)}`,
  service: `service-${"y".repeat(55)}`,
} as const;

/** Joins a network, and reports targets that are down, a failed listener, traffic, and records for every tail. */
export async function startHostileSite(edge: Edge, network: TestNetwork): Promise<void> {
  const { site, service } = LONGEST;
  const member = await RawSite.join(edge, await network.token(), site);
  const uplink = await member.open();
  const failed = { service, address: hostileText(300), state: "failed" } as const;
  uplink.send(
    member.hello({
      software: hostileText(100),
      offers: [{ name: service, protocol: "http", port: 80, down: [80], why: hostileText(64) }],
      listeners: [{ ...failed, code: hostileText(64), message: hostileText(500) }],
    }),
  );
  await uplink.next("welcome");
  uplink.keepAlive();
  await reportTraffic(member);
}

async function reportTraffic(member: RawSite): Promise<void> {
  const dialled = await member.dialTelemetry();
  if (dialled.kind !== "open") throw new Error(`No telemetry connection: ${JSON.stringify(dialled)}.`);
  const { socket } = dialled;
  const say = (report: TelemetryReport) => socket.send(JSON.stringify(report));
  socket.on("message", (data) => {
    const notice = TelemetryNotice.parse(JSON.parse(data.toString()));
    if (notice.type !== "tail.start") return;
    say({ type: "records", tail: notice.tail.id, records: [hostileRecord()], left: 0 });
  });
  say({ type: "hello", boot: member.boot, software: hostileText(100) });
  const counted = { service: LONGEST.service, protocol: "http1", opened: 9, closed: 9, failed: 9 } as const;
  say({
    type: "series",
    series: [
      makeReport({ ...counted, process: hostileText(200), method: hostileText(32), code: "5xx" }),
      makeReport({ ...counted, side: "target", target: hostileText(300) }),
    ],
    open: 0,
    notable: [hostileRecord()],
  });
}

const hostileRecord = (): FlowRecord => ({
  ...{ kind: "request", state: "ended", at: Date.now(), side: "listener", service: LONGEST.service },
  ...{ protocol: "http1", peer: { site: null, name: hostileText(63) }, client: hostileText(100) },
  ...{ process: hostileText(200), target: hostileText(300), session: null, stream: 1, bytesToTarget: 1 },
  ...{ bytesToClient: 1, ms: 5, firstByteMs: null, outcome: hostileText(64), method: hostileText(32) },
  ...{ authority: hostileText(256), path: hostileText(256), status: 500 },
});
