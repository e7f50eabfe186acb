import { describe, expect, it } from "vitest";
import type { Status } from "../../../../connector/control/schema.ts";
import {
  type CertificateObservation,
  type DirectoryObservation,
  judgeCertificate,
  judgeConnector,
  judgeDirectory,
  judgeLock,
  judgePorts,
} from "../../../../connector/diagnosis/state-judgement.ts";
import { ERRORS, FairleadError } from "../../../../protocol/errors.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("judgeDirectory", () => {
  const good: DirectoryObservation = {
    path: "/state",
    owner: 1000,
    user: 1000,
    mode: 0o700,
    refusal: null,
    free: 10 ** 10,
    open: [],
  };

  it.each<[string, Partial<DirectoryObservation>, string, string]>([
    ["a private and writable one", {}, "pass", ""],
    ["one of another user, for root", { user: 0 }, "pass", ""],
    ["one on a system without users", { user: null }, "pass", ""],
    ["one that may not be written", { refusal: "EACCES" }, "fail", "user 1000 write access to /state"],
    ["one on a read-only file system", { refusal: "EROFS" }, "fail", "writable"],
    ["one on a full disk", { refusal: "ENOSPC" }, "fail", "Free space"],
    ["one with nearly no space", { free: 1000 }, "fail", "Free space"],
    ["one with little space", { free: 50 * 2 ** 20 }, "warn", "Free space"],
    ["one with a key for all", { open: ["key.pem"] }, "fail", "chmod 600 /state/key.pem"],
    ["one that others can enter", { mode: 0o755 }, "warn", "chmod 700 /state"],
    ["one of another user", { user: 1001 }, "warn", "as the user 1000"],
  ])("judges %s", (_, seen, result, advice) => {
    const finding = judgeDirectory({ ...good, ...seen });
    expect(finding).toMatchObject({ check: "state", result });
    expect(finding.action ?? "").toContain(advice);
  });
});

describe("judgeLock", () => {
  it.each([
    [{ kind: "site", holder: 7, answers: true }, "pass", "running connector"],
    [{ kind: "site", holder: null, answers: false }, "pass", "No process"],
    [{ kind: "site", holder: undefined, answers: false }, "skip", "does not tell"],
    [{ kind: "site", holder: 7, answers: false }, "fail", "Process 7"],
    [{ kind: "edge", holder: 7, answers: false }, "pass", "running edge"],
  ] as const)("judges %j as %s", (seen, result, text) => {
    const finding = judgeLock(seen);
    expect(finding.result).toBe(result);
    expect(finding.detail).toContain(text);
  });
});

describe("judgeCertificate", () => {
  const good: CertificateObservation = {
    kind: "site",
    matchesKey: true,
    isSigned: true,
    notBefore: NOW - 6 * HOUR,
    notAfter: NOW + 18 * HOUR,
    renewal: null,
  };

  it.each<[string, Partial<CertificateObservation>, string, string]>([
    ["a good one", {}, "pass", ""],
    ["one for another key", { matchesKey: false }, "fail", "from the same backup"],
    ["one of another CA", { isSigned: false }, "fail", "from the same backup"],
    ["one that is not valid yet", { notBefore: NOW + HOUR }, "fail", "Correct the clock"],
    ["one that expired", { notAfter: NOW - HOUR }, "fail", "renews it until 2026-12-26 11:00 UTC"],
    ["one that expired long ago", { notAfter: NOW - 31 * DAY }, "fail", ERRORS["certificate.too_old"].action],
    [
      "one that expired and is not renewed",
      { notAfter: NOW - HOUR, renewal: { message: "No.", action: "Do this." } },
      "fail",
      "Do this.",
    ],
    ["one whose renewal failed", { renewal: { message: "No.", action: "Do this." } }, "warn", "Do this."],
    [
      "one that should have been renewed",
      { notBefore: NOW - 20 * HOUR, notAfter: NOW + 4 * HOUR },
      "warn",
      "Start",
    ],
    ["that of an edge", { kind: "edge", notBefore: NOW - 80 * DAY, notAfter: NOW + DAY }, "pass", ""],
    ["an expired one of an edge", { kind: "edge", notAfter: NOW - DAY }, "fail", "Restart the edge"],
    ["an edge's without its key", { kind: "edge", matchesKey: false }, "fail", "fairlead edge restore"],
    ["an edge's of another CA", { kind: "edge", isSigned: false }, "fail", "Restart the edge"],
  ])("judges %s", (_, seen, result, advice) => {
    const finding = judgeCertificate({ ...good, ...seen }, NOW);
    expect(finding).toMatchObject({ check: "certificate", result });
    expect(finding.action ?? "").toContain(advice);
  });

  it("fails with the reason of files that cannot be read", () => {
    const error = new FairleadError("state.corrupt", "It is damaged.");
    expect(judgeCertificate(error, NOW)).toMatchObject({ result: "fail", detail: "It is damaged." });
  });
});

describe("judgeConnector", () => {
  const status = (uplink: Partial<Status["uplink"]>, otherSites: number | null = 2) =>
    ({ site: { name: "west" }, uplink: { state: "up", ...uplink }, otherSites }) as Status;

  it("judges the uplink of the running connector", () => {
    expect(judgeConnector(status({}), "/s")).toMatchObject({
      result: "pass",
      detail: "The uplink of west is up; 2 other sites are connected.",
    });
    expect(judgeConnector(status({}, 1), "/s").detail).toContain("1 other site is");
    expect(
      judgeConnector(status({ state: "refused", message: "Revoked.", action: "Join." }), "/s"),
    ).toMatchObject({ result: "fail", detail: "The uplink of west is refused. Revoked.", action: "Join." });
    expect(judgeConnector(status({ state: "connecting" }), "/s").action).toBe(ERRORS["uplink.lost"].action);
  });

  it("warns that none runs", () => {
    expect(judgeConnector(null, "/s")).toMatchObject({
      result: "warn",
      action: "Start it: `fairlead connector run --state /s`.",
    });
  });
});

describe("judgePorts", () => {
  it("names each address that cannot be listened on, with the action of its code", () => {
    const finding = judgePorts("listeners", [
      { address: "127.0.0.1:80", user: "web", code: null },
      { address: "127.0.0.1:5432", user: "db", code: "listener.port_taken" },
      { address: "192.0.2.1:1", user: "api", code: "listener.address" },
    ]);
    expect(finding).toMatchObject({ check: "listeners", result: "fail" });
    expect(finding.detail).toContain("db at 127.0.0.1:5432 (listener.port_taken), api at 192.0.2.1:1");
    expect(finding.action).toContain("choose another address with --listen or --bind");
  });

  it("counts those that can be", () => {
    expect(judgePorts("ports", []).result).toBe("pass");
    expect(judgePorts("ports", [{ address: "0.0.0.0:1", user: "the api", code: null }]).detail).toContain(
      "1 address",
    );
    expect(judgePorts("listeners", null).result).toBe("skip");
  });
});
