/** PEM and DER forms of certificates. */

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g;

/** One certificate, base64 DER, as PEM with lines of 64. */
export function toPem(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The certificates of a PEM text, each as PEM. */
export function fromPem(pem: string): string[] {
  return pem.match(BLOCK) ?? [];
}

/** The certificates of a PEM text, each as base64 DER: the form of `x5c`. */
export function pemToBase64(pem: string): string[] {
  return fromPem(pem).map((block) => block.replace(/-----(BEGIN|END) CERTIFICATE-----|\s/g, ""));
}
