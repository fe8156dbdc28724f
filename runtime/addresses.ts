/** An address safe to log: without login, password, query and fragment, any of which may be a secret. */
export function shownAddress(address: string): string {
  if (!URL.canParse(address)) return "[not a URL]";
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}

/** A text with `shownAddress` applied to its addresses: libraries repeat the requested address in their errors. */
export const withShownAddresses = (text: string) => text.replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, shownAddress);
