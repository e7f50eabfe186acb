import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Site } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import { dialUplink } from "../../../../connector/uplink/edge.ts";
import { Uplink, type UplinkOptions } from "../../../../connector/uplink/uplink.ts";
import { FairleadError, toErrorBody } from "../../../../protocol/errors.ts";
import { closeCodeFor, type Hello } from "../../../../protocol/messages.ts";
import { UPLINK_VERSIONS } from "../../../../protocol/versions.ts";
import { randomId } from "../../../support/certificates.ts";
import { eventually } from "../../../support/eventually.ts";
import { TestDeployment } from "../support/authority.ts";
import { temporaryState } from "../support/directories.ts";
import { MemoryLog } from "../support/log.ts";
import { clientSerial, type Script, ScriptedEdge } from "../support/scripted-edge.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const service = {
  name: "api",
  protocol: "tcp" as const,
  port: 80,
  offers: [{ site: randomId("site"), siteName: "east", boot: randomId("boot") }],
};

async function setUp(
  script: Script | ((edge: () => ScriptedEdge) => Script),
  more: Partial<UplinkOptions> = {},
) {
  const deployment = await TestDeployment.create();
  const holder: { edge?: ScriptedEdge } = {};
  const edgeOf = () => {
    if (!holder.edge) throw new Error("not started");
    return holder.edge;
  };
  holder.edge = await ScriptedEdge.start(deployment, typeof script === "function" ? script(edgeOf) : script);
  const edge = holder.edge;
  const log = new MemoryLog();
  const boot = randomId("boot");
  const site = await Site.start({
    state: await temporaryState(),
    boot,
    site: "west",
    tokens: ["token"],
    api: deployment,
    readToken: async () => parseToken(deployment.tokenFile()),
    log,
  });
  const hello: Hello = {
    type: "hello",
    versions: UPLINK_VERSIONS,
    boot,
    software: "test",
    links: [],
    offers: [],
    sessions: [],
    listeners: [],
  };
  const onWelcome = vi.fn();
  const onNotice = vi.fn();
  const uplink = new Uplink({
    dial: (signal) => dialUplink(site, signal),
    onExpired: () => site.renewOverApi(),
    hello: () => hello,
    onWelcome,
    onNotice,
    log,
    random: () => 0.1,
    ...more,
  });
  onTestFinished(() => uplink.close());
  uplink.start();
  const reaches = (state: string) => eventually(`uplink ${state}`, () => uplink.state.state === state);
  return { deployment, edge, site, uplink, log, onWelcome, onNotice, reaches };
}

/** Answers hello; the rest is up to `more`. */
function welcoming(edge: () => ScriptedEdge, more: Script["message"] = () => {}): Script {
  return {
    message: (socket, message) => {
      if (message.type === "hello") socket.send(JSON.stringify(edge().welcome({ type: "hello" }, [service])));
      else more(socket, message);
    },
  };
}

describe("an uplink", () => {
  it("says hello, is welcomed and hands on what comes unasked", async () => {
    const { edge, onWelcome, onNotice, reaches } = await setUp((edge) => welcoming(edge));
    await reaches("up");
    expect(onWelcome).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ services: [service] }));
    edge.sockets[0]?.send(JSON.stringify({ type: "services", put: [], gone: ["api"], later: "ignored" }));
    await eventually("the notice", () => onNotice.mock.calls.length > 0);
    expect(onNotice).toHaveBeenCalledWith({ type: "services", put: [], gone: ["api"] });
  });

  it("ignores what it does not understand and lives on", async () => {
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

  it("matches answers with requests, whatever their order", async () => {
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

  it("gives a request up that is not answered in time", async () => {
    const { uplink, reaches } = await setUp((edge) => welcoming(edge));
    await reaches("up");
    await expect(uplink.requestStatus(50)).rejects.toEqual(code("uplink.lost"));
    expect(uplink.state.state).toBe("up");
  });

  it("asks an edge for new lanes of a session only if that says that it knows how (new connector → old edge)", async () => {
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
        asked.push(message.type);
        // What an edge does that does not know it.
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

  it("comes back when it is lost, and repeats the request that was under way", async () => {
    let asked = 0;
    const { edge, uplink, log, reaches } = await setUp((edge) =>
      welcoming(edge, (socket, message) => {
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

  it("is dialled at once when a client waits for it", async () => {
    let refusals = 12;
    const { uplink, reaches } = await setUp(
      (edge) => ({
        ...welcoming(edge, (socket, message) => {
          const renewal = { certificate: "c", authority: "a", links: [] };
          socket.send(JSON.stringify({ type: "renewed", id: message.id, renewal }));
        }),
        upgrade: () => (refusals-- > 0 ? "edge.internal" : null),
      }),
      // Nothing at first, then as long as the backoff allows.
      { random: () => (refusals > 0 ? 0 : 0.9) },
    );
    await eventually("a long wait", () => {
      const { state } = uplink;
      return state.state === "waiting" && state.until - state.since > 10_000;
    });
    const begun = Date.now();
    await uplink.requestRenewal();
    expect(Date.now() - begun).toBeLessThan(2000);
    await reaches("up");
  });

  it("takes an edge that fell silent for dead", async () => {
    const { edge, reaches, log } = await setUp((edge) => ({ ...welcoming(edge), open: () => {} }), {
      keepalive: { everyMs: 20, deadAfterMs: 100 },
    });
    await reaches("up");
    await eventually("a second uplink", () => edge.sockets.length > 1);
    expect(log.find("silent")?.fields.code).toBe("uplink.lost");
  });

  it("stays up on the answers to its keep-alive alone", async () => {
    const { edge, uplink, reaches } = await setUp((edge) => welcoming(edge), {
      keepalive: { everyMs: 20, deadAfterMs: 150 },
    });
    await reaches("up");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(uplink.state.state).toBe("up");
    expect(edge.sockets).toHaveLength(1);
  });

  it("says bye when it is closed on purpose", async () => {
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

describe("a refused uplink", () => {
  it("shows code and action, and is tried again slowly", async () => {
    const { uplink, reaches } = await setUp({ upgrade: () => "site.revoked" });
    await reaches("refused");
    const { state } = uplink;
    if (state.state !== "refused") throw new Error(state.state);
    expect(state.trouble).toMatchObject({
      code: "site.revoked",
      action: expect.stringContaining("Join again"),
    });
    expect(state.until - state.since).toBeGreaterThanOrEqual(30_000);
  });

  it("shows the code of an error message or of the close that follows", async () => {
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

  it("renews over the API when the edge calls the certificate expired", async () => {
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

function fail(): never {
  throw new Error("missing");
}
