/** Fields of the configuration file whose texts the parser of an option reads. */
import * as z from "zod";

/** What the JSON schema says of a field. */
interface FieldMeta {
  readonly description: string;
  /** The form of a text, for editors. The parser decides. */
  readonly pattern?: string;
  readonly examples?: readonly string[];
}

/** A text that an option's parser reads; the parser's message is the field's. */
export function parsed<T>(parse: (text: string) => T, meta: FieldMeta) {
  return z
    .string()
    .meta({ ...meta })
    .transform((text, context): T => {
      try {
        return parse(text);
      } catch (thrown) {
        context.addIssue(thrown instanceof Error ? thrown.message : String(thrown));
        return z.NEVER;
      }
    });
}
