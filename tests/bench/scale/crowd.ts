/**
 * A crowd of sites in one process. Each has its own key, certificates and uplink, and sends the messages of a
 * connector.
 */
import { EdgeClient } from "../../../connector/net/edge-client.ts";
import { KEEPALIVE, type Offer, type VisibleService } from "../../../protocol/uplink/messages.ts";
import { abreast } from "../../support/clock/abreast.ts";
import { RawSite, type RawUplink } from "../../support/connector/raw-site.ts";
import type { Edge } from "../../support/edge/edge.ts";

/** Sites that join, dial or ask at the same time. */
const ABREAST = 8;

/** A site of the crowd and its uplink. */
export class CrowdMember {
  readonly site: RawSite;
  readonly offers: Offer[] = [];
  #uplink: RawUplink | null = null;
  #requests = 0;
  #keepalive: NodeJS.Timeout | undefined;

  constructor(site: RawSite) {
    this.site = site;
  }

  /** @throws Error while the site has none */
  get uplink(): RawUplink {
    if (this.#uplink === null) throw new Error(`The site ${this.site.admission.site.name} has no uplink.`);
    return this.#uplink;
  }

  /** Opens the uplink and says hello; resolves with what the site sees. */
  async connect(): Promise<readonly VisibleService[]> {
    const uplink = await this.site.open();
    this.#uplink = uplink;
    const ping = () => uplink.send(KEEPALIVE.ping);
    this.#keepalive = setInterval(ping, KEEPALIVE.everyMs).unref();
    uplink.send(this.site.hello({ offers: this.offers }));
    return (await uplink.next("welcome")).services;
  }

  /** Ends the uplink as a lost path does: without a goodbye. */
  async disconnect(): Promise<void> {
    const uplink = this.uplink;
    this.#uplink = null;
    clearInterval(this.#keepalive);
    uplink.socket.terminate();
    await uplink.closed;
  }

  /** Offers one more service. */
  expose(name: string): void {
    this.offers.push({ name, protocol: "tcp", port: 80 });
    this.uplink.send({ type: "offers", offers: this.offers });
  }

  /**
   * When a message that names the service has come over the uplink, ms of `performance.now()`. Nothing is
   * parsed for it. Of the receiving side, only TLS and the frames of all sites before it are in the time.
   */
  sees(name: string): Promise<number> {
    const { socket } = this.uplink;
    const wanted = JSON.stringify(name);
    return new Promise((resolve, reject) => {
      const done = () => socket.off("message", look).off("close", lost);
      const look = (data: Buffer) => {
        if (!data.includes(wanted)) return;
        done();
        resolve(performance.now());
      };
      const lost = () => {
        done();
        reject(new Error(`An uplink closed before ${name} was seen.`));
      };
      socket.on("message", look).on("close", lost);
    });
  }

  /** Asks for a session with an instance that offers the service; resolves with its id. */
  async request(service: string, peer: CrowdMember): Promise<string> {
    const { uplink } = this;
    this.#requests += 1;
    uplink.send({
      type: "session.request",
      id: this.#requests,
      service,
      peer: { site: peer.site.id, boot: peer.site.boot },
      lanes: 1,
    });
    const refused = uplink.next("error").then(({ error }) => Promise.reject(new Error(error.code)));
    refused.catch(() => {});
    const grant = await Promise.race([uplink.next("session.grant"), refused]);
    return grant.invitation.session;
  }
}

/** Has every member do something, a few at the same time. */
export async function each(
  members: readonly CrowdMember[],
  work: (member: CrowdMember) => Promise<unknown>,
): Promise<void> {
  await abreast(members, ABREAST, work);
}

/** Joins sites by a token, each over a connection of its own, as connectors do. */
export async function joinAll(edge: Edge, token: string, names: readonly string[]): Promise<CrowdMember[]> {
  const members: CrowdMember[] = [];
  await abreast(names, ABREAST, async (name) => {
    const client = new EdgeClient({ url: edge.localUrl, ca: edge.ca });
    try {
      members.push(new CrowdMember(await RawSite.join(edge, token, name, client)));
    } finally {
      await client.close();
    }
  });
  return members;
}
