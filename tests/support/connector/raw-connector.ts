/**
 * A connector that a test drives by hand at each layer of the protocol, as a member with a good certificate.
 *
 *     uplink    open(), connect(), assertion(), hello() of RawSite; uplinkAs() and assertAs() choose the instance;
 *               RawUplink.send() sends any bytes
 *     lane      dialLane() of RawSite takes any ticket, assertion and certificate; RawLane sends any preface and
 *               any message of the carrier
 *     session   RawSession: TLS over a lane, and any frame on it
 */
import type { Purpose } from "../../../protocol/uplink/assertions.ts";
import type { Invitation, Offer } from "../../../protocol/uplink/messages.ts";
import { RawLane } from "./raw-lane.ts";
import { RawSession, type RawSessionOptions } from "./raw-session.ts";
import { RawSite, type RawUplink } from "./raw-site.ts";

/** The parts of its instance that a member may choose. */
export interface ChosenInstance {
  readonly boot: string;
  /** Counter of the assertion, which must rise. The default is above every honest counter. */
  readonly counter?: number;
  readonly offers?: readonly Offer[];
}

/** Request ids of this file, apart from those of other files. */
let requests = 5_000_000;
/** Above any counter of an honest process. */
let counters = 1_000_000;

export class RawConnector extends RawSite {
  /** Makes an assertion in the name of any instance. */
  async assertAs(boot: string, purpose: Purpose, counter = ++counters): Promise<string> {
    return await this.assertion({ purpose, jti: `${boot}.${counter}` });
  }

  /** Opens an uplink under any boot id and counter, and sends HELLO. The caller reads the answer. */
  async uplinkAs({ boot, counter, offers = [] }: ChosenInstance): Promise<RawUplink> {
    const uplink = await this.open({ assertion: await this.assertAs(boot, "uplink", counter) });
    uplink.send(this.hello({ boot, offers: [...offers] }));
    return uplink;
  }

  /** Requests a session. @throws Error with the code of the refusal, or when the uplink closes first */
  async request(
    uplink: RawUplink,
    service: string,
    peer: { readonly site: string; readonly boot: string },
    lanes = 1,
  ): Promise<Invitation> {
    const id = ++requests;
    uplink.send({ type: "session.request", id, service, peer, lanes });
    // The answer that does not come rejects when the uplink closes, which is ignored.
    const answers = [
      uplink.next("session.grant").then(({ invitation }) => invitation),
      uplink.next("error").then(({ error }) => Promise.reject(new Error(error.code))),
    ];
    for (const answer of answers) answer.catch(() => {});
    return await Promise.race(answers);
  }

  /** Opens the first lane of an invitation as any instance, without a preface. @throws Error when refused */
  async lane({ ticket }: Pick<Invitation, "ticket">, boot = this.boot): Promise<RawLane> {
    return await RawLane.open(this, ticket, await this.assertAs(boot, "lane"));
  }

  /** Opens a session for an invitation: preface and TLS with this member's certificate, without HELLO. */
  async session(invitation: Invitation, options: Partial<RawSessionOptions> = {}): Promise<RawSession> {
    const { boot = this.boot } = options;
    const assertion = await this.assertAs(boot, "lane");
    return await RawSession.open(this, invitation, { ...options, boot, assertion });
  }
}
