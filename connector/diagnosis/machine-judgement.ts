/** Judges the machine: its Node, its descriptors, its proxy and its clock. */
import { FairleadError } from "../../protocol/errors.ts";
import { SKEW_THRESHOLD_MS } from "../uplink/clock-skew.ts";
import { type Finding, fail, failWith, type Place, pass, skip, warn } from "./finding.ts";
import { formatSpan } from "./span.ts";

/** The least major version of Node that runs Fairlead. */
const LEAST_NODE = 24;

/** Below this a connector cannot work, and below the second it serves few clients. */
const LEAST_DESCRIPTORS = 64;
const FEW_DESCRIPTORS = 1024;

/** Certificates and assertions allow no greater skew, ms. */
const MOST_SKEW_MS = 5 * 60_000;

export function judgeNode(version: string): Finding {
  if (Number(version.split(".")[0]) >= LEAST_NODE) return pass("node", `Node ${version} runs Fairlead.`);
  return fail(
    "node",
    `Node ${version} is too old.`,
    `Install Node ${LEAST_NODE} or later; \`node --version\` shows which one runs.`,
  );
}

/** @param limit null when there is none, or the system does not report it */
export function judgeDescriptors(limit: number | null): Finding {
  if (limit === null) return pass("descriptors", "The system reports no limit.");
  const detail = `A process may have ${limit} descriptors.`;
  if (limit >= FEW_DESCRIPTORS) return pass("descriptors", detail);
  const action =
    "Raise the limit of open files: `ulimit -n 65536`, LimitNOFILE= in systemd, --ulimit nofile= in Docker. Each connection takes one.";
  return limit < LEAST_DESCRIPTORS
    ? fail("descriptors", detail, action)
    : warn("descriptors", detail, action);
}

const LABELS: Readonly<Record<Place, string>> = {
  api: "the API",
  gateway: "the gateway",
  lanes: "the port of lanes",
};

/** The proxy of one address of the edge. */
export interface ProxyObservation {
  readonly place: Place;
  /** Without credentials; null for a direct connection. */
  readonly proxy: { readonly origin: string; readonly variable: string } | null;
}

/**
 * @param observed one for each known address, or why the environment cannot be used
 * @param unknown entries of NO_PROXY that have no known form
 */
export function judgeProxy(
  observed: readonly ProxyObservation[] | FairleadError,
  unknown: readonly string[],
): Finding {
  if (observed instanceof FairleadError) return failWith("proxy", observed);
  if (observed.length === 0) return skip("proxy", "No edge is known.");
  const through = observed.flatMap(({ place, proxy }) =>
    proxy === null ? [] : [`${LABELS[place]} through ${proxy.origin} (${proxy.variable})`],
  );
  const direct = observed.flatMap(({ place, proxy }) =>
    proxy === null ? [`${LABELS[place]} directly`] : [],
  );
  const detail =
    through.length === 0
      ? "No proxy is used."
      : `This machine reaches ${[...through, ...direct].join(", ")}.`;
  if (unknown.length === 0) return pass("proxy", detail);
  return warn(
    "proxy",
    `${detail} NO_PROXY has entries that exclude nothing: ${unknown.join(", ")}.`,
    "Write each entry of NO_PROXY as a name, an address or a CIDR range, with a port if needed.",
  );
}

/** @param skewMs how far the edge's clock is ahead, ms; null when it is not known */
export function judgeClock(skewMs: number | null): Finding {
  if (skewMs === null) return skip("clock", "The edge did not tell its time.");
  const size = Math.abs(skewMs);
  if (size < SKEW_THRESHOLD_MS) return pass("clock", "The clock agrees with the edge's.");
  const detail = `The clock of this machine is ${formatSpan(size)} ${skewMs > 0 ? "behind" : "ahead of"} the edge's.`;
  const action =
    "Correct the clock of this machine, preferably with a time service. If it is right, correct the edge's.";
  return size >= MOST_SKEW_MS ? fail("clock", detail, action) : warn("clock", detail, action);
}
