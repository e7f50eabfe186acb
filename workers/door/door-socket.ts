/**
 * Joins WebSockets between the clients of a door and the targets of a site, without code per message: as the router
 * does for lanes, each of two upgrade requests gets one end of a WebSocketPair, and the runtime moves the messages
 * with backpressure. So code here can neither close a joined WebSocket nor learn of its end; the registry ends the
 * whole object.
 */
import { DurableObject } from "cloudflare:workers";
import { FairleadError } from "../../protocol/errors.ts";
import { TIME_LIMITS } from "../../protocol/time-limits.ts";
import { closeCodeFor } from "../../protocol/uplink/messages.ts";
import { DoorTicket, VERIFIED_DOOR_TICKET_HEADER } from "../authority/door-ticket.ts";
import { errorResponse } from "../error-response.ts";
import { DOOR_SOCKET_HEADER, DoorSocketEnd } from "./door-request.ts";

interface Waiting {
  readonly side: "client" | "connector";
  readonly end: WebSocket;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class DoorSocket extends DurableObject {
  readonly #waiting = new Map<string, Waiting>();
  /** WebSockets that were joined or given up, with the end of their tickets' validity, ms. */
  readonly #used = new Map<string, number>();

  override async fetch(request: Request): Promise<Response> {
    const ticket = request.headers.get(VERIFIED_DOOR_TICKET_HEADER);
    if (ticket !== null) {
      const { data } = DoorTicket.safeParse(JSON.parse(ticket));
      if (data?.purpose !== "socket") return errorResponse(new FairleadError("ticket.invalid"));
      return this.#arrive(data.socket, "connector", new Headers());
    }
    const client = DoorSocketEnd.parse(JSON.parse(request.headers.get(DOOR_SOCKET_HEADER) ?? "null"));
    const headers = new Headers();
    for (let at = 0; at + 1 < client.fields.length; at += 2) {
      headers.append(client.fields[at] ?? "", client.fields[at + 1] ?? "");
    }
    return this.#arrive(client.socket, "client", headers);
  }

  /** Ends every WebSocket of this object, and the object with them. */
  cut(): void {
    this.ctx.abort("The registry ended the WebSockets of this site.");
  }

  #arrive(socket: string, side: Waiting["side"], headers: Headers): Response {
    const other = this.#waiting.get(socket);
    if (other === undefined) {
      if (this.#isUsed(socket)) return errorResponse(new FairleadError("ticket.replayed"));
      const pair = new WebSocketPair();
      const timer = setTimeout(() => this.#endWait(socket), TIME_LIMITS.meeting.least);
      this.#waiting.set(socket, { side, end: pair[1], timer });
      return new Response(null, { status: 101, webSocket: pair[0], headers });
    }
    if (other.side === side) return errorResponse(new FairleadError("ticket.replayed"));
    this.#release(socket);
    clearTimeout(other.timer);
    return new Response(null, { status: 101, webSocket: other.end, headers });
  }

  /** Whether the WebSocket had both of its ends before. */
  #isUsed(socket: string): boolean {
    const now = performance.now();
    for (const [used, until] of this.#used) if (until <= now) this.#used.delete(used);
    return this.#used.has(socket);
  }

  #release(socket: string): void {
    this.#waiting.delete(socket);
    this.#used.set(socket, performance.now() + TIME_LIMITS.ticket.most);
  }

  #endWait(socket: string): void {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return;
    this.#release(socket);
    waiting.end.accept();
    waiting.end.close(closeCodeFor(new FairleadError("lane.unmet").entry.status), "lane.unmet");
  }
}
