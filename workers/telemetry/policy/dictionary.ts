/** Sites and labels that stored values name by their index, so that each text is stored once. Pure. */
import * as z from "zod";
import { SiteId } from "../../../protocol/ids.ts";
import { SeriesKey, seriesId } from "../../../protocol/telemetry/series.ts";

/** A dictionary as it is stored. */
export const DictionaryDump = z.object({ sites: z.array(SiteId), keys: z.array(SeriesKey) });
export type DictionaryDump = z.infer<typeof DictionaryDump>;

export class Dictionary {
  readonly #sites: string[] = [];
  readonly #keys: SeriesKey[] = [];
  readonly #siteIndexes = new Map<string, number>();
  readonly #keyIndexes = new Map<string, number>();

  static restore({ sites, keys }: DictionaryDump): Dictionary {
    const dictionary = new Dictionary();
    dictionary.#sites.push(...sites);
    for (const key of keys) dictionary.#keys.push(key);
    return dictionary;
  }

  dump(): DictionaryDump {
    return { sites: this.#sites, keys: this.#keys };
  }

  /** The index of a site. */
  site(id: string): number {
    return indexIn(this.#siteIndexes, id, this.#sites, id);
  }

  /** The index of labels. */
  key(key: SeriesKey): number {
    return indexIn(this.#keyIndexes, seriesId(key), this.#keys, key);
  }

  siteAt(index: number): string | null {
    return this.#sites[index] ?? null;
  }

  keyAt(index: number): SeriesKey | null {
    return this.#keys[index] ?? null;
  }
}

function indexIn<T>(indexes: Map<string, number>, id: string, list: T[], entry: T): number {
  const known = indexes.get(id);
  if (known !== undefined) return known;
  indexes.set(id, list.length);
  list.push(entry);
  return list.length - 1;
}
