/** The client of a connector's control socket. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import * as z from "zod";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { FlowPage } from "../../protocol/api/traffic.ts";
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/parse.ts";
import { silently, type Waiting } from "../async/waiting.ts";
import { HttpClient, textOf } from "../net/http-client.ts";
import {
  Configuration,
  CreatedLink,
  ExposedService,
  type ExposeRequest,
  type LinkRequest,
  Links,
  LogLines,
  MovedSite,
  type MoveRequest,
  Services,
  Sessions,
  Status,
  Trial,
  type TrialRequest,
} from "./schema.ts";
import { controlPath } from "./server.ts";
import { unreachable } from "./unreachable.ts";

/** How long the connector may take to answer, ms. */
const TIMEOUT_MS = 10_000;

/** Longest answer that is read, bytes. */
const MAX_ANSWER = 64 * 1024 * 1024;

/** For requests that the connector answers only after the edge has answered, ms. */
const EDGE_TIMEOUT_MS = 45_000;

/** Which streams and requests to show. */
export interface FlowSelection {
  /** The text of a filter. */
  readonly filter: string;
  readonly since?: string | undefined;
  readonly limit: number;
}

type Method = "GET" | "POST" | "DELETE";

export class ControlClient {
  readonly #stateDir: string;
  readonly #waiting: Waiting;

  /** @param waiting is told that the connector is waited for */
  constructor(stateDir: string, waiting: Waiting = silently) {
    this.#stateDir = stateDir;
    this.#waiting = waiting;
  }

  /** @throws FairleadError `connector.unreachable`. */
  status(): Promise<Status> {
    return this.#request("GET", "/status", Status);
  }

  /** @throws FairleadError `connector.unreachable`. */
  services(): Promise<Services> {
    return this.#request("GET", "/services", Services);
  }

  /** @throws FairleadError `connector.unreachable`. */
  links(): Promise<Links> {
    return this.#request("GET", "/links", Links);
  }

  /** @throws FairleadError `connector.unreachable`. */
  sessions(): Promise<Sessions> {
    return this.#request("GET", "/sessions", Sessions);
  }

  /** The configuration that the connector runs with. @throws FairleadError route.unknown, connector.unreachable. */
  configuration(): Promise<Configuration> {
    return this.#request("GET", "/configuration", Configuration);
  }

  /** The last lines of the connector's log. @throws FairleadError route.unknown, connector.unreachable. */
  logs(): Promise<LogLines> {
    return this.#request("GET", "/logs", LogLines);
  }

  /**
   * The newest streams and requests that the connector remembers and that match, oldest first.
   * @throws FairleadError request.invalid, route.unknown from a connector without it, connector.unreachable.
   */
  flows(selection: FlowSelection): Promise<FlowPage> {
    const query = new URLSearchParams({ filter: selection.filter, limit: String(selection.limit) });
    if (selection.since !== undefined) query.set("since", selection.since);
    return this.#request("GET", `/flows?${query}`, FlowPage);
  }

  /**
   * Opens a connection to a service, and closes it once a target has accepted.
   * @throws FairleadError service.*, session.*, request.invalid, route.unknown from a connector without it,
   * connector.unreachable.
   */
  connect(request: TrialRequest): Promise<Trial> {
    return this.#request("POST", "/connections", Trial, request, EDGE_TIMEOUT_MS);
  }

  /**
   * Offers a service, also after a restart, or moves one that the site offers.
   * @throws FairleadError request.invalid, state.*, connector.unreachable; service.taken by a connector of 0.1.0.
   */
  expose(exposure: ExposeRequest): Promise<ExposedService> {
    return this.#request("POST", "/services", ExposedService, exposure);
  }

  /** Withdraws a service. @throws FairleadError service.unknown, state.*, connector.unreachable. */
  async unexpose(name: string): Promise<void> {
    await this.#request("DELETE", `/services/${encodeURIComponent(name)}`, z.object({}));
  }

  /**
   * Redeems a token for one more link.
   * @throws FairleadError token.*, link.*, state.*, edge.*, connector.unreachable.
   */
  link(request: LinkRequest): Promise<CreatedLink> {
    return this.#request("POST", "/links", CreatedLink, request, EDGE_TIMEOUT_MS);
  }

  /** Deletes a link. @throws FairleadError link.unknown, uplink.*, state.*, connector.unreachable. */
  async unlink(name: string): Promise<void> {
    const path = `/links/${encodeURIComponent(name)}`;
    await this.#request("DELETE", path, z.object({}), undefined, EDGE_TIMEOUT_MS);
  }

  /**
   * Moves the site to another address of its edge.
   * @throws FairleadError edge.*, assertion.audience, certificate.*, state.*, connector.unreachable.
   */
  move(request: MoveRequest): Promise<MovedSite> {
    return this.#request("POST", "/edge", MovedSite, request, EDGE_TIMEOUT_MS);
  }

  async #request<T>(
    method: Method,
    path: string,
    schema: z.ZodType<T>,
    body?: unknown,
    timeoutMs = TIMEOUT_MS,
  ): Promise<T> {
    const socketPath = controlPath(this.#stateDir);
    const http = new HttpClient("http://connector", () => dial(socketPath));
    try {
      const asks = timeoutMs === EDGE_TIMEOUT_MS ? ", which asks its edge" : "";
      const line = `Waiting for the connector in ${this.#stateDir}${asks}.`;
      const { statusCode, content } = await this.#waiting(line, () =>
        this.#exchange(http, { method, path, body, timeoutMs }),
      );
      const refusal = statusCode >= 400 ? ErrorResponse.safeParse(content) : null;
      if (refusal?.success) throw fromErrorBody(refusal.data.error, "connector.unreachable");
      return parseWith(schema, content, (_, cause) => {
        return new FairleadError(
          "connector.unreachable",
          "The connector answered in a form that this command does not know: it has another version.",
          {
            cause,
            action: "Start the connector again with the installed version; `fairlead version` shows both.",
          },
        );
      });
    } finally {
      http.close();
    }
  }

  async #exchange(
    http: HttpClient,
    { method, path, body, timeoutMs }: { method: Method; path: string; body: unknown; timeoutMs: number },
  ) {
    try {
      const answer = await http.request(path, {
        method,
        signal: AbortSignal.timeout(timeoutMs),
        headers: body === undefined ? {} : { "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const content: unknown = JSON.parse(await textOf(answer, MAX_ANSWER));
      return { statusCode: answer.statusCode, content };
    } catch (cause) {
      throw unreachable(cause, this.#stateDir, timeoutMs);
    }
  }
}

async function dial(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  return socket;
}
