/** Two members that hold a lane and keep sending on it, whatever the registry sends them. */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import type { Attempt, RawSite, RawUplink } from "./raw-site.ts";

const SERVICE = "conspiracy";
const OFFER = { name: SERVICE, protocol: "tcp", port: 1 } as const;
/** One lane to use, and one ticket to try later. */
const LANES = 2;
const EVERY_MS = 10;

/** Request ids of this file, apart from those of other files. */
let requests = 1_000_000;

export class Conspiracy {
  readonly left: RawSite;
  readonly right: RawSite;
  readonly #uplink: RawUplink;
  readonly #lanes: readonly WebSocket[];
  readonly #timer: NodeJS.Timeout;
  readonly #unused: string;
  readonly #session: string;
  /** Messages that arrived on either side. */
  received = 0;

  private constructor(
    sites: readonly [RawSite, RawSite],
    uplink: RawUplink,
    lanes: readonly WebSocket[],
    invitation: Invitation,
  ) {
    [this.left, this.right] = sites;
    this.#uplink = uplink;
    this.#lanes = lanes;
    this.#session = invitation.session;
    this.#unused = invitation.tickets?.[1] ?? "";
    for (const lane of lanes) {
      lane.on("message", () => {
        this.received += 1;
      });
    }
    this.#timer = setInterval(() => {
      for (const lane of lanes) if (lane.readyState === WebSocket.OPEN) lane.send(randomBytes(100));
    }, EVERY_MS);
  }

  /** Connects both members, requests a session between them, and dials both ends of its lane. */
  static async begin(left: RawSite, right: RawSite): Promise<Conspiracy> {
    const [asks, answers] = [await left.connect(), await right.connect([OFFER])];
    const peer = { site: right.id, boot: right.boot };
    asks.send({ type: "session.request", id: ++requests, service: SERVICE, peer, lanes: LANES });
    const granted = (await asks.next("session.grant")).invitation;
    const offered = (await answers.next("session.offer")).invitation;
    const dialled = await Promise.all([left.dialLane(granted.ticket), right.dialLane(offered.ticket)]);
    const lanes = dialled.map((dial) => {
      if (dial.kind !== "open") throw new Error(`no lane: ${JSON.stringify(dial)}`);
      return dial.socket;
    });
    return new Conspiracy([left, right], asks, lanes, granted);
  }

  /** Resolves when both ends of the lane are closed. */
  async ended(): Promise<void> {
    await Promise.all(
      this.#lanes.map((lane) =>
        lane.readyState === WebSocket.CLOSED
          ? undefined
          : new Promise<void>((resolve) => lane.once("close", () => resolve())),
      ),
    );
    clearInterval(this.#timer);
  }

  /**
   * Requests sessions for a service that no site offers, until the edge refuses with another code than service.unknown.
   * Returns that code, or "closed" when the uplink is closed.
   */
  async refused(): Promise<string> {
    const peer = { site: this.right.id, boot: this.right.boot };
    for (;;) {
      this.#uplink.send({ type: "session.request", id: ++requests, service: "nothing", peer });
      const code = await this.#uplink.next("error").then(
        ({ error }) => error.code,
        () => "closed",
      );
      if (code !== "service.unknown") return code;
      // A rate that the budget of a site allows without end.
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Dials with an unused ticket. */
  async retry(): Promise<Attempt> {
    return await this.left.dialLane(this.#unused);
  }

  /** Requests new lanes of the session. Returns the code of the refusal. */
  async resume(): Promise<string> {
    this.#uplink.send({ type: "session.resume", id: ++requests, session: this.#session, generation: 1 });
    return (await this.#uplink.next("error")).error.code;
  }
}
