/**
 * The offers of this connector as its registry has them, so that a change of one service is not told with all the others.
 * Each uplink begins with the offers of its hello, and its edge says afterwards what it knows.
 */
import {
  type ConnectorMessage,
  type Hello,
  MAX_MESSAGE,
  MAX_OFFERS,
  type Offer,
} from "../../protocol/uplink/messages.ts";

/** A message about offers. */
export type OfferMessage = Extract<ConnectorMessage, { type: "offers" | "offers.changed" }>;

/** Characters of a message beside its offers. */
const ENVELOPE = 200;

/** Characters between two entries of a message, and around a name. */
const SEPARATORS = 3;

export class SentOffers {
  /** JSON by name. */
  #known: ReadonlyMap<string, string> = new Map();
  /** The offers of the last hello, whose welcome may be still to come. */
  #greeted: readonly Offer[] = [];
  #edgeKnowsExports = false;

  /** The hello, with the details of offers only as far as they fit. The others follow after the welcome. */
  greet(hello: Hello): Hello {
    this.#greeted = fittingOffers(hello);
    return { ...hello, offers: [...this.#greeted] };
  }

  /** Call this at the welcome: the registry has the offers of the hello. */
  welcomed(edgeKnowsExports: boolean): void {
    this.#edgeKnowsExports = edgeKnowsExports;
    this.#known = this.#textsOf(this.#greeted);
  }

  /** The messages by which the registry gets these offers; none if it has them. It counts as having them from then on. */
  update(offers: readonly Offer[]): OfferMessage[] {
    const before = this.#known;
    const after = this.#textsOf(offers);
    this.#known = after;
    const changed = [...after].filter(([name, text]) => before.get(name) !== text);
    const gone = [...before.keys()].filter((name) => !after.has(name));
    if (changed.length === 0 && gone.length === 0) return [];
    if (!this.#edgeKnowsExports || after.size === 0) {
      return [{ type: "offers", offers: offers.map((offer) => this.#readable(offer)) }];
    }
    const names = new Set(changed.map(([name]) => name));
    return changesOf(
      offers.filter(({ name }) => names.has(name)),
      gone,
    );
  }

  #textsOf(offers: readonly Offer[]): ReadonlyMap<string, string> {
    return new Map(offers.map((offer) => [offer.name, JSON.stringify(this.#readable(offer))]));
  }

  /** The offer as the edge reads it. */
  #readable(offer: Offer): Offer {
    return this.#edgeKnowsExports ? offer : withoutDetails(offer);
  }
}

function withoutDetails({ export: _export, headless: _headless, detailsFollow: _, ...offer }: Offer): Offer {
  return offer;
}

/** The offers of a hello with as many details as fit into its message. */
function fittingOffers({ offers, ...hello }: Hello): Offer[] {
  const bare = offers.map((offer) => {
    const hasDetails = offer.export !== undefined || offer.headless !== undefined;
    return hasDetails ? { ...withoutDetails(offer), detailsFollow: true as const } : offer;
  });
  let room = MAX_MESSAGE - JSON.stringify({ ...hello, offers: bare }).length;
  return offers.map((offer, at): Offer => {
    const short = bare[at] ?? offer;
    const added = JSON.stringify(offer).length - JSON.stringify(short).length;
    if (short === offer || added > room) return short;
    room -= added;
    return offer;
  });
}

/** The changes in messages that each fit. */
function changesOf(put: readonly Offer[], gone: readonly string[]): OfferMessage[] {
  let message = { type: "offers.changed" as const, put: [] as Offer[], gone: [] as string[] };
  let room = MAX_MESSAGE - ENVELOPE;
  const messages = [message];
  const take = (length: number) => {
    if (length > room || message.put.length + message.gone.length === MAX_OFFERS) {
      message = { type: "offers.changed", put: [], gone: [] };
      messages.push(message);
      room = MAX_MESSAGE - ENVELOPE;
    }
    room -= length;
    return message;
  };
  // First what ends: a message that leaves more offers than there may be ends the uplink.
  for (const name of gone) take(name.length + SEPARATORS).gone.push(name);
  for (const offer of put) take(JSON.stringify(offer).length + SEPARATORS).put.push(offer);
  return messages;
}
