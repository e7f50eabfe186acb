import { describe, expect, it, vi } from "vitest";
import type { WebSocket } from "ws";
import { ERRORS, FairleadError, toErrorBody } from "../../../../protocol/errors.ts";
import { closeCodeFor } from "../../../../protocol/uplink/messages.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import { ServedClock } from "../../../support/clock/served-clock.ts";
import { service, setUp, welcoming } from "../../../support/connector/uplink-stand.ts";
import { clientSerial } from "../../../support/edge/scripted-edge.ts";

const code = (text: string) => expect.objectContaining({ code: text });

describe("Uplink", () => {
  it("sends hello, takes welcome and passes notices on", async () => {
    const { edge, onWelcome, onNotice, reaches } = await setUp((edge) => welcoming(edge));
    await reaches("up");
    expect(onWelcome).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ services: [service] }), 0);
    edge.sockets[0]?.send(JSON.stringify({ type: "services", put: [], gone: ["api"], later: "ignored" }));
    await eventually("the notice", () => onNotice.mock.calls.length > 0);
    expect(onNotice).toHaveBeenCalledWith({ type: "services", put: [], gone: ["api"] });
  });

  it("ignores messages that it does not understand and stays up", async () => {
    const { edge, log, uplink, onNotice, reaches } = await setUp((edge) => welcoming(edge));
    await reaches("up");
    const hostile = [
      "not json",
      "{}",
      "null",
      '{"type":"later"}',
      '{"type":"services","put":1,"gone":[]}',
      '{"type":"session.grant","id":99,"invitation":{}}',
      "P",
    ];
    for (const text of hostile) edge.sockets[0]?.send(text);
    edge.sockets[0]?.send(Buffer.from([1, 2, 3]));
    edge.sockets[0]?.send(JSON.stringify({ type: "links", links: [] }));
    await eventually("the message after them", () => onNotice.mock.calls.length === 1);
    expect(uplink.state.state).toBe("up");
    expect(log.lines.filter((line) => line.text.includes("unknown form"))).toHaveLength(6);
  });

  it("matches responses with requests in any order", async () => {
    const waiting: number[] = [];
    const { uplink } = await setUp((edge) =>
      welcoming(edge, (socket, message) => {
        waiting.push(message.id ?? -1);
        if (waiting.length < 3) return;
        const [renew = 0, refused = 0, status = 0] = waiting;
        const view = {
          network: edge().welcome({ type: "hello" }).network,
          sites: [],
          services: [],
          links: [],
        };
        const error = toErrorBody(new FairleadError("session.forbidden"));
        socket.send(JSON.stringify({ type: "status", id: status, view }));
        socket.send(JSON.stringify({ type: "error", id: refused, error }));
        const renewal = { certificate: "c", authority: "a", links: [] };
        socket.send(JSON.stringify({ type: "renewed", id: renew, renewal }));
      }),
    );
    const renewal = uplink.requestRenewal();
    const session = uplink.requestSession("api", { site: randomId("site"), boot: randomId("boot") });
    session.catch(() => {});
    const status = uplink.requestStatus();
    expect(await renewal).toEqual({ certificate: "c", authority: "a", links: [] });
    await expect(session).rejects.toEqual(code("session.forbidden"));
    expect((await status).sites).toEqual([]);
  });

  it("repeats a refused request after the time that the refusal asks for", async () => {
    const retryAfterMs = 300;
    const asked: number[] = [];
    const { uplink, reaches } = await setUp((edge) =>
      welcoming(edge, (socket, { type, id }) => {
        if (type !== "status.request") return;
        asked.push(performance.now());
        const error = toErrorBody(new FairleadError("uplink.limited"));
        const { network } = edge().welcome({ type: "hello" });
        const view = { network, sites: [], services: [], links: [] };
        const limited = { type: "error", id, error, retryAfterMs };
        socket.send(JSON.stringify(asked.length === 1 ? limited : { type: "status", id, view }));
      }),
    );
    await reaches("up");
    expect((await uplink.requestStatus()).sites).toEqual([]);
    const [first = 0, second = 0] = asked;
    // Timers may be a millisecond early.
    expect(second - first).toBeGreaterThanOrEqual(retryAfterMs - 1);
    expect(uplink.state.state).toBe("up");
  });

  it("fails a request that is not answered in time", async () => {
    const { uplink, reaches } = await setUp((edge) => welcoming(edge));
    await reaches("up");
    await expect(uplink.requestStatus(50)).rejects.toEqual(code("uplink.lost"));
    expect(uplink.state.state).toBe("up");
  });

  it("requests new lanes only from an edge that announced the feature (new connector → old edge)", async () => {
    let old = true;
    const asked: unknown[] = [];
    const invitation = {
      ...{ session: randomId("session"), generation: 2, lane: 0, ticket: "t", tickets: ["t"] },
      peer: { site: randomId("site"), siteName: "east", boot: randomId("boot") },
    };
    const { uplink, edge, reaches } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type === "hello") {
          const { features, ...welcome } = edge().welcome({ type: "hello" });
          socket.send(JSON.stringify(old ? welcome : { ...welcome, features }));
          return;
        }
        if (message.type === "measured") return;
        asked.push(message.type);
        // An edge that does not know the request closes the uplink.
        if (old) socket.close(closeCodeFor(400), "uplink.malformed");
        else socket.send(JSON.stringify({ type: "session.grant", id: message.id, invitation }));
      },
    }));
    await reaches("up");
    await expect(uplink.requestResume(invitation.session, 1)).rejects.toEqual(code("session.lost"));
    expect(asked).toEqual([]);
    expect(uplink.state.state).toBe("up");

    old = false;
    edge.sockets[0]?.terminate();
    await eventually("a second uplink", () => edge.sockets.length === 2 && uplink.state.state === "up");
    expect(await uplink.requestResume(invitation.session, 1)).toEqual(invitation);
    expect(asked).toEqual(["session.resume"]);
  });

  it("reconnects when it is lost, and repeats the pending request", async () => {
    let asked = 0;
    const { edge, uplink, log, reaches } = await setUp((edge) =>
      welcoming(edge, (socket, message) => {
        if (message.type === "measured") return;
        asked += 1;
        if (asked === 1) socket.terminate();
        else
          socket.send(
            JSON.stringify({
              type: "renewed",
              id: message.id,
              renewal: { certificate: "c", authority: "a", links: [] },
            }),
          );
      }),
    );
    await reaches("up");
    expect(await uplink.requestRenewal()).toMatchObject({ certificate: "c" });
    expect(asked).toBe(2);
    expect(edge.sockets).toHaveLength(2);
    const moves = log.lines.filter((line) => "to" in line.fields).map((line) => line.fields.to);
    expect(moves).toEqual(["connecting", "up", "waiting", "connecting", "up"]);
  });

  it("dials at once when a request waits for it", async () => {
    let refusals = 12;
    const { uplink, reaches } = await setUp(
      (edge) => ({
        ...welcoming(edge, (socket, message) => {
          const renewal = { certificate: "c", authority: "a", links: [] };
          socket.send(JSON.stringify({ type: "renewed", id: message.id, renewal }));
        }),
        upgrade: () => (refusals-- > 0 ? "edge.internal" : null),
      }),
      // No wait at first, then as long as the backoff allows.
      { random: () => (refusals > 0 ? 0 : 0.9) },
    );
    await eventually("a long wait", () => {
      const { state } = uplink;
      return state.state === "waiting" && state.until - state.since > 10_000;
    });
    using served = new ServedClock();
    await uplink.requestRenewal();
    expect(served.ms).toBeLessThan(2000);
    await reaches("up");
  });

  it("is lost when the edge falls silent", async () => {
    const { edge, reaches, log } = await setUp((edge) => ({ ...welcoming(edge), open: () => {} }), {
      keepalive: { everyMs: 20, deadAfterMs: 100 },
    });
    await reaches("up");
    await eventually("a second uplink", () => edge.sockets.length > 1);
    expect(log.find("silent")?.fields.code).toBe("uplink.lost");
  });

  it("stays up when only its keep-alives are answered", async () => {
    const pass = holdTime();
    const keepalive = { everyMs: 200, deadAfterMs: 2000 };
    let answered = 0;
    const answer = (socket: WebSocket) =>
      socket.on("message", (data) => {
        if (String(data) === "p") socket.send("P", () => answered++);
      });
    const { edge, uplink, reaches } = await setUp((edge) => ({ ...welcoming(edge), open: answer }), {
      keepalive,
    });
    await reaches("up");
    await eventually("the first answer", () => answered === 1);
    for (let ms = 0; ms < 1.5 * keepalive.deadAfterMs; ms += keepalive.everyMs) {
      const before = answered;
      await pass(keepalive.everyMs);
      await eventually("an answer", () => answered > before);
    }
    expect(uplink.state.state).toBe("up");
    expect(edge.sockets).toHaveLength(1);
  });

  it("sends bye when it is closed", async () => {
    const messages: string[] = [];
    const { uplink, reaches } = await setUp((edge) =>
      welcoming(edge, (_, message) => messages.push(message.type)),
    );
    await reaches("up");
    await uplink.close();
    await eventually("bye", () => messages.includes("bye"));
    expect(uplink.state.state).toBe("closed");
    await expect(uplink.requestStatus()).rejects.toEqual(code("uplink.lost"));
  });
});

