/**
 * A member uses names that are not its own: another site or process in a preface, services exported to other sites or
 * offered elsewhere in an OPEN, and stream ids that it never opened.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { compareInstances, type InstanceId } from "../../../protocol/instance-id.ts";
import {
  encodeCredit,
  encodeData,
  encodeFin,
  encodeOpen,
  encodeReset,
  FRAME,
  parseGoaway,
  parseReset,
} from "../../../protocol/streams/frames.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { eventually } from "../../support/clock/eventually.ts";
import { offering } from "../../support/connector/offering.ts";
import type { RawConnector } from "../../support/connector/raw-connector.ts";
import type { RawSession } from "../../support/connector/raw-session.ts";
import type { RawUplink } from "../../support/connector/raw-site.ts";
import { closeServers, dial, echo, exchange, serve } from "../../support/traffic/servers.ts";
import type { AttackScript } from "../attack-script.ts";

export const script: AttackScript = {
  name: "chosen-names",
  rule: "A name in a lane or frame gives a member nothing beyond its proven site, and ends no session but its own.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    try {
      const vault = await serve((socket) => socket.end("from the vault"));
      const ledger = await serve(echo);
      const shop = await serve((socket) => socket.end("from the shop"));
      await stage.honest("east", {
        expose: [`vault=${vault.at}`, `ledger=${ledger.at}`],
        args: ["--drain", "0s", "--to", "ledger=west"],
        bind: "127.43.0.0/16",
      });
      const west = await stage.honest("west", { expose: [`shop=${shop.at}`], bind: "127.44.0.0/16" });
      const client = await dial(await west.listener("ledger"));
      client.on("error", () => {});
      const echoed = async (text: string): Promise<string> => {
        client.write(text);
        return await new Promise<string>((resolve) => {
          client.once("data", (data) => resolve(String(data)));
          client.once("close", () => resolve("nothing, it was reset"));
        });
      };
      if ((await echoed("before")) !== "before") throw new Error("The honest stream does not flow.");

      const mallory = await stage.attacker("mallory");
      const uplink = await mallory.open();
      uplink.send(mallory.hello());
      const { services } = await uplink.next("welcome");
      const instanceOf = (name: string) => {
        const { site, boot } = offering(services, name);
        return { site, boot };
      };
      const [owner, other] = [instanceOf("vault"), instanceOf("shop")];
      const claims: string[] = [];
      for (const claimed of [
        other,
        owner,
        { site: other.site, boot: mallory.boot },
        { site: mallory.id, boot: other.boot },
      ]) {
        claims.push(await claim(mallory, uplink, owner, claimed));
      }

      const own = compareInstances({ site: mallory.id, boot: mallory.boot }, owner) < 0 ? 2 : 1;
      const session = await newSession(mallory, uplink, owner);
      const answers: Record<string, string> = {};
      for (const [at, service] of ["ledger", "shop", "no-such-service", "vault"].entries()) {
        answers[service] = await opened(session, own + 2 * at, service);
      }
      const frames: string[] = [];
      for (const frame of [
        encodeData(own + 2000, Buffer.from("x")),
        encodeCredit(own + 2000, 1),
        encodeFin(own + 2000),
        encodeReset(own + 2000, new FairleadError("stream.cancelled")),
        encodeOpen(own === 1 ? 2 : 1, { service: "vault" }),
      ]) {
        const next = frames.length === 0 ? session : await newSession(mallory, uplink, owner);
        frames.push(await broken(next, frame));
      }

      const alive = await echoed("after");
      client.destroy();
      const visit = async () => (await exchange(await west.listener("vault"), "")).toString();
      const answer = await eventually("west's client is answered", visit, { within: 60_000 });
      const expected: Record<string, string> = {
        ledger: "service.not_exported",
        shop: "service.unknown",
        "no-such-service": "service.unknown",
        vault: "accepted",
      };
      return {
        held:
          claims.every((code) => code === "session.wrong_peer") &&
          Object.entries(expected).every(([service, code]) => answers[service] === code) &&
          frames.every((code) => code === "session.out_of_order") &&
          alive === "after" &&
          answer === "from the vault",
        tried: `${claims.length} prefaces in other names, an OPEN of ${Object.keys(expected).join(", ")}, ${frames.length} frames with stream ids of nobody's or the peer's`,
        seen: `prefaces: ${claims.join(", ")}; OPEN: ${JSON.stringify(answers)}; frames: ${frames.join(", ")}; the honest stream said "${alive}"`,
      };
    } finally {
      await closeServers();
    }
  },
};

/** Sends a preface that names another instance. Returns the code with which the lane closes. */
async function claim(
  mallory: RawConnector,
  uplink: RawUplink,
  owner: InstanceId,
  claimed: InstanceId,
): Promise<string> {
  const invitation = await invited(mallory, uplink, owner);
  const lane = await mallory.lane(invitation);
  lane.preface(invitation, { ...claimed });
  const { reason } = await lane.closed;
  return reason;
}

/** Sends an OPEN. Returns the code of the peer's answer, or "accepted". */
async function opened(session: RawSession, stream: number, service: string): Promise<string> {
  session.send(encodeOpen(stream, { service }));
  const answer = await eventually(`${service} is answered`, () =>
    session.frames.find(
      (frame) => frame.stream === stream && [FRAME.accept, FRAME.reset].some((type) => type === frame.type),
    ),
  );
  return answer.type === FRAME.accept ? "accepted" : parseReset(answer.payload).code;
}

/** Ids of this script's sessions. An ended session may be granted again before the registry learns of its end. */
const had = new Set<string>();

/** Requests an invitation to a new session with the owner. */
async function invited(mallory: RawConnector, uplink: RawUplink, owner: InstanceId): Promise<Invitation> {
  const invitation = await eventually("a new session is granted", async () => {
    const granted = await mallory.request(uplink, "vault", owner);
    return had.has(granted.session) ? null : granted;
  });
  had.add(invitation.session);
  return invitation;
}

/** Opens a new session with the owner, up to HELLO. */
async function newSession(mallory: RawConnector, uplink: RawUplink, owner: InstanceId): Promise<RawSession> {
  const invitation = await invited(mallory, uplink, owner);
  const session = await mallory.session(invitation);
  await session.greet();
  return session;
}

/** Sends a frame. Returns the code with which the session ends. */
async function broken(session: RawSession, frame: Uint8Array): Promise<string> {
  session.send(frame);
  const { payload } = await session.next(FRAME.goaway);
  session.close();
  return parseGoaway(payload).code;
}
