/** The file of `connector run --config`: the command's options under their own names, as YAML. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { SiteName } from "../../../protocol/names.ts";
import { parseBind, parseExpose, parseListen } from "../../services/options.ts";

const Config = z.strictObject({
  site: SiteName.optional(),
  state: z.string().min(1).optional(),
  token: z.array(z.string().min(1)).default([]),
  expose: z.array(z.string()).default([]),
  listen: z.array(z.string()).default([]),
  bind: z.string().min(1).optional(),
});

export interface ConnectorConfig {
  readonly site?: string | undefined;
  readonly state?: string | undefined;
  readonly tokens: readonly string[];
  /** As written, checked. */
  readonly expose: readonly string[];
  readonly listen: readonly string[];
  readonly bind?: string | undefined;
}

/**
 * Reads the text of a config file; `source` names it in errors.
 * @throws FairleadError `request.invalid`
 */
export async function parseConfig(text: string, source: string): Promise<ConnectorConfig> {
  const { parse } = await import("yaml");
  try {
    const read = Config.safeParse(parse(text) ?? {});
    if (!read.success) {
      const issue = read.error.issues[0];
      throw new Error(`${issue?.path.join(".") || "the whole"}: ${issue?.message}`);
    }
    const { token, expose, listen, bind, ...rest } = read.data;
    return {
      ...rest,
      tokens: token,
      expose: expose.map(exposeText),
      listen: listen.map(listenText),
      bind: bind === undefined ? undefined : bindText(bind),
    };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `${source}: ${why}`, { cause: thrown });
  }
}

/** Reads a config file. @throws FairleadError `request.invalid` */
export async function readConfig(path: string): Promise<ConnectorConfig> {
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `--config: ${why}`, { cause: thrown });
  });
  return parseConfig(text, path);
}

/** Checks a value of --expose, --listen or --bind, and leaves it as it was written: the connector reads it. */
const checkedBy =
  (parse: (text: string) => unknown) =>
  (text: string): string => {
    parse(text);
    return text;
  };
export const exposeText = checkedBy(parseExpose);
export const listenText = checkedBy(parseListen);
export const bindText = checkedBy(parseBind);

/** Options over the file: a single value replaces the file's, lists add up and replace by name. */
export function mergeConfig(file: ConnectorConfig, options: ConnectorConfig): ConnectorConfig {
  const nameOf = (text: string) => text.slice(0, text.indexOf("="));
  const byName = (ours: readonly string[], theirs: readonly string[]) => [
    ...theirs.filter((text) => !ours.some((each) => nameOf(each) === nameOf(text))),
    ...ours,
  ];
  return {
    site: options.site ?? file.site,
    state: options.state ?? file.state,
    bind: options.bind ?? file.bind,
    tokens: [...options.tokens, ...file.tokens],
    expose: byName(options.expose, file.expose),
    listen: byName(options.listen, file.listen),
  };
}
