import { describe, expect, it } from "vitest";
import { closeCodeFor } from "../../../../protocol/uplink/messages.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import { setUp, welcoming } from "../../../support/connector/uplink-stand.ts";
import { clientSerial, type ScriptedEdge } from "../../../support/edge/scripted-edge.ts";

describe("Uplink.replace", () => {
  it("opens a connection with the new certificate before it closes the old one", async () => {
    const order: string[] = [];
    const { deployment, edge, site, uplink, onWelcome, reaches, log } = await setUp((edge) => {
      const script = welcoming(edge);
      return {
        ...script,
        open: (socket) => {
          const name = `uplink ${edge().sockets.length}`;
          order.push(`${name} opens`);
          socket.on("close", () => order.push(`${name} closes`));
        },
      };
    });
    await reaches("up");
    await site.adopt(await deployment.renewal());
    await uplink.replace();
    await eventually("the old connection closes", () => order.length === 3);
    expect(order).toEqual(["uplink 1 opens", "uplink 2 opens", "uplink 1 closes"]);
    expect(clientSerial(edge.requests[1] ?? fail())).not.toBe(clientSerial(edge.requests[0] ?? fail()));
    expect(onWelcome).toHaveBeenCalledTimes(2);
    expect(uplink.state.state).toBe("up");
    expect(log.lines.filter((line) => line.fields.to === "waiting")).toEqual([]);
  });

  it("succeeds when the registry closes the old connection first", async () => {
    const { edge, uplink, reaches, log } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type !== "hello") return;
        edge().sockets.at(-2)?.close(closeCodeFor(409), "uplink.replaced");
        setTimeout(() => socket.send(JSON.stringify(edge().welcome({ type: "hello" }))), 50);
      },
    }));
    await reaches("up");
    await uplink.replace();
    expect(uplink.state.state).toBe("up");
    expect(edge.sockets).toHaveLength(2);
    expect(log.lines.filter((line) => line.fields.to === "waiting")).toEqual([]);
    // The run loop now watches the second connection.
    edge.sockets[1]?.terminate();
    await eventually("a third uplink", () => edge.sockets.length === 3);
    await reaches("up");
  });

  it("sends one further hello for all calls during a replacement", async () => {
    let hellos = 0;
    const { uplink, edge, reaches } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type !== "hello") return;
        hellos += 1;
        setTimeout(() => socket.send(JSON.stringify(edge().welcome({ type: "hello" }))), 50);
      },
    }));
    await reaches("up");
    const first = uplink.replace();
    await eventually("the second hello", () => hellos === 2);
    // No hello has the changes since then. Both calls share the next one.
    await Promise.all([uplink.replace(), uplink.replace(), first]);
    expect(hellos).toBe(3);
    expect(edge.sockets.filter(({ readyState }) => readyState === 1).length).toBeLessThanOrEqual(2);
    expect(uplink.state.state).toBe("up");
  });

  it("waits for the first connection when it is called during its opening", async () => {
    let hellos = 0;
    const { uplink, reaches } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type !== "hello") return;
        hellos += 1;
        setTimeout(() => socket.send(JSON.stringify(edge().welcome({ type: "hello" }))), 50);
      },
    }));
    await eventually("the first hello", () => hellos === 1);
    await uplink.replace();
    await reaches("up");
    await eventually("the second hello", () => hellos === 2);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(hellos).toBe(2);
  });

  it("keeps the old connection while the edge refuses the new one", async () => {
    const { edge, uplink, reaches } = await setUp((edge) => ({
      ...welcoming(edge),
      upgrade: () => (edge().requests.length === 2 ? "edge.internal" : null),
    }));
    await reaches("up");
    await uplink.replace();
    expect(edge.requests).toHaveLength(3);
    expect(uplink.state.state).toBe("up");
  });
});