describe("the measurements of an uplink", () => {
  it("include the round trip of the keep-alive, reported once to an edge that supports it", async () => {
    const told: unknown[] = [];
    const { uplink, edge, reaches } = await setUp(
      (edge) => welcoming(edge, (_, message) => told.push(message)),
      { keepalive: { everyMs: 20, deadAfterMs: 60_000 } },
    );
    expect(uplink.rtt).toBeNull();
    const began = performance.now();
    await reaches("up");
    await eventually("a measurement", () => told.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(told).toEqual([{ type: "measured", rtt: expect.any(Number) }]);
    expect(uplink.rtt).toBeGreaterThanOrEqual(0);
    expect(uplink.rtt).toBeLessThan(performance.now() - began);

    // The round trip of another connection is reported anew.
    edge.sockets[0]?.terminate();
    await eventually("a second measurement", () => told.length > 1);
  });

  it("are shown but not reported to an edge that does not support it", async () => {
    const told: unknown[] = [];
    const { uplink, reaches } = await setUp(
      (edge) => ({
        message: (socket, message) => {
          if (message.type !== "hello") told.push(message);
          else socket.send(JSON.stringify({ ...edge().welcome({ type: "hello" }), features: ["resume"] }));
        },
      }),
      { keepalive: { everyMs: 20, deadAfterMs: 60_000 } },
    );
    await reaches("up");
    await eventually("a measurement", () => uplink.rtt !== null);
    expect(told).toEqual([]);
  });

  it("include the skew of the clock against the edge's", async () => {
    const began = performance.now();
    const { onWelcome, reaches } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type !== "hello") return;
        const time = Date.now() + 180_000;
        socket.send(JSON.stringify({ ...edge().welcome({ type: "hello" }), time }));
      },
    }));
    await reaches("up");
    const skew = onWelcome.mock.calls[0]?.[1];
    // At most the whole round trip is subtracted.
    expect(skew).toBeGreaterThan(180_000 - (performance.now() - began));
    expect(skew).toBeLessThanOrEqual(180_000);
  });
});

