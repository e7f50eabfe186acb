/** A connection that the connector opens itself, to learn whether a path works to its end. It carries no byte. */
import { FairleadError } from "../../protocol/errors.ts";
import type { Relay } from "../relay/relay.ts";
import type { Catalogue } from "./catalogue.ts";
import type { EarlyBytes } from "./early-data.ts";
import type { StreamOpener } from "./stream-opener.ts";

export interface TrialOptions {
  readonly catalogue: Pick<Catalogue, "lookupPort">;
  readonly opener: Pick<StreamOpener, "openTurn">;
  readonly relay: Pick<Relay, "start" | "opened">;
}

/** Where a trial connection ended. */
export interface TrialResult {
  /** The name of the site whose target accepted. */
  readonly site: string;
  readonly session: string | null;
  readonly stream: number | null;
  /** From the start until the target had accepted, ms. */
  readonly ms: number;
}

/** No byte goes out with the OPEN. */
const NO_BYTES: EarlyBytes = { sent: false, bytes: 0, sendTo() {}, refused() {}, accepted() {} };

/**
 * Opens a stream to a service as for a client, and closes it once a target has accepted.
 *
 * @param port of the service; its first one unless given
 * @throws FairleadError service.unknown; request.invalid for UDP, which tells nothing; as `openStream` does
 */
export async function tryConnection(
  { catalogue, opener, relay }: TrialOptions,
  service: string,
  port?: number,
): Promise<TrialResult> {
  const known = catalogue.lookupPort(service, port);
  if (known === undefined) throw new FairleadError("service.unknown", unknownText(service, port));
  if (known.protocol === "udp") {
    throw new FairleadError("request.invalid", `Service ${service} is UDP, which has no connections.`, {
      action: "Leave --connect out: nothing tells whether a datagram arrives.",
    });
  }
  const started = performance.now();
  const flow = relay.start({ side: "listener", service, client: null, isInternal: true });
  try {
    const { signal } = new AbortController();
    const request = { port };
    const { stream, instance, turn } = await opener.openTurn({ flow, early: NO_BYTES, signal, request });
    const ms = performance.now() - started;
    relay.opened(flow);
    const { session, stream: id } = flow;
    stream.on("error", () => {});
    stream.destroy();
    turn.ended("unknown");
    flow.end();
    return { site: instance.siteName, session, stream: id, ms };
  } catch (thrown) {
    flow.end(thrown instanceof FairleadError ? thrown : new FairleadError("stream.internal"));
    throw thrown;
  }
}

function unknownText(service: string, port: number | undefined): string {
  return `This site sees no service ${service}${port === undefined ? "" : ` with port ${port}`}.`;
}
