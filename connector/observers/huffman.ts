/** The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B). */

/**
 * Bits of the code of each byte and of the end-of-string symbol, as digits to base 36. The code is canonical: codes of one
 * length are in the order of their symbols, so the lengths alone define it.
 */
const LENGTHS =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq" +
  "u";
const END_OF_STRING = 256;

/** What eight bits lead to. A symbol and the bits that its code has of them, as `bits << 9 | symbol`; or minus a node. */
type Node = Int32Array;

/** The nodes of the code's tree, each with an entry for every value of the next eight bits. Built at the first use. */
let tree: Node[] | null = null;

function buildTree(): Node[] {
  const nodes = [new Int32Array(256)];
  const symbols = [...LENGTHS].map((digit, symbol) => ({ symbol, length: Number.parseInt(digit, 36) }));
  symbols.sort((left, right) => left.length - right.length || left.symbol - right.symbol);
  let code = 0;
  let before = 0;
  for (const { symbol, length } of symbols) {
    code *= 2 ** (length - before);
    before = length;
    insert(nodes, symbol, length, code);
    code++;
  }
  return nodes;
}

function insert(nodes: Node[], symbol: number, length: number, code: number): void {
  let node = nodes[0] as Node;
  let rest = length;
  for (; rest > 8; rest -= 8) {
    const at = Math.floor(code / 2 ** (rest - 8)) & 0xff;
    if (node[at] === 0) node[at] = -(nodes.push(new Int32Array(256)) - 1);
    node = nodes[-(node[at] as number)] as Node;
  }
  const first = (code << (8 - rest)) & 0xff;
  node.fill((rest << 9) | symbol, first, first + (1 << (8 - rest)));
}

/**
 * Decodes `bytes` from `start` to `end` into `out`, or only counts with null. Returns the number of decoded bytes, of
 * which `out` has as many as fit; -1 when the bytes are no valid code.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array | null): number {
  tree ??= buildTree();
  const nodes = tree;
  let node = nodes[0] as Node;
  const root = node;
  let count = 0;
  let buffered = 0;
  let bits = 0;
  for (let at = start; at < end; at++) {
    buffered = ((buffered << 8) | (bytes[at] as number)) & 0xffff;
    bits += 8;
    while (bits >= 8) {
      const entry = node[(buffered >>> (bits - 8)) & 0xff] as number;
      if (entry <= 0) {
        node = nodes[-entry] as Node;
        bits -= 8;
        continue;
      }
      const symbol = entry & 0x1ff;
      if (symbol === END_OF_STRING) return -1;
      if (out !== null) out[count] = symbol;
      count++;
      bits -= entry >>> 9;
      node = root;
    }
  }
  // The last codes, and less than eight bits of padding, which are the first bits of end-of-string: ones.
  while (bits > 0) {
    const entry = node[(buffered << (8 - bits)) & 0xff] as number;
    if (entry <= 0 || entry >>> 9 > bits) break;
    if (out !== null) out[count] = entry & 0x1ff;
    count++;
    bits -= entry >>> 9;
    node = root;
  }
  const padding = (1 << bits) - 1;
  return node === root && bits < 8 && (buffered & padding) === padding ? count : -1;
}