describe("Uplink.deleteLink", () => {
  it("resolves when the registry has deleted the link, and throws its refusal", async () => {
    const { uplink } = await setUp((edge) =>
      welcoming(edge, (socket, { type, id, link }) => {
        if (type !== "link.delete") return;
        const error = toErrorBody(new FairleadError("link.unknown"));
        socket.send(JSON.stringify(link === "link1" ? { type: "done", id } : { type: "error", id, error }));
      }),
    );
    await uplink.deleteLink("link1");
    await expect(uplink.deleteLink("link2")).rejects.toEqual(code("link.unknown"));
  });

  it("throws uplink.version for an edge that does not support it", async () => {
    const asked: unknown[] = [];
    const { uplink, reaches } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type !== "hello") asked.push(message);
        else socket.send(JSON.stringify({ ...edge().welcome({ type: "hello" }), features: [] }));
      },
    }));
    await reaches("up");
    await expect(uplink.deleteLink("link1")).rejects.toEqual(code("uplink.version"));
    expect(asked).toEqual([]);
  });
});

describe("Uplink.requestCertificate", () => {
  it("returns the certificate that the registry signed, and throws its refusal", async () => {
    const { uplink } = await setUp((edge) =>
      welcoming(edge, (socket, { type, id, service, csr, domain }) => {
        if (type !== "certificate.request") return;
        const error = toErrorBody(new FairleadError("service.unknown"));
        const certificate = `${service} ${csr} ${domain}`;
        socket.send(
          JSON.stringify(
            service === "api" ? { type: "certificate", id, certificate } : { type: "error", id, error },
          ),
        );
      }),
    );
    expect(await uplink.requestCertificate("api", "csr", "shop.internal")).toBe("api csr shop.internal");
    await expect(uplink.requestCertificate("db", "csr")).rejects.toEqual(code("service.unknown"));
  });

  it("sends nothing to an edge that does not support it, and throws uplink.version", async () => {
    const asked: unknown[] = [];
    const { uplink, reaches } = await setUp((edge) => ({
      message: (socket, message) => {
        if (message.type !== "hello") asked.push(message);
        else
          socket.send(
            JSON.stringify({ ...edge().welcome({ type: "hello" }), features: ["resume", "ports"] }),
          );
      },
    }));
    await reaches("up");
    await expect(uplink.requestCertificate("api", "csr")).rejects.toEqual(code("uplink.version"));
    expect(asked).toEqual([]);
  });
});

