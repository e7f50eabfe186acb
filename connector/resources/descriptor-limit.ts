/** The number of descriptors that this process may have, and the number that it has. */
import { readdirSync, readFileSync } from "node:fs";

const LIMITS = "/proc/self/limits";
/** Directories in which the kernel lists the descriptors of a process: Linux, then macOS and the BSDs. */
const LISTS = ["/proc/self/fd", "/dev/fd"] as const;

/** The soft limit of this process; null if there is none or the system does not report it. */
export function descriptorLimit(): number | null {
  try {
    return parseLimit(readFileSync(LIMITS, "utf8"));
  } catch {
    return reportedLimit();
  }
}

/** The soft limit of open files in the text of `/proc/PID/limits`; null if there is none. */
export function parseLimit(text: string): number | null {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(text) ?? [];
  return soft === undefined ? null : numberOf(soft);
}

/** The number of open descriptors, without the descriptor for the list itself; null if the system has no list. */
export function countDescriptors(): number | null {
  for (const list of LISTS) {
    try {
      return readdirSync(list).length - 1;
    } catch (error) {
      // No descriptor is left to read the list.
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EMFILE" || code === "ENFILE") return Number.POSITIVE_INFINITY;
    }
  }
  return null;
}

/** The limit in Node's diagnostic report, for systems without `/proc`. */
function reportedLimit(): number | null {
  if (process.platform === "win32") return null;
  // @types/node (24) lacks the setting. Without it, the report looks up the names of network peers.
  Object.assign(process.report, { excludeNetwork: true });
  const report: unknown = process.report.getReport();
  const limits = property(property(report, "userLimits"), "open_files");
  return numberOf(property(limits, "soft"));
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function numberOf(value: unknown): number | null {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
