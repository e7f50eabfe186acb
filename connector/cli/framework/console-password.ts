/** Passwords of the console's users, as commands take them. */
import { SetConsoleUser } from "../../../protocol/api/console.ts";
import { FairleadError } from "../../../protocol/errors.ts";

/**
 * Checks a password.
 * @param source where it comes from, for the message
 * @throws FairleadError request.invalid, without the password
 */
export function checkPassword(text: string, source: string): string {
  if (SetConsoleUser.shape.password.safeParse(text).success) return text;
  throw new FairleadError("request.invalid", `${source}: a password has 12 to 1000 characters.`);
}
