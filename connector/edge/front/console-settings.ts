/** The settings of the console: those of the options of a start, else those of the last start. Pure. */
import type { ConsoleMode } from "../../../protocol/api/console.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { type Address, parseAddress } from "../addresses/addresses.ts";
import type { ConsoleRecord } from "../credentials/credentials.ts";

/** How people sign in unless an option says so: by one-time links, and by passwords once there is a user. */
export const DEFAULT_CONSOLE_MODE: ConsoleMode = "internal";
/** Where the listener is at the first start, if the port is free. */
export const DEFAULT_CONSOLE_LISTEN = "127.0.0.1:8442";

/** The options of a start. */
export interface GivenConsole {
  readonly mode?: ConsoleMode | undefined;
  /** `HOST:PORT` on loopback, or "off" for no listener. Port 0 is that of the last start, or a free one. */
  readonly listen?: string | undefined;
}

/** The console of a start. */
export interface WantedConsole {
  readonly mode: ConsoleMode;
  /** The address of its listener on loopback; null without one. */
  readonly listen: Address | null;
  /** Whether a free port takes the place of one that is taken: no option named it. */
  readonly isFlexible: boolean;
}

/**
 * The console of a start.
 * @param last null where the last start recorded none
 * @throws FairleadError request.invalid
 */
export function wantedConsole(given: GivenConsole, last: ConsoleRecord | null): WantedConsole {
  const mode = given.mode ?? last?.mode ?? DEFAULT_CONSOLE_MODE;
  if (mode === "none") return { mode, listen: null, isFlexible: false };
  const wanted = given.listen ?? (last === null ? DEFAULT_CONSOLE_LISTEN : (last.listen ?? "off"));
  if (wanted !== "off") {
    const listen = loopbackAddress(wanted);
    const before = last?.listen ? loopbackAddress(last.listen) : null;
    // Cookies have the port in their names, and people the URL in their browsers.
    if (listen.port === 0 && before?.host === listen.host) return { mode, listen: before, isFlexible: true };
    return { mode, listen, isFlexible: given.listen === undefined };
  }
  if (mode !== "unsecured") return { mode, listen: null, isFlexible: false };
  throw new FairleadError("request.invalid", "A console without sign-in is served on loopback alone.", {
    action: "Give --console-listen 127.0.0.1:0 for a free port, or another mode with --console.",
  });
}

/** @throws FairleadError request.invalid unless it is a loopback address */
function loopbackAddress(text: string): Address {
  const { host, port } = parseAddress(text, "--console-listen");
  if (host === "127.0.0.1" || host === "::1") return { host, port };
  if (host === "localhost") return { host: "127.0.0.1", port };
  throw new FairleadError("request.invalid", `--console-listen must be on loopback, not ${host}.`, {
    action: "Give 127.0.0.1:PORT or [::1]:PORT. Other machines reach the console at the API's address.",
  });
}
