import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Connection,
  ConnectionTable,
  STAGE_MS,
  type TableLimits,
} from "../../../../../connector/edge/front/connection-table.ts";

const LIMITS: TableLimits = { total: 10, pending: 6, perClient: 4 };

function tableOf(limits: TableLimits = LIMITS) {
  const table = new ConnectionTable(limits);
  const closed: string[] = [];
  const admit = (name: string, address: string, now: number) =>
    table.admit(address, () => closed.push(name), now);
  return { table, closed, admit };
}

describe("ConnectionTable", () => {
  it("closes the oldest silent connection of a client with too many, and no other client's", () => {
    const { closed, admit } = tableOf();
    admit("other", "192.0.2.9", 0);
    for (let each = 1; each <= 6; each++) admit(`own${each}`, "192.0.2.1", each);
    expect(closed).toEqual(["own1", "own2"]);
  });

  it("counts an IPv6 /64 as one client", () => {
    const { closed, admit } = tableOf();
    for (let each = 1; each <= 5; each++) admit(`own${each}`, `2001:db8::${each}`, each);
    expect(closed).toEqual(["own1"]);
  });

  it("closes silent connections before handshakes, and handshakes before requests", () => {
    const { table, closed, admit } = tableOf();
    const names = ["request", "handshake", "silent"];
    const [request, handshake] = names.map((name, at) => admit(name, `192.0.2.${at}`, 0));
    table.move(request as Connection, "request", 1);
    table.move(handshake as Connection, "handshake", 1);
    for (let each = 0; each < 4; each++) admit(`new${each}`, `198.51.100.${each}`, 1_000);
    expect(closed).toEqual(["silent"]);
    // Newer silent connections are closed before a handshake with more of its time left.
    admit("new4", "198.51.100.4", 9_000);
    expect(closed).toEqual(["silent", "new0"]);
  });

  it("never closes an upgraded connection, and refuses new ones when upgraded ones fill the table", () => {
    const { table, closed, admit } = tableOf();
    for (let each = 0; each < 10; each++) {
      table.move(admit(`up${each}`, "192.0.2.1", each), "upgraded", each);
    }
    admit("new", "192.0.2.2", 100);
    expect(closed).toEqual(["new"]);
    expect(table.counts.shed).toBe(1);
    expect(table.size).toBe(10);
  });

  it("closes the slowest connections for upgraded ones that become idle again, of their client first", () => {
    const { table, closed, admit } = tableOf();
    const names = ["own1", "own2", "own3", "own4", "own5", "other1", "other2"];
    const all = names.map((name, at) => {
      const connection = admit(name, name.startsWith("own") ? "192.0.2.1" : "192.0.2.2", at);
      table.move(connection, "upgraded", at);
      return connection;
    });
    for (const [at, connection] of all.entries()) table.move(connection, "idle", 10 + at);
    expect(closed).toEqual(["own1"]);
    const last = admit("last", "192.0.2.3", 20);
    expect([closed, table.pending]).toEqual([["own1", "own2"], LIMITS.pending]);
    table.move(last, "upgraded", 21);
    admit("silent", "192.0.2.4", 22);
    table.move(last, "idle", 23);
    expect([closed, table.pending]).toEqual([["own1", "own2", "own3"], LIMITS.pending]);
  });

  it("closes a stalled handshake for a new connection", () => {
    const { table, closed, admit } = tableOf();
    for (let each = 0; each < 6; each++) {
      table.move(admit(`old${each}`, `192.0.2.${each}`, 0), "handshake", 0);
    }
    admit("new", "198.51.100.1", 1_000);
    expect(closed).toEqual(["old0"]);
  });

  it("closes and counts connections whose stage takes too long", () => {
    const { table, closed, admit } = tableOf();
    admit("silent", "192.0.2.1", 0);
    table.move(admit("idle", "192.0.2.2", 0), "idle", 0);
    table.move(admit("up", "192.0.2.3", 0), "upgraded", 0);
    table.expire(STAGE_MS.silent - 1);
    expect(closed).toEqual([]);
    table.expire(STAGE_MS.silent);
    expect(closed).toEqual(["silent"]);
    table.expire(STAGE_MS.idle);
    expect(closed).toEqual(["silent", "idle"]);
    table.expire(1e12);
    expect(closed).toEqual(["silent", "idle"]);
    expect(table.counts).toEqual({ shed: 0, timedOut: 2 });
  });

  it("stays within its limits and closes each connection once, in any order of events", () => {
    const step = fc.record({
      kind: fc.constantFrom("admit", "admit", "admit", "move", "remove", "expire"),
      which: fc.nat(100),
      stage: fc.constantFrom("handshake" as const, "idle" as const, "request" as const, "upgraded" as const),
      client: fc.nat(5),
      ms: fc.nat(5_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new ConnectionTable(LIMITS);
        const open: Connection[] = [];
        const closes: number[] = [];
        let now = 0;
        for (const { kind, which, stage, client, ms } of steps) {
          now += ms;
          const chosen = open[which % Math.max(1, open.length)];
          if (kind === "admit") {
            const at = closes.push(0) - 1;
            open.push(
              table.admit(`192.0.2.${client}`, () => closes.splice(at, 1, (closes[at] ?? 0) + 1), now),
            );
          } else if (kind === "expire") table.expire(now);
          else if (chosen !== undefined && kind === "move") table.move(chosen, stage, now);
          else if (chosen !== undefined) table.remove(chosen);
          expect(table.size).toBeLessThanOrEqual(LIMITS.total);
          expect(table.pending).toBeLessThanOrEqual(LIMITS.pending);
          expect(Math.max(0, ...closes)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
