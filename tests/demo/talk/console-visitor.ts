/** A visitor of the console who signs in with a password, and asks what its pages ask. */
import { once } from "node:events";
import { WebSocket } from "ws";
import type * as z from "zod";
import { CONSOLE_HEADER } from "../../../protocol/api/console.ts";
import { NetworkStatus } from "../../../protocol/api/status.ts";
import { Traffic } from "../../../protocol/api/traffic.ts";

export class ConsoleVisitor {
  readonly #origin: string;
  readonly #cookie: string;
  #socket: WebSocket | null = null;

  private constructor(origin: string, cookie: string) {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  /** @param url of the console @throws Error when the page or the sign-in fails */
  static async signIn(url: string, user: string, password: string): Promise<ConsoleVisitor> {
    const page = await fetch(url);
    if (page.status !== 200 || !/<!doctype html>/i.test(await page.text()))
      throw new Error(`GET ${url} got status ${page.status}, not the console's page.`);
    const { origin } = new URL(url);
    const headers = { origin, [CONSOLE_HEADER]: "1", "content-type": "application/json" };
    const body = JSON.stringify({ user, password });
    const answer = await fetch(`${origin}/v1/session`, { method: "POST", headers, body });
    if (answer.status !== 200) throw new Error(`The sign-in got status ${answer.status}.`);
    const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    return new ConsoleVisitor(origin, cookie);
  }

  async status(network: string): Promise<NetworkStatus> {
    return await this.#get(`/v1/networks/${network}/status`, NetworkStatus);
  }

  /** Traffic by the process of the client. */
  async traffic(network: string): Promise<Traffic> {
    return await this.#get(`/v1/networks/${network}/traffic?by=process`, Traffic);
  }

  /** Watches the traffic for a minute, as an open page does: sites then report it every second. */
  async watch(network: string): Promise<void> {
    const socket = new WebSocket(`${this.#origin}/v1/networks/${network}/live/traffic`, {
      headers: { cookie: this.#cookie, origin: this.#origin },
    });
    socket.on("error", () => {});
    await once(socket, "open");
    socket.send(JSON.stringify({ type: "watch" }));
    this.#socket = socket;
  }

  close(): void {
    this.#socket?.terminate();
  }

  async #get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const response = await fetch(`${this.#origin}${path}`, { headers: { cookie: this.#cookie } });
    if (response.status !== 200) throw new Error(`GET ${path} got status ${response.status}.`);
    return schema.parse(await response.json());
  }
}