describe("an uplink that does not answer a request", () => {
  const liveness = { answerMs: 60, probeMs: 40 };
  const renewal = { certificate: "c", authority: "a", links: [] };

  /** The first connection answers only hello while `isDeaf()`; later ones answer everything. */
  const deaf = (edge: () => ScriptedEdge, isDeaf: () => boolean) => ({
    ...welcoming(edge, (socket, { type, id }) => {
      if (type !== "renew" || (socket === edge().sockets[0] && isDeaf())) return;
      socket.send(JSON.stringify({ type: "renewed", id, renewal }));
    }),
    // With `open`, the edge answers no keep-alive by itself.
    open: () => {},
  });

  it("is replaced soon, and the request is repeated on the next connection", async () => {
    const pass = holdTime();
    let unanswered = 0;
    const { uplink, edge, reaches, log } = await setUp((edge) => deaf(edge, () => ++unanswered > 0), {
      liveness,
    });
    await reaches("up");
    const renewed = uplink.requestRenewal();
    await eventually("the request", () => unanswered === 1);
    await pass(liveness.answerMs);
    await pass(1.1 * liveness.probeMs);
    expect(await renewed).toEqual(renewal);
    expect(edge.sockets).toHaveLength(2);
    expect(uplink.state.state).toBe("up");
    expect(log.lines.filter((line) => line.fields.to === "waiting")).toEqual([]);
    await eventually("the first connection is closed", () => edge.sockets[0]?.readyState === 3);
    // The run loop now watches the second connection.
    edge.sockets[1]?.terminate();
    await eventually("a third uplink", async () => {
      await pass(100);
      return edge.sockets.length === 3;
    });
    await reaches("up");
  });

  it("is kept when it answers the probe, because the edge is only slow", async () => {
    const { uplink, edge, reaches } = await setUp(
      (edge) =>
        welcoming(edge, (socket, { type, id }) => {
          if (type !== "renew") return;
          setTimeout(() => socket.send(JSON.stringify({ type: "renewed", id, renewal })), 500);
        }),
      // The probe comes long before the answer, and has all the time that a busy machine takes.
      { liveness: { ...liveness, probeMs: 60_000 } },
    );
    await reaches("up");
    expect(await uplink.requestRenewal()).toEqual(renewal);
    expect(edge.requests).toHaveLength(1);
  });

  it("is kept when it answers the probe while its replacement is dialled", async () => {
    let late = true;
    const { uplink, edge, reaches } = await setUp((edge) => deaf(edge, () => late), { liveness });
    await reaches("up");
    // No dial ends from here on, as at a frozen edge.
    edge.script.upgrade = () => "silence";
    const renewed = uplink.requestRenewal();
    renewed.catch(() => {});
    await eventually("a second dial", () => edge.requests.length === 2);
    late = false;
    for (let pong = 0; pong < 3; pong++) edge.sockets[0]?.send("P");
    await eventually("the dial is cancelled", () => edge.requests[1]?.socket.destroyed === true);
    expect(await uplink.requestRenewal()).toEqual(renewal);
    expect(edge.sockets).toHaveLength(1);
    expect(uplink.state.state).toBe("up");
  });

  it("is lost after a long silence when it cannot be replaced", async () => {
    const pass = holdTime();
    const { uplink, edge, reaches, log } = await setUp((edge) => deaf(edge, () => true), {
      liveness,
      keepalive: { everyMs: 1000, deadAfterMs: 1500 },
    });
    await reaches("up");
    edge.script.upgrade = () => "edge.internal";
    const status = uplink.requestStatus(1200);
    status.catch(() => {});
    const passUntil = async (what: string, holds: () => boolean) =>
      await eventually(what, async () => {
        await pass(50);
        return holds();
      });
    const failed = () => log.find("The uplink could not be replaced")?.fields.code;
    await passUntil("the replacement has failed", () => failed() === "edge.internal");
    expect(uplink.state.state).toBe("up");
    await passUntil("the uplink is lost", () => uplink.state.state === "waiting");
    await expect(status).rejects.toMatchObject({ code: "uplink.lost" });
    edge.script.upgrade = () => null;
    await passUntil("another uplink", () => uplink.state.state === "up");
    await pass(200);
    expect(uplink.state.state).toBe("up");
  });
});

function fail(): never {
  throw new Error("missing");
}
