/**
 * A member sends HELLO with another site's boot id and requests a session with a third site under that id. If a boot id
 * alone named an instance, the member would take the owner's uplink and offers, and the third site's streams.
 */
import { listEvents, updateSite } from "../../../connector/operator/edge-api.ts";
import { encodeAccept, encodeData, encodeFin, FRAME, parseOpen } from "../../../protocol/streams/frames.ts";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { eventually } from "../../support/clock/eventually.ts";
import type { Address } from "../../support/connector/connector.ts";
import { offering } from "../../support/connector/offering.ts";
import type { RawConnector } from "../../support/connector/raw-connector.ts";
import type { RawSession } from "../../support/connector/raw-session.ts";
import { closeServers, exchange, serve } from "../../support/traffic/servers.ts";
import type { AttackScript } from "../attack-script.ts";
import type { Scene } from "../scene.ts";

const STOLEN = "from the thief";
/** Services of the owner: one for all sites, and one exported to west only. */
const SERVICES = ["vault", "ledger"] as const;

export const script: AttackScript = {
  name: "boot-theft",
  rule: "A proven site and its boot id together name an instance: another site's boot id gives nothing.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    try {
      const [vault, ledger, shop] = await Promise.all(
        ["from the vault", "from the ledger", "from the shop"].map((text) =>
          serve((socket) => socket.end(text)),
        ),
      );
      await stage.honest("east", {
        expose: [`vault=${vault?.at}`, `ledger=${ledger?.at}`],
        args: ["--drain", "0s", "--to", "ledger=west"],
        bind: "127.41.0.0/16",
      });
      const west = await stage.honest("west", { expose: [`shop=${shop?.at}`], bind: "127.42.0.0/16" });
      const listeners = await Promise.all(SERVICES.map((service) => west.listener(service)));
      const before = await ownersState(stage);

      const free = await stage.attacker("mallory");
      const bound = await stage.attacker("nina");
      await updateSite(stage.edge.client, stage.network.id, "nina", { mayOffer: [] });
      const seen: string[] = [];
      let held = true;
      for (const [who, thief] of [
        ["a member", free],
        ["a member that may offer nothing", bound],
      ] as const) {
        const theft = await steal(thief);
        const answers = await askAll(listeners);
        const unharmed = JSON.stringify(await ownersState(stage)) === JSON.stringify(before);
        held &&= unharmed && theft.opened.length === 0 && answers === "from the vault, from the ledger";
        seen.push(
          `${who}: ${theft.result}; clients were answered "${answers}", the thief got ${theft.opened.length} streams, ` +
            `the owner's uplink and offers ${unharmed ? "stayed" : "changed"}`,
        );
        theft.session?.close();
      }
      const contested = await listEvents(stage.edge.client, stage.network.id, {
        type: "uplink.contested",
        limit: 100,
      });
      const named = ["mallory", "nina"].every((name) => contested.some(({ actor }) => actor === name));
      return {
        held: held && named,
        tried:
          "an uplink as east's boot id with east's services on other ports, a session with west under it, then west's clients dial east's services",
        seen: seen.join(" · "),
        figures: { "events that name the thieves": contested.length },
      };
    } finally {
      await closeServers();
    }
  },
};

/** The registry's record of the owner: its state, instances and services. */
async function ownersState({ network }: Scene): Promise<object> {
  const { sites, services } = await network.status();
  const east = sites.find(({ name }) => name === "east");
  return {
    owner: [east?.state, east?.since, east?.instances, east?.services],
    services: services
      .filter(({ name }) => (SERVICES as readonly string[]).includes(name))
      .map(({ name, protocol, port }) => ({ name, protocol, port })),
  };
}

/** Returns the answers that clients of the owner's services get. */
async function askAll(listeners: readonly Address[]): Promise<string> {
  const ask = async (listener: Address) => (await exchange(listener, "")).toString();
  const answers = await Promise.all(
    listeners.map((listener) =>
      eventually("west's client is answered", () => ask(listener), { within: 60_000 }),
    ),
  );
  return answers.join(", ");
}

interface Theft {
  readonly result: string;
  readonly session: RawSession | null;
  /** Services of the streams that were opened to the thief. */
  readonly opened: readonly string[];
}

/** Offers services and gets a session with the shop under the boot id of the vault's owner. Then closes the uplink. */
async function steal(thief: RawConnector): Promise<Theft> {
  // A site that sees a service learns the boot ids of the sites that offer it.
  const first = await thief.open();
  first.send(thief.hello());
  const { services } = await first.next("welcome");
  const [owner, user] = [offering(services, "vault"), offering(services, "shop")];
  first.socket.terminate();

  const opened: string[] = [];
  // The offers are for the thief alone, so that no client may use them.
  const to = [thief.id];
  const offers = SERVICES.map((name): Offer => ({ name, protocol: "tcp", port: 1, encryption: "hop", to }));
  const uplink = await thief.uplinkAs({ boot: owner.boot, offers });
  try {
    await uplink.next("welcome");
    const invitation = await thief.request(uplink, "shop", { site: user.site, boot: user.boot });
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

/** Answers every stream that the peer opens, until the session ends. */
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
