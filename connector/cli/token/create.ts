import { type FileHandle, open, rm } from "node:fs/promises";
import { TOKEN_DEFAULTS, TOKEN_LIMITS } from "../../../protocol/api.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { command, value, valueOr } from "../definition.ts";
import { formatDuration, parseDuration } from "../duration.ts";
import { networkOption } from "../options.ts";
import { someText, wholeNumber } from "../values.ts";

export const tokenCreate = command({
  path: ["token", "create"],
  summary: "make a token, which invites sites to a network",
  details:
    "The token file is a secret: whoever has it can join, as often as --uses says and until it expires. Without -o it goes to standard output.",
  options: {
    uses: valueOr(
      "--uses <N>",
      "sites it admits",
      wholeNumber(1, TOKEN_LIMITS.uses),
      TOKEN_DEFAULTS.uses,
      "1",
    ),
    expiry: valueOr(
      "--expiry <DURATION>",
      "how long it is good: 90s, 15m, 2h, 1d; at the most 30d",
      expiry,
      TOKEN_DEFAULTS.expirySeconds,
      "15m",
    ),
    output: value("-o, --output <FILE>", "write the token to this file, readable by you only", someText),
    network: networkOption,
  },
  examples: [
    { command: "fairlead token create -o token.yaml", says: "invites one site within 15 minutes" },
    {
      command: "fairlead token create --uses 2 --expiry 2h -o token.yaml",
      says: "invites two sites within two hours",
    },
    {
      command: "fairlead token create | ssh east fairlead connector run --site east --token -",
      says: "hands the token to another machine without a file",
    },
  ],
  async run(context, input) {
    const { createToken } = await import("../../api/calls.ts");
    const network = await context.network(input.network);
    const edge = await context.edge();
    const request = { uses: input.uses, expirySeconds: input.expiry };
    if (input.output === undefined) {
      const token = await createToken(edge, network, request);
      context.answer(token, (out) => out.raw(token.file));
      return;
    }
    // The file is opened first: a token that cannot be kept should not be made.
    const target = await openTarget(input.output);
    try {
      const { file, ...token } = await createToken(edge, network, request);
      await target.write(file);
      context.answer({ ...token, path: input.output }, (out) => {
        out.line(`Token written to ${input.output}`);
        const sites = token.uses === 1 ? "one site" : `${token.uses} sites`;
        out.line(`It admits ${sites} to network "${network}" within ${formatDuration(input.expiry)}:`);
        out.line(`  fairlead connector run --site NAME --token ${input.output}`);
      });
    } catch (thrown) {
      await target.discard();
      throw thrown;
    }
  },
});

function expiry(text: string): number {
  const seconds = parseDuration(text);
  if (seconds <= TOKEN_LIMITS.expirySeconds) return seconds;
  throw new FairleadError("request.invalid", `"${text}" is longer than 30d`);
}

interface Target {
  write(text: string): Promise<void>;
  /** Removes what was opened, unless it was there before with something in it. */
  discard(): Promise<void>;
}

/** A file only its owner may read. @throws FairleadError `request.invalid` */
async function openTarget(path: string): Promise<Target> {
  let file: FileHandle;
  let empty: boolean;
  try {
    // "a" leaves what is there until there is something to replace it with.
    file = await open(path, "a", 0o600);
    const { size } = await file.stat();
    empty = size === 0;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new FairleadError("request.invalid", `--output: ${why}`, { cause: thrown });
  }
  return {
    async write(text) {
      const isFile = (await file.stat()).isFile();
      if (isFile) {
        await file.chmod(0o600);
        await file.truncate(0);
      }
      await file.writeFile(text);
      await file.close();
    },
    async discard() {
      const isFile = (await file.stat()).isFile();
      await file.close();
      if (isFile && empty) await rm(path, { force: true });
    },
  };
}
