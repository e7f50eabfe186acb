import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { RequestLog } from "../../../../connector/relay/request-log.ts";
import { type RequestReport, RequestReports } from "../../../../connector/relay/request-report.ts";

const report: RequestReport = {
  ...{ isDoor: false, target: null },
  ...{ network: "net_1", site: "site_1", side: "listener", service: "api", client: "127.0.0.1:5000" },
  peer: { site: "site_2", siteName: "east", boot: "boot_1" },
  ...{
    session: "ses_1",
    stream: 3,
    protocol: "grpc",
    method: "POST",
    authority: "api",
    path: "/pkg.Api/Get",
  },
  ...{ status: 200, grpcStatus: 5, startedAt: 0, ms: 1.234, firstByteMs: 1.04, bytesToTarget: 10 },
  ...{ bytesToClient: 20, outcome: "completed" },
};

function scene(lines = 2) {
  const written: [Record<string, unknown>, string][] = [];
  const requests = new RequestReports(silent);
  let now = 0;
  const log = new RequestLog({
    requests,
    log: { ...silent, info: (fields, message) => written.push([fields, message]) },
    lines,
    now: () => now,
  });
  return {
    written,
    requests,
    log,
    wait: (ms: number) => (now += ms),
    texts: () => written.map(([, text]) => text),
  };
}

describe("RequestLog", () => {
  it("says how often a request was sent, where that was more than once", () => {
    const { written, requests, log } = scene(3);
    log.set(true);
    for (const attempts of [1, 2]) requests.requestEnded({ ...report, attempts });
    expect(written.map(([fields]) => fields.attempts)).toEqual([undefined, 2]);
  });

  it("writes a line with the ids, the request and its result", () => {
    const { written, requests, log } = scene();
    log.set(true);
    requests.requestEnded(report);
    expect(written).toEqual([
      [
        {
          ...{
            network: "net_1",
            site: "site_1",
            service: "api",
            side: "listener",
            session: "ses_1",
            stream: 3,
          },
          ...{ peer: "east", peerSite: "site_2", client: "127.0.0.1:5000", protocol: "grpc", method: "POST" },
          ...{ authority: "api", path: "/pkg.Api/Get", status: 200, grpcStatus: 5, bytesToTarget: 10 },
          ...{ bytesToClient: 20, firstByteMs: 1, ms: 1.2, outcome: "completed" },
        },
        "POST /pkg.Api/Get: 200.",
      ],
    ]);
  });

  it("says why a request failed", () => {
    const { texts, requests, log } = scene();
    log.set(true);
    requests.requestEnded({ ...report, status: 0, outcome: "stream.cancelled" });
    expect(texts()).toEqual(["POST /pkg.Api/Get failed: stream.cancelled."]);
  });

  it("counts the requests beyond its lines of a second", () => {
    const { texts, requests, log, wait } = scene(2);
    log.set(true);
    for (let at = 0; at < 5; at++) requests.requestEnded(report);
    requests.requestEnded({ ...report, service: "db" });
    expect(texts()).toHaveLength(2);
    wait(1000);
    requests.requestEnded(report);
    expect(texts().slice(2)).toEqual([
      "Further requests had no line of their own: 3.",
      "Further requests had no line of their own: 1.",
      "POST /pkg.Api/Get: 200.",
    ]);
    log.close();
    expect(texts()).toHaveLength(5);
  });

  it("writes the counts when it is closed", () => {
    const { texts, requests, log } = scene(1);
    log.set(true);
    requests.requestEnded(report);
    requests.requestEnded(report);
    log.close();
    expect(texts()[1]).toBe("Further requests had no line of their own: 1.");
  });

  it("is the reader of requests only while it is on", () => {
    const { written, requests, log } = scene();
    log.set(true);
    log.set(true);
    expect(requests.areRead).toBe(true);
    log.set(false);
    expect(requests.areRead).toBe(false);
    requests.requestEnded(report);
    expect(written).toEqual([]);
  });
});
