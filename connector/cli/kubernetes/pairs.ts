/** Values with a key, as kubectl takes them. Each parser throws `request.invalid` with the form. */
import { FairleadError } from "../../../protocol/errors.ts";

/** Parses `KEY=VALUE`. The value may be empty. */
export function parsePair(text: string): readonly [key: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new FairleadError("request.invalid", `"${text}" is not of the form KEY=VALUE.`);
}

const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** Parses a taint, as `KEY[=VALUE][:EFFECT]`, into the toleration of it. */
export function parseToleration(text: string): Readonly<Record<string, string>> {
  const [, key, value, effect] = /^([^=:]+)(?:=([^:]*))?(?::([A-Za-z]+))?$/.exec(text) ?? [];
  if (key === undefined || (effect !== undefined && !EFFECTS.includes(effect)))
    throw new FairleadError(
      "request.invalid",
      `"${text}" is not of the form KEY[=VALUE][:EFFECT], where EFFECT is ${EFFECTS.join(", ")}.`,
    );
  return {
    key,
    ...(value === undefined ? { operator: "Exists" } : { operator: "Equal", value }),
    ...(effect === undefined ? {} : { effect }),
  };
}
