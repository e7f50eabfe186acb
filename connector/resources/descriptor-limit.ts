/** How many descriptors this process may have, and has. */
import { readdirSync, readFileSync } from "node:fs";

const LIMITS = "/proc/self/limits";
/** Where the kernel lists the descriptors of a process: Linux, then macOS and the BSDs. */
const LISTS = ["/proc/self/fd", "/dev/fd"] as const;

/** The soft limit of this process; null where it has none or the system does not tell. */
export function descriptorLimit(): number | null {
  try {
    return parseLimit(readFileSync(LIMITS, "utf8"));
  } catch {
    return reportedLimit();
  }
}

/** The soft limit of open files in the text of `/proc/PID/limits`; null when there is none. */
export function parseLimit(text: string): number | null {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(text) ?? [];
  return soft === undefined ? null : numberOf(soft);
}

/** Descriptors that are open now, the one that the list itself needs left out; null where nothing lists them. */
export function countDescriptors(): number | null {
  for (const list of LISTS) {
    try {
      return readdirSync(list).length - 1;
    } catch (error) {
      // None is left for the list itself.
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EMFILE" || code === "ENFILE") return Number.POSITIVE_INFINITY;
    }
  }
  return null;
}

/** What Node's diagnostic report says, for systems without `/proc`. */
function reportedLimit(): number | null {
  if (process.platform === "win32") return null;
  // The types do not know the setting yet. Without it, names of network peers would be looked up.
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
