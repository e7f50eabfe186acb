/** Lanes with real tickets, and everything that is wrong with a dial. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { ERRORS, type ErrorCode } from "../../protocol/errors.ts";
import { closeCodeFor, type Invitation } from "../../protocol/uplink/messages.ts";
import { issueTicket, Ticket } from "../../workers/authority/ticket.ts";
import {
  type Attempt,
  closeSockets,
  closing,
  RawSite,
  type RawUplink,
} from "../support/connector/raw-site.ts";
import type { TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;
let stranger: RawSite;

/** Two members with uplinks; each pair has its own router. */
interface Pair {
  readonly west: RawSite;
  readonly east: RawSite;
  readonly uplinks: readonly RawUplink[];
  /** What the registry gave each side. */
  readonly toWest: Invitation;
  readonly toEast: Invitation;
}

let pairs = 0;

beforeAll(async () => {
  const { cluster, edge } = suite;
  network = await cluster.network(edge);
  stranger = await RawSite.join(edge, await (await cluster.network(edge)).token(), "stranger");
});

afterAll(closeSockets);

/** Two new members, and a session for them. */
async function meet(): Promise<Pair> {
  const token = await network.token({ uses: 2 });
  const names = [`west${pairs}`, `east${pairs}`] as const;
  pairs += 1;
  const west = await RawSite.join(suite.edge, token, names[0]);
  const east = await RawSite.join(suite.edge, token, names[1]);
  const service = `service-of-${names[1]}`;
  const eastUplink = await east.connect([{ name: service, protocol: "tcp", port: 9 }]);
  const westUplink = await west.connect();
  westUplink.send({ type: "session.request", id: 1, service, peer: { site: east.id, boot: east.boot } });
  const { invitation: toWest } = await westUplink.next("session.grant");
  const { invitation: toEast } = await eastUplink.next("session.offer");
  return { west, east, uplinks: [westUplink, eastUplink], toWest, toEast };
}

function expectRefused(result: Attempt, code: ErrorCode): void {
  expect(result).toEqual({ kind: "refused", status: ERRORS[code].status, code });
}

function opened(result: Attempt): WebSocket {
  if (result.kind !== "open") throw new Error(`no lane: ${JSON.stringify(result)}`);
  return result.socket;
}

/** A ticket with changes, signed as the edge signs: only its operator could. */
async function reissue(ticket: string, changes: Partial<Ticket>): Promise<string> {
  const body = Ticket.parse(JSON.parse(Buffer.from(ticket.split(".")[0] ?? "", "base64url").toString()));
  const key = await readFile(join(suite.edge.stateDir, "ca-key.pem"), "utf8");
  return await issueTicket({ ...body, ...changes }, key);
}

describe("a lane", () => {
  test("joins two sides, each with its own ticket, and carries bytes both ways", async () => {
    const { west, east, toWest, toEast } = await meet();
    expect(toWest.session).toBe(toEast.session);
    expect(toWest.peer).toMatchObject({ site: east.id, boot: east.boot });
    const left = opened(await west.dialLane(toWest.ticket));
    const right = opened(await east.dialLane(toEast.ticket));
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const got = new Promise<Buffer>((resolve) => to.once("message", (data) => resolve(data as Buffer)));
      from.send(Buffer.from("bytes"));
      expect((await got).toString()).toBe("bytes");
    }
  });

  test("refuses a third dial", async () => {
    const { west, east, toWest, toEast } = await meet();
    const left = opened(await west.dialLane(toWest.ticket));
    const right = opened(await east.dialLane(toEast.ticket));
    expectRefused(await west.dialLane(toWest.ticket), "lane.taken");
    expectRefused(await east.dialLane(toEast.ticket), "lane.taken");
    // Those who are joined do not notice.
    const got = new Promise((resolve) => right.once("message", (data) => resolve(String(data))));
    left.send("still here");
    expect(await got).toBe("still here");
  });

  test("refuses a ticket that was used while its first dial still waits", async () => {
    const { west, toWest } = await meet();
    opened(await west.dialLane(toWest.ticket));
    expectRefused(await west.dialLane(toWest.ticket), "ticket.replayed");
  });

  test("that nobody else dials is given up after ten seconds, and told so", async () => {
    const { west, toWest } = await meet();
    const lane = opened(await west.dialLane(toWest.ticket));
    const code = "lane.unmet";
    expect(await closing(lane)).toEqual({ code: closeCodeFor(ERRORS[code].status), reason: code });
  });
});

