/** The version of HTTP on a connection to a target: what TLS offers (RFC 7301), and what its choice means. */
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** What is sent on a connection. */
export interface TargetTraffic {
  /** Whether the target gets HTTP/2 where it chooses nothing. */
  readonly isHttp2: boolean;
  /** Whether nothing but HTTP/2 will do. */
  readonly isGrpc: boolean;
}

/** The protocols that a target with TLS is offered, the preferred one first. */
export function offeredProtocols({ isHttp2, isGrpc }: TargetTraffic): readonly string[] {
  if (isGrpc) return ["h2"];
  return isHttp2 ? ["h2", "http/1.1"] : ["http/1.1"];
}

/** What the target chose; what the service says where it chose nothing. */
export function chosenVersion(socket: Duplex, isHttp2: boolean): "1.1" | "2" {
  const chosen = socket instanceof TLSSocket ? socket.alpnProtocol : null;
  if (chosen === "h2") return "2";
  return chosen === "http/1.1" || !isHttp2 ? "1.1" : "2";
}
