import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import { ConnectionObserver } from "../../../../connector/observers/connection-observer.ts";
import { Observers } from "../../../../connector/observers/observers.ts";
import { PartialBytesBudget } from "../../../../connector/observers/partial-bytes.ts";
import { RequestReports } from "../../../../connector/relay/request-report.ts";
import { Observation } from "../../../support/http/observation.ts";

const GET = "GET / HTTP/1.1\r\n\r\n";
const OK = "HTTP/1.1 204 No Content\r\n\r\n";

function reportsWithReader(): RequestReports {
  const reports = new RequestReports(silent);
  reports.add({ requestEnded: () => {} });
  return reports;
}

describe("Observers", () => {
  it("observe nothing while nobody reads the reports", () => {
    const reports = new RequestReports(silent);
    const observers = new Observers(reports);
    expect(new Observation("api", observers).isOn).toBe(false);
    const remove = reports.add({ requestEnded: () => {} });
    expect(new Observation("api", observers).isOn).toBe(true);
    remove();
    expect(new Observation("api", observers).isOn).toBe(false);
  });

  it("observe for a reader that does not ask for it only the services that are on", () => {
    const reports = new RequestReports(silent);
    reports.add({ requestEnded: () => {} }, { observes: false });
    const observers = new Observers(reports, [{ name: "db", isOn: true }]);
    expect(new Observation("api", observers).isOn).toBe(false);
    expect(new Observation("db", observers).isOn).toBe(true);
  });

  it("leave out services that are off, as the settings are when a connection begins", () => {
    const observers = new Observers(reportsWithReader(), [{ name: "db", isOn: false }]);
    expect(new Observation("api", observers).isOn).toBe(true);
    expect(new Observation("db", observers).isOn).toBe(false);
    observers.set([
      { name: "api", isOn: false },
      { name: "api", isOn: true },
      { name: "db", isOn: true },
    ]);
    expect(new Observation("api", observers).isOn).toBe(true);
    expect(new Observation("db", observers).isOn).toBe(true);
  });
});

describe("ConnectionObserver", () => {
  it.each([
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["SSH", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["Postgres", "\x00\x00\x00\x08\x04\xd2\x16\x2f"],
    ["Redis", "*1\r\n$4\r\nPING\r\n"],
    ["SMTP", "EHLO shop\r\n"],
    ["a method that HTTP has not", "FETCH / HTTP/1.1\r\n\r\n"],
    ["a long word", "A".repeat(40)],
    ["another preface", "PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n"],
    ["text in small letters", "get / HTTP/1.1\r\n\r\n"],
  ])("is off after the first bytes of %s, in one chunk or in single bytes", (_what, bytes) => {
    expect(new Observation().toTarget(bytes).isOn).toBe(false);
    expect(new Observation().toTarget(...bytes).isOn).toBe(false);
  });

  it("is off when the target speaks first", () => {
    expect(new Observation().toClient("220 smtp.example ESMTP\r\n").isOn).toBe(false);
  });

  it("recognises HTTP in single bytes", () => {
    const observation = new Observation().toTarget(...GET).toClient(...OK);
    expect(observation.texts).toEqual(["GET / 204"]);
    expect(observation.isOn).toBe(true);
  });

  it("ignores what passes after it is off, and reports nothing more", () => {
    const observation = new Observation().toTarget("SSH-2.0\r\n").toTarget(GET).toClient(OK).end();
    expect(observation.reports).toEqual([]);
  });

  it("is off, and throws nothing, when too many partial heads are held", () => {
    const { flow } = new Observation();
    flow.traffic = new ConnectionObserver(flow, reportsWithReader(), new PartialBytesBudget(100));
    flow.observe(Buffer.from("GET / HTTP/1.1\r\nHost: a"), flow.toTarget);
    expect(flow.traffic).toBeNull();
  });

  it("gives back what a partial head took when the flow ends", () => {
    const budget = new PartialBytesBudget(1000);
    const { flow } = new Observation();
    flow.traffic = new ConnectionObserver(flow, reportsWithReader(), budget);
    flow.observe(Buffer.from("GET / HTTP/1.1\r\nHost: a"), flow.toTarget);
    expect(budget.left).toBeLessThan(1000);
    flow.end();
    expect(budget.left).toBe(1000);
  });

  it("changes no byte of a chunk", () => {
    const chunk = Buffer.from(GET + GET);
    const { flow } = new Observation();
    flow.observe(chunk, flow.toTarget);
    expect(chunk.toString()).toBe(GET + GET);
  });
});
