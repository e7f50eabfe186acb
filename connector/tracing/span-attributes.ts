/**
 * The attributes of spans, by the semantic conventions of OpenTelemetry 1.3x for HTTP, RPC and networks; what Fairlead
 * alone knows is named `fairlead.*`. Queries, cookies and credentials are in none.
 */
import type { FlowView } from "../relay/flow.ts";
import type { RequestFacts } from "../relay/request-report.ts";

export type SpanAttributes = Record<string, string | number | boolean>;

/** What is known of a flow when it ends. */
export function flowAttributes(flow: FlowView): SpanAttributes {
  const { service, side, network, site, session, stream, peer, isDoor, client, target } = flow;
  return {
    "fairlead.service": service,
    "fairlead.side": side,
    "fairlead.network.id": network,
    "fairlead.site.id": site,
    ...(session === null ? {} : { "fairlead.session": session }),
    ...(stream === null ? {} : { "fairlead.stream": stream }),
    ...(peer === null
      ? {}
      : {
          [isDoor ? "fairlead.door" : "fairlead.peer.site.name"]: peer.siteName,
          "fairlead.peer.site.id": peer.site,
        }),
    ...addressOf("client", client),
    ...addressOf("server", target),
    "network.transport": flow.protocol === "udp" ? "udp" : "tcp",
    "fairlead.bytes_to_target": flow.bytesToTarget,
    "fairlead.bytes_to_client": flow.bytesToClient,
    ...(flow.outcome === null || flow.outcome === "completed" ? {} : { "error.type": flow.outcome }),
  };
}

/** What is known of a request when it ends. */
export function requestAttributes(facts: RequestFacts): SpanAttributes {
  const { protocol, method, authority, path, status, grpcStatus, attempts = 1, outcome } = facts;
  return {
    "http.request.method": method,
    "url.path": path,
    "network.protocol.name": "http",
    "network.protocol.version": protocol === "http1" ? "1.1" : "2",
    ...(authority === undefined ? {} : { "fairlead.authority": authority }),
    ...(status === 0 ? {} : { "http.response.status_code": status }),
    ...(protocol === "grpc" ? { "rpc.system.name": "grpc" } : {}),
    ...(grpcStatus === undefined ? {} : { "rpc.response.status_code": String(grpcStatus) }),
    ...(attempts > 1 ? { "http.request.resend_count": attempts - 1 } : {}),
    ...(outcome === "completed" ? {} : { "error.type": outcome }),
  };
}

/** Why a span has the status of an error; null where it has none. */
export function errorOf(
  side: FlowView["side"],
  outcome: FlowView["outcome"],
  request: Pick<RequestFacts, "status" | "grpcStatus"> | null,
): string | null {
  if (outcome !== null && outcome !== "completed") return outcome;
  if (request === null) return null;
  // A client sees an error in what is a good answer of the server, such as 404.
  if (request.status >= (side === "target" ? 400 : 500)) return String(request.status);
  const { grpcStatus = 0 } = request;
  return grpcStatus === 0 ? null : `grpc ${grpcStatus}`;
}

function addressOf(end: "client" | "server", address: string | null): SpanAttributes {
  if (address === null) return {};
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) return { [`${end}.address`]: address };
  return { [`${end}.address`]: host, [`${end}.port`]: Number(port) };
}
