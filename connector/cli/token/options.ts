/** Options of `token create` and `site create`. */
import { TOKEN_DEFAULTS, TOKEN_LIMITS } from "../../../protocol/api/tokens.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseDuration } from "../../config/duration.ts";
import { value, valueOr } from "../framework/definition.ts";
import { someText } from "../framework/values.ts";

function expiry(text: string): number {
  const seconds = parseDuration(text);
  if (seconds <= TOKEN_LIMITS.expirySeconds) return seconds;
  throw new FairleadError("request.invalid", `"${text}" is longer than 30d.`);
}

export const expiryOption = valueOr(
  "--expiry <DURATION>",
  "Lifetime of the token: 90s, 15m, 2h or 1d, at most 30d.",
  expiry,
  TOKEN_DEFAULTS.expirySeconds,
  "15m",
);

export const tokenOutputOption = value(
  "-o, --output <FILE>",
  "Write the token to this file, with mode 0600.",
  someText,
);
