/** Converts certificates between PEM and base64 DER. */

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g;

/** A base64 DER certificate as PEM, with lines of 64 characters. */
export function toPem(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The certificates of a PEM text, each as PEM. */
export function fromPem(pem: string): string[] {
  return pem.match(BLOCK) ?? [];
}

/** The certificates of a PEM text, each as base64 DER, as in `x5c`. */
export function pemToBase64(pem: string): string[] {
  return fromPem(pem).map((block) => block.replace(/-----(BEGIN|END) CERTIFICATE-----|\s/g, ""));
}
