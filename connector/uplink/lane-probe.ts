/** Whether an address of the edge takes lanes from here. */
import { request } from "node:https";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { proxyFor } from "../net/proxy.ts";

export interface LaneProbe {
  /** The lanes' path there, `https://…`. */
  readonly url: string;
  /** The only trusted roots, PEM. */
  readonly ca: string | string[];
  /** Site certificate and network CA, PEM. */
  readonly certificate: string;
  readonly key: string;
}

const PROBE_MS = 15_000;

/** What the edge answers to a request that is no WebSocket's upgrade. RFC 9110, section 15.5.22. */
const UPGRADE_REQUIRED = 426;

/**
 * Asks with a plain request. Behind a proxy the answer is no: many let only some ports through.
 * @throws FairleadError lane.failed, proxy.failed
 */
export async function probeLanes({ url, ca, certificate, key }: LaneProbe): Promise<void> {
  try {
    if (proxyFor(url) !== null) throw new FairleadError("proxy.failed", "lanes go through the proxy");
    await new Promise<void>((resolve, reject) => {
      const asked = request(url, {
        ...{ ca, cert: certificate, key, minVersion: "TLSv1.3" },
        agent: false,
        signal: AbortSignal.timeout(PROBE_MS),
      });
      asked.once("error", reject);
      asked.once("response", (response) => {
        response.destroy();
        if (response.statusCode === UPGRADE_REQUIRED) resolve();
        else reject(new FairleadError("lane.failed", `${url} answered with status ${response.statusCode}`));
      });
      asked.end();
    });
  } catch (error) {
    throw asFairleadError(error, "lane.failed");
  }
}
