/** Drawings of the products, as SVG. */

/** The drawing of each product, on a ground of 240 × 180. */
const DRAWINGS: Readonly<Record<string, string>> = {
  // Sunglasses
  OLJCESPC7Z: `<path d="M46 78h148" stroke="#12263f" stroke-width="7" stroke-linecap="round"/>
<path d="M46 78q-4 48 30 48t36-48zM194 78q4 48-30 48t-36-48z" fill="#12263f"/>
<path d="M58 88q2 22 16 26M140 88q2 22 16 26" stroke="#7fa3c7" stroke-width="5" fill="none" stroke-linecap="round"/>`,
  // Watch
  "1YMWWN1N4O": `<path d="M98 14h44l6 40H92zM98 166h44l6-40H92z" fill="#8a5a2b"/>
<circle cx="120" cy="90" r="46" fill="#c08a2d"/><circle cx="120" cy="90" r="36" fill="#fffdf6"/>
<path d="M120 90V66M120 90l18 10" stroke="#12263f" stroke-width="5" stroke-linecap="round"/>
<path d="M120 58v5M120 117v5M88 90h5M147 90h5" stroke="#12263f" stroke-width="3"/><rect x="166" y="84" width="10" height="12" rx="3" fill="#8f6520"/>`,
  // Enamel mug
  "6E92ZMYYFZ": `<path d="M160 70q40-6 38 26t-42 30" fill="none" stroke="#c8d4e0" stroke-width="12"/>
<path d="M70 50h92l-6 92q-1 10-12 10H88q-11 0-12-10z" fill="#f3f7fb"/><rect x="66" y="44" width="100" height="12" rx="6" fill="#23518a"/>
<path d="M116 78v46M102 86h28M96 108q4 16 20 16t20-16" stroke="#23518a" stroke-width="5" fill="none" stroke-linecap="round"/><circle cx="116" cy="75" r="5" fill="none" stroke="#23518a" stroke-width="4"/>`,
  // Brass lantern
  L9ECAV7KIM: `<path d="M88 44q0-30 32-30t32 30" fill="none" stroke="#8f6520" stroke-width="6"/><path d="M94 44h52l10 18H84z" fill="#c08a2d"/>
<rect x="88" y="62" width="64" height="76" rx="10" fill="#fff1bf"/><path d="M120 78q18 22 8 36-8 10-16 0-10-14 8-36z" fill="#f08c2e"/><path d="M120 96q8 10 3 17-4 4-7 0-4-7 4-17z" fill="#ffd76a"/>
<path d="M96 62v76M144 62v76" stroke="#8f6520" stroke-width="5"/><path d="M80 138h80l6 20H74z" fill="#c08a2d"/>`,
  // Compass
  "2ZYFJ3GM2N": `<circle cx="120" cy="92" r="66" fill="#c08a2d"/><circle cx="120" cy="92" r="55" fill="#fffdf6"/>
<path d="M120 44l13 48h-26z" fill="#c43d2f"/><path d="M120 140l13-48h-26z" fill="#12263f"/><circle cx="120" cy="92" r="6" fill="#c08a2d"/>
<path d="M72 92h10M158 92h10" stroke="#12263f" stroke-width="4"/><path d="M86 58l6 6M154 58l-6 6M86 126l6-6M154 126l-6-6" stroke="#9aa9b8" stroke-width="3"/>`,
  // Mooring rope
  "0PUK6V6EV0": `<g fill="none" stroke="#b98b4e" stroke-width="15"><ellipse cx="120" cy="126" rx="70" ry="24"/><ellipse cx="120" cy="106" rx="66" ry="23"/><ellipse cx="120" cy="86" rx="60" ry="21"/><path d="M176 84q18-44-36-52"/></g>
<g fill="none" stroke="#8d6432" stroke-width="3" stroke-dasharray="4 9"><ellipse cx="120" cy="126" rx="70" ry="24"/><ellipse cx="120" cy="106" rx="66" ry="23"/><ellipse cx="120" cy="86" rx="60" ry="21"/><path d="M176 84q18-44-36-52"/></g>`,
  // Ship's bell
  LS4PSXUNUM: `<circle cx="120" cy="32" r="12" fill="none" stroke="#8f6520" stroke-width="6"/><path d="M120 42c40 0 38 44 44 70 3 12 14 14 14 26H62c0-12 11-14 14-26 6-26 4-70 44-70z" fill="#c08a2d"/>
<path d="M88 112q6-46 22-56" stroke="#ecc976" stroke-width="6" fill="none" stroke-linecap="round"/><rect x="58" y="134" width="124" height="10" rx="5" fill="#8f6520"/><circle cx="120" cy="154" r="11" fill="#8f6520"/>`,
  // Stockless anchor
  "9SIQT8TOJO": `<circle cx="120" cy="34" r="14" fill="none" stroke="#3d5570" stroke-width="9"/><path d="M120 48v96M90 68h60" stroke="#3d5570" stroke-width="12" stroke-linecap="round"/>
<path d="M56 100q4 52 64 54 60-2 64-54" fill="none" stroke="#3d5570" stroke-width="13"/><path d="M56 82l18 28H40zM184 82l18 28h-34z" fill="#3d5570"/>`,
  // Lifebuoy
  "66VCHSJNUP": `<circle cx="120" cy="90" r="48" fill="none" stroke="#fffdf6" stroke-width="34"/><g fill="none" stroke="#d8452e" stroke-width="34" stroke-dasharray="37.7 37.7"><circle cx="120" cy="90" r="48"/></g>
<circle cx="120" cy="90" r="65" fill="none" stroke="#9a2f1e" stroke-width="2.5"/><circle cx="120" cy="90" r="31" fill="none" stroke="#9a2f1e" stroke-width="2.5"/>
<path d="M74 30q46-24 92 0" fill="none" stroke="#e5d9bd" stroke-width="5" stroke-linecap="round"/>`,
};

/** Colours of the ground, from its top left to its bottom right. */
const GROUNDS = [
  ["#d9ecf7", "#a9cfe8"],
  ["#f6e8c9", "#e9cf95"],
  ["#dcefe2", "#aed8bf"],
] as const;

/** The drawing of a product; null for none. */
export function pictureOf(id: string): string | null {
  const drawing = DRAWINGS[id];
  if (drawing === undefined) return null;
  const [from, to] = GROUNDS[Object.keys(DRAWINGS).indexOf(id) % GROUNDS.length] ?? GROUNDS[0];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 180"><defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient></defs><rect width="240" height="180" fill="url(#g)"/>${drawing}</svg>`;
}
