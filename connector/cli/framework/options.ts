/** Options that several commands share. */
import { LOG_LEVELS } from "../../log.ts";
import { value } from "./definition.ts";
import { oneOf, someText } from "./values.ts";

export const networkOption = value(
  "--network <NAME>",
  "network; else FAIRLEAD_NETWORK, the one chosen with `fairlead network use`, or the only one",
  someText,
);

export const siteStateOption = value(
  "--state <DIR>",
  "the site's state directory; else FAIRLEAD_STATE, or that of the only site on this machine",
  someText,
);

export const logLevel = oneOf(...LOG_LEVELS);
