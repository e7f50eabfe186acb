import { env } from "cloudflare:workers";
import { Admission, type Redeem } from "../../../protocol/api/admission.ts";
import { encodeBase64 } from "../../../protocol/encoding.ts";
import { parseClaim } from "../../../protocol/tokens.ts";
import type { KeyPair } from "../../../workers/authority/keys.ts";
import { unwrap } from "../../../workers/result.ts";
import { createCsr, newKeys } from "../authority/test-site.ts";
import { openLane } from "./lane.ts";
import { granted, type Line, linkIn, type Member, memberFrom, type TestUplink } from "./member.ts";
import { runSql } from "./stored.ts";

/** The operator of a network, with calls to its registry. */
export class Operator {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  get registry() {
    return env.REGISTRY.getByName(this.id);
  }

  /** Creates a token. Returns its claim. */
  async token(options: { issuer?: string; uses?: number } = {}): Promise<string> {
    const request = { uses: 1, expirySeconds: 900, actor: "ops", ...options };
    return unwrap(await this.registry.createToken(request)).claim;
  }

  async createSite(name: string, mayOffer: string[] | null = null) {
    const request = { name, mayOffer, expirySeconds: 900 };
    return unwrap(await this.registry.createSite({ request, actor: "ops" }));
  }

  /** Joins a member without links. */
  async member(name: string): Promise<Member> {
    const { claim } = await this.createSite(name);
    const keys = await newKeys();
    return memberFrom(admitted(await this.redeem(claim, name, keys)), keys);
  }

  /** Redeems a claim. Returns the admission, or the code of the refusal. */
  async redeem(
    claim: string,
    site: string,
    keys?: KeyPair,
    link?: Redeem["link"],
  ): Promise<Admission | string> {
    const parsed = parseClaim(claim);
    if (parsed === null) throw new Error("no claim");
    const csr = encodeBase64(await createCsr(keys ?? (await newKeys())));
    const request = link === undefined ? { claim: parsed, site, csr } : { claim: parsed, site, csr, link };
    const answer = await this.registry.redeem(request);
    return answer.ok ? Admission.parse(answer.value) : answer.error.code;
  }

  /** Links a member to an issuer. Returns id and certificate of the link. */
  async link(member: Member, issuer: string, link?: Redeem["link"]) {
    const admission = await this.redeem(await this.token({ issuer }), member.name, member.keys, link);
    return linkIn(admitted(admission));
  }

  async links() {
    return unwrap(await this.registry.status()).links;
  }

  async events(type?: string) {
    const all = unwrap(await this.registry.events({ limit: 1000 })).events;
    return type === undefined ? all : all.filter((event) => event.type === type);
  }

  rows(statement: string, ...values: (string | number | null)[]) {
    return runSql({ networkId: this.id }, statement, ...values);
  }
}

export function admitted(answer: Admission | string | undefined): Admission {
  if (typeof answer !== "object") throw new Error(`not admitted: ${answer}`);
  return answer;
}

/** Opens a session between two uplinks with a joined lane. Returns its two ends. */
export async function talk(
  from: TestUplink,
  to: TestUplink,
  service: string,
): Promise<{ session: string; tickets: [string, string]; ends: [Line, Line] }> {
  const mine = await granted(from.request(to, service));
  const theirs = (await to.next("session.offer")).invitation;
  const ends: [Line, Line] = [await openLane(from, mine), await openLane(to, theirs)];
  return { session: mine.session, tickets: [mine.ticket, theirs.ticket], ends };
}

/** Returns the sessions of `session.cut` messages that an uplink received, with their codes. */
export const cutsAt = (uplink: TestUplink): string[][] =>
  uplink.waiting("session.cut").map(({ session, code }) => [session, code]);
