/** Notices under random changes: their sum equals the present state. */
import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
  type IncomingLink,
  type LinkReport,
  type Offer,
  RegistryMessage,
  type VisibleService,
} from "../../../protocol/uplink/messages.ts";
import { describeForSite } from "../../../workers/registry/operations/describe.ts";
import { unwrap } from "../../../workers/result.ts";
import { createNetwork } from "../../support/workerd/client.ts";
import { contextOn } from "../../support/workerd/context.ts";
import { linkIn, type Member, offer, registryOf, TestUplink } from "../../support/workerd/member.ts";
import { Operator } from "../../support/workerd/operator.ts";
import { closeShop } from "../../support/workerd/shop.ts";

afterEach(closeShop);

const SITES = ["a", "b", "c"];

type Step =
  | { kind: "come" | "go" | "rename" | "revoke"; site: string }
  | { kind: "link"; site: string; issuer: string; cost: number }
  | { kind: "unlink"; which: number }
  | { kind: "offer"; site: string; names: string[]; to: string[] | null }
  | { kind: "allow"; site: string; mayOffer: string[] | null };

const site = fc.constantFrom(...SITES);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("come" as const, "go" as const), site }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("rename" as const, "revoke" as const), site }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("link" as const),
      site,
      issuer: fc.constantFrom("network", ...SITES),
      cost: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("unlink" as const), which: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("offer" as const),
      site,
      names: fc.subarray(["x", "y", "z"]),
      to: fc.option(fc.subarray([...SITES, "new"]), { nil: null }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("allow" as const),
      site,
      mayOffer: fc.option(fc.subarray(["x", "y"]), { nil: null }),
    }),
  },
);

/** A site's knowledge from its welcome and the notices after it. */
class ObservedView {
  readonly uplink: TestUplink;
  services = new Map<string, VisibleService>();
  links: { links: LinkReport[]; incoming: IncomingLink[] } = { links: [], incoming: [] };
  refused: string[] = [];

  constructor(uplink: TestUplink) {
    this.uplink = uplink;
  }

  /**
   * Applies received notices, and returns the view of a fresh welcome. Ignores the budget of status requests.
   */
  async catchUp() {
    const peer = { site: this.uplink.member.siteId, boot: this.uplink.boot };
    this.uplink.send({ type: "session.request", id: 1, service: "none", peer });
    for (;;) {
      const message = await this.uplink.take("anything", (data) =>
        RegistryMessage.parse(JSON.parse(String(data))),
      );
      if (message.type === "welcome") {
        this.services = new Map(message.services.map((one) => [one.name, one]));
        this.links = message;
        this.refused = message.refused.map(({ name }) => name);
      } else if (message.type === "services") {
        for (const name of message.gone) expect(this.services.delete(name)).toBe(true);
        for (const one of message.put) this.services.set(one.name, one);
      } else if (message.type === "links") this.links = message;
      else if (message.type === "offers.refused") this.refused = message.refused.map(({ name }) => name);
      else if (message.type === "error") return this.#fresh();
    }
  }

  #fresh() {
    const { member } = this.uplink;
    return runInDurableObject(registryOf(member), (_, state) => {
      return describeForSite(contextOn(state), member.siteId, []);
    });
  }
}

/** Round trips are not announced. Everything else is. */
const plain = <T extends { id: string; rtt?: number | null | undefined }>(links: T[]) =>
  links.map(({ rtt: _, ...link }) => link).sort((left, right) => (left.id < right.id ? -1 : 1));

class World {
  readonly ops: Operator;
  readonly members: Map<string, Member>;
  readonly there = new Map<string, ObservedView>();
  readonly certificates = new Map<string, string[]>(SITES.map((name) => [name, []]));
  readonly offers = new Map<string, Offer[]>();
  readonly names = new Map(SITES.map((name) => [name, name]));

  private constructor(ops: Operator, members: Map<string, Member>) {
    this.ops = ops;
    this.members = members;
  }

  static async make(name: string): Promise<World> {
    const ops = new Operator((await createNetwork(name)).id);
    const members = new Map<string, Member>();
    for (const one of SITES) members.set(one, await ops.member(one));
    return new World(ops, members);
  }

  nameOf(one: string): string {
    return this.names.get(one) ?? one;
  }

  async come(one: string): Promise<void> {
    const member = this.members.get(one);
    if (!member) throw new Error("no member");
    // A new uplink of the same process replaces the present one, and brings up a new link.
    const uplink = await TestUplink.dial(member, this.there.get(one)?.uplink.boot);
    const links = this.certificates.get(one) ?? [];
    uplink.send(uplink.hello({ links, offers: this.offers.get(one) ?? [] }));
    this.there.set(one, new ObservedView(uplink));
    await this.there.get(one)?.catchUp();
  }

  async take(step: Step): Promise<void> {
    const { registry } = this.ops;
    if (step.kind === "unlink") {
      const links = await this.ops.links();
      const link = links[step.which % Math.max(1, links.length)];
      if (link) unwrap(await registry.deleteLink(link.id, "ops"));
      return;
    }
    const name = this.nameOf(step.site);
    const known = this.there.get(step.site);
    switch (step.kind) {
      case "come":
        return this.come(step.site);
      case "go": {
        known?.uplink.socket.close(1000);
        this.there.delete(step.site);
        for (let up = known !== undefined; up; ) {
          up = unwrap(await registry.site(name)).state === "up";
        }
        return;
      }
      case "rename": {
        const next = name === "new" ? step.site : "new";
        if ((await registry.updateSite(name, { name: next }, "ops")).ok) this.names.set(step.site, next);
        return;
      }
      case "revoke":
        unwrap(await registry.revokeAccess({ issuer: name, all: false }, "ops"));
        return;
      case "link": {
        const claim = await this.ops.token(
          step.issuer === "network" ? {} : { issuer: this.nameOf(step.issuer) },
        );
        const answer = await this.ops.redeem(claim, name, this.members.get(step.site)?.keys, {
          cost: step.cost,
        });
        if (typeof answer === "string") return expect(["link.self", "link.exists"]).toContain(answer);
        this.certificates.get(step.site)?.push(linkIn(answer).certificate);
        if (known) await this.come(step.site);
        return;
      }
      case "offer": {
        const offers = step.names.map((one) => ({
          ...offer(one),
          ...(step.to === null ? {} : { to: step.to }),
        }));
        this.offers.set(step.site, offers);
        known?.uplink.send({ type: "offers", offers });
        await known?.catchUp();
        return;
      }
      case "allow":
        unwrap(await registry.updateSite(name, { mayOffer: step.mayOffer }, "ops"));
    }
  }

  async compare(): Promise<void> {
    for (const [one, known] of this.there) {
      const view = await known.catchUp();
      const services = [...known.services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      expect(services, `services of ${one}`).toEqual(view.services);
      expect(plain(known.links.links), `links of ${one}`).toEqual(plain(view.links));
      expect(plain(known.links.incoming), `incoming links of ${one}`).toEqual(plain(view.incoming));
      const rows = await this.ops.rows(
        "SELECT service FROM offers WHERE boot = ? AND refused IS NOT NULL ORDER BY service",
        known.uplink.boot,
      );
      expect(known.refused, `refused offers of ${one}`).toEqual(rows.map(({ service }) => service));
    }
  }
}

describe("the notices to a site", () => {
  it("add up to the present state, after any order of links, uplinks, offers, renames and revocations", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 30 }), async (steps) => {
        run += 1;
        const world = await World.make(`shop-${run}`);
        for (const one of SITES) await world.come(one);
        for (const step of steps) {
          await world.take(step);
          await world.compare();
        }
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
