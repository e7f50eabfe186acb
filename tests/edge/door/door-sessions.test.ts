import { describe, expect, it, vi } from "vitest";
import { ID_BYTES, type IdKind, makeId } from "../../../protocol/ids.ts";
import { DoorExchange } from "../../../workers/door/door-exchange.ts";
import { DoorMemory } from "../../../workers/door/door-memory.ts";
import { DoorSessions } from "../../../workers/door/door-sessions.ts";
import { success } from "../../../workers/result.ts";
import { DoorConnector } from "../../support/workerd/door-connector.ts";
import { PATIENCE } from "../../support/workerd/member.ts";

const newId = (kind: IdKind): string => makeId(kind, crypto.getRandomValues(new Uint8Array(ID_BYTES)));

describe("the sessions of a door", () => {
  it("end without requests, and the next request gets another session", async () => {
    const self = { site: newId("door"), boot: newId("boot") };
    const instance = { site: newId("site"), boot: newId("boot") };
    const connectors: DoorConnector[] = [];
    const sessions: DoorSessions = new DoorSessions({
      ...{ self, memory: new DoorMemory(), idleMs: 50 },
      invite: async (known) => {
        const session = known.length > 0 ? null : newId("session");
        if (session !== null) queueMicrotask(() => join(session));
        const instances = [{ ...instance, siteName: "east", session }];
        return success({ service: "web", access: "open" as const, instances });
      },
    });
    const join = (session: string): void => {
      const { 0: near, 1: far } = new WebSocketPair();
      sessions.join(near, session, instance);
      const door = { kind: "door" as const, hostname: "shop.example.com", id: self.site, boot: self.boot };
      connectors.push(
        DoorConnector.over(far, { session, door, ticket: "" }, instance, (exchange) =>
          exchange.respond(200, [], "in"),
        ),
      );
    };
    const visit = async (): Promise<string> => {
      const exchange = new DoorExchange({
        service: "web",
        head: { method: "GET", scheme: "http", authority: "shop.example.com", path: "/", fields: [] },
        body: null,
        next: (tried) => sessions.pick(tried, new AbortController().signal),
        ended: () => undefined,
        grpcWeb: null,
      });
      const { body } = await exchange.send();
      return await new Response(body).text();
    };
    expect(await visit()).toBe("in");
    await vi.waitFor(() => expect(sessions.usable).toEqual([]), PATIENCE);
    expect((await connectors[0]?.ended.promise)?.code).toBe("session.closed");
    expect(await visit()).toBe("in");
    expect(connectors).toHaveLength(2);
  });
});
