/**
 * The router: joins the two ends of a lane. One object serves one pair of sites.
 *
 * Each of the two upgrade requests gets one end of the same WebSocketPair. From then on the runtime moves the
 * bytes itself, with backpressure, and no code here runs. Therefore the router cannot close
 * a joined lane or learn of its end: the registry aborts the whole object instead, and the connectors report
 * ended lanes.
 */
import { DurableObject } from "cloudflare:workers";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { closeCodeFor } from "../../protocol/uplink/messages.ts";
import { Ticket, VERIFIED_TICKET_HEADER } from "../authority/ticket.ts";
import { errorResponse } from "../error-response.ts";
import { laneKey, MEET_MS, Rendezvous } from "./rendezvous.ts";

export class Router extends DurableObject {
  readonly #rendezvous = new Rendezvous();
  /** The ends that wait for the other side of their lane, and the timer of each wait. */
  readonly #waiting = new Map<string, { end: WebSocket; timer: ReturnType<typeof setTimeout> }>();

  override async fetch(request: Request): Promise<Response> {
    const ticket = Ticket.parse(JSON.parse(request.headers.get(VERIFIED_TICKET_HEADER) ?? "null"));
    for (const lane of this.#rendezvous.endOlder(ticket)) this.#closeWaiting(lane, "ticket.stale");
    const outcome = this.#rendezvous.arrive(ticket, Date.now());
    const key = laneKey(ticket);
    switch (outcome.kind) {
      case "refuse":
        return errorResponse(new FairleadError(outcome.code));
      case "wait": {
        const pair = new WebSocketPair();
        const timer = setTimeout(() => this.#endWait(ticket), ticket.meetMs ?? MEET_MS);
        this.#waiting.set(key, { end: pair[1], timer });
        return new Response(null, { status: 101, webSocket: pair[0] });
      }
      case "join": {
        const end = this.#take(key);
        if (!end) return errorResponse(new FairleadError("lane.unmet"));
        return new Response(null, { status: 101, webSocket: end });
      }
    }
  }

  #take(key: string): WebSocket | null {
    const waiting = this.#waiting.get(key);
    if (!waiting) return null;
    this.#waiting.delete(key);
    clearTimeout(waiting.timer);
    return waiting.end;
  }

  #endWait(ticket: Ticket): void {
    if (this.#rendezvous.endWait(ticket)) this.#closeWaiting(laneKey(ticket), "lane.unmet");
  }

  /** Closes a waiting end with an error. */
  #closeWaiting(key: string, code: ErrorCode): void {
    const end = this.#take(key);
    if (!end) return;
    end.accept();
    end.close(closeCodeFor(new FairleadError(code).entry.status), code);
  }

  /** Ends every lane of this pair of sites at once, and this object with them. */
  cut(): void {
    this.ctx.abort("The registry cut this pair of sites.");
  }
}
