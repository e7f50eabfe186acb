/** The routes of the control socket, for a connector that is passed in. Nothing here opens a socket. */
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type * as z from "zod";
import { FlowQuery } from "../../protocol/api/traffic.ts";
import { asFairleadError, FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { LinkName, ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { ExposeRequest as ExposeWish } from "../config/service-options.ts";
import type { EdgeMove } from "../site/edge-move.ts";
import type { LinkWishes } from "../site/site.ts";
import { parseToken } from "../site/token.ts";
import { newestFlows } from "./flows.ts";
import {
  type Configuration,
  type CreatedLink,
  type ExposedService,
  ExposeRequest,
  LinkRequest,
  type Links,
  type LogLines,
  type MovedSite,
  MoveRequest,
  type Services,
  type Sessions,
  type Status,
  type Trial,
  TrialRequest,
} from "./schema.ts";

/** What the control socket shows and changes of a connector. */
export interface Controlled {
  status(): Promise<Status>;
  services(): Services;
  links(): Promise<Links>;
  sessions(): Sessions;
  configuration(): Configuration;
  logs(): LogLines;
  /** Open streams, and the streams and requests that are remembered, newest first. */
  flows(): Iterable<SiteFlowRecord>;
  /** Opens a connection to a service, and closes it. @throws FairleadError service.*, session.*, request.invalid. */
  connect(request: TrialRequest): Promise<Trial>;
  /** Offers a service, or moves an offered one. @throws FairleadError request.invalid, state.*. */
  expose(request: ExposeWish): Promise<ExposedService>;
  /** @throws FairleadError service.unknown, state.*. */
  unexpose(name: string): Promise<void>;
  /** @throws FairleadError token.*, link.*, state.*, edge.*. */
  link(token: TokenFile, wishes: LinkWishes): Promise<CreatedLink>;
  /** @throws FairleadError link.unknown, uplink.*, state.*. */
  unlink(name: string): Promise<void>;
  /** @throws FairleadError edge.*, assertion.audience, certificate.*, uplink.*, state.*. */
  move(to: EdgeMove): Promise<MovedSite>;
}

export function controlRoutes(connector: Controlled): Hono {
  const app = new Hono();
  app.get("/status", async (context) => context.json(await connector.status()));
  app.get("/services", (context) => context.json(connector.services()));
  app.get("/links", async (context) => context.json(await connector.links()));
  app.get("/sessions", (context) => context.json(connector.sessions()));
  app.get("/configuration", (context) => context.json(connector.configuration()));
  app.get("/logs", (context) => context.json(connector.logs()));
  app.get("/flows", (context) => {
    const { filter = "", since, limit } = read(FlowQuery, context.req.query());
    return context.json(newestFlows(connector.flows(), { filter, since, limit }));
  });
  app.post("/connections", async (context) =>
    context.json(await connector.connect(read(TrialRequest, await readBody(context)))),
  );
  app.post("/services", async (context) => {
    const body = read(ExposeRequest, await readBody(context));
    return context.json(await connector.expose(exposeWish(body)), 201);
  });
  app.delete("/services/:name", async (context) => {
    await connector.unexpose(read(ServiceName, context.req.param("name")));
    return context.json({});
  });
  app.post("/links", async (context) => {
    const { token, ...wishes } = read(LinkRequest, await readBody(context));
    return context.json(await connector.link(parseToken(token, "the token"), wishes), 201);
  });
  app.post("/edge", async (context) =>
    context.json(await connector.move(read(MoveRequest, await readBody(context)))),
  );
  app.delete("/links/:name", async (context) => {
    await connector.unlink(read(LinkName, context.req.param("name")));
    return context.json({});
  });
  app.notFound((context) => refuse(context, new FairleadError("route.unknown")));
  app.onError((error, context) => refuse(context, asFairleadError(error, "stream.internal")));
  return app;
}

/** @throws FairleadError `request.invalid`. */
function exposeWish(body: z.output<typeof ExposeRequest>): ExposeWish {
  const { name, to, health, ports, host, port, ...first } = body;
  const all = ports ?? [{ ...first, targets: [{ host, port }] }];
  const numbers = all.map(({ servicePort }) => servicePort);
  const isNamed = all.length === 1 || !numbers.includes(undefined);
  if (isNamed && new Set(numbers).size === all.length) return { name, ports: all, to, health };
  throw new FairleadError("request.invalid", "A service with several ports names each of them once.");
}

function read<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  return parseWith(schema, value, { code: "request.invalid" });
}

async function readBody(context: Context): Promise<unknown> {
  try {
    return await context.req.json();
  } catch {
    throw new FairleadError("request.invalid", "The body is not JSON.");
  }
}

function refuse(context: Context, error: FairleadError) {
  const status = error.entry.status as ContentfulStatusCode;
  return context.json({ error: toErrorBody(error), requestId: "local" }, status);
}
