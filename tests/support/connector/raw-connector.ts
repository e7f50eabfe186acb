/**
 * A connector that keeps no rule: a member of a network with a good certificate, and each layer of the protocol
 * to be used by hand.
 *
 *     uplink    open(), connect(), assertion(), hello() of RawSite; uplinkAs() and assertAs() choose the instance;
 *               RawUplink.send() sends any bytes
 *     lane      dialLane() of RawSite takes any ticket, assertion and certificate; RawLane says any preface and
 *               any message of the carrier
 *     session   RawSession: TLS over a lane, and any frame on it
 */
import type { Purpose } from "../../../protocol/uplink/assertions.ts";
import type { Invitation, Offer } from "../../../protocol/uplink/messages.ts";
import { RawLane } from "./raw-lane.ts";
import { RawSession, type RawSessionOptions } from "./raw-session.ts";
import { RawSite, type RawUplink } from "./raw-site.ts";

/** What a member may choose of its instance. */
export interface ChosenInstance {
  readonly boot: string;
  /** Of the assertion; the registry takes rising ones only. Above every honest one unless given. */
  readonly counter?: number;
  readonly offers?: readonly Offer[];
}

/** Requests of this file have numbers of their own. */
let requests = 5_000_000;
/** Above any counter of an honest process. */
let counters = 1_000_000;

export class RawConnector extends RawSite {
  /** An assertion in the name of any instance. */
  async assertAs(boot: string, purpose: Purpose, counter = ++counters): Promise<string> {
    return await this.assertion({ purpose, jti: `${boot}.${counter}` });
  }

  /** Opens an uplink under any boot id and counter, and says hello on it; the answer is the script's to read. */
  async uplinkAs({ boot, counter, offers = [] }: ChosenInstance): Promise<RawUplink> {
    const uplink = await this.open({ assertion: await this.assertAs(boot, "uplink", counter) });
    uplink.send(this.hello({ boot, offers: [...offers] }));
    return uplink;
  }

  /** Asks for a session. @throws Error with the refusal's code, or when the uplink ends first */
  async request(
    uplink: RawUplink,
    service: string,
    peer: { readonly site: string; readonly boot: string },
    lanes = 1,
  ): Promise<Invitation> {
    const id = ++requests;
    uplink.send({ type: "session.request", id, service, peer, lanes });
    // Both wait from here on; whichever does not come ends with the uplink, and nobody asks.
    const answers = [
      uplink.next("session.grant").then(({ invitation }) => invitation),
      uplink.next("error").then(({ error }) => Promise.reject(new Error(error.code))),
    ];
    for (const answer of answers) answer.catch(() => {});
    return await Promise.race(answers);
  }

  /** Opens the first lane of an invitation as any instance; nothing is said on it yet. @throws Error when refused */
  async lane({ ticket }: Pick<Invitation, "ticket">, boot = this.boot): Promise<RawLane> {
    return await RawLane.open(this, ticket, await this.assertAs(boot, "lane"));
  }

  /** Opens a session for an invitation: preface, TLS with this member's certificate, and nothing on it yet. */
  async session(invitation: Invitation, options: Partial<RawSessionOptions> = {}): Promise<RawSession> {
    const { boot = this.boot } = options;
    const assertion = await this.assertAs(boot, "lane");
    return await RawSession.open(this, invitation, { ...options, boot, assertion });
  }
}
