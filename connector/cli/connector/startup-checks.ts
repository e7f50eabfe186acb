/** The checks of `fairlead doctor` that a starting connector makes. They neither delay nor prevent the start. */
import type { Finding } from "../../diagnosis/finding.ts";
import type { Log } from "../../log.ts";
import type { Io } from "../framework/io.ts";

/** When the uplink should be up, ms after the start. */
export const EXPECTED_UP_MS = 10_000;

export interface StartupChecks {
  readonly stateDir: string;
  readonly io: Pick<Io, "env" | "now">;
  readonly log: Log;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** {@link EXPECTED_UP_MS} unless given. */
  readonly waitMs?: number;
}

/**
 * Logs each failing check of the machine and of the path to the edge, once, if the uplink is not up in time. Where it
 * is up, the path is proven, and nothing is dialled.
 */
export async function logFailingChecks(options: StartupChecks): Promise<void> {
  const { stateDir, io, log, signal, waitMs = EXPECTED_UP_MS } = options;
  try {
    const { sleep } = await import("../../async/sleep.ts");
    if (!(await sleep(waitMs, signal, { ref: false }))) return;
    const { ControlClient } = await import("../../control/client.ts");
    const status = await new ControlClient(stateDir).status().catch(() => null);
    if (status?.uplink.state === "up" || signal.aborted) return;
    const [{ diagnosePath }, { findSubject }] = await Promise.all([
      import("../../diagnosis/diagnosis.ts"),
      import("../../diagnosis/subject.ts"),
    ]);
    const subject = await findSubject({ state: stateDir, edge: undefined, ca: undefined, login: null });
    const findings = await diagnosePath({ subject, environment: io.env, now: io.now });
    if (!signal.aborted) logFailures(findings, log);
  } catch (thrown) {
    log.debug({}, `The checks at the start failed: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

function logFailures(findings: readonly Finding[], log: Log): void {
  for (const { check, result, detail, action } of findings) {
    if (result === "fail") log.warn({ check, action }, detail);
  }
}
