/** Several sites send HELLO with as many sites in `to` as fit into a message, and then offers of that size. */
import {
  type Hello,
  MAX_EXPORTS,
  MAX_MESSAGE,
  type Offer,
  type RefusedOffer,
} from "../../../protocol/uplink/messages.ts";
import type { RawConnector } from "../../support/connector/raw-connector.ts";
import type { RawUplink } from "../../support/connector/raw-site.ts";
import { Neighbour } from "../../support/edge/neighbour.ts";
import { testOffer } from "../../support/traffic/flood.ts";
import type { AttackScript } from "../attack-script.ts";

const SITES = 4;
const SERVICES = 52;
/** Entries in `to` of each service, at the limit of the protocol. */
const ENTRIES = 1000;
/** Messages of each site, within its budget of characters. */
const MESSAGES = 24;
/** Turns of the attackers that a request may wait for on a busy machine, each as long as an allowed HELLO takes. */
const TURNS = 8;
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

export const script: AttackScript = {
  name: "large-hello",
  rule: "The offers of a site together name a bounded number of sites, and longer lists delay no other network.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    const { network } = stage;
    return await stage.besideNeighbour(async (neighbour) => {
      const attackers: RawConnector[] = [];
      for (let at = 0; at < SITES; at++) attackers.push(await stage.attacker(`mallory-${at}`));
      const rest = await neighbour.measure();
      const allowed = await measureAllowed(await stage.attacker("control"));
      const attacks = Promise.all(attackers.map(attack));
      const under = await neighbour.measure();
      const results = await attacks;
      const after = await neighbour.measure();
      const { services, sites } = await network.status();
      const room = MAX_EXPORTS / ENTRIES;
      const bounded = results.every(({ hello, offers }) => hello === SERVICES - room && offers === hello);
      const taken = services.flatMap((service) => service.sites).length;
      const up = sites.filter(({ state }) => state === "up").length;
      const bound = Math.max(Neighbour.bound(rest), TURNS * allowed);
      return {
        held: bounded && taken === SITES * room,
        tried: `${SITES} sites, each with ${MESSAGES} messages of ${SERVICES * ENTRIES} entries in \`to\``,
        seen:
          `of ${SERVICES} services each, ${results.map(({ hello }) => hello).join(", ")} were refused with quota.exports; ` +
          `${taken} offers are taken; ${up} sites are up`,
        waits: [
          { what: "another network's session during the attack", ms: under, bound },
          { what: "and after it", ms: after, bound },
        ],
        figures: {
          "another network's session at rest, ms": Math.round(rest),
          "a hello within the budget, ms": Math.round(allowed),
        },
      };
    });
  },
};

/** Measures a HELLO with the longest allowed lists, without an attack, ms: the median of three. */
async function measureAllowed(site: RawConnector): Promise<number> {
  const times: number[] = [];
  const offers = largeOffers(0).slice(0, MAX_EXPORTS / ENTRIES);
  for (let at = 0; at < 3; at++) {
    const uplink = await site.open();
    const began = performance.now();
    uplink.send(site.hello({ offers }));
    await uplink.next("welcome");
    times.push(performance.now() - began);
    // The next HELLO offers new services again.
    uplink.send({ type: "offers", offers: [] });
  }
  times.sort((left, right) => left - right);
  return times[1] ?? 0;
}

/** Returns how many offers were refused for their lists, in HELLO and in the last message. */
async function attack(site: RawConnector): Promise<{ hello: number; offers: number }> {
  const uplink = await site.open();
  uplink.send(fitting(site.hello({ offers: largeOffers(0) })));
  const hello = exportsOf((await uplink.next("welcome")).refused);
  for (let round = 1; round < MESSAGES; round++) {
    uplink.send(fitting({ type: "offers", offers: largeOffers(round) }));
  }
  return { hello, offers: await lastRefused(uplink) };
}

/** Waits for the refusals of the last offers, whose services have names of their own. */
async function lastRefused(uplink: RawUplink): Promise<number> {
  for (;;) {
    const { refused } = await uplink.next("offers.refused");
    if (refused.some(({ name }) => name.endsWith(`-${MESSAGES - 1}`))) return exportsOf(refused);
  }
}

const exportsOf = (refused: readonly RefusedOffer[]) =>
  refused.filter(({ code }) => code === "quota.exports").length;

/** Makes services with names of this round, each for another list of sites. */
function largeOffers(round: number): Offer[] {
  return Array.from({ length: SERVICES }, (_, at) => testOffer(`s${at}-${round}`, { to: sitesFrom(at) }));
}

/** Makes site names of one or two letters, so that many fit. */
function sitesFrom(start: number): string[] {
  const letter = (at: number) => LETTERS[at % LETTERS.length] ?? "";
  return Array.from({ length: ENTRIES }, (_, at) =>
    at % 4 === 0 ? letter(start + at) : letter(start + at) + letter(Math.floor(at / LETTERS.length)),
  );
}

/** Encodes a message. @throws Error when the message would be refused for its length alone */
function fitting(message: Hello | { type: "offers"; offers: Offer[] }): string {
  const text = JSON.stringify(message);
  if (text.length > MAX_MESSAGE) throw new Error(`The message has ${text.length} characters.`);
  return text;
}
