/** Consent to a command that ends what others use. */
import { FairleadError } from "../../../protocol/errors.ts";
import type { Context } from "./context.ts";
import { flag } from "./definition.ts";

export const yesOption = flag("-y, --yes", "Do not ask. Without a terminal, the command needs this option.");

/** What a command would end. */
export interface Ending {
  /** The act, as a verb with its object: `Revoke site west`. */
  readonly act: string;
  /** What ends or is lost, one sentence each. */
  readonly consequences: readonly string[];
}

/**
 * Shows what ends and asks the user, unless `yes` is given. `ending` is called only when it is needed.
 * @throws FairleadError `request.unconfirmed` if the user does not agree, or if no one can be asked.
 */
export async function confirm(context: Context, yes: boolean, ending: () => Promise<Ending>): Promise<void> {
  if (yes) return;
  const { act, consequences } = await ending();
  if (!context.io.interactive || context.json) {
    throw new FairleadError("request.unconfirmed", [`${act}: not confirmed.`, ...consequences].join(" "));
  }
  for (const consequence of consequences) context.aside.line(consequence);
  const typed = await context.io.ask(`${act}? Type yes to continue: `);
  if (!/^\s*yes\s*$/i.test(typed)) {
    throw new FairleadError("request.unconfirmed", `${act}: not confirmed. Nothing was changed.`, {
      action: "No action is needed. To do it after all, run the command again and type yes.",
    });
  }
}
