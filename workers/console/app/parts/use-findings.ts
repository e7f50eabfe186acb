/** What is broken in the network, as protocol/diagnosis finds it. */
import { useMemo } from "react";
import { OUTCOME_LABELS, type Traffic } from "../../../../protocol/api/traffic.ts";
import type { Finding } from "../../../../protocol/diagnosis/finding.ts";
import { findings } from "../../../../protocol/diagnosis/findings.ts";
import { useSilent, useStatus } from "../live/use-live.tsx";
import { useNow } from "../live/use-now.ts";

/** The query of the traffic that shows which services fail. */
export const OUTCOMES = { window: "15m", by: OUTCOME_LABELS } as const;

/** How often findings that depend on the time are found anew, ms. */
const EVERY_MS = 30_000;

/**
 * The findings of the network, worst first; null before its status is known.
 *
 * @param traffic by {@link OUTCOMES}, or by further labels as well; without it, there are no findings about connections
 *   that fail
 */
export function useFindings(traffic: Traffic | null = null): readonly Finding[] | null {
  const status = useStatus();
  const silent = useSilent();
  const now = useNow(EVERY_MS);
  return useMemo(
    () => (status === null ? null : findings(status, { now, silent, traffic: traffic ?? undefined })),
    [status, silent, now, traffic],
  );
}

/** The ids of sites of which a connector is silent. */
export function useSilentSites(): ReadonlySet<string> {
  const silent = useSilent();
  return useMemo(() => new Set(silent.map(({ site }) => site)), [silent]);
}
