/** Lanes with real tickets, and refused dials. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { ERRORS } from "../../protocol/errors.ts";
import { closeCodeFor, type Invitation } from "../../protocol/uplink/messages.ts";
import { issueTicket, Ticket } from "../../workers/authority/ticket.ts";
import {
  type Attempt,
  closeSockets,
  closing,
  RawSite,
  type RawUplink,
} from "../support/connector/raw-site.ts";
import { expectRefused } from "../support/connector/refusal.ts";
import type { TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();
let network: TestNetwork;
let stranger: RawSite;

/** Two members with uplinks. Each pair has its own router. */
interface Pair {
  readonly west: RawSite;
  readonly east: RawSite;
  readonly uplinks: readonly RawUplink[];
  /** Invitation from the registry to west. */
  readonly toWest: Invitation;
  /** Invitation from the registry to east. */
  readonly toEast: Invitation;
}

let pairs = 0;

beforeAll(async () => {
  const { cluster, edge } = suite;
  network = await cluster.network(edge);
  stranger = await RawSite.join(edge, await (await cluster.network(edge)).token(), "stranger");
});

afterAll(closeSockets);

/** Joins two new members, and requests a session between them. */
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

function opened(result: Attempt): WebSocket {
  if (result.kind !== "open") throw new Error(`no lane: ${JSON.stringify(result)}`);
  return result.socket;
}

/** Changes a ticket and signs it with the edge's key, which only its operator holds. */
async function reissue(ticket: string, changes: Partial<Ticket>): Promise<string> {
  const body = Ticket.parse(JSON.parse(Buffer.from(ticket.split(".")[0] ?? "", "base64url").toString()));
  const key = await readFile(join(suite.edge.stateDir, "ca-key.pem"), "utf8");
  return await issueTicket({ ...body, ...changes }, key);
}

describe("A lane", () => {
  it("joins two sides with a ticket each, and carries bytes both ways", async () => {
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

  it("refuses a third dial with lane.taken, and continues", async () => {
    const { west, east, toWest, toEast } = await meet();
    const left = opened(await west.dialLane(toWest.ticket));
    const right = opened(await east.dialLane(toEast.ticket));
    expectRefused(await west.dialLane(toWest.ticket), "lane.taken");
    expectRefused(await east.dialLane(toEast.ticket), "lane.taken");
    // The joined sides still exchange bytes.
    const got = new Promise((resolve) => right.once("message", (data) => resolve(String(data))));
    left.send("still here");
    expect(await got).toBe("still here");
  });

  it("refuses the second dial of a waiting side with ticket.replayed", async () => {
    const { west, toWest } = await meet();
    opened(await west.dialLane(toWest.ticket));
    expectRefused(await west.dialLane(toWest.ticket), "ticket.replayed");
  });

  it("closes with lane.unmet after ten seconds without a second side", async () => {
    const { west, toWest } = await meet();
    const lane = opened(await west.dialLane(toWest.ticket));
    const code = "lane.unmet";
    expect(await closing(lane)).toEqual({ code: closeCodeFor(ERRORS[code].status), reason: code });
  });
});

describe("The check of a ticket", () => {
  let pair: Pair;
  // A ticket is good for half a minute.
  beforeEach(async () => {
    pair = await meet();
  });

  it("refuses a dial without a ticket with ticket.missing, whatever its headers claim", async () => {
    const { west, toWest } = pair;
    expectRefused(await west.dialLane(null), "ticket.missing");
    const verified = Buffer.from(toWest.ticket.split(".")[0] ?? "", "base64url").toString();
    const headers = { "fairlead-ticket-verified": verified };
    expectRefused(await west.dialLane(null, { headers }), "ticket.missing");
  });

  it("refuses an altered ticket and other text with ticket.invalid", async () => {
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

  it("refuses the ticket of the other side or of another network's site with ticket.wrong_site", async () => {
    const { west, toWest, toEast } = pair;
    expectRefused(await west.dialLane(toEast.ticket), "ticket.wrong_site");
    expectRefused(await stranger.dialLane(toWest.ticket), "ticket.wrong_site");
  });

  it("refuses the ticket of another process of the same site with ticket.wrong_site", async () => {
    const { west, toWest } = pair;
    const reborn = new RawSite(suite.edge, west.key, west.admission);
    expectRefused(await reborn.dialLane(toWest.ticket), "ticket.wrong_site");
  });

  it("refuses an expired ticket with ticket.expired", async () => {
    const { west, toWest } = pair;
    const ticket = await reissue(toWest.ticket, { expires: Date.now() - 1 });
    expectRefused(await west.dialLane(ticket), "ticket.expired");
  });

  it("refuses a ticket of another generation or session with ticket.stale", async () => {
    const { west, toWest } = pair;
    expectRefused(await west.dialLane(await reissue(toWest.ticket, { generation: 2 })), "ticket.stale");
    const session = toWest.session.replace(/.$/, (last) => (last === "0" ? "g" : "0"));
    expectRefused(await west.dialLane(await reissue(toWest.ticket, { session })), "ticket.stale");
  });

  it("refuses a ticket of a session that its side ended with ticket.stale", async () => {
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

  it("refuses a ticket for a site that was revoked meanwhile with ticket.stale", async () => {
    const { west, east, toWest } = await meet();
    const revoke = ["site", "revoke", east.admission.site.name, "--yes", "--network", network.name];
    const revoked = await suite.edge.fairlead(...revoke);
    expect(revoked.status, revoked.stderr).toBe(0);
    expectRefused(await west.dialLane(toWest.ticket), "ticket.stale");
  });
});

describe("The grant of a session", () => {
  it("gives two sides that request it at once the same session, with a ticket each", async () => {
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
});
