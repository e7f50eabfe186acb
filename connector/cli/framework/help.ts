/** Help texts that fit the terminal. commander wraps descriptions alone, and only in columns of 40 or more. */
import { Command, Help } from "commander";
import type { Example } from "./definition.ts";
import type { Output } from "./io.ts";
import { PROSE_COLUMNS, proseColumns, widthOf, wrapCommand, wrapProse } from "./layout.ts";

/** The widest term that has its description on the same line. */
const WIDEST_TERM = 26;
/** The least width of a description beside its term. */
const LEAST_DESCRIPTION = 34;
const INDENT = "  ";

/** Returns the width of help on an output. Other outputs than terminals get the width of a usual terminal. */
export const helpColumns = ({ columns }: Output) =>
  columns === undefined ? PROSE_COLUMNS : proseColumns(columns);

/** A command whose help fits the terminal. */
export class HelpfulCommand extends Command {
  override createCommand(name?: string): HelpfulCommand {
    return new HelpfulCommand(name);
  }

  override createHelp(): Help {
    return Object.assign(new FittedHelp(), this.configureHelp());
  }
}

class FittedHelp extends Help {
  get #columns(): number {
    return this.helpWidth ?? PROSE_COLUMNS;
  }

  override displayWidth(text: string): number {
    return widthOf(text);
  }

  override boxWrap(text: string, width: number): string {
    return text
      .split("\n")
      .flatMap((line) => wrapProse(line, width))
      .join("\n");
  }

  override styleTitle(title: string): string {
    return title.toUpperCase();
  }

  override commandUsage(command: Command): string {
    const lead = "Usage: ".length;
    return wrapProse(super.commandUsage(command), this.#columns - lead).join(`\n${" ".repeat(lead)}`);
  }

  /** The term of a command in a list is its name: its own help shows its arguments. */
  override subcommandTerm(command: Command): string {
    return command.name();
  }

  override padWidth(command: Command, helper: Help): number {
    return Math.min(WIDEST_TERM, super.padWidth(command, helper));
  }

  /** Writes a term with its description beside it, or below it if the term or the description has no room. */
  override formatItem(term: string, termWidth: number, description: string): string {
    const width = widthOf(term);
    const beside = this.#columns - termWidth - 2 * INDENT.length;
    const column = beside < LEAST_DESCRIPTION ? 3 * INDENT.length : termWidth + 2 * INDENT.length;
    const lines = wrapProse(description, this.#columns - column).map((line) => " ".repeat(column) + line);
    if (description === "") return INDENT + term;
    if (width > termWidth || beside < LEAST_DESCRIPTION) return [INDENT + term, ...lines].join("\n");
    const [first = "", ...rest] = lines;
    return [INDENT + term + first.slice(INDENT.length + width), ...rest].join("\n");
  }
}

/** The examples of a command, for the end of its help. */
export function examplesText(examples: readonly Example[], columns: number): string {
  const lines = examples.flatMap(({ command, says }) => [
    ...wrapCommand(command, columns, INDENT.length),
    ...wrapProse(`${INDENT.repeat(3)}${says}`, columns),
  ]);
  return `\nEXAMPLES:\n${lines.join("\n")}\n`;
}
