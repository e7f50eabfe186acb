/** The application protocols that a listener offers in TLS (ALPN, RFC 7301). */
import type { VisibleService } from "../../../protocol/uplink/messages.ts";

/** The kind of stream that carries one request. */
const EXCHANGE = "exchange";

/**
 * In order of preference; none for services that are no HTTP. A listener that works by requests takes both versions of
 * HTTP. A listener that carries bytes takes the version of its targets.
 * @param port the port of the service that the listener is for; its first unless given
 */
export function applicationProtocols(service: VisibleService | undefined, port?: number): readonly string[] {
  if (service === undefined) return [];
  const protocol = service.ports?.find((each) => each.port === port)?.protocol ?? service.protocol;
  if (protocol !== "http" && protocol !== "http2") return [];
  if (service.offers.some(({ kinds }) => kinds?.includes(EXCHANGE))) return ["h2", "http/1.1"];
  return protocol === "http2" ? ["h2"] : ["http/1.1"];
}
