/** Options of several commands. */
import { LOG_LEVELS } from "../../log.ts";
import { value } from "./definition.ts";
import { oneOf, someText } from "./values.ts";

export const networkOption = value(
  "--network <NAME>",
  "Network. The default is FAIRLEAD_NETWORK, the network chosen with `fairlead network use`, or the only network.",
  someText,
);

export const siteStateOption = value(
  "--state <DIR>",
  "State directory of the site. The default is FAIRLEAD_STATE, or the directory of the only site on this machine.",
  someText,
);

export const logLevel = oneOf(...LOG_LEVELS);