describe("an uplink that waits for its next dial", () => {
  /** An uplink whose dials fail, after failures enough for the longest backoff. */
  async function failing(error: () => FairleadError) {
    const random = vi.fn(() => 0);
    let dials = 0;
    const { uplink } = await setUp(
      {},
      {
        dial: async () => {
          dials++;
          throw error();
        },
        random,
      },
    );
    await eventually("many failures", () => dials > 10);
    random.mockReturnValue(0.9);
    /** The length of the wait that began after `since`, ms. */
    const wait = async (since: number) => {
      await eventually("a wait", () => uplink.state.state === "waiting" && uplink.state.since >= since);
      const { state } = uplink;
      if (state.state !== "waiting") throw new Error(state.state);
      return state.until - state.since;
    };
    return { uplink, wait, dials: () => dials };
  }

  it("dials within a second for a request, although the edge asked for a short wait", async () => {
    let retryAfterMs: number | undefined;
    const { uplink, wait } = await failing(
      () => new FairleadError("uplink.lost", undefined, { retryAfterMs }),
    );
    const request = uplink.requestStatus();
    request.catch(() => {});
    retryAfterMs = 200;
    // The wait before may be one of the backoff, which the request shortens.
    expect(await wait(Date.now() + 1)).toBeGreaterThanOrEqual(200);
    expect(await wait(Date.now() + 1)).toBeLessThan(1000);
  });

  it("waits for as long as the edge asked, whoever makes a request", async () => {
    let retryAfterMs: number | undefined;
    const { uplink, wait, dials } = await failing(
      () => new FairleadError("uplink.limited", undefined, { retryAfterMs }),
    );
    const first = uplink.requestStatus();
    first.catch(() => {});
    retryAfterMs = 60_000;
    await eventually("the long wait", async () => (await wait(0)) >= 60_000);
    const before = dials();
    const second = uplink.requestStatus();
    second.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(dials()).toBe(before);
  });
});

describe("a refused uplink", () => {
  it("shows code and action, and is dialled again slowly", async () => {
    const { uplink, reaches } = await setUp({ upgrade: () => "site.revoked" });
    await reaches("refused");
    const { state } = uplink;
    if (state.state !== "refused") throw new Error(state.state);
    expect(state.trouble).toMatchObject({
      code: "site.revoked",
      action: ERRORS["site.revoked"].action,
    });
    expect(state.until - state.since).toBeGreaterThanOrEqual(30_000);
  });

  it("shows the code of the error message, or of the close without one", async () => {
    for (const withMessage of [true, false]) {
      const error = new FairleadError("uplink.version");
      const { uplink, reaches } = await setUp({
        message: (socket) => {
          if (withMessage) socket.send(JSON.stringify({ type: "error", error: toErrorBody(error) }));
          socket.close(closeCodeFor(error.entry.status), error.code);
        },
      });
      await reaches("refused");
      expect(uplink.state).toMatchObject({ trouble: { code: "uplink.version" } });
    }
  });

  it("renews the certificate over the API when the edge refuses it as expired", async () => {
    const { deployment, reaches, edge } = await setUp((edge) => ({
      ...welcoming(edge),
      upgrade: () => (edge().requests.length === 1 ? "certificate.expired" : null),
    }));
    await reaches("up");
    expect(deployment.renewals).toHaveLength(1);
    const [before, after] = edge.requests.map(clientSerial);
    expect(after).not.toBe(before);
  });
});
