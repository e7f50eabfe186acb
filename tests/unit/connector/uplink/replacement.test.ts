import { describe, expect, it } from "vitest";
import { closeCodeFor } from "../../../../protocol/uplink/messages.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { ServedClock } from "../../../support/clock/served-clock.ts";
import { setUp, welcoming } from "../../../support/connector/uplink-stand.ts";
import { clientSerial, type ScriptedEdge } from "../../../support/edge/scripted-edge.ts";

describe("replacing an uplink after a renewal", () => {
  it("opens the new one with the new certificate before it closes the old one", async () => {
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
    await eventually("the old one closes", () => order.length === 3);
    expect(order).toEqual(["uplink 1 opens", "uplink 2 opens", "uplink 1 closes"]);
    expect(clientSerial(edge.requests[1] ?? fail())).not.toBe(clientSerial(edge.requests[0] ?? fail()));
    expect(onWelcome).toHaveBeenCalledTimes(2);
    expect(uplink.state.state).toBe("up");
    expect(log.lines.filter((line) => line.fields.to === "waiting")).toEqual([]);
  });

  it("is not disturbed when the registry drops the old one first", async () => {
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
    // The state machine goes on with the second one.
    edge.sockets[1]?.terminate();
    await eventually("a third uplink", () => edge.sockets.length === 3);
    await reaches("up");
  });

  it("says hello anew for whoever asks while one is being replaced", async () => {
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
    // What has changed since is in no hello yet; both askers share the next.
    await Promise.all([uplink.replace(), uplink.replace(), first]);
    expect(hellos).toBe(3);
    expect(edge.sockets.filter(({ readyState }) => readyState === 1).length).toBeLessThanOrEqual(2);
    expect(uplink.state.state).toBe("up");
  });

  it("that is asked for while the first is being opened comes right after it", async () => {
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

  it("keeps the old one while the new one is refused", async () => {
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

describe("an uplink that does not answer a question", () => {
  const doubts = { answerMs: 60, signMs: 40 };
  const renewal = { certificate: "c", authority: "a", links: [] };

  /** The first uplink swallows everything but hello while `deaf()`; those after it answer. */
  const deaf = (edge: () => ScriptedEdge, isDeaf: () => boolean) => ({
    ...welcoming(edge, (socket, { type, id }) => {
      if (type !== "renew" || (socket === edge().sockets[0] && isDeaf())) return;
      socket.send(JSON.stringify({ type: "renewed", id, renewal }));
    }),
    // Answers to the keep-alive are up to this script, too.
    open: () => {},
  });

  it("is replaced long before it is silent for long, and the question goes over the next", async () => {
    const { uplink, edge, reaches, log } = await setUp((edge) => deaf(edge, () => true), { doubts });
    await reaches("up");
    using served = new ServedClock();
    expect(await uplink.requestRenewal()).toEqual(renewal);
    expect(served.ms).toBeLessThan(3000);
    expect(edge.sockets).toHaveLength(2);
    expect(uplink.state.state).toBe("up");
    expect(log.lines.filter((line) => line.fields.to === "waiting")).toEqual([]);
    await eventually("the first is closed", () => edge.sockets[0]?.readyState === 3);
    // The state machine goes on with the second one.
    edge.sockets[1]?.terminate();
    await eventually("a third uplink", () => edge.sockets.length === 3);
    await reaches("up");
  });

  it("is kept when it gives a sign of life: the edge is slow", async () => {
    const { uplink, edge, reaches } = await setUp(
      (edge) =>
        welcoming(edge, (socket, { type, id }) => {
          if (type !== "renew") return;
          setTimeout(() => socket.send(JSON.stringify({ type: "renewed", id, renewal })), 500);
        }),
      // The sign of life is asked for long before the answer, and has all the time that a busy machine takes.
      { doubts: { ...doubts, signMs: 60_000 } },
    );
    await reaches("up");
    expect(await uplink.requestRenewal()).toEqual(renewal);
    expect(edge.requests).toHaveLength(1);
  });

  it("is kept when a sign of life comes while another is being dialled", async () => {
    let late = true;
    const { uplink, edge, reaches } = await setUp((edge) => deaf(edge, () => late), { doubts });
    await reaches("up");
    // No dial comes to an end any more, as at an edge that is frozen.
    edge.script.upgrade = () => "silence";
    const asked = uplink.requestRenewal();
    asked.catch(() => {});
    await eventually("a second dial", () => edge.requests.length === 2);
    late = false;
    for (let sign = 0; sign < 3; sign++) edge.sockets[0]?.send("P");
    await eventually("the dial is given up", () => edge.requests[1]?.socket.destroyed === true);
    expect(await uplink.requestRenewal()).toEqual(renewal);
    expect(edge.sockets).toHaveLength(1);
    expect(uplink.state.state).toBe("up");
  });

  it("and cannot be replaced is tried again after a while, and given up when it is silent for long", async () => {
    const { uplink, edge, reaches, log } = await setUp((edge) => deaf(edge, () => true), {
      doubts,
      keepalive: { everyMs: 1000, deadAfterMs: 1500 },
    });
    await reaches("up");
    edge.script.upgrade = () => "edge.internal";
    await expect(uplink.requestStatus(1200)).rejects.toMatchObject({ code: "uplink.lost" });
    expect(log.find("replacing the uplink failed")?.fields.code).toBe("edge.internal");
    await eventually("nobody hears it", () => uplink.state.state === "waiting");
    edge.script.upgrade = () => null;
    await reaches("up");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(uplink.state.state).toBe("up");
  });
});

function fail(): never {
  throw new Error("missing");
}