describe("a ticket", () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await meet();
  });

  test("is required, and no header stands for it", async () => {
    const { west, toWest } = pair;
    expectRefused(await west.dialLane(null), "ticket.missing");
    const verified = Buffer.from(toWest.ticket.split(".")[0] ?? "", "base64url").toString();
    const headers = { "fairlead-ticket-verified": verified };
    expectRefused(await west.dialLane(null, { headers }), "ticket.missing");
  });

  test("that is altered or was never one is invalid", async () => {
    const { west, toWest } = pair;
    const [body = "", mac = ""] = toWest.ticket.split(".");
    const other = Buffer.from(Buffer.from(body, "base64url").toString().replace('"a"', '"b"')).toString(
      "base64url",
    );
    const tickets = [
      "nonsense",
      body,
      `${other === body ? `${body}A` : other}.${mac}`,
      `${body}.${mac.slice(0, -4)}AAAA`,
    ];
    for (const ticket of tickets) expectRefused(await west.dialLane(ticket), "ticket.invalid");
  });

  test("of the other side, of another site or of another network is of no use", async () => {
    const { west, toWest, toEast } = pair;
    expectRefused(await west.dialLane(toEast.ticket), "ticket.wrong_site");
    expectRefused(await stranger.dialLane(toWest.ticket), "ticket.wrong_site");
  });

  test("of another process of the same site is of no use", async () => {
    const { west, toWest } = pair;
    const reborn = new RawSite(suite.edge, west.key, west.admission);
    expectRefused(await reborn.dialLane(toWest.ticket), "ticket.wrong_site");
  });

  test("that is over is expired", async () => {
    const { west, toWest } = pair;
    const ticket = await reissue(toWest.ticket, { expires: Date.now() - 1 });
    expectRefused(await west.dialLane(ticket), "ticket.expired");
  });

  test("of another generation or of a session that is over is stale", async () => {
    const { west, toWest } = pair;
    expectRefused(await west.dialLane(await reissue(toWest.ticket, { generation: 2 })), "ticket.stale");
    const session = toWest.session.replace(/.$/, (last) => (last === "0" ? "g" : "0"));
    expectRefused(await west.dialLane(await reissue(toWest.ticket, { session })), "ticket.stale");
  });

  test("of a session that was ended by its side is stale", async () => {
    const { west, toWest, uplinks } = await meet();
    uplinks[0]?.send({
      type: "session.ended",
      session: toWest.session,
      generation: 1,
      code: "session.closed",
    });
    uplinks[0]?.send({ type: "status.request", id: 2 });
    await uplinks[0]?.next("status");
    expectRefused(await west.dialLane(toWest.ticket), "ticket.stale");
  });

  test("of a site that was revoked meanwhile is of no use", async () => {
    const { west, east, toWest } = await meet();
    const revoked = await suite.edge.fairlead(
      "site",
      "revoke",
      east.admission.site.name,
      "--network",
      network.name,
    );
    expect(revoked.status, revoked.stderr).toBe(0);
    expectRefused(await west.dialLane(toWest.ticket), "ticket.stale");
  });
});

test("both sides that ask at once get one session, with a ticket for each side", async () => {
  const token = await network.token({ uses: 2 });
  const [left, right] = [
    await RawSite.join(suite.edge, token, "left"),
    await RawSite.join(suite.edge, token, "right"),
  ];
  const leftUplink = await left.connect([{ name: "on-left", protocol: "tcp", port: 1 }]);
  const rightUplink = await right.connect([{ name: "on-right", protocol: "tcp", port: 1 }]);
  leftUplink.send({
    type: "session.request",
    id: 1,
    service: "on-right",
    peer: { site: right.id, boot: right.boot },
  });
  rightUplink.send({
    type: "session.request",
    id: 1,
    service: "on-left",
    peer: { site: left.id, boot: left.boot },
  });
  const { invitation: toLeft } = await leftUplink.next("session.grant");
  const { invitation: toRight } = await rightUplink.next("session.grant");
  expect(toLeft.session).toBe(toRight.session);
  opened(await left.dialLane(toLeft.ticket));
  opened(await right.dialLane(toRight.ticket));
});
