/** A viewer of a network's live channel. */
import { env } from "cloudflare:workers";
import { LiveStatus } from "../../../protocol/api/live.ts";
import { ask } from "./client.ts";
import { ADMIN_KEY, API_URL } from "./environment.ts";
import { Line } from "./member.ts";

type Sent<T> = Extract<LiveStatus, { type: T }>;
type Delta = Sent<"delta">;

/** Asks for the live channel with a key, or without an upgrade. */
export function watch(network: string, { key = ADMIN_KEY, upgrade = true } = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, ...(upgrade ? { upgrade: "websocket" } : {}) };
  return ask(`${API_URL}/v1/networks/${network}/live`, { headers }, env);
}

export class TestViewer extends Line {
  static async open(network: string, key?: string): Promise<TestViewer> {
    return new TestViewer(await watch(network, key === undefined ? {} : { key }));
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Returns the next message of a type. */
  next<T extends LiveStatus["type"]>(type: T): Promise<Sent<T>> {
    return this.take(`"${type}" to a viewer`, (data) => {
      if (data === "P") return null;
      const message = LiveStatus.parse(JSON.parse(String(data)));
      return message.type === type ? (message as Sent<T>) : null;
    });
  }

  /** Waits for deltas until one of them fits, and returns all of them. */
  async until(what: string, fits: (delta: Delta) => boolean): Promise<Delta[]> {
    const seen: Delta[] = [];
    while (!seen.some(fits)) {
      const delta = await this.next("delta").catch((cause: unknown) => {
        throw new Error(`${what} did not come: ${JSON.stringify(seen)}`, { cause });
      });
      seen.push(delta);
    }
    return seen;
  }
}
