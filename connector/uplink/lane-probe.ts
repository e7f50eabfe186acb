/** Checks whether an address of the edge serves lanes to this site. */
import { request } from "node:https";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { proxyFor } from "../net/proxy.ts";

export interface LaneProbe {
  /** URL of the lane path, `https://…`. */
  readonly url: string;
  /** The only trusted roots, PEM. */
  readonly ca: string | string[];
  /** Site certificate and network CA, PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** Time for the answer, ms. */
const PROBE_MS = 15_000;

/** The edge's status for a request that is no WebSocket upgrade (RFC 9110 §15.5.22). */
const UPGRADE_REQUIRED = 426;

/**
 * Sends a plain request. Behind a proxy it fails without one: many proxies allow only some ports.
 * @throws FairleadError `lane.failed`, `proxy.failed` when lanes are not served.
 */
export async function probeLaneAddress({ url, ca, certificate, key }: LaneProbe): Promise<void> {
  try {
    if (proxyFor(url) !== null)
      throw new FairleadError("proxy.failed", "Lanes are dialled through the proxy.", {
        action: "No action is needed: lanes use the gateway, through the proxy.",
      });
    await new Promise<void>((resolve, reject) => {
      const probe = request(url, {
        ...{ ca, cert: certificate, key, minVersion: "TLSv1.3" },
        agent: false,
        signal: AbortSignal.timeout(PROBE_MS),
      });
      probe.once("error", reject);
      probe.once("response", (response) => {
        response.destroy();
        if (response.statusCode === UPGRADE_REQUIRED) resolve();
        else reject(new FairleadError("lane.failed", `${url} answered with status ${response.statusCode}.`));
      });
      probe.end();
    });
  } catch (error) {
    throw asFairleadError(error, "lane.failed");
  }
}
