/** The live channels of a network: WebSockets whose viewers the objects of the network tell what changes. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { decodeJwt } from "jose";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { LiveRequest, LiveStatus, LiveTraffic } from "../../protocol/api/live.ts";
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { looksLikeToken } from "../auth/identity-tokens.ts";
import { sessionIn } from "../console/session-cookie.ts";
import { VIEWER_HEADER, type Viewer } from "../live/viewer.ts";
import { openTelemetry } from "../telemetry/stub.ts";
import { NETWORK_HEADER } from "../telemetry/verified.ts";
import { bearerOf, hashKey } from "./authentication.ts";
import { type Api, type ApiEnv, registryOf, responses } from "./context.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const { 200: _, ...refusals } = responses(200, z.string(), "");

/** The upgrade of a viewer. OpenAPI cannot describe the messages, whose schemas are named. */
const upgrade = (sends: string) => ({
  responses: {
    ...refusals,
    101: {
      description: "The upgrade to a WebSocket with messages of JSON (docs/protocol.md, Live channels).",
    },
  },
  "x-fairlead-messages": {
    viewer: { $ref: "#/components/schemas/LiveRequest" },
    edge: { $ref: `#/components/schemas/${sends}` },
  },
});

const live = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/live"),
  summary: "Follow the status and the events of a network over a WebSocket (docs/protocol.md, Live channels)",
  tags: ["live"],
  request: { params: NetworkParam },
  ...upgrade("LiveStatus"),
});

const traffic = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/live/traffic"),
  summary: "Follow the traffic and the flows of a network over a WebSocket (docs/protocol.md, Live channels)",
  tags: ["live"],
  request: { params: NetworkParam },
  ...upgrade("LiveTraffic"),
});

export function addLive(api: Api): void {
  api.openAPIRegistry.register("LiveRequest", LiveRequest);
  api.openAPIRegistry.register("LiveStatus", LiveStatus);
  api.openAPIRegistry.register("LiveTraffic", LiveTraffic);

  api.openapi(live, (c) => connectViewer(c, registryOf(c)));

  api.openapi(traffic, (c) => {
    const { id } = c.var.network;
    const telemetry = openTelemetry(c.var.config.objects.telemetry, id);
    return connectViewer(c, telemetry, { [NETWORK_HEADER]: id });
  });
}

/**
 * Connects the caller of a request as a viewer with the object of a live channel. The request that the object gets has
 * no header of the client.
 * @param more headers for the object
 * @throws FairleadError live.upgrade
 */
export async function connectViewer(
  c: Context<ApiEnv>,
  object: Pick<DurableObjectStub, "fetch">,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") throw new FairleadError("live.upgrade");
  const headers = { ...more, upgrade: "websocket", [VIEWER_HEADER]: JSON.stringify(await viewerOf(c)) };
  const response = await object.fetch(new Request(c.req.url, { headers }));
  if (response.status === 101) return response;
  throw fromErrorBody(ErrorResponse.parse(await response.json()).error, "edge.internal");
}

/** The caller, with what proved it. */
async function viewerOf(c: Context<ApiEnv>): Promise<Viewer> {
  const { name } = c.var.caller;
  const text = bearerOf(c);
  if (text === undefined) {
    const session = c.var.identity === null ? null : sessionIn(c.req.raw, c.var.listener);
    // Without an identity, the listener on loopback alone proved the caller.
    if (session === null) return { name, proof: { kind: "none" }, expiresAt: null };
    return { name, proof: { kind: "session", hash: await hashKey(session) }, expiresAt: null };
  }
  // The token was verified before.
  if (looksLikeToken(text)) {
    return { name, proof: { kind: "none" }, expiresAt: (decodeJwt(text).exp ?? 0) * 1000 };
  }
  return { name, proof: { kind: "key", hash: await hashKey(text) }, expiresAt: null };
}
