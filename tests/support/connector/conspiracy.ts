/** Two members that hold a lane of their own and let go of it for nobody: whatever they are told, they go on sending. */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import type { Attempt, RawSite, RawUplink } from "./raw-site.ts";

const SERVICE = "conspiracy";
const OFFER = { name: SERVICE, protocol: "tcp", port: 1 } as const;
/** One to meet on, and one to try later. */
const LANES = 2;
const EVERY_MS = 10;

/** Requests of this file have numbers of their own. */
let requests = 1_000_000;

export class Conspiracy {
  readonly left: RawSite;
  readonly right: RawSite;
  readonly #uplink: RawUplink;
  readonly #lanes: readonly WebSocket[];
  readonly #timer: NodeJS.Timeout;
  readonly #unused: string;
  readonly #session: string;
  /** Messages that came through, of either side. */
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

  /** Both say hello, one asks for a session with the other, and both dial. */
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

  /** Resolves when neither end of the lane is open any more. */
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
   * Asks over and over for a session for a service that nobody offers, which costs nothing; resolves when the edge
   * refuses for another reason than that. Returns the code; "closed" when the uplink itself is gone.
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
      // As often as a site's budget allows for as long as it takes.
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Dials with a ticket that was never used. */
  async retry(): Promise<Attempt> {
    return await this.left.dialLane(this.#unused);
  }

  /** Asks for new lanes of the session. Returns the code of the refusal. */
  async resume(): Promise<string> {
    this.#uplink.send({ type: "session.resume", id: ++requests, session: this.#session, generation: 1 });
    return (await this.#uplink.next("error")).error.code;
  }
}
