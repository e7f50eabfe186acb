/** A member with the sessions of a real connector that requests a session for one service and opens another in it. */
import { silent } from "../../../connector/log.ts";
import { SessionManager } from "../../../connector/session/manager.ts";
import type { SessionStream } from "../../../connector/session/session-stream.ts";
import { membershipFrom } from "../../../connector/site/membership.ts";
import { dialLane } from "../../../connector/uplink/dial.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Instance, Welcome } from "../../../protocol/uplink/messages.ts";
import { eventually } from "../process/cluster.ts";
import { offering } from "./offering.ts";
import type { RawSite, RawUplink } from "./raw-site.ts";

export class Rogue {
  readonly site: RawSite;
  readonly uplink: RawUplink;
  readonly welcome: Welcome;
  readonly #manager: SessionManager;
  #requests = 0;

  private constructor(site: RawSite, uplink: RawUplink, welcome: Welcome) {
    this.site = site;
    this.uplink = uplink;
    this.welcome = welcome;
    const { admission, edge } = site;
    const { links: gateway, audience } = admission.edge;
    const address = { api: edge.apiUrl, gateway, audience };
    const terms = { address, ca: edge.ca, network: admission.network.id, token: "" };
    const membership = membershipFrom(admission, terms, () => true);
    const member = { membership, keyPem: site.keyPem, assert: () => site.assertion({ purpose: "lane" }) };
    this.#manager = new SessionManager({
      boot: site.boot,
      identity: () => ({
        network: membership.network.id,
        site: membership.site.id,
        certificate: membership.chain,
        key: site.keyPem,
        authority: membership.authority,
      }),
      signalling: {
        request: async (service, peer) => {
          uplink.send({ type: "session.request", id: ++this.#requests, service, peer });
          return (await uplink.next("session.grant")).invitation;
        },
        resume: () => Promise.reject(new FairleadError("session.unknown")),
        ended: () => {},
      },
      dial: (ticket, signal) => dialLane(member, ticket, signal),
      opened: (stream) => void stream.destroy(new FairleadError("service.unknown")),
      log: silent,
    });
  }

  /** Opens an uplink and sends HELLO. */
  static async enter(site: RawSite): Promise<Rogue> {
    const uplink = await site.open();
    uplink.send(site.hello());
    return new Rogue(site, uplink, await uplink.next("welcome"));
  }

  /** Returns the instance that offers a service in this site's view. */
  offering(service: string): Instance {
    return offering(this.welcome.services, service);
  }

  /** Opens a stream. An existing session with the peer is used without a request to the edge. */
  async open(service: string, peer: Instance): Promise<SessionStream> {
    const stream = await this.#manager.open(service, peer);
    stream.on("error", () => {});
    return stream;
  }

  /** Opens a stream. Returns the code of its refusal, or "accepted". */
  async outcome(service: string, peer: Instance): Promise<string> {
    const stream = await this.open(service, peer);
    return await stream.accepted.then(
      () => "accepted",
      (error: FairleadError) => error.code,
    );
  }

  /** Ids of the sessions that are up. */
  get sessions(): string[] {
    return this.#manager.sessions().map(({ session }) => session);
  }

  /** Waits for a notice that takes a service away. */
  async loses(service: string): Promise<void> {
    await eventually(`${service} is gone`, async () =>
      (await this.uplink.next("services")).gone.includes(service),
    );
  }

  async close(): Promise<void> {
    await this.#manager.close();
    this.uplink.socket.terminate();
  }
}
