/** The network that was shown last. */
const KEY = "fairlead-network";

export function rememberNetwork(network: string): void {
  try {
    localStorage.setItem(KEY, network);
  } catch {
    // Storage is off: the next visit begins at the first network.
  }
}

/** The network to begin with: that which was shown last, if it still exists, else the first. */
export function firstNetwork(names: readonly string[]): string | null {
  let last: string | null = null;
  try {
    last = localStorage.getItem(KEY);
  } catch {
    // Storage is off.
  }
  return (last !== null && names.includes(last) ? last : names[0]) ?? null;
}
