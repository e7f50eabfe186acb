/** Whether requests are observed in the connections to a service, as `--observe` gives it. */
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";

export interface ServiceObservation {
  readonly name: string;
  readonly isOn: boolean;
}

/** Parses a value of `--observe`, such as `api=off`. @throws FairleadError `request.invalid`. */
export function parseObserve(text: string): ServiceObservation {
  const [, name, value] = /^([^=]*)=(on|off)$/.exec(text) ?? [];
  if (name === undefined) throw invalid(text, "the form is NAME=on or NAME=off");
  return { name: parseWith(ServiceName, name, (why) => invalid(text, why)), isOn: value === "on" };
}

function invalid(text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `"${text}": ${why}.`);
}
