import { describe, expect, it } from "vitest";
import { SentOffers } from "../../../../connector/runtime/sent-offers.ts";
import { type Hello, MAX_MESSAGE, type Offer } from "../../../../protocol/uplink/messages.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { exportDetails, longDetails } from "../../../support/edge/export-details.ts";

const offer = (name: string, facts: Partial<Offer> = {}): Offer => ({
  ...{ name, protocol: "tcp", port: 80 },
  ...facts,
});
const helloOf = (...offers: Offer[]): Hello => ({
  ...{ type: "hello", versions: { min: 1, max: 1 }, boot: randomId("boot"), software: "test" },
  ...{ links: [], offers, sessions: [], listeners: [] },
});
const exported = (name: string): Offer => offer(name, { export: exportDetails({ name }) });
const many = (count: number): Offer[] =>
  Array.from({ length: count }, (_, at) => offer(`s${at}`, { export: longDetails(`s${at}`) }));

/** After the welcome of an edge. */
function welcomed(offers: readonly Offer[], knowsExports = true) {
  const sent = new SentOffers();
  sent.greet(helloOf(...offers));
  sent.welcomed(knowsExports);
  return sent;
}

describe("SentOffers", () => {
  it("has nothing to send of what the hello had, and then only what changed", () => {
    const sent = welcomed([offer("api"), exported("db")]);
    expect(sent.update([offer("api"), exported("db")])).toEqual([]);
    const down = offer("api", { down: [80] });
    expect(sent.update([down, exported("db")])).toEqual([{ type: "offers.changed", put: [down], gone: [] }]);
    expect(sent.update([down, exported("db")])).toEqual([]);
    expect(sent.update([exported("db"), offer("new")])).toEqual([
      { type: "offers.changed", put: [offer("new")], gone: ["api"] },
    ]);
    expect(sent.update([])).toEqual([{ type: "offers", offers: [] }]);
  });

  it("compares with the hello of the uplink, whatever was sent on the one before", () => {
    const sent = welcomed([offer("api")]);
    sent.greet(helloOf(offer("api")));
    sent.update([offer("api"), offer("db")]);
    sent.welcomed(true);
    expect(sent.update([offer("api"), offer("db")])).toEqual([
      { type: "offers.changed", put: [offer("db")], gone: [] },
    ]);
  });

  it("sends an older edge all offers without details, and nothing when details alone change", () => {
    const sent = welcomed([exported("api"), offer("db", { headless: { of: "dbs", host: "db-0" } })], false);
    expect(sent.update([offer("api"), offer("db")])).toEqual([]);
    expect(sent.update([exported("api"), exported("new")])).toEqual([
      { type: "offers", offers: [offer("api"), offer("new")] },
    ]);
  });

  it("leaves details out of a hello that would be too long, and sends them after the welcome", () => {
    const offers = many(80);
    const sent = new SentOffers();
    const hello = sent.greet(helloOf(...offers));
    expect(JSON.stringify(hello).length).toBeLessThanOrEqual(MAX_MESSAGE);
    const following = hello.offers.filter(({ detailsFollow }) => detailsFollow);
    expect(following.length).toBeGreaterThan(40);
    expect(following.every(({ export: exported }) => exported === undefined)).toBe(true);
    expect(hello.offers.length - following.length).toBeGreaterThan(25);
    sent.welcomed(true);
    const messages = sent.update(offers);
    const put = messages.flatMap((message) => (message.type === "offers.changed" ? message.put : []));
    expect(put.map(({ name }) => name)).toEqual(following.map(({ name }) => name));
    for (const message of messages) expect(JSON.stringify(message).length).toBeLessThanOrEqual(MAX_MESSAGE);
  });

  it("splits a change, with what ends first", () => {
    const sent = welcomed(Array.from({ length: 700 }, (_, at) => offer(`old-${at}`)));
    const messages = sent.update(Array.from({ length: 700 }, (_, at) => offer(`new-${at}`)));
    const sizes = messages.map((message) =>
      message.type === "offers.changed" ? [message.gone.length, message.put.length] : [],
    );
    expect(sizes).toEqual([
      [700, 300],
      [0, 400],
    ]);
  });
});
