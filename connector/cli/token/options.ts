/** What `token create` and `site create` share. */
import { TOKEN_DEFAULTS, TOKEN_LIMITS } from "../../../protocol/api/tokens.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseDuration } from "../../config/duration.ts";
import { value, valueOr } from "../framework/definition.ts";
import { someText } from "../framework/values.ts";

function expiry(text: string): number {
  const seconds = parseDuration(text);
  if (seconds <= TOKEN_LIMITS.expirySeconds) return seconds;
  throw new FairleadError("request.invalid", `"${text}" is longer than 30d`);
}

export const expiryOption = valueOr(
  "--expiry <DURATION>",
  "how long the token is good: 90s, 15m, 2h, 1d; at the most 30d",
  expiry,
  TOKEN_DEFAULTS.expirySeconds,
  "15m",
);

export const tokenOutputOption = value(
  "-o, --output <FILE>",
  "write the token to this file, readable by you only",
  someText,
);
