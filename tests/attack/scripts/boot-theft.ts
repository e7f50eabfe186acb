/**
 * A member claims another site's boot id, gets a third site to open a session with it under that id, and leaves:
 * if a boot id alone names an instance, the third site's streams for the real owner come to the thief.
 */
import { encodeAccept, encodeData, encodeFin, FRAME, parseOpen } from "../../../protocol/streams/frames.ts";
import { eventually } from "../../support/eventually.ts";
import { closeServers, exchange, serve } from "../../system/support/traffic.ts";
import type { AttackScript } from "../support/attack-script.ts";
import type { RawConnector } from "../support/raw-connector.ts";
import type { RawSession } from "../support/raw-session.ts";

const HONEST = "from the vault";
const STOLEN = "from the thief";

export const script: AttackScript = {
  name: "boot-theft",
  rule: "An instance is the site that was proven and its boot id together: another site's boot id gives nothing.",
  async run({ scene }) {
    const stage = await scene();
    try {
      const vault = await serve((socket) => socket.end(HONEST));
      const shop = await serve((socket) => socket.end("from the shop"));
      await stage.honest("east", { expose: [`vault=${vault.at}`], bind: "127.41.0.0/16" });
      const west = await stage.honest("west", { expose: [`shop=${shop.at}`], bind: "127.42.0.0/16" });
      const listener = await west.listener("vault");
      const thief = await stage.attacker("mallory");
      const theft = await steal(thief, "vault", "shop");

      // The real owner's uplink was replaced: it comes back, and with it the service.
      const ask = async () => (await exchange(listener, "")).toString();
      const answer = await eventually("west's client is answered", ask, { within: 60_000 });
      theft.session?.close();
      return {
        held: answer === HONEST && theft.opened.length === 0,
        tried:
          "an uplink as east's boot id, a session with west under it, then west's client dials east's service",
        seen: `${theft.result}; the client was answered "${answer}", the thief got ${theft.opened.length} streams`,
      };
    } finally {
      await closeServers();
    }
  },
};

interface Theft {
  readonly result: string;
  readonly session: RawSession | null;
  /** Services of the streams that came to the thief. */
  readonly opened: readonly string[];
}

/** Takes the boot id of whoever offers `coveted`, and a session with whoever offers `used` under it. */
async function steal(thief: RawConnector, coveted: string, used: string): Promise<Theft> {
  // Everybody who sees a service is told the boot ids of those who offer it.
  const first = await thief.open();
  first.send(thief.hello());
  const { services } = await first.next("welcome");
  const offering = (name: string) => {
    const [offer] = services.find((service) => service.name === name)?.offers ?? [];
    if (offer === undefined) throw new Error(`${name} is not seen`);
    return offer;
  };
  const [owner, user] = [offering(coveted), offering(used)];
  first.socket.terminate();

  const opened: string[] = [];
  const uplink = await thief.uplinkAs({ boot: owner.boot });
  try {
    await uplink.next("welcome");
    const invitation = await thief.request(uplink, used, { site: user.site, boot: user.boot });
    const session = await thief.session(invitation, { boot: owner.boot });
    await session.greet();
    void answerStreams(session, opened);
    return { result: "the session was granted", session, opened };
  } catch (error) {
    return { result: error instanceof Error ? error.message : String(error), session: null, opened };
  } finally {
    uplink.socket.terminate();
  }
}

/** Answers every stream that the peer opens as the thief, until the session ends. */
async function answerStreams(session: RawSession, opened: string[]): Promise<void> {
  for (;;) {
    const frame = await session.next(FRAME.open, 120_000).catch(() => null);
    if (frame === null) return;
    opened.push(parseOpen(frame.payload).service);
    session.send(encodeAccept(frame.stream));
    session.send(encodeData(frame.stream, Buffer.from(STOLEN)));
    session.send(encodeFin(frame.stream));
  }
}
